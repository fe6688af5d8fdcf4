// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"

#include "machine/clock.h"
#include "measure/progress.h"
#include "measure/sample.h"
#include "measure/schedule.h"
#include "measure/shelf.h"
#include "measure/stop.h"
#include "preflight.h"
#include "rows/jsonmemory.h"
#include "rows/record.h"
#include "rows/record_counted.h"
#include "rows/wholefile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// This many cases are sampled in turns, and are lost by Ctrl-C. With a time budget a block is
// measured by itself, so that an incomplete file can be compared, and the ceilings get a part of
// it.
enum { CHUNK = 12 };
static const double CEILINGS_PART = 0.2;

// ---- A run in progress ----

typedef struct turn {
    bench_run *run;
    shelf shelf;
    progress progress;
    int chunk[CHUNK]; // cases that take turns
    measured samples[CHUNK];
    int chunk_count;
    schedule_budget budget;
    const schedule_block *blocks;
    int block_count;
} turn;

// Prints the progress with the case that was sampled last; NULL: no case.
static void show(void *data, const sample_case *now) {
    turn *t = data;
    char text[448] = "";
    if (now) {
        const char *unit = "";
        sample_rate(&now->cost, 1.0, &unit);
        int used = snprintf(text, sizeof text, "%s", now->name);
        if (now->last_rate > 0.0) {
            used += snprintf(text + used, sizeof text - (size_t)used, "  %.4g %s", now->last_rate,
                             unit);
        }
        if (now->last_pct > 0.0) {
            snprintf(text + used, sizeof text - (size_t)used, ", %.0f %% of roof", now->last_pct);
        }
    }
    progress_say(&t->progress, text);
}

static void listen(void *data, const gbench_sample *sample) {
    turn *t = data;
    for (int i = 0; i < t->chunk_count; i++) {
        if (strcmp(t->run->plan.cases[t->chunk[i]].name, sample->name) == 0 && !sample->error &&
            gbench_figure(sample, "void") <= 0.0) {
            record_add(&t->samples[i], sample);
        }
    }
}

static void keep_rows(turn *t) {
    bench_run *r = t->run;
    for (int i = 0; i < t->chunk_count; i++) {
        sample_case *c = &r->plan.cases[t->chunk[i]];
        bool whole = t->samples[i].count == r->options->repetitions;
        if (whole || c->error[0]) {
            r->results.rows[t->chunk[i]] =
                c->error[0] ? record_failed(c) : record_row(c, &t->samples[i]);
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
    return !t->run->options->out || record_file_write(&t->run->results, t->run->command, false);
}

// Measures the cases that were collected. False: the file cannot be written.
static bool measure_collected(turn *t, double part) {
    const run_options *o = t->run->options;
    double expected = 0.0, start = clock_budget();
    if (t->chunk_count == 0) {
        return true;
    }
    for (int i = 0; i < t->chunk_count; i++) {
        const sample_case *c = &t->run->plan.cases[t->chunk[i]];
        expected += schedule_seconds(c, o->repetitions, o->min_time, i == 0);
    }
    t->shelf.deadline = schedule_deadline(&t->budget, part);
    bool well = measure_chunk(t);
    schedule_learn(&t->budget, expected, clock_budget() - start);
    t->chunk_count = 0;
    return well;
}

// Seconds that what is missing of these cases will take.
static double expect(const turn *t, int first, int count) {
    const run_options *o = t->run->options;
    double expected = 0.0;
    for (int i = first; i < first + count; i++) {
        expected +=
            t->run->results.rows[i]
                ? 0.0
                : schedule_seconds(&t->run->plan.cases[i], o->repetitions, o->min_time, i == first);
    }
    return expected;
}

static bool fits(const turn *t, int first, int count, double part) {
    return schedule_fits(&t->budget, clock_budget(), part, expect(t, first, count));
}

// Collects what is missing of these cases, and measures it when there is enough; with a budget at
// once.
static bool measure_range(turn *t, int first, int count, double part) {
    for (int i = first; i < first + count; i++) {
        if (!t->run->results.rows[i]) {
            t->chunk[t->chunk_count++] = i;
        }
        if (t->chunk_count == CHUNK && !measure_collected(t, part)) {
            return false;
        }
    }
    return t->budget.seconds <= 0.0 || measure_collected(t, part);
}

// Ceilings from *at on, while there is time.
static bool measure_ceilings(turn *t, int *at, double part) {
    bool well = true;
    while (well && *at < t->run->plan.ceilings && !stop_asked && fits(t, *at, 1, part)) {
        well = measure_range(t, *at, 1, part);
        (*at)++;
    }
    return well;
}

static int count_rows(const bench_run *r, int from) {
    int count = 0;
    for (int i = from; i < r->plan.count; i++) {
        count += r->results.rows[i] != NULL;
    }
    return count;
}

// The blocks in a mixed order, each as a whole or in parts of `size` cases. A block that does not
// fit into the rest of the budget is left out; a cheaper one may fit.
static bool measure_blocks(turn *t, int size) {
    bool well = true;
    for (int b = 0; b < t->block_count; b++) {
        const schedule_block *block = &t->blocks[b];
        int step = size > 0 && block->count % size == 0 ? size : block->count;
        for (int i = 0; i < block->count && well && !stop_asked; i += step) {
            well = !fits(t, block->first + i, step, 1.0) ||
                   measure_range(t, block->first + i, step, 1.0);
        }
    }
    return well && measure_collected(t, 1.0);
}

static void say_too_short(const turn *t) {
    double least = 0.0;
    for (int b = 0; b < t->block_count; b++) {
        double one = t->budget.pace * expect(t, t->blocks[b].first, t->blocks[b].count);
        least = b == 0 || one < least ? one : least;
    }
    fprintf(stderr,
            "%s: the budget is too short for one shape on all backends, pins and thread counts: "
            "about %.0f s and a fourth for the ceilings\n",
            t->run->command, least);
}

// All cases that have no row yet. If the budget is too short for any block, one shape is measured
// on all backends, which are adjacent, so that at least those can be compared. The ceilings get
// more than their part only when nothing else is left.
static bool measure_missing(turn *t) {
    const bench_run *r = t->run;
    int ceiling = 0;
    bool well = measure_ceilings(t, &ceiling, CEILINGS_PART) && measure_blocks(t, 0);
    if (well && !stop_asked && t->block_count > 0 && count_rows(r, r->plan.ceilings) == 0) {
        say_too_short(t);
        well = measure_blocks(t, r->options->choices.backend.count);
    }
    bool all = count_rows(r, r->plan.ceilings) == r->plan.count - r->plan.ceilings;
    return well && (!all || measure_ceilings(t, &ceiling, 1.0));
}

// ---- Continuing a file ----

// Unknown equals absent.
static bool is_same(const json_t *a, const json_t *b, const char *object, const char *key) {
    const json_t *x = json_object_get(json_object_get(a, object), key);
    const json_t *y = json_object_get(json_object_get(b, object), key);
    const char *word = json_string_value(x);
    return record_file_is_same(x, y) && !(word && strcmp(word, "unknown") == 0);
}

// Rows of another machine, library or setting do not belong into one file.
static bool is_continuation(const bench_run *r, const json_t *old) {
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

static int find_case(const plan *p, const char *name) {
    for (int i = 0; name && i < p->count; i++) {
        if (strcmp(p->cases[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

// Takes over what was measured. False, with a message: a row is not in this plan, and would be
// lost.
static bool take_rows(bench_run *r, const json_t *old, int *taken) {
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(old, "benchmarks"), i, row) {
        const char *name = json_string_value(json_object_get(row, "name"));
        int at = find_case(&r->plan, name);
        if (at < 0 && is_whole_row(row)) {
            fprintf(stderr,
                    "%s: %s contains row %s, which this run would not measure; use the same lists "
                    "it was made with, or choose another file\n",
                    r->command, r->options->out, name ? name : "without a name");
            return false;
        }
        if (at >= 0 && is_whole_row(row) && !r->results.rows[at]) {
            r->results.rows[at] = json_incref(row);
            (*taken)++;
        }
    }
    return true;
}

static int take_over(bench_run *r, int *done) {
    int code;
    json_t *old = record_file_read(r->options->out, r->command, &code);
    bool empty = json_is_object(old) && json_object_size(old) == 0;
    if (empty) {
        fprintf(stderr, "%s: %s is empty: nothing to continue, all is measured\n", r->command,
                r->options->out);
    }
    bool well = empty || (old && is_continuation(r, json_object_get(old, "context")) &&
                          take_rows(r, old, done));
    code = well ? 0 : code;
    json_decref(old);
    return code;
}

// Claims the file, and takes over what it has; an exit code.
static int resume(bench_run *r, int *done) {
    const run_options *o = r->options;
    if (!o->out) {
        return 0;
    }
    claim_status status = record_file_claim(&r->results, r->command, o->resume || o->overwrite);
    if (status == CLAIM_EXISTS || status == CLAIM_HELD) {
        return EXIT_USAGE;
    }
    if (status == CLAIM_FAILED) {
        return EXIT_INTERNAL;
    }
    if (o->resume && r->results.stream) {
        fprintf(stderr, "%s: --resume needs a file, and %s is not a file\n", r->command, o->out);
        return EXIT_USAGE;
    }
    return o->resume && status == CLAIM_OLD ? take_over(r, done) : 0;
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
    return gbench_initialize(5, flags) == GBENCH_READY ? 0 : EXIT_INTERNAL;
}

static int make_plan(bench_run *r, int parts, const json_t *machine) {
    const choices *c = &r->options->choices;
    int code = parts & RUN_CEILINGS ? plan_add_ceilings(&r->plan, c, machine, r->command) : 0;
    if (!code && parts & RUN_CASES) {
        code = plan_make(&r->plan, c, machine, r->command);
    }
    if (!code && r->plan.count == 0) {
        fprintf(stderr, "%s: nothing matches\n", r->command);
        code = EXIT_NOTHING;
    }
    return code;
}

static void set_complete(bench_run *r) {
    json_object_set_new(json_object_get(r->results.context, "decoct"), "complete",
                        json_boolean(count_rows(r, 0) == r->plan.count));
}

static void report_wrong(const bench_run *r, const json_t *row, const char *name) {
    const char *hash = json_string_value(json_object_get(row, "hash"));
    const char *by = json_string_value(json_object_get(row, "reference"));
    const char *expected = json_string_value(json_object_get(row, "expected"));
    if (json_object_get(row, "distance")) {
        fprintf(stderr,
                "%s: %s: WRONG RESULT: its numbers are not near (%s): away by %.3g of the "
                "largest one, and at most %.3g is allowed\n",
                r->command, name, by, json_number_value(json_object_get(row, "distance")),
                NEAR_MOST);
        return;
    }
    fprintf(stderr, "%s: %s: WRONG RESULT: its hash is %s, %s has %s\n", r->command, name, hash, by,
            expected ? expected : "other bits");
}

// The worst exit code of the rows.
static int verdict(const bench_run *r) {
    int failed = 0, wrong = 0, refused = 0;
    for (int i = 0; i < r->plan.count; i++) {
        const json_t *row = r->results.rows[i];
        const sample_case *c = &r->plan.cases[i];
        const char *name = c->name;
        if (c->error[0]) {
            failed++;
            wrong += c->wrong;
            fprintf(stderr, "%s: %s: %s\n", r->command, name, c->error);
        } else if (json_is_false(json_object_get(row, "correct"))) {
            wrong++;
            report_wrong(r, row, name);
        } else if (json_is_string(json_object_get(row, "pin_error"))) {
            refused++;
            fprintf(stderr, "%s: %s: not pinned as asked: %s\n", r->command, name,
                    json_string_value(json_object_get(row, "pin_error")));
        }
    }
    return wrong        ? EXIT_WRONG
           : stop_asked ? EXIT_INTERRUPTED
           : failed     ? EXIT_INTERNAL
           : refused    ? EXIT_INVALID
                        : 0;
}

static void say_end(const bench_run *r, bool well, double seconds) {
    int rows = count_rows(r, 0);
    const char *out = r->options->out;
    if (rows < r->plan.count) {
        bool time = well && r->options->budget > 0.0;
        fprintf(stderr, "%s: %s after %d of %d rows%s\n", r->command,
                stop_asked ? "stopped"
                : time     ? "the time is up"
                           : "ended",
                rows, r->plan.count, out ? "; --resume continues" : "");
    }
    fprintf(stderr, "%s: %d rows in %.0f s%s%s\n", r->command, rows, seconds, out ? ": " : "",
            out ? out : "");
}

static int no_memory(const bench_run *r) {
    fprintf(stderr, "%s: out of memory\n", r->command);
    return EXIT_INTERNAL;
}

static int measure_plan(bench_run *r, const schedule_block *blocks, int block_count, int done) {
    turn *t = calloc(1, sizeof *t);
    if (!t) {
        return no_memory(r);
    }
    t->run = r;
    t->budget = schedule_begin(r->begin, r->options->budget);
    t->blocks = blocks;
    t->block_count = block_count;
    t->shelf.buffers.most = r->plan.levels.dram / (int64_t)sizeof(float);
    t->shelf.report = show;
    t->shelf.report_data = t;
    t->shelf.stopped = &stop_asked;
    t->progress = progress_begin(done, r->plan.count, r->options->budget);
    stop_catch();
    // Before anything is measured: can the file be written at all?
    bool well = !r->options->out || record_file_write(&r->results, r->command, false);
    well = well && measure_missing(t);
    progress_end(&t->progress);
    set_complete(r);
    well = well && (!r->options->out || record_file_write(&r->results, r->command, true));
    int code = well ? verdict(r) : EXIT_INTERNAL;
    say_end(r, well, clock_budget() - t->budget.begin);
    record_say_counted(r->command, r->plan.cases, r->plan.count);
    shelf_free(&t->shelf);
    free(t);
    return code;
}

// The order of measurement, a name a line.
static void list_cases(const bench_run *r, const schedule_block *blocks, int count) {
    for (int i = 0; i < r->plan.ceilings; i++) {
        puts(r->plan.cases[i].name);
    }
    for (int b = 0; b < count; b++) {
        for (int i = 0; i < blocks[b].count; i++) {
            puts(r->plan.cases[blocks[b].first + i].name);
        }
    }
}

// The findings go to the file; an exit code.
static int examine_machine(bench_run *r) {
    json_t *findings = NULL;
    int code = preflight(r->look, r->command, r->options->strict, &findings);
    json_object_set_new(r->results.context, "findings", findings ? findings : json_null());
    return code;
}

int run_all(bench_run *r, run_options *options, int parts, char **argv) {
    r->options = options;
    r->begin = clock_budget(); // the examination of the machine counts
    jsonmemory_watch();
    json_t *machine = record_machine(r->command);
    int code = machine ? make_plan(r, parts, machine) : EXIT_INTERNAL, done = 0;
    if (!code && !record_file_open(&r->results, options->out, r->plan.count)) {
        code = no_memory(r);
    }
    if (code) {
        json_decref(machine);
        return code;
    }
    schedule_block *blocks = malloc((size_t)r->plan.count * sizeof *blocks);
    int count = blocks ? schedule_blocks(&r->plan, options->choices.seed, blocks) : 0;
    if (blocks && options->list) {
        list_cases(r, blocks, count);
        json_decref(machine);
        free(blocks);
        return EXIT_OK;
    }
    record_setting setting = {.choices = &options->choices,
                              .command = argv,
                              .repetitions = options->repetitions,
                              .min_time = options->min_time,
                              .planned = r->plan.count};
    r->results.context = record_context(machine, &setting);
    if (!blocks || jsonmemory_failed()) { // a context must have all of its keys
        code = no_memory(r);
    }
    code = code ? code : resume(r, &done);
    code = code ? code : examine_machine(r);
    code = code ? code : start_gbench(options, r->command);
    code = code ? code : measure_plan(r, blocks, count, done);
    free(blocks);
    return code;
}

bool run_prints_file(const run_options *o) {
    return o->out && wholefile_is_stdout(o->out);
}

void run_close(bench_run *r) {
    record_file_close(&r->results);
    plan_free(&r->plan);
}
