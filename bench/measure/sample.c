// SPDX-License-Identifier: BSD-2-Clause
#include "sample.h"

#include "cases/output_hash.h"
#include "cases/served.h"
#include "control.h"
#include "distance.h"
#include "machine/clock.h"
#include "machine/machine.h"
#include "shelf.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sample_free(sample_case *c) {
    free(c->bound);
    free(c->seen);
    json_decref(c->served);
    near_free(&c->near);
    c->served = NULL;
    c->bound = c->seen = NULL;
}

// ---- Where the workers are ----

static void look_at_workers(sample_case *c, decoct_context *ctx) {
    if (!c->seen) {
        c->seen = malloc((size_t)c->workers * sizeof *c->seen);
        c->bound = malloc((size_t)c->workers * sizeof *c->bound);
        for (int32_t i = 0; c->seen && i < c->workers; i++) {
            c->seen[i] = -1;
        }
    }
    for (int32_t i = 0; c->seen && c->bound && i < c->workers; i++) {
        int32_t cpu = decoct_worker_cpu(ctx, i);
        c->moves += c->seen[i] >= 0 && cpu >= 0 && cpu != c->seen[i];
        c->seen[i] = cpu >= 0 ? cpu : c->seen[i];
        c->bound[i] = decoct_worker_bound(ctx, i);
    }
}

// Why a worker is not bound though it should be: the library's message.
static void ask_about_pin(sample_case *c, decoct_context *ctx) {
    int32_t worker = 0;
    while (worker < c->workers && c->bound[worker] >= 0) {
        worker++;
    }
    c->asked_about_pin = true;
    if (worker == c->workers || strcmp(c->what.pin, "none") == 0) {
        return;
    }
    snprintf(c->pin_error, sizeof c->pin_error, "worker %d is not bound", worker);
    json_t *machine = machine_read(ctx);
    const char *words = json_string_value(json_object_get(machine, "pin_error"));
    if (words) {
        snprintf(c->pin_error, sizeof c->pin_error, "%s", words);
    }
    json_decref(machine);
}

// ---- Taking a sample ----

// A sample in progress.
typedef struct turn {
    shares all;
    int64_t piece_runs, call_runs; // of those that are not over
    double start;                  // of the call
    double best; // seconds of a run in the piece's quickest call so far; 0: no call yet
} turn;

// Between two pieces, with the benchmark's clock stopped: measures the ceiling, then brings the
// case's data back into the caches.
static void between(const shelf_place *p, shares *all) {
    all->roof[all->count] = p->has_roof ? roof_measure(&p->roof, p->work) : (share_moment){0.0, -1};
    if (p->has_roof && p->runs_a_piece > 1) {
        work_run(p->work); // a failure shows in the next run
    }
}

static void end_call(const shelf_place *p, turn *t) {
    double now = p->now(), seconds = (now - t->start) / (double)t->call_runs;
    t->best = t->best <= 0.0 || seconds < t->best ? seconds : t->best;
    t->call_runs = 0;
    t->start = now;
}

static void end_piece(sample_case *c, const shelf_place *p, turn *t) {
    if (t->call_runs > 0 && t->best <= 0.0) {
        end_call(p, t);
    }
    if (t->all.count < SHARE_PIECES) {
        t->all.ours[t->all.count++] = (share_moment){t->best, sched_getcpu()};
        between(p, &t->all);
    }
    t->piece_runs = t->call_runs = 0;
    t->best = 0.0;
    look_at_workers(c, work_context(p->work));
    if (!c->asked_about_pin && c->bound) {
        ask_about_pin(c, work_context(p->work));
    }
}

// The timed loop; the message of a failure, "" when it was stopped, or NULL.
static const char *run_pieces(gbench_state *state, sample_case *c, shelf_place *p, turn *t) {
    bool begun = false;
    while (gbench_keep_running(state)) {
        if (!begun) {
            gbench_stop_clock(state);
            between(p, &t->all);
            gbench_start_clock(state);
            t->start = p->now();
            begun = true;
        }
        if (work_run(p->work)) {
            return work_error(p->work);
        }
        t->piece_runs++;
        if (++t->call_runs == p->runs_a_call) {
            end_call(p, t);
        }
        if (t->piece_runs == p->runs_a_piece) {
            gbench_stop_clock(state);
            end_piece(c, p, t);
            gbench_start_clock(state);
            if (shelf_is_stopped(c->shelf)) {
                return "";
            }
            t->start = p->now();
        }
    }
    if (t->all.count == 0 && t->piece_runs > 0) { // shorter than a piece
        end_piece(c, p, t);
    }
    return NULL;
}

double sample_rate(const work_cost *cost, double seconds, const char **unit) {
    double amount = cost->streams ? cost->bytes : cost->flops;
    *unit = cost->streams ? "GB/s" : "GFLOP/s";
    return amount > 0.0 && seconds > 0.0 ? amount / seconds * 1e-9 : 0.0;
}

static void give_counted(gbench_state *state, const counted *c) {
    double ipc = counted_ipc(c), watts = counted_watts(c);
    if (ipc > 0.0) {
        gbench_value(state, "IPC", ipc);
    }
    if (watts > 0.0) {
        gbench_value(state, "W", watts);
    }
}

static void give_figures(gbench_state *state, sample_case *c, const shelf_place *p,
                         const shares *all, double control) {
    const work_cost *cost = &c->cost;
    if (cost->flops > 0.0) {
        gbench_rate(state, "GFLOP/s", cost->flops * 1e-9);
    }
    if (cost->streams) {
        gbench_rate(state, "GB/s", cost->bytes * 1e-9);
    }
    if (cost->tokens > 0.0) {
        gbench_rate(state, "tokens/s", cost->tokens);
    }
    double share = share_percent(all), mhz = clock_mhz();
    if (share > 0.0) {
        gbench_value(state, "pct_of_roof", share);
        gbench_value(state, "roof", p->roof.amount / share_roof(all) * 1e-9);
    }
    if (mhz > 0.0) {
        gbench_value(state, "MHz", mhz);
    }
    gbench_value(state, "control_ns", control);
    give_counted(state, &c->counted);
    if (c->workers > 1 && c->seen) {
        gbench_value(state, "line_ns", distance_ns(c->seen[0], c->seen[c->workers - 1]));
    }
    char words[256], label[288];
    served_words(c->served, words, sizeof words);
    snprintf(label, sizeof label, "served by %s", words);
    gbench_label(state, label);
    const char *unit;
    c->last_rate = all->count > 0 ? sample_rate(cost, all->ours[0].seconds, &unit) : 0.0;
    c->last_pct = share;
}

static void check_output(sample_case *c, const shelf_place *p) {
    int64_t count = 0;
    const float *output = work_output(p->work, &count);
    if (output) {
        const reference *r = &c->reference;
        uint64_t hash = output_hash(output, count);
        c->hash = c->wrong ? c->hash : hash; // the first wrong one stays
        c->wrong = c->wrong ||
                   (c->has_reference && reference_hash_of(r, p->work, output, count) != r->hash);
        if (c->near.right) {
            double away = near_distance(&c->near, output, count);
            c->distance = away > c->distance ? away : c->distance;
            c->wrong = c->wrong || away > NEAR_MOST;
        }
    }
}

// Also measures the control kernel, before and after all that is timed; the warm-up then finds the
// case's data and threads as they were. The message of a failure, "" if it was stopped, or NULL.
static const char *take_sample(gbench_state *state, sample_case *c, shelf_place *p) {
    double control = control_measure();
    if (shelf_warm_up(p)) {
        return work_error(p->work);
    }
    p->used = ++c->shelf->clock;
    turn t = {.all = {.wall = p->now == clock_now}};
    bool count = !c->counted.done;
    thread_times threads = count ? thread_times_now() : (thread_times){0};
    watch before = watch_now();
    const char *failed = run_pieces(state, c, p, &t);
    watch after = watch_now();
    watch_add(&c->watched, &before, &after);
    if (!failed) {
        control = 0.5 * (control + control_measure());
        check_output(c, p);
        if (count && !shelf_is_stopped(c->shelf)) { // once, apart from what is timed
            counted_take(&c->counted, p->work, &threads);
        }
        give_figures(state, c, p, &t.all, control);
    }
    thread_times_free(&threads);
    return failed;
}

// Ends a sample that has no meaning. Either all samples of a case fail or all succeed
// (gbench_fail): after a good one the others run to their end, with nothing done.
static void give_up(gbench_state *state, sample_case *c, bool is_repetition, const char *words) {
    c->given_up = c->given_up || !is_repetition;
    if (c->given_up) {
        gbench_fail(state, words[0] ? words : "stopped");
        return;
    }
    gbench_value(state, "void", 1.0);
    while (gbench_keep_running(state)) {
    }
}

void sample_take(gbench_state *state, void *data) {
    sample_case *c = data;
    bool is_repetition = gbench_iterations(state) == c->iterations;
    c->iterations = gbench_iterations(state);
    if (shelf_is_stopped(c->shelf)) {
        give_up(state, c, is_repetition, "");
        return;
    }
    shelf_place *p = shelf_find(c->shelf, c);
    if (!p && !c->error[0]) {
        p = shelf_open(c);
    }
    if (!p || c->error[0]) {
        give_up(state, c, is_repetition, c->error);
        return;
    }
    shelf_take_seat(c->shelf, p);
    const char *failed = take_sample(state, c, p);
    shelf_leave_seat(c->shelf);
    if (failed) {
        snprintf(c->error, sizeof c->error, "%s", failed);
        give_up(state, c, is_repetition, failed);
    } else if (c->shelf->report) {
        c->shelf->report(c->shelf->report_data, c);
    }
}
