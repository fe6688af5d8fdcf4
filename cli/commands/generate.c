// SPDX-License-Identifier: BSD-2-Clause
// `decoct generate`: continues a text and prints each word as it comes.
#include "answer.h"
#include "json_out.h"
#include "notes.h"
#include "take_text.h"
#include "term.h"
#include "text.h"

#include "bench/measure/ticker.h"
#include "lib/core/utf8.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef struct generate_options {
    cli_options common;
    decoct_sample_args sample;
    int64_t count;
    bool json;
    cli_prompt prompt;
} generate_options;

enum { KEY_TOP_K = 0x2001, KEY_TOP_P, KEY_TEMPERATURE, KEY_SEED };

static const struct argp_option rows[] = {
    {"count", 'n', "N", 0, "Stop after N tokens (default 40; a word is one or two)", 0},
    {"temperature", KEY_TEMPERATURE, "T", 0,
     "0: always the most probable word. 1: draw by the model's own probabilities. Between them: "
     "more "
     "careful; above 1: wilder (default 0.8)",
     0},
    {NULL, 't', NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
    {"top-k", KEY_TOP_K, "K", 0, "Draw from the K most probable tokens only (default 40; 0: all)",
     0},
    {"top-p", KEY_TOP_P, "P", 0,
     "Draw from the smallest set that has at least the probability P (default: all)", 0},
    {"seed", KEY_SEED, "N", 0, "The same seed gives the same text, on every CPU (default 1)", 0},
    {NULL, 's', NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
    {"json", 'j', NULL, 0,
     "One JSON object at the end: prompt, text, tokens, notes, and ended: \"end\" (the text "
     "ended), "
     "\"limit\" (-n) or \"context\" (it is full)",
     0},
    {0},
};

static error_t parse_generate(int key, char *arg, struct argp_state *state) {
    generate_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case 'n':
        o->count = cli_integer(state, "-n", arg, 1, 1000000);
        return 0;
    case 't': // the old letter
    case KEY_TEMPERATURE:
        o->sample.temperature = (float)cli_number(state, "--temperature", arg, 0, 100);
        return 0;
    case KEY_TOP_K:
        o->sample.top_k = (int32_t)cli_integer(state, "--top-k", arg, 0, INT32_MAX);
        return 0;
    case KEY_TOP_P:
        o->sample.top_p = (float)cli_number(state, "--top-p", arg, 0, 1);
        return 0;
    case 'j':
        o->json = true;
        return 0;
    case 's': // the old letter
    case KEY_SEED:
        o->sample.seed = cli_seed(state, "--seed", arg);
        return 0;
    default:
        return cli_take_text(key, state, &o->prompt);
    }
}

static const struct argp parser = {
    rows,
    parse_generate,
    "TEXT|-",
    "Continues a text: draws the next word, adds it, and repeats, until there are N tokens, "
    "the text has ended, or the model's context is full; standard error says which."
    "\v"
    "Example:\n\n"
    "  decoct generate \"Sarah lies still on the bed, feeling\" -n 30 --seed 7\n\n" CLI_EXIT_DOC,
    cli_model_options,
    NULL,
    NULL};

// Bytes that are not shown yet: the beginning of a UTF-8 character.
typedef struct stream {
    cli_term term;
    char held[4];
    size_t held_length;
    json_t *tokens; // for --json, which collects them; NULL: they are shown as they come
    char *text;     // of these tokens
    size_t length;
} stream;

// Shows one whole character; line feeds and tabs as such, other control characters escaped.
static void show_character(const stream *out, const char *character, size_t length) {
    char one[8];
    memcpy(one, character, length);
    one[length] = '\0';
    if (one[0] == '\n' || one[0] == '\t') {
        putchar(one[0]);
    } else if (one[0] != '\0') {
        cli_term_put(&out->term, one);
    }
}

static void put_byte(stream *out, char byte) {
    out->held[out->held_length++] = byte;
    int length = dct_utf8_length(out->held, out->held_length);
    if (length == 0) {
        return; // wait for the rest of the character
    }
    if (length > 0) {
        show_character(out, out->held, out->held_length);
        out->held_length = 0;
        return;
    }
    // The first byte starts no character: it shows as U+FFFD, the others get their own chance.
    char rest[4];
    size_t left = out->held_length - 1;
    memcpy(rest, out->held + 1, left);
    show_character(out, out->held, 1);
    out->held_length = 0;
    for (size_t i = 0; i < left; i++) {
        put_byte(out, rest[i]);
    }
}

static void put_generated(stream *out, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        put_byte(out, text[i]);
    }
    fflush(stdout);
}

static void end_stream(stream *out) {
    for (size_t i = 0; i < out->held_length; i++) {
        show_character(out, out->held + i, 1);
    }
    putchar('\n');
}

// A token that was drawn; without length the one that ended the text.
static void take_token(stream *out, int32_t id, const char *text, size_t length) {
    if (!out->tokens) {
        put_generated(out, text, length);
        return;
    }
    json_array_append_new(
        out->tokens, json_pack("{s:i, s:o}", "id", (int)id, "text", cli_json_text(text, length)));
    out->text = cli_resize(out->text, (int64_t)(out->length + length) + 1, 1);
    memcpy(out->text + out->length, text, length);
    out->length += length;
}

// How a text came to its end, and what the model answered to the prompt.
typedef struct ending {
    bool ended; // by a token that ends a text
    cli_notes notes;
} ending;

// Notes about the prompt and the most probable token.
static int make_notes(const cli_desk *desk, const cli_prompt *prompt, const float *logits,
                      cli_notes *out) {
    cli_answer answer;
    int code = cli_answer_make(desk, prompt, logits, 1, &answer);
    if (code == CLI_OK) {
        cli_notes_make(desk->folder, prompt->text, answer.top[0].text, (double)answer.top[0].p,
                       out);
    }
    cli_answer_free(&answer);
    return code;
}

// Draws until the end; session has room for what may come.
static int draw(const cli_desk *desk, decoct_session *session, generate_options *o, stream *out,
                ending *end) {
    float *logits = cli_alloc(desk->info.vocabulary, sizeof *logits);
    const int32_t *feed = o->prompt.ids;
    int64_t feed_count = o->prompt.count;
    int32_t id = 0;
    int code = CLI_OK;
    ticker_begin("reading the text", 0); // until the first token: then the text itself grows
    for (int64_t i = 0; i < o->count && code == CLI_OK; i++) {
        decoct_status status = decoct_session_eval(desk->ctx, session, feed, feed_count, 0, logits);
        ticker_end();
        o->sample.position = (uint64_t)i;
        if (status == DECOCT_OK) { // decoct_sample would pass over them
            code = cli_answer_check(logits, desk->info.vocabulary);
        }
        if (code != CLI_OK) {
            break;
        }
        if (status == DECOCT_OK) {
            status = decoct_sample(desk->ctx, &o->sample, logits, desk->info.vocabulary, &id);
        }
        if (status != DECOCT_OK) {
            code = cli_fail_status(desk->ctx, status, "the model");
            break;
        }
        if (i == 0) {
            code = make_notes(desk, &o->prompt, logits, &end->notes);
        }
        size_t length = 0;
        char *text = cli_token_text(desk, id, &length);
        end->ended = decoct_model_is_end(desk->model, id);
        code = text ? code : CLI_INTERNAL;
        take_token(out, id, text ? text : "", text && !end->ended ? length : 0);
        free(text);
        if (end->ended || ferror(stdout)) {
            break;
        }
        feed = &id;
        feed_count = 1;
    }
    free(logits);
    return code;
}

// On standard error, so that standard output has the text alone.
static void print_ending(const cli_desk *desk, const generate_options *o, const ending *end,
                         bool full) {
    cli_notes_print(&end->notes);
    if (end->ended) {
        fputs("note: the model ended the text\n", stderr);
    } else if (full) {
        fprintf(stderr, "note: stopped: the model's context of %lld tokens is full\n",
                (long long)desk->info.context);
    } else {
        fprintf(stderr, "note: stopped after %lld tokens (-n); the text has not ended\n",
                (long long)o->count);
    }
}

static int print_generated_json(const cli_desk *desk, const generate_options *o, const stream *out,
                                const ending *end, bool full) {
    json_t *prompt = cli_json_text(o->prompt.text, strlen(o->prompt.text));
    json_t *text = cli_json_text(out->text, out->length);
    json_t *all =
        json_pack("{s:o, s:s, s:o, s:O, s:s, s:o}", "prompt", prompt, "backend",
                  decoct_context_backend(desk->ctx), "text", text, "tokens", out->tokens, "ended",
                  end->ended ? "end"
                  : full     ? "context"
                             : "limit",
                  "notes", cli_notes_pack(&end->notes));
    return cli_json_print(all);
}

static void begin_stream(const cli_desk *desk, const generate_options *o, stream *out) {
    cli_term_style(&out->term, "2");
    put_generated(out, o->prompt.text, strlen(o->prompt.text));
    cli_term_style(&out->term, "0");
    if (desk->info.space_after_words) {
        put_generated(out, " ", 1);
    }
}

static int generate(const cli_desk *desk, generate_options *o) {
    decoct_session *session = NULL;
    int64_t room = desk->info.context - o->prompt.count + 1; // the last one drawn is not fed
    bool full = o->count > room;
    o->count = full ? room : o->count;
    decoct_status status =
        decoct_session_create(desk->ctx, desk->model, o->prompt.count + o->count - 1, &session);
    if (status != DECOCT_OK) {
        return cli_fail_status(desk->ctx, status, "the model");
    }
    stream out = {.term = cli_term_look(stdout), .tokens = o->json ? json_array() : NULL};
    if (!o->json) {
        begin_stream(desk, o, &out);
    }
    ending end = {0};
    int code = draw(desk, session, o, &out, &end);
    if (!o->json) {
        end_stream(&out);
    } else if (code == CLI_OK) {
        code = print_generated_json(desk, o, &out, &end, full);
    }
    fflush(stdout);
    if (code == CLI_OK && !ferror(stdout)) {
        print_ending(desk, o, &end, full);
    }
    cli_notes_free(&end.notes);
    json_decref(out.tokens);
    free(out.text);
    decoct_session_destroy(session);
    return code;
}

int cli_generate(int argc, char **argv) {
    generate_options o = {
        .count = 40,
        .sample = {.struct_size = sizeof o.sample, .temperature = 0.8f, .top_k = 40, .seed = 1}};
    cli_desk desk;
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    code = cli_desk_read(&o.common, &desk, &o.prompt);
    if (code == CLI_OK) {
        code = generate(&desk, &o);
    }
    cli_prompt_free(&o.prompt);
    cli_desk_close(&desk);
    return code == CLI_OK ? cli_finish() : code;
}
