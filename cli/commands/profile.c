// SPDX-License-Identifier: BSD-2-Clause
// `decoct profile`: where the time of a model goes, step by step, and how near each step is to the
// limits of this machine.
#include "json_out.h"
#include "take_text.h"
#include "term.h"
#include "text.h"

#include "bench/measure/progress.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { READ_FLOATS = 1 << 25, TRIES = 5, NAME_COLUMNS = 20 };
static const double PROBE_SECONDS = 0.01;

typedef struct profile_options {
    cli_options common;
    int64_t tokens, decode, runs;
    bool layers, json;
    cli_prompt prompt;
} profile_options;

// One line: a step of one layer, or of all layers; the figures of one run.
typedef struct row {
    const char *name, *limit; // "arithmetic" or "memory": what bounds it
    int64_t layer, calls;
    double seconds, share, flops, bytes, of_limit;
} row;

typedef struct profile {
    row *rows;
    int64_t count;
    double seconds; // of all steps
    double peak;    // operations a second on registers, all threads
    double read;    // bytes a second from memory, all threads
    double *idle;   // share of these seconds in which each thread had nothing to do
    int32_t threads;
} profile;

// ---- Options ----

enum { KEY_LAYERS = 0x100 };

static const struct argp_option rows[] = {
    {"tokens", 'n', "N", 0, "Feed N tokens instead of a text; their ids do not matter", 0},
    {"decode", 'd', "N", 0,
     "Then feed N more, one by one, and show these (default: show the text, fed at once)", 0},
    {"runs", 'r', "N", 0, "Run N times and show the fastest run (default 5)", 0},
    {"layers", KEY_LAYERS, NULL, 0, "A line for each step of each layer", 0},
    {NULL, 'l', NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
    {"json", 'j', NULL, 0, "One JSON object", 0},
    {0},
};

// A text or --tokens.
static error_t take_text(int key, struct argp_state *state, profile_options *o) {
    if (key == ARGP_KEY_ARGS && o->tokens) {
        argp_error(state, "--tokens N is fed instead of a text: leave one of them out");
    }
    if (key == ARGP_KEY_NO_ARGS && o->tokens) {
        return 0;
    }
    if (key == ARGP_KEY_NO_ARGS && !cli_text_waits()) {
        argp_error(state, "give a text, or --tokens N, for example: %s --tokens 512", state->name);
    }
    return cli_take_text(key, state, &o->prompt);
}

static error_t parse_profile(int key, char *arg, struct argp_state *state) {
    profile_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case 'n':
        o->tokens = cli_integer(state, "--tokens", arg, 1, 1 << 24);
        return 0;
    case 'd':
        o->decode = cli_integer(state, "--decode", arg, 1, 1 << 24);
        return 0;
    case 'r':
        o->runs = cli_integer(state, "--runs", arg, 1, 1000000);
        return 0;
    case 'l': // the old letter
    case KEY_LAYERS:
        o->layers = true;
        return 0;
    case 'j':
        o->json = true;
        return 0;
    default:
        return take_text(key, state, o);
    }
}

static const struct argp parser = {
    rows,
    parse_profile,
    "TEXT|-",
    "Shows where the time of a model goes: each step of its blocks with its time, its share, its "
    "rate, and how close it is to a limit of this machine, arithmetic or memory, which is "
    "measured in the same run."
    "\v"
    "Examples:\n\n"
    "  decoct profile --tokens 512 --model DIR\n"
    "  decoct profile --tokens 512 --decode 16 --model DIR\n\n"
    "Operations and bytes follow from the shapes: 2 m n k for a product, every operand once. The "
    "limit of a step is the longer of both times. A step can exceed 100 % of memory: its operands "
    "came from caches. Above 100 % of arithmetic, the limit was measured while other programs "
    "ran. With several threads, the last line is the share of the time in which each one had "
    "nothing to do: it waited for others, or a step was too small to be shared.\n\n" CLI_EXIT_DOC,
    cli_model_options,
    NULL,
    NULL};

// ---- Limits of the machine ----

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// Seconds of one probe, and what it did; 0 if it failed.
static double probe(decoct_context *ctx, int32_t kind, int64_t count, const float *from,
                    double *amount) {
    double start = now();
    return decoct_probe(ctx, kind, count, from, NULL, amount) == DECOCT_OK ? now() - start : 0.0;
}

// The best rate of some tries, a second, or `best` if that is larger.
static double best_rate(decoct_context *ctx, int32_t kind, int64_t count, const float *from,
                        double best) {
    double amount = 0.0;
    for (int i = 0; i < TRIES; i++) {
        double seconds = probe(ctx, kind, count, from, &amount);
        double rate = seconds > 0.0 ? amount / seconds : 0.0;
        best = rate > best ? rate : best;
    }
    return best;
}

// Before the runs and again after them: what disturbs the machine for a moment may lower one.
static void measure_limits(decoct_context *ctx, profile *p) {
    int64_t rounds = 1000;
    double amount;
    while (rounds < INT64_C(1) << 40 &&
           probe(ctx, DECOCT_PROBE_FMA, rounds, NULL, &amount) < PROBE_SECONDS) {
        rounds *= 2;
    }
    p->peak = best_rate(ctx, DECOCT_PROBE_FMA, rounds, NULL, p->peak);
    float *from = cli_alloc(READ_FLOATS, sizeof *from);
    for (int64_t i = 0; i < READ_FLOATS; i++) {
        from[i] = 1.0f; // so that its pages are there
    }
    p->read = best_rate(ctx, DECOCT_PROBE_READ, READ_FLOATS, from, p->read);
    free(from);
}

// ---- Running ----

// What is run repeatedly.
typedef struct profile_job {
    const cli_desk *desk;
    const profile_options *o;
    decoct_session *session;
    int32_t *ids;
    float *logits;
} profile_job;

// All of the text at once, or only the tokens after the first `keep`, which stay.
static decoct_status run_model(const profile_job *j, int64_t keep) {
    decoct_context *ctx = j->desk->ctx;
    decoct_status status = decoct_session_truncate(ctx, j->session, keep);
    if (status == DECOCT_OK && keep == 0) {
        status = decoct_session_eval(ctx, j->session, j->ids, j->o->tokens, 0, j->logits);
    }
    for (int64_t i = 0; i < j->o->decode && keep > 0 && status == DECOCT_OK; i++) {
        status = decoct_session_eval(ctx, j->session, j->ids + keep + i, 1, 0, j->logits);
    }
    return status;
}

// ---- Figures ----

static row *find_row(profile *p, const decoct_step_info *step, bool layers) {
    for (int64_t i = 0; i < p->count; i++) {
        if (strcmp(p->rows[i].name, step->name) == 0 &&
            (!layers || p->rows[i].layer == step->layer)) {
            return &p->rows[i];
        }
    }
    p->rows[p->count] = (row){.name = step->name, .layer = step->layer};
    return &p->rows[p->count++];
}

// Figures of the run that was just measured.
static decoct_status collect_steps(const profile_job *j, profile *p) {
    p->count = 0;
    p->seconds = 0.0;
    for (int64_t i = 0; i < decoct_session_step_count(j->session); i++) {
        decoct_step_info step = {.struct_size = sizeof step};
        decoct_status status = decoct_session_step(j->desk->ctx, j->session, i, &step);
        if (status != DECOCT_OK) {
            return status;
        }
        row *r = find_row(p, &step, j->o->layers);
        r->calls += step.calls;
        r->seconds += step.seconds;
        r->flops += step.flops;
        r->bytes += step.bytes;
        p->seconds += step.seconds;
    }
    return DECOCT_OK;
}

static decoct_status collect_idle(const profile_job *j, profile *p) {
    for (int32_t i = 0; i < p->threads; i++) {
        double seconds = 0.0;
        decoct_status status = decoct_session_idle(j->desk->ctx, j->session, i, &seconds);
        if (status != DECOCT_OK) {
            return status;
        }
        p->idle[i] = p->seconds > 0.0 ? seconds / p->seconds : 0.0;
    }
    return DECOCT_OK;
}

static void profile_make(profile *p, int64_t steps, int32_t threads) {
    p->rows = cli_alloc(steps, sizeof *p->rows);
    p->idle = cli_alloc(threads, sizeof *p->idle);
    p->threads = threads;
}

static void profile_free(profile *p) {
    free(p->rows);
    free(p->idle);
}

// `from` becomes what p keeps.
static void profile_copy(profile *p, const profile *from) {
    memcpy(p->rows, from->rows, (size_t)from->count * sizeof *p->rows);
    memcpy(p->idle, from->idle, (size_t)from->threads * sizeof *p->idle);
    p->count = from->count;
    p->seconds = from->seconds;
}

// Leaves the fastest run in p. The first one does not count: it allocates memory.
static decoct_status run_repeatedly(const profile_job *j, profile *p) {
    int64_t keep = j->o->decode ? j->o->tokens : 0, steps = decoct_session_step_count(j->session);
    int32_t threads = decoct_context_threads(j->desk->ctx);
    profile mine = {0};
    profile_make(&mine, steps, threads);
    profile_make(p, steps, threads);
    progress said = progress_begin_late((int)j->o->runs + 1);
    decoct_status status = run_model(j, 0);
    for (int64_t i = 0; i <= j->o->runs && status == DECOCT_OK; i++) {
        said.done = (int)i;
        progress_say(&said, "runs");
        status = decoct_session_profile(j->desk->ctx, j->session, 1);
        status = status ? status : run_model(j, keep);
        status = status ? status : collect_steps(j, &mine);
        status = status ? status : collect_idle(j, &mine);
        if (i == 1 || (i > 1 && mine.seconds < p->seconds)) {
            profile_copy(p, &mine);
        }
    }
    progress_end(&said);
    profile_free(&mine);
    return status;
}

static void rate(profile *p) {
    for (int64_t i = 0; i < p->count; i++) {
        row *r = &p->rows[i];
        double arithmetic = p->peak > 0.0 ? r->flops / p->peak : 0.0;
        double memory = p->read > 0.0 ? r->bytes / p->read : 0.0;
        double least = arithmetic > memory ? arithmetic : memory;
        r->limit = arithmetic > memory ? "arithmetic" : "memory";
        r->of_limit = r->seconds > 0.0 ? least / r->seconds : 0.0;
        r->share = p->seconds > 0.0 ? r->seconds / p->seconds : 0.0;
    }
}

// ---- Output ----

static int print_profile_json(const cli_desk *desk, const profile_options *o, const profile *p) {
    json_t *list = json_array();
    for (int64_t i = 0; i < p->count; i++) {
        const row *r = &p->rows[i];
        json_t *item =
            json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:s, s:f}", "step", r->name, "calls",
                      (json_int_t)r->calls, "seconds", r->seconds, "share", r->share, "flops",
                      r->flops, "bytes", r->bytes, "limit", r->limit, "of_limit", r->of_limit);
        if (o->layers && r->layer >= 0) {
            json_object_set_new(item, "layer", json_integer(r->layer));
        }
        json_array_append_new(list, item);
    }
    json_t *idle = json_array();
    for (int32_t i = 0; i < p->threads; i++) {
        json_array_append_new(idle, json_real(p->idle[i]));
    }
    json_t *all = json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:i, s:f, s:f, s:f, s:o, s:o}", "type",
                            desk->info.type, "layers", (json_int_t)desk->info.layers, "tokens",
                            (json_int_t)o->tokens, "decode", (json_int_t)o->decode, "runs",
                            (json_int_t)o->runs, "backend", decoct_context_backend(desk->ctx),
                            "threads", (int)decoct_context_threads(desk->ctx), "seconds",
                            p->seconds, "arithmetic_flops_per_second", p->peak,
                            "memory_bytes_per_second", p->read, "idle", idle, "steps", list);
    return cli_json_print(all);
}

static void print_rate(double amount, double seconds, int digits) {
    if (amount > 0.0 && seconds > 0.0) {
        printf("  %8.*f", digits, amount / seconds * 1e-9);
    } else {
        printf("  %8s", "-");
    }
}

static void print_row(const cli_term *term, const row *r, bool layers) {
    fputs("  ", stdout);
    cli_term_put_padded(term, r->name, NAME_COLUMNS, false);
    if (layers && r->layer >= 0) {
        printf("%6lld", (long long)r->layer);
    } else if (layers) {
        printf("%6s", "");
    }
    printf("%6lld  %9.3f  %5.1f %%", (long long)r->calls, r->seconds * 1e3, r->share * 100);
    print_rate(r->flops, r->seconds, 1);
    print_rate(r->bytes, r->seconds, 2);
    printf("  %3.0f %% of %s\n", r->of_limit * 100, r->limit);
}

static void print_idle(const profile *p) {
    printf("\n  idle, by thread:");
    for (int32_t i = 0; i < p->threads; i++) {
        printf("%s%.0f %%", i ? ", " : " ", p->idle[i] * 100.0);
    }
    printf(" of this time\n");
}

static void print_table(const cli_desk *desk, const profile_options *o, const profile *p) {
    cli_term term = cli_term_look(stdout);
    int32_t threads = decoct_context_threads(desk->ctx);
    printf("%s, %lld layers; ", desk->info.type, (long long)desk->info.layers);
    if (o->decode) {
        printf("%lld tokens one by one after %lld; ", (long long)o->decode, (long long)o->tokens);
    } else {
        printf("%lld tokens at once; ", (long long)o->tokens);
    }
    printf("%s, %d thread%s; the fastest of %lld run%s\n", decoct_context_backend(desk->ctx),
           threads, threads == 1 ? "" : "s", (long long)o->runs, o->runs == 1 ? "" : "s");
    printf("limits: arithmetic %.1f GFLOP/s, memory %.2f GB/s\n\n", p->peak * 1e-9, p->read * 1e-9);
    cli_term_style(&term, "1");
    printf("  %-*s%s%6s  %9s  %7s  %8s  %8s  %s\n", NAME_COLUMNS, "step", o->layers ? " layer" : "",
           "calls", "ms", "share", "GFLOP/s", "GB/s", "limit");
    cli_term_style(&term, "0");
    row all = {.name = "all steps"};
    for (int64_t i = 0; i < p->count; i++) {
        print_row(&term, &p->rows[i], o->layers);
        all.calls += p->rows[i].calls;
    }
    printf("  %-*s%s%6lld  %9.3f  %5.1f %%\n", NAME_COLUMNS, all.name, o->layers ? "      " : "",
           (long long)all.calls, p->seconds * 1e3, 100.0);
    if (p->threads > 1) {
        print_idle(p);
    }
}

// ---- The command ----

// The ids that are fed: those of the text, or some; and those of decode.
static int make_ids(const cli_desk *desk, profile_options *o, int32_t **ids) {
    if (o->prompt.text) {
        int code = cli_prompt_encode(desk, &o->prompt);
        if (code != CLI_OK) {
            return code;
        }
        o->tokens = o->prompt.count;
    }
    if (o->tokens + o->decode > desk->info.context) {
        return cli_fail(CLI_USAGE, "%lld tokens do not fit: this model can look at %lld at once",
                        (long long)(o->tokens + o->decode), (long long)desk->info.context);
    }
    *ids = cli_alloc(o->tokens + o->decode, sizeof **ids);
    for (int64_t i = 0; i < o->tokens + o->decode; i++) {
        (*ids)[i] = i < o->prompt.count ? o->prompt.ids[i]
                                        : (int32_t)((i * 7919 + 13) % desk->info.vocabulary);
    }
    return CLI_OK;
}

static int measure_profile(const cli_desk *desk, const profile_options *o, int32_t *ids,
                           profile *p) {
    profile_job j = {.desk = desk, .o = o, .ids = ids};
    j.logits = cli_alloc(desk->info.vocabulary, sizeof *j.logits);
    measure_limits(desk->ctx, p);
    decoct_status status =
        decoct_session_create(desk->ctx, desk->model, o->tokens + o->decode, &j.session);
    if (status == DECOCT_OK) {
        status = run_repeatedly(&j, p);
    }
    int code = status == DECOCT_OK ? CLI_OK : cli_fail_status(desk->ctx, status, "the model");
    if (code == CLI_OK) {
        measure_limits(desk->ctx, p);
        rate(p);
    }
    decoct_session_destroy(j.session);
    free(j.logits);
    return code;
}

int cli_profile(int argc, char **argv) {
    profile_options o = {.runs = 5};
    profile p = {0};
    int32_t *ids = NULL;
    cli_desk desk;
    int code = cli_parse(&parser, argc, argv, &o);
    if (code != CLI_OK) {
        return code;
    }
    code = cli_desk_open(&o.common, &desk);
    if (code == CLI_OK) {
        code = make_ids(&desk, &o, &ids);
    }
    if (code == CLI_OK) {
        code = measure_profile(&desk, &o, ids, &p);
    }
    if (code == CLI_OK && o.json) {
        code = print_profile_json(&desk, &o, &p);
    } else if (code == CLI_OK) {
        print_table(&desk, &o, &p);
    }
    profile_free(&p);
    free(ids);
    cli_prompt_free(&o.prompt);
    cli_desk_close(&desk);
    return code == CLI_OK ? cli_finish() : code;
}
