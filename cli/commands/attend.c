// SPDX-License-Identifier: BSD-2-Clause
// `decoct attend`: which words each word drew from, and what changes when an edge is cut.
#include "attend.h"
#include "output.h"
#include "take_text.h"
#include "text.h"

#include "bench/measure/ticker.h"

#include <stdlib.h>
#include <string.h>

enum { CUTS_MOST = 16, PICTURE_WORDS_MOST = 160, TOP = 8 };

typedef struct attend_options {
    cli_options common;
    cli_choice choice;
    bool chosen; // by --layer
    const char *output;
    bool json;
    const char *cuts[CUTS_MOST];
    int cut_count;
    cli_prompt prompt;
} attend_options;

static const struct argp_option rows[] = {
    {"layer", 'l', "L", 0,
     "Only layer L, from 1; all: the mean over all layers and heads "
     "(default: the head on which the answer depends most)",
     0},
    {"head", 'H', "H", 0, "Only head H of that layer, from 1 (default: the mean over its heads)",
     0},
    {"cut", 'c', "FROM:TO", 0,
     "Hide the word TO from the word FROM in all layers and heads, and show how the answer "
     "changes. "
     "Words or their numbers; * for FROM means all words after TO. May be given several times",
     0},
    {"out", 'o', "FILE", 0,
     "Write a picture: map.html (a page to explore, works offline) or map.svg; - is the page on "
     "standard output. The model then runs again for each word",
     0},
    {"output", 0, NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
    {"json", 'j', NULL, 0,
     "One JSON object instead: words, weights of the layer and head shown, answer, influence of "
     "each word, notes",
     0},
    {0},
};

static void take_output(attend_options *o, char *arg, struct argp_state *state) {
    if (!cli_output_is_stdout(arg) && !cli_ends_with(arg, ".html") && !cli_ends_with(arg, ".svg")) {
        argp_error(state, "-o takes a name that ends in .html or .svg, or -, not \"%s\"", arg);
    }
    o->output = arg;
}

static void take_cut(attend_options *o, char *arg, struct argp_state *state) {
    if (o->cut_count == CUTS_MOST) {
        argp_error(state, "--cut may be given %d times", CUTS_MOST);
    }
    o->cuts[o->cut_count++] = arg;
}

static error_t parse_attend(int key, char *arg, struct argp_state *state) {
    attend_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case 'l':
        o->chosen = true;
        o->choice.layer =
            strcmp(arg, "all") == 0 ? -1 : cli_integer(state, "--layer", arg, 1, 1024) - 1;
        return 0;
    case 'H':
        o->choice.head = cli_integer(state, "--head", arg, 1, 1024) - 1;
        return 0;
    case 'c':
        take_cut(o, arg, state);
        return 0;
    case 'o':
        take_output(o, arg, state);
        return 0;
    case 'j':
        o->json = true;
        return 0;
    case ARGP_KEY_END:
        if (o->json && o->output) {
            argp_error(state, "--json prints figures and -o writes a picture: give one of them");
        }
        if (o->choice.head >= 0 && o->choice.layer < 0) {
            argp_error(state, "--head needs --layer L: every layer has heads of its own");
        }
        return 0;
    default:
        return cli_take_text(key, state, &o->prompt);
    }
}

static const struct argp parser = {
    rows,
    parse_attend,
    "TEXT|-",
    "Shows, for each word of a text, which words it drew from. Every word has a label (its key), a "
    "potion (its value) and a recipe (its query). Where a word's recipe fits another word's label, "
    "it draws much of that word's potion. A word sees itself and the words before it, never those "
    "after."
    "\v"
    "Examples:\n\n"
    "  decoct attend \"Sarah lies still on the bed, feeling ____\"\n"
    "  decoct attend \"Sarah lies still on the bed, feeling ____\" -o map.html\n"
    "  decoct attend \"Sarah lies still on the bed, feeling ____\" --cut feeling:bed\n\n"
    "A high weight does not prove that a word mattered. --cut tests it: it hides the word and runs "
    "the model again. What other words had already drawn from it stays with them; "
    "--cut '*:bed' hides it from all of them. `decoct why` does that with each "
    "word.\n\n"
    "The head that is shown is found by trying all: in each head in turn the last token sees only "
    "itself, and the head that then changes the answer most is taken. Without --layer the model "
    "therefore runs again for each head, and with -o again for each word: long texts and large "
    "models take their time. --layer all is the fast way to a map in the "
    "terminal.\n\n" CLI_EXIT_DOC,
    cli_model_options,
    NULL,
    NULL};

static bool put_svg(FILE *to, const void *scene) {
    return cli_attend_svg(scene, to) == CLI_OK;
}

static bool put_html(FILE *to, const void *scene) {
    return cli_attend_html(scene, to) == CLI_OK;
}

static int write_picture(const cli_scene *s, const char *name) {
    return cli_desk_write(s->desk, name, cli_ends_with(name, ".svg") ? put_svg : put_html, s);
}

static int check_choice(const attend_options *o, const cli_desk *desk, const cli_words *words) {
    if (o->choice.layer >= desk->info.layers) {
        return cli_fail(CLI_USAGE, "--layer: this model has %lld layers",
                        (long long)desk->info.layers);
    }
    if (o->choice.head >= desk->info.heads) {
        return cli_fail(CLI_USAGE, "--head: this model has %lld heads in each layer",
                        (long long)desk->info.heads);
    }
    if (o->output && words->count > PICTURE_WORDS_MOST) {
        return cli_fail(CLI_USAGE, "-o: a picture shows at most %d words, and this text has %lld",
                        PICTURE_WORDS_MOST, (long long)words->count);
    }
    return CLI_OK;
}

static int show_scene(const attend_options *o, cli_scene *scene) {
    const cli_answer *answer = scene->before ? scene->before : &scene->map->answer;
    cli_notes notes;
    cli_notes_make(scene->desk->folder, o->prompt.text, answer->top[0].text,
                   (double)answer->top[0].p, &notes);
    cli_notes_print(&notes);
    scene->notes = &notes;
    int code = o->output ? write_picture(scene, o->output) : CLI_OK;
    bool alone = o->output && cli_output_is_stdout(o->output); // nothing beside the picture
    if (o->json) {
        code = cli_attend_json(scene);
    } else if (code == CLI_OK && !alone) {
        cli_attend_print(scene, !o->output);
        if (o->output) {
            printf("\nThe map is in %s\n", o->output);
        }
    }
    cli_notes_free(&notes);
    return code;
}

// The head that is shown, unless the user chose one or no head changes the answer.
static int find_head(const attend_options *o, bool page, cli_scene *s, cli_head_effects *heads) {
    if (o->chosen && !page) {
        return CLI_OK;
    }
    int code = cli_head_effects_make(s->desk, s->prompt, s->words, s->cuts, heads);
    if (code == CLI_OK) {
        s->heads = heads;
        s->found =
            !o->chosen &&
            heads->effect[heads->largest.layer * s->desk->info.heads + heads->largest.head] > 0;
        s->choice = s->found ? heads->largest : s->choice;
    }
    return code;
}

static int attend(const attend_options *o, const cli_desk *desk, const cli_words *words,
                  const cli_cuts *cuts) {
    bool page = o->output && !cli_ends_with(o->output, ".svg");
    bool influences = o->output || o->json;
    cli_map map = {0}, uncut = {0};
    cli_influence influence = {0};
    cli_head_effects heads = {0};
    cli_scene scene = {.desk = desk,
                       .prompt = &o->prompt,
                       .words = words,
                       .cuts = cuts,
                       .choice = o->choice,
                       .map = &map,
                       .before = cuts->count > 0 ? &uncut.answer : NULL,
                       .influence = influences ? &influence : NULL};
    int code = find_head(o, page, &scene, &heads);
    if (code == CLI_OK) {
        ticker_begin("computing the map", 0);
        code = cli_map_make(desk, &o->prompt, words, cuts, scene.choice, page, TOP, &map);
    }
    if (code == CLI_OK && cuts->count > 0) {
        code = cli_map_make(desk, &o->prompt, words, NULL, scene.choice, false, TOP, &uncut);
    }
    ticker_end();
    if (code == CLI_OK && influences) {
        code = cli_influence_make(desk, &o->prompt, words, cuts, false, TOP, &influence);
    }
    code = code == CLI_OK ? show_scene(o, &scene) : code;
    cli_map_free(&map);
    cli_map_free(&uncut);
    cli_influence_free(&influence);
    cli_head_effects_free(&heads);
    return code;
}

int cli_attend(int argc, char **argv) {
    attend_options o = {.choice = {-1, -1}};
    cli_desk desk;
    cli_words words = {0};
    cli_cuts cuts = {0};
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    code = cli_desk_read(&o.common, &desk, &o.prompt);
    if (code == CLI_OK) {
        code = cli_words_split(&desk, &o.prompt, &words);
    }
    if (code == CLI_OK) {
        code = check_choice(&o, &desk, &words);
    }
    for (int i = 0; i < o.cut_count && code == CLI_OK; i++) {
        code = cli_cuts_add(&words, o.cuts[i], &cuts);
    }
    if (code == CLI_OK) {
        code = attend(&o, &desk, &words, &cuts);
    }
    free(cuts.list);
    cli_words_free(&words);
    cli_prompt_free(&o.prompt);
    cli_desk_close(&desk);
    return code == CLI_OK ? cli_finish() : code;
}
