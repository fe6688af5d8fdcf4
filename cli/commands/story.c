// SPDX-License-Identifier: BSD-2-Clause
// `decoct story`: one page that walks through the whole computation of a text.
#include "story.h"

#include "output.h"
#include "take_text.h"
#include "text.h"

#include "story_page.h" // composed of cli/pages/ by embed.py

#include <stdlib.h>
#include <string.h>

typedef struct story_options {
    cli_options common;
    cli_choice choice;
    const char *output;
    cli_prompt prompt;
} story_options;

static const struct argp_option rows[] = {
    {"out", 'o', "FILE", 0, "Write the page here (works offline); - is standard output", 0},
    {"layer", 'l', "L", 0,
     "Open with layer L, from 1 (default: that of the head on which the answer depends most)", 0},
    {"head", 'H', "H", 0,
     "Open with head H of that layer, from 1 (default: the one on which the answer depends most)",
     0},
    {0},
};

static error_t check_story(const story_options *o, struct argp_state *state) {
    if (o->choice.head >= 0 && o->choice.layer < 0) {
        argp_error(state, "--head needs --layer L: every layer has heads of its own");
    }
    if (!o->output) {
        argp_error(state, "give the page a name: -o story.html");
    }
    if (!cli_output_is_stdout(o->output) && !cli_ends_with(o->output, ".html")) {
        argp_error(state, "-o takes a name that ends in .html, or -, not \"%s\"", o->output);
    }
    return 0;
}

static error_t parse_story(int key, char *arg, struct argp_state *state) {
    story_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case 'o':
        o->output = arg;
        return 0;
    case 'l':
        o->choice.layer = cli_integer(state, "--layer", arg, 1, 1024) - 1;
        return 0;
    case 'H':
        o->choice.head = cli_integer(state, "--head", arg, 1, 1024) - 1;
        return 0;
    case ARGP_KEY_END:
        return check_story(o, state);
    default:
        return cli_take_text(key, state, &o->prompt);
    }
}

static const struct argp parser = {
    rows,
    parse_story,
    "TEXT|-",
    "Writes a page that shows, step by step, how the model finds the next word of a text: how "
    "words "
    "become numbers, what each word takes from the words before it (attention), how that is worked "
    "on (feed-forward network), what each layer would answer, and how the answer is chosen. All "
    "numbers are those of this text and this model."
    "\v"
    "Examples:\n\n"
    "  decoct story \"Sarah lies still on the bed, feeling ____\" -o story.html\n"
    "  decoct story \"The boy lies, feeling\" --layer 8 --head 7 -o boy.html\n\n"
    "A text may have up to 64 tokens (a word is one or two).\n\n" CLI_EXIT_DOC,
    cli_model_options,
    NULL,
    NULL};

static int check_story_text(const story_options *o, const cli_desk *desk) {
    if (o->choice.layer >= desk->info.layers) {
        return cli_fail(CLI_USAGE, "--layer: this model has %lld layers",
                        (long long)desk->info.layers);
    }
    if (o->choice.head >= desk->info.heads) {
        return cli_fail(CLI_USAGE, "--head: this model has %lld heads in each layer",
                        (long long)desk->info.heads);
    }
    if (o->prompt.count > STORY_TOKENS_MOST) {
        return cli_fail(CLI_USAGE,
                        "a page shows at most %d tokens, and this text has %lld: leave the "
                        "beginning out",
                        STORY_TOKENS_MOST, (long long)o->prompt.count);
    }
    return CLI_OK;
}

static bool put_story(FILE *to, const void *data) {
    const char *json = data;
    fwrite(story_page_head, 1, sizeof story_page_head, to);
    cli_put_json(to, json, strlen(json));
    fwrite(story_page_tail, 1, sizeof story_page_tail, to);
    return true;
}

static int write_story(const story_options *o, const cli_desk *desk, const cli_words *words) {
    story s = {.opens = {o->choice.layer, o->choice.head},
               .chosen = o->choice.layer >= 0,
               .model = o->common.model};
    int code = story_make(desk, &o->prompt, words, &s);
    char *json = code == CLI_OK ? story_pack(&s) : NULL;
    if (code == CLI_OK) {
        code = json ? cli_desk_write(desk, o->output, put_story, json) : CLI_INTERNAL;
    }
    if (code == CLI_OK && !cli_output_is_stdout(o->output)) {
        printf("The story is in %s\n", o->output);
    }
    free(json);
    story_free(&s);
    return code;
}

int cli_story(int argc, char **argv) {
    story_options o = {.choice = {-1, -1}};
    cli_desk desk;
    cli_words words = {0};
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    code = cli_desk_read(&o.common, &desk, &o.prompt);
    code = code == CLI_OK ? check_story_text(&o, &desk) : code;
    code = code == CLI_OK ? cli_words_split(&desk, &o.prompt, &words) : code;
    code = code == CLI_OK ? write_story(&o, &desk, &words) : code;
    cli_words_free(&words);
    cli_prompt_free(&o.prompt);
    cli_desk_close(&desk);
    return code == CLI_OK ? cli_finish() : code;
}
