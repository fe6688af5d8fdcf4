// SPDX-License-Identifier: BSD-2-Clause
// `decoct next`: which words could come next, and how probable each is.
#include "answer_json.h"
#include "json_out.h"
#include "notes.h"
#include "take_text.h"
#include "text.h"

#include "bench/measure/ticker.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef struct next_options {
    cli_options common;
    int64_t top;
    bool json;
    cli_prompt prompt;
} next_options;

static const struct argp_option rows[] = {
    {"top", 'k', "K", 0, "Show the K most probable words (default 10)", 0},
    {"json", 'j', NULL, 0,
     "One JSON object: prompt, backend, the list with text, id and p, and notes", 0},
    {0},
};

static error_t parse_next(int key, char *arg, struct argp_state *state) {
    next_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
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
    parse_next,
    "TEXT|-",
    "Reads the beginning of a text and shows which words could come next, the most probable first."
    "\v"
    "Example:\n\n"
    "  decoct next \"Sarah lies still on the bed, feeling ____\"\n\n"
    "A blank ____ and spaces at the end are left out. A word may be made of several tokens; "
    "\"+ing\" is a piece that continues the last word of the text.\n\n" CLI_EXIT_DOC,
    cli_model_options,
    NULL,
    NULL};

static int print_next_json(const cli_desk *desk, const cli_prompt *prompt, const cli_answer *answer,
                           const cli_notes *notes) {
    json_t *text = cli_json_text(prompt->text, strlen(prompt->text));
    json_t *all = json_pack("{s:o, s:s, s:o, s:o}", "prompt", text, "backend",
                            decoct_context_backend(desk->ctx), "next", cli_answer_pack(answer),
                            "notes", cli_notes_pack(notes));
    return cli_json_print(all);
}

static void print_list(const cli_prompt *prompt, const cli_answer *answer) {
    cli_term term = cli_term_look(stdout);
    cli_term_put(&term, prompt->text);
    fputs(" ____\n\n", stdout);
    cli_answer_print(&term, answer);
}

static int answer_prompt(const cli_desk *desk, const next_options *o, cli_answer *answer) {
    decoct_session *session = NULL;
    float *logits = cli_alloc(desk->info.vocabulary, sizeof *logits);
    decoct_status status = decoct_session_create(desk->ctx, desk->model, o->prompt.count, &session);
    if (status == DECOCT_OK) {
        ticker_begin("computing the answer", 0);
        status = decoct_session_eval(desk->ctx, session, o->prompt.ids, o->prompt.count, 0, logits);
        ticker_end();
    }
    int code = status == DECOCT_OK ? cli_answer_make(desk, &o->prompt, logits, o->top, answer)
                                   : cli_fail_status(desk->ctx, status, "the model");
    decoct_session_destroy(session);
    free(logits);
    return code;
}

static int show_answer(const cli_desk *desk, const next_options *o, const cli_answer *answer) {
    cli_notes notes;
    int code = CLI_OK;
    cli_notes_make(desk->folder, o->prompt.text, answer->top[0].text, (double)answer->top[0].p,
                   &notes);
    cli_notes_print(&notes);
    if (o->json) {
        code = print_next_json(desk, &o->prompt, answer, &notes);
    } else {
        print_list(&o->prompt, answer);
    }
    cli_notes_free(&notes);
    return code;
}

int cli_next(int argc, char **argv) {
    next_options o = {.top = 10};
    cli_desk desk;
    cli_answer answer = {0};
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    code = cli_desk_read(&o.common, &desk, &o.prompt);
    if (code == CLI_OK) {
        code = answer_prompt(&desk, &o, &answer);
    }
    if (code == CLI_OK) {
        code = show_answer(&desk, &o, &answer);
    }
    cli_answer_free(&answer);
    cli_prompt_free(&o.prompt);
    cli_desk_close(&desk);
    return code == CLI_OK ? cli_finish() : code;
}
