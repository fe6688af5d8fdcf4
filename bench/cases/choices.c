// SPDX-License-Identifier: BSD-2-Clause
#include "choices.h"

#include "block_shape.h"
#include "catalogue.h"
#include "parse.h"
#include "served.h"
#include "stored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Options ----

enum { WORD_MOST = 80 };
enum {
    KEY_OP = 0x2000,
    KEY_HEAD_DIM,
    KEY_MODEL,
    KEY_LAYERS,
    KEY_SEED,
    KEY_FALLBACK,
    KEY_DTYPE,
    KEY_BLOCK
};

static const struct argp_option what_rows[] = {
    {NULL, 0, NULL, 0, "What is measured, each combination of:", 10},
    {"op", KEY_OP, "LIST", 0,
     "matmul, attention, block, prefill, generate, decode, barrier, or an operation on rows as "
     "`decoct hash` "
     "names it: softmax, gelu_tanh (default: those of the suites)",
     10},
    {"seq", 's', "LIST", 0, "Sequence lengths: 128,512 or 128..2048*2 (default 128,512)", 10},
    {"heads", 'H', "LIST", 0, "Head counts (default 12)", 10},
    {"head-dim", KEY_HEAD_DIM, "LIST", 0, "Sizes of one head (default 64)", 10},
    {"layers", KEY_LAYERS, "LIST", 0,
     "Decoder blocks in a row, of prefill, generate and decode (default 12, as in GPT-2 small)",
     10},
    {"block", KEY_BLOCK, "LIST", 0,
     "Prefill and generate of these models' blocks and heads with random weights (default: 512 and "
     "128 tokens, all layers, or a part of them where memory is short). The models are"
#define BLOCK(name, ...) " " name
#include "blocks.def"
     ,
     10},
    {"dtype", KEY_DTYPE, "LIST", 0,
     "Types in which weights and tables are stored (default f32), for matmul, blocks and "
     "embedding. "
     "The types are"
#define DECOCT_DTYPE(NAME, name, bits, block, bytes) " " #name
#include <decoct/dtypes.def>
#undef DECOCT_DTYPE
     ,
     10},
    {"model", KEY_MODEL, "DIR", 0,
     "Prefill and decode of this whole model instead of blocks (heads, head-dim and layers are its "
     "own)",
     10},
    {0},
};

static const struct argp_option where_rows[] = {
    {NULL, 0, NULL, 0, "Where it runs, each combination of:", 12},
    {"threads", 't', "LIST", 0, "Thread counts, or all", 12},
    {"pin", 'p', "LIST", 0,
     "Where the threads run: none, compact, spread, core, l3, numa, kind:performance, "
     "kind:efficiency, or CPUs as 0-3 or 0+2-5",
     12},
    {"backend", 'b', "LIST", 0, "Backends, or all that run here, also those that give other bits",
     12},
    {"allow-fallback", KEY_FALLBACK, NULL, 0,
     "Measure even if the library rejected a kernel of a backend: the next backend serves it. "
     "Without this it is an error (exit code 12)",
     12},
    {"seed", KEY_SEED, "N", 0, "Seed of the operands and of the order (default 1)", 12},
    {0},
};

// --dtype must not be ignored where an operation is named.
static void check_typed(struct argp_state *state, const choices *c) {
    for (int i = 0; i < c->op.count && c->dtype.count; i++) {
        if (!catalogue_has_dtype(c->op.items[i])) {
            argp_error(state, "--dtype: %s has no --dtype: operations without weights are f32",
                       c->op.items[i]);
        }
    }
    if (c->dtype.count && c->model) {
        argp_error(state, "--dtype: a model has its own type: leave out --dtype or --model");
    }
}

// Nor may --block, or what a block has of its own.
static void check_block(struct argp_state *state, const choices *c) {
    for (int i = 0; i < c->op.count && c->block.count; i++) {
        if (!catalogue_has_layers(c->op.items[i])) {
            argp_error(state, "--block: %s has no --block: prefill, generate and decode have",
                       c->op.items[i]);
        }
    }
    block_shape b;
    for (int i = 0; i < c->block.count * c->layers.count; i++) {
        int64_t layers = c->layers.items[i % c->layers.count];
        if (block_shape_find(c->block.items[i / c->layers.count], &b) && layers > b.layers) {
            argp_error(state, "--layers: %s has %lld layers, not %lld", b.name, (long long)b.layers,
                       (long long)layers);
        }
    }
    if (c->block.count && (c->model || c->heads.count || c->head_dim.count)) {
        argp_error(state, "--block has its own heads and weights: leave out --model, --heads and "
                          "--head-dim");
    }
}

void choices_words(struct argp_state *state, const char *option, const char *arg, word_list *list) {
    const char *wrong = word_list_parse(arg, list);
    if (wrong) {
        parse_refuse(state, option, wrong);
    }
    for (int i = 0; i < list->count; i++) { // a case's name has room for these
        if (strlen(list->items[i]) > WORD_MOST) {
            argp_error(state, "--%s: an entry is longer than %d characters", option, WORD_MOST);
        }
    }
}

void choices_numbers(struct argp_state *state, const char *option, const char *arg, int64_t most,
                     int_list *list) {
    bool all = strcmp(option, "threads") == 0;
    const char *wrong = int_list_parse(arg, 1, most, all, list);
    if (wrong) {
        parse_refuse(state, option, wrong);
    }
}

int64_t choices_number(struct argp_state *state, const char *option, const char *arg,
                       int64_t most) {
    int_list list;
    choices_numbers(state, option, arg, most, &list);
    if (list.count != 1) {
        argp_error(state, "--%s takes one number, not \"%s\"", option, arg);
    }
    return list.items[0];
}

// A list of which each entry must be one of the names that `put_names` writes.
static void take_names(struct argp_state *state, const char *option, const char *arg,
                       void (*put_names)(char *text, size_t size), word_list *list) {
    char names[512];
    put_names(names, sizeof names);
    choices_words(state, option, arg, list);
    parse_check_list(state, option, arg, names);
}

// "all" and "best" are replaced by what they mean here, so they must be the only entry.
static void check_backend_list(struct argp_state *state, const word_list *list) {
    for (int i = 0; i < list->count && list->count > 1; i++) {
        if (strcmp(list->items[i], "all") == 0 || strcmp(list->items[i], "best") == 0) {
            argp_error(state, "--backend: %s cannot be combined with others", list->items[i]);
        }
    }
}

// Commas separate the policies, so within a list of CPUs there is a plus: 0+2-5 is the library's
// 0,2-5.
static void read_pins(struct argp_state *state, word_list *pins) {
    for (int i = 0; i < pins->count; i++) {
        parse_check_pin(state, pins->items[i]);
        for (char *c = pins->items[i]; *c; c++) {
            *c = *c == '+' ? ',' : *c;
        }
    }
}

static error_t parse_what(int key, char *arg, struct argp_state *state) {
    choices *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = c;
        return 0;
    case KEY_OP:
        take_names(state, "op", arg, catalogue_timed, &c->op);
        return 0;
    case 's':
        choices_numbers(state, "seq", arg, 1 << 20, &c->seq);
        return 0;
    case 'H':
        choices_numbers(state, "heads", arg, 1024, &c->heads);
        return 0;
    case KEY_HEAD_DIM:
        choices_numbers(state, "head-dim", arg, 4096, &c->head_dim);
        return 0;
    case KEY_LAYERS:
        choices_numbers(state, "layers", arg, 1024, &c->layers);
        return 0;
    case KEY_DTYPE:
        take_names(state, "dtype", arg, stored_names, &c->dtype);
        return 0;
    case KEY_BLOCK:
        take_names(state, "block", arg, block_shape_names, &c->block);
        return 0;
    case KEY_MODEL:
        parse_check_folder(state, "model", arg);
        c->model = arg;
        return 0;
    case ARGP_KEY_END:
        check_typed(state, c);
        check_block(state, c);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_where(int key, char *arg, struct argp_state *state) {
    choices *c = state->input;
    switch (key) {
    case 't':
        choices_numbers(state, "threads", arg, 4096, &c->threads);
        return 0;
    case 'p':
        choices_words(state, "pin", arg, &c->pin);
        read_pins(state, &c->pin);
        return 0;
    case 'b':
        choices_words(state, "backend", arg, &c->backend);
        check_backend_list(state, &c->backend);
        return 0;
    case KEY_FALLBACK:
        c->allow_fallback = true;
        return 0;
    case KEY_SEED:
        c->seed = (uint64_t)choices_number(state, "seed", arg, INT64_C(1) << 32);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

// Adds the default of the command. argp frees the text.
static char *explain_where(int key, const char *text, void *input) {
    const choices *c = input;
    const char *usual = key == 't'   ? (c && c->usual.threads ? c->usual.threads : "1")
                        : key == 'p' ? (c && c->usual.pin ? c->usual.pin : "none")
                        : key == 'b' ? (c && c->usual.backend ? c->usual.backend : "the best")
                                     : NULL;
    char *whole = NULL;
    if (!usual || asprintf(&whole, "%s (default: %s)", text, usual) < 0) {
        return (char *)(uintptr_t)text;
    }
    return whole;
}

const struct argp choices_where_parser = {where_rows, parse_where,   NULL, NULL,
                                          NULL,       explain_where, NULL};
static const struct argp_child where_child[] = {{&choices_where_parser, 0, NULL, 0}, {0}};
const struct argp choices_parser = {what_rows, parse_what, NULL, NULL, where_child, NULL, NULL};

// ---- What they are here ----

// Those of other bits are asked: the library that they call is only loaded now.
static bool is_ready(const decoct_backend_info *info, const char *command) {
    char words[512];
    if (!info->other_bits || served_opens(info->name, words, sizeof words)) {
        return true;
    }
    fprintf(stderr, "%s: note: --backend all is without %s: %s\n", command, info->name, words);
    return false;
}

// The names of the backends that run here, each once.
static decoct_status usable_backends(decoct_context *ctx, const char *command, word_list *out) {
    char names[1024] = "";
    size_t used = 0;
    for (int32_t i = 0; i < decoct_backend_count(ctx); i++) {
        decoct_backend_info info = {.struct_size = sizeof info};
        decoct_status status = decoct_backend_describe(ctx, i, &info);
        if (status) {
            return status;
        }
        word_list seen = {0};
        bool twice = used && !word_list_parse(names, &seen) && word_list_has(&seen, info.name);
        word_list_free(&seen);
        if (info.usable && !twice && used + strlen(info.name) + 2 < sizeof names &&
            is_ready(&info, command)) {
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? "," : "",
                                     info.name);
        }
    }
    return word_list_parse(names, out) ? DECOCT_E_MEMORY : DECOCT_OK;
}

// Each thread count once: names must be unique.
static decoct_status name_choices(choices *c, decoct_context *ctx, const char *command) {
    int_list given = c->threads;
    c->threads.count = 0;
    for (int i = 0; i < given.count; i++) {
        int64_t threads = given.items[i] ? given.items[i] : decoct_context_threads(ctx);
        int_list_add(&c->threads, threads);
    }
    if (strcmp(c->backend.items[0], "all") == 0) {
        return usable_backends(ctx, command, &c->backend);
    }
    if (strcmp(c->backend.items[0], "best") == 0) {
        return word_list_parse(c->chosen, &c->backend) ? DECOCT_E_MEMORY : DECOCT_OK;
    }
    return DECOCT_OK;
}

int choices_known(const choices *c, const char *command) {
    for (int i = 0; i < c->backend.count; i++) {
        char words[512];
        if (served_unknown(c->backend.items[i], words, sizeof words)) {
            fprintf(stderr, "%s: %s\n", command, words);
            return EXIT_INTERNAL;
        }
    }
    return 0;
}

// No row may carry the name of a backend whose kernel was rejected, so that another one worked.
static int check_backends(const choices *c, const char *command) {
    int code = 0;
    for (int i = 0; i < c->backend.count; i++) {
        char words[512];
        if (served_rejects(c->backend.items[i], words, sizeof words)) {
            fprintf(stderr, "%s: %s; --allow-fallback measures anyway\n", command, words);
            code = EXIT_WRONG;
        }
    }
    return code;
}

// Rejected kernels of other plugins are a note, not an error.
static void note_rejected(const choices *c, decoct_context *ctx, const char *command) {
    for (int32_t i = 0; i < decoct_backend_count(ctx); i++) {
        decoct_backend_info b = {.struct_size = sizeof b};
        if (!decoct_backend_describe(ctx, i, &b) && b.rejected_count > 0 &&
            (c->allow_fallback || !word_list_has(&c->backend, b.name))) {
            fprintf(stderr,
                    "%s: note: backend %s (%s): other backends serve its rejected kernels: %s\n",
                    command, b.name, b.origin, b.rejected);
        }
    }
}

static int find_choices(choices *c, const char *command) {
    char error[256] = "";
    decoct_options o = {.struct_size = sizeof o, .error = error, .error_size = sizeof error};
    decoct_context *ctx = NULL;
    decoct_status status = decoct_context_open(&o, &ctx);
    if (!status) {
        // DECOCT_BACKEND is a choice too, also if nothing of that backend is left in use.
        const char *forced = getenv("DECOCT_BACKEND");
        served_strongest(ctx, c->chosen);
        if (forced && *forced) {
            snprintf(c->chosen, sizeof c->chosen, "%s", forced);
        }
        status = name_choices(c, ctx, command);
        note_rejected(c, ctx, command);
        snprintf(error, sizeof error, "%s", decoct_status_string(status));
        decoct_context_close(ctx);
    }
    if (status) {
        fprintf(stderr, "%s: %s\n", command, error);
        return EXIT_INTERNAL;
    }
    return c->allow_fallback ? 0 : check_backends(c, command);
}

static void set_numbers(int_list *list, int64_t first, int64_t second) {
    if (!list->count) {
        int_list_add(list, first);
        int_list_add(list, second);
    }
}

int choices_complete(choices *c, const char *command, const char *ops, const char *threads) {
    const char *wrong = NULL;
    if (!c->op.count) {
        wrong = word_list_parse(c->block.count ? "prefill,generate"
                                : c->model     ? "prefill,decode"
                                               : ops,
                                &c->op);
    }
    if (!c->threads.count) {
        int_list_parse(threads, 1, 4096, true, &c->threads);
    }
    if (!wrong && !c->pin.count) {
        wrong = word_list_parse(c->suite ? "core" : "none", &c->pin);
    }
    if (!wrong && !c->dtype.count && !c->suite) { // a suite has its own
        wrong = word_list_parse("f32", &c->dtype);
    }
    if (!wrong && !c->backend.count) {
        wrong = word_list_parse("best", &c->backend);
    }
    if (wrong) {
        fprintf(stderr, "%s: out of memory\n", command);
        return EXIT_INTERNAL;
    }
    c->usual_seq = !c->seq.count;
    c->usual_layers = !c->layers.count;
    set_numbers(&c->seq, 128, 512);
    set_numbers(&c->heads, 12, 12);
    set_numbers(&c->head_dim, 64, 64);
    set_numbers(&c->layers, 12, 12);
    c->seed = c->seed ? c->seed : 1;
    return find_choices(c, command);
}

void choices_free(choices *c) {
    word_list_free(&c->op);
    word_list_free(&c->pin);
    word_list_free(&c->backend);
    word_list_free(&c->dtype);
    word_list_free(&c->block);
}
