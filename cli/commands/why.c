// SPDX-License-Identifier: BSD-2-Clause
// `decoct why`: which words mattered for the answer, found by hiding each of them.
#include "why.h"

#include "take_text.h"

#include <stdlib.h>

enum { KEY_PAIRS = 0x100 };
enum { TOP = 8, WORDS_SHOWN = 10 };

typedef struct why_options {
    cli_options common;
    bool pairs, json;
    int64_t top; // 0: not given
    cli_prompt prompt;
} why_options;

static const struct argp_option rows[] = {
    {"pairs", KEY_PAIRS, NULL, 0,
     "Also hide each pair of words, and show the pairs that change more than both words alone. "
     "N words make N (N - 1) / 2 more runs of the model; a text may have 64 words then, 256 "
     "without",
     0},
    {"top", 'k', "N", 0,
     "Show the N words, and the N pairs, that mattered most (default 10, with --json all)", 0},
    {"json", 'j', NULL, 0,
     "One JSON object: prompt, backend, method, answer (text, id and p of 8 tokens), last, words "
     "(each with number, word, effect in percent, attention, answer without it). With --pairs "
     "also extra and pairs (each with numbers, words, effect, extra, answer)",
     0},
    {0},
};

static error_t parse_why(int key, char *arg, struct argp_state *state) {
    why_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case KEY_PAIRS:
        o->pairs = true;
        return 0;
    case 'k':
        o->top = cli_integer(state, "--top", arg, 1, 1000000);
        return 0;
    case 'j':
        o->json = true;
        return 0;
    default:
        return cli_take_text(key, state, &o->prompt);
    }
}

static const struct argp parser = {
    rows,
    parse_why,
    "TEXT|-",
    "Shows which words mattered for what could come next. " INFLUENCE_METHOD "\v"
    "Examples:\n\n"
    "  decoct why \"Sarah lies in the snow, feeling ____\"\n"
    "  decoct why \"Sarah lies still on the bed, feeling ____\" --pairs\n\n"
    "The last word cannot be hidden: the answer is read from its place. The effects are not shares "
    "of 100 %: two words may need each other, or one may replace the other (--pairs). The model "
    "never practised with hidden words, therefore a large effect can also mean that it cannot do "
    "without the word. Attention is the mean weight from the last word over all layers and heads; "
    "`decoct attend` shows it between all words.\n\n" CLI_EXIT_DOC,
    cli_model_options,
    NULL,
    NULL};

static int why_words(const why_options *o, const cli_desk *desk, const cli_words *words) {
    cli_influence influence = {0};
    cli_map map = {0};
    int code = cli_influence_make(desk, &o->prompt, words, NULL, o->pairs, TOP, &influence);
    if (code == CLI_OK) {
        code = cli_map_make(desk, &o->prompt, words, NULL, (cli_choice){-1, -1}, false, TOP, &map);
    }
    if (code == CLI_OK) {
        cli_notes notes;
        cli_notes_make(desk->folder, o->prompt.text, influence.answer.top[0].text,
                       (double)influence.answer.top[0].p, &notes);
        cli_notes_print(&notes);
        cli_reasons why = {.desk = desk,
                           .prompt = &o->prompt,
                           .words = words,
                           .influence = &influence,
                           .map = &map,
                           .pairs = o->pairs,
                           .notes = &notes,
                           .top = o->top    ? o->top
                                  : o->json ? INT64_MAX
                                            : WORDS_SHOWN};
        if (o->json) {
            code = cli_why_json(&why);
        } else {
            cli_why_print(&why);
        }
        cli_notes_free(&notes);
    }
    cli_map_free(&map);
    cli_influence_free(&influence);
    return code;
}

int cli_why(int argc, char **argv) {
    why_options o = {0};
    cli_desk desk;
    cli_words words = {0};
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    code = cli_desk_read(&o.common, &desk, &o.prompt);
    if (code == CLI_OK) {
        code = cli_words_split(&desk, &o.prompt, &words);
    }
    if (code == CLI_OK) {
        code = why_words(&o, &desk, &words);
    }
    cli_words_free(&words);
    cli_prompt_free(&o.prompt);
    cli_desk_close(&desk);
    return code == CLI_OK ? cli_finish() : code;
}
