// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"

#include "clock.h"
#include "progress.h"
#include "record.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// So many cases take turns, and are lost by Ctrl-C. Of a budget a tenth and a second more is spent
// for the sake of cases that take longer than those before.
enum { CHUNK = 12, FIRST_CHUNK = 4, EXIT_INTERRUPTED = 128 + SIGINT };
static const double GRACE_PART = 1.1, GRACE_SECONDS = 1.0;

// ---- Ctrl-C ----

static volatile sig_atomic_t stopped; // a handler has nothing else to tell with

static void stop(int signal) {
    (void)signal;
    stopped = 1;
}

// The first one ends the run in order, the second one as the system does.
static void catch_signals(bool on) {
    struct sigaction action = {.sa_handler = on ? stop : SIG_DFL};
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    stopped = 0;
}

// ---- A run in progress ----

typedef struct turn {
    run *run;
    shelf shelf;
    progress progress;
    int chunk[CHUNK]; // cases that take turns
    measured samples[CHUNK];
    int chunk_count;
    double begin;
} turn;

static void show(void *data, const sample_case *c) {
    turn *t = data;
    progress_show(&t->progress, c);
}

static void listen(void *data, const gbench_sample *sample) {
    turn *t = data;
    for (int i = 0; i < t->chunk_count; i++) {
        if (strcmp(t->run->plan.cases[t->chunk[i]].name, sample->name) == 0 && !sample->error) {
            record_add(&t->samples[i], sample);
        }
    }
}

// Why the system refused a binding, in the library's words.
static void ask_about_pin(sample_case *c, decoct_context *ctx) {
    uint64_t length = 0;
    char *text = NULL;
    if (decoct_machine_json(ctx, NULL, 0, &length) == DECOCT_OK) {
        text = malloc(length + 4096);
    }
    if (text && decoct_machine_json(ctx, text, length + 4096, &length) == DECOCT_OK) {
        json_t *machine = json_loads(text, 0, NULL);
        const char *words = json_string_value(json_object_get(machine, "pin_error"));
        snprintf(c->pin_error, sizeof c->pin_error, "%s", words ? words : "");
        json_decref(machine);
    }
    free(text);
}

static void check_pin(turn *t, sample_case *c) {
    bool free_worker = false;
    for (int32_t i = 0; c->bound && i < c->workers; i++) {
        free_worker = free_worker || c->bound[i] < 0;
    }
    for (int i = 0; i < t->shelf.count && free_worker && strcmp(c->what.pin, "none") != 0; i++) {
        if (t->shelf.places[i].owner == c) {
            ask_about_pin(c, work_context(t->shelf.places[i].work));
        }
    }
}

// A case that could not run has a row that says so.
static json_t *failed_row(const sample_case *c) {
    return json_pack("{s:s, s:s, s:s, s:b, s:s?}", "name", c->name, "run_name", c->name, "run_type",
                     "iteration", "error_occurred", 1, "error_message", c->error);
}

static void keep_rows(turn *t) {
    run *r = t->run;
    for (int i = 0; i < t->chunk_count; i++) {
        sample_case *c = &r->plan.cases[t->chunk[i]];
        bool whole = t->samples[i].count == r->options->repetitions;
        check_pin(t, c);
        if (whole || c->error[0]) {
            r->results.rows[t->chunk[i]] =
                c->error[0] ? failed_row(c) : record_row(c, &t->samples[i]);
            t->progress.done++;
        }
    }
}

// Lets the cases of one chunk take turns. False: the file cannot be written.
static bool measure_chunk(turn *t) {
    memset(t->samples, 0, sizeof t->samples);
    for (int i = 0; i < t->chunk_count; i++) {
        sample_case *c = &t->run->plan.cases[t->chunk[i]];
        c->shelf = &t->shelf;
        gbench_register(c->name, sample_take, c);
    }
    gbench_listen(listen, t);
    keep_rows(t);
    shelf_clear(&t->shelf);
    return !t->run->options->out || record_file_write(&t->run->results, t->run->command);
}

// How many cases the time is enough for, by what those so far took; a few to begin with.
static int next_chunk(const turn *t) {
    double budget = t->run->options->budget, spent = clock_now() - t->begin;
    int done = t->progress.done - t->progress.before;
    if (budget <= 0.0) {
        return CHUNK;
    }
    if (done == 0) {
        return spent < budget ? FIRST_CHUNK : 0;
    }
    double fit = (budget - spent) / (spent / done);
    return fit >= CHUNK ? CHUNK : fit >= 1.0 ? (int)fit : 0;
}

// All cases that have no row yet: ceilings in their order, then the others in a mixed one.
static bool measure_missing(turn *t, const int *order) {
    run *r = t->run;
    int at = 0, most;
    while (at < r->plan.count && !stopped && (most = next_chunk(t)) > 0) {
        t->chunk_count = 0;
        while (at < r->plan.count && t->chunk_count < most) {
            if (!r->results.rows[order[at]]) {
                t->chunk[t->chunk_count++] = order[at];
            }
            at++;
        }
        if (t->chunk_count > 0 && !measure_chunk(t)) {
            return false;
        }
    }
    return true;
}

// ---- Going on with a file ----

static bool is_same(const json_t *a, const json_t *b, const char *object, const char *key) {
    const json_t *x = json_object_get(json_object_get(a, object), key);
    const json_t *y = json_object_get(json_object_get(b, object), key);
    return json_is_number(x) && json_is_number(y) ? json_number_value(x) == json_number_value(y)
                                                  : json_equal(x, y);
}

// Rows of another machine, library or setting do not belong into one file.
static bool is_continuation(const run *r, const json_t *old) {
    static const char *const keys[][2] = {{"machine", "cpu"},        {"decoct", "library"},
                                          {"decoct", "plugins"},     {"decoct", "seed"},
                                          {"decoct", "repetitions"}, {"decoct", "min_time"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!is_same(old, r->results.context, keys[i][0], keys[i][1])) {
            fprintf(stderr, "%s: %s was measured with another \"%s\"; choose another file\n",
                    r->command, r->options->out, keys[i][1]);
            return false;
        }
    }
    return true;
}

static bool is_whole_row(const json_t *row) {
    return json_is_number(json_object_get(row, "real_time")) &&
           !json_is_false(json_object_get(row, "correct"));
}

// How many rows were taken over.
static int take_rows(run *r, const json_t *old) {
    int taken = 0;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(old, "benchmarks"), i, row) {
        const char *name = json_string_value(json_object_get(row, "name"));
        for (int k = 0; name && is_whole_row(row) && k < r->plan.count; k++) {
            if (!r->results.rows[k] && strcmp(r->plan.cases[k].name, name) == 0) {
                r->results.rows[k] = json_incref(row);
                taken++;
                break;
            }
        }
    }
    return taken;
}

// What the file says already; an exit code.
static int resume(run *r, int *done) {
    const char *out = r->options->out;
    if (!out || access(out, F_OK) != 0) {
        return 0;
    }
    if (!r->options->resume) {
        if (r->options->overwrite) {
            return 0;
        }
        fprintf(stderr,
                "%s: %s is there already: --resume goes on with it, --overwrite starts "
                "anew\n",
                r->command, out);
        return EXIT_USAGE;
    }
    json_t *old = record_file_read(out, r->command);
    int code = old && is_continuation(r, json_object_get(old, "context")) ? 0 : EXIT_USAGE;
    if (!code) {
        *done = take_rows(r, old);
    }
    json_decref(old);
    return code;
}

// ---- The whole ----

static int start_gbench(const run_options *o, const char *command) {
    char repetitions[48], min_time[48];
    char name[64];
    snprintf(name, sizeof name, "%s", command);
    snprintf(repetitions, sizeof repetitions, "--benchmark_repetitions=%d", o->repetitions);
    snprintf(min_time, sizeof min_time, "--benchmark_min_time=%g", o->min_time);
    char interleave[] = "--benchmark_enable_random_interleaving=true";
    char aggregates[] = "--benchmark_report_aggregates_only=false";
    char *flags[] = {name, repetitions, min_time, interleave, aggregates, NULL};
    return gbench_initialize(5, flags) == GBENCH_READY ? 0 : EXIT_REFUSED;
}

static int make_plan(run *r, int parts, const json_t *machine) {
    const choices *c = &r->options->choices;
    int code = parts & RUN_CEILINGS ? plan_add_ceilings(&r->plan, c, machine, r->command) : 0;
    if (!code && parts & RUN_CASES) {
        code = plan_make(&r->plan, c, r->command);
    }
    if (!code && r->plan.count == 0) {
        fprintf(stderr, "%s: nothing matches\n", r->command);
        code = EXIT_NOTHING;
    }
    return code;
}

static int count_rows(const run *r) {
    int count = 0;
    for (int i = 0; i < r->plan.count; i++) {
        count += r->results.rows[i] != NULL;
    }
    return count;
}

static void set_complete(run *r) {
    json_object_set_new(json_object_get(r->results.context, "decoct"), "complete",
                        json_boolean(count_rows(r) == r->plan.count));
}

// The worst of what happened.
static int verdict(const run *r) {
    int failed = 0, wrong = 0, refused = 0;
    for (int i = 0; i < r->plan.count; i++) {
        const json_t *row = r->results.rows[i];
        const sample_case *c = &r->plan.cases[i];
        const char *name = c->name;
        if (json_is_true(json_object_get(row, "error_occurred"))) {
            failed++;
            fprintf(stderr, "%s: %s: %s\n", r->command, name, c->error);
        } else if (json_is_false(json_object_get(row, "correct"))) {
            wrong++;
            fprintf(stderr, "%s: %s: WRONG RESULT: its hash is %s, %s has %s\n", r->command, name,
                    json_string_value(json_object_get(row, "hash")),
                    json_string_value(json_object_get(row, "reference")),
                    json_string_value(json_object_get(row, "expected")));
        } else if (json_is_string(json_object_get(row, "pin_error"))) {
            refused++;
            fprintf(stderr, "%s: %s: not pinned as asked: %s\n", r->command, name,
                    json_string_value(json_object_get(row, "pin_error")));
        }
    }
    return wrong     ? EXIT_WRONG
           : stopped ? EXIT_INTERRUPTED
           : failed  ? EXIT_REFUSED
           : refused ? EXIT_INVALID
                     : 0;
}

static void say_end(const run *r, double seconds) {
    int rows = count_rows(r);
    const char *out = r->options->out;
    if (rows < r->plan.count) {
        fprintf(stderr, "%s: %s after %d of %d rows%s\n", r->command,
                stopped ? "stopped" : "the time is up", rows, r->plan.count,
                out ? "; --resume goes on" : "");
    }
    fprintf(stderr, "%s: %d rows in %.0f s%s%s\n", r->command, rows, seconds, out ? ": " : "",
            out ? out : "");
}

static int measure(run *r, const int *order, int done) {
    turn *t = calloc(1, sizeof *t);
    if (!t) {
        return EXIT_REFUSED;
    }
    t->run = r;
    t->begin = clock_now();
    t->shelf.report = show;
    t->shelf.report_data = t;
    t->shelf.stopped = &stopped;
    t->shelf.deadline =
        r->options->budget > 0.0 ? t->begin + GRACE_PART * r->options->budget + GRACE_SECONDS : 0.0;
    t->progress = progress_begin(done, r->plan.count, r->options->budget);
    catch_signals(true);
    // Before anything is measured: can the file be written at all?
    bool well = !r->options->out || record_file_write(&r->results, r->command);
    well = well && measure_missing(t, order);
    progress_end(&t->progress);
    set_complete(r);
    well = well && (!r->options->out || record_file_write(&r->results, r->command));
    int code = well ? verdict(r) : EXIT_REFUSED;
    say_end(r, clock_now() - t->begin);
    shelf_free(&t->shelf);
    free(t);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    return code;
}

int run_all(run *r, run_options *options, int parts, char **argv) {
    r->options = options;
    json_t *machine = record_machine(r->command);
    int code = machine ? make_plan(r, parts, machine) : EXIT_REFUSED, done = 0;
    if (!code && !record_file_open(&r->results, options->out, r->plan.count)) {
        code = EXIT_REFUSED;
    }
    if (code) {
        json_decref(machine);
        return code;
    }
    record_setting setting = {.choices = &options->choices,
                              .command = argv,
                              .repetitions = options->repetitions,
                              .min_time = options->min_time,
                              .planned = r->plan.count};
    r->results.context = record_context(machine, &setting);
    code = resume(r, &done);
    int *order = malloc((size_t)r->plan.count * sizeof *order);
    if (!code && order) {
        code = start_gbench(options, r->command);
    }
    if (!code && order) {
        int first = r->plan.ceilings; // they stay at the front, in order
        plan_shuffle(order + first, r->plan.count - first, options->choices.seed);
        for (int i = 0; i < r->plan.count; i++) {
            order[i] = i < first ? i : order[i] + first;
        }
        code = measure(r, order, done);
    }
    free(order);
    return code;
}

void run_close(run *r) {
    record_file_close(&r->results);
    plan_free(&r->plan);
}
