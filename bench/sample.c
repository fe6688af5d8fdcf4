// SPDX-License-Identifier: BSD-2-Clause
#include "sample.h"

#include "clock.h"
#include "interval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A piece of work lasts PIECE seconds or one run, the probe beside it PROBE seconds or, beside long
// runs, a PROBE_PART of one up to PROBE_MOST: the machine must not change in between. Under
// memory's ceiling both last ROOF_MEMORY times as long, since both come back into caches that the
// other one has emptied.
static const double PIECE = 2e-3, PROBE = 1e-3, PROBE_PART = 0.25, PROBE_MOST = 20e-3;
// Beside a run of COLD seconds it does not matter that it began with cold caches.
static const double COLD = 20e-3;
enum { PIECES_MAX = 256, WARM_RUNS = 2 };

// ---- The shelf ----

static void close_place(shelf *s, int index) {
    shelf_place *p = &s->places[index];
    work_close(p->work);
    s->bytes -= p->bytes;
    *p = s->places[--s->count];
}

void shelf_clear(shelf *s) {
    while (s->count > 0) {
        close_place(s, s->count - 1);
    }
}

void shelf_free(shelf *s) {
    shelf_clear(s);
    roof_buffers_free(&s->buffers);
    references_free(&s->references);
}

void sample_free(sample_case *c) {
    free(c->bound);
    free(c->seen);
    c->bound = c->seen = NULL;
}

// The place that was not used for longest.
static int oldest(const shelf *s) {
    int found = 0;
    for (int i = 1; i < s->count; i++) {
        if (s->places[i].used < s->places[found].used) {
            found = i;
        }
    }
    return found;
}

static shelf_place *find(shelf *s, const sample_case *c) {
    for (int i = 0; i < s->count; i++) {
        if (s->places[i].owner == c) {
            return &s->places[i];
        }
    }
    return NULL;
}

// Bytes that can be had without swapping; a large number where nobody tells.
static double free_bytes(void) {
    double kib = 1e12;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "MemAvailable: %lf", &kib) == 1) {
            break;
        }
    }
    if (file) {
        fclose(file);
    }
    return kib * 1024.0;
}

// Makes room for a case; false, and words: it is too large for this machine.
static bool make_room(shelf *s, sample_case *c, double bytes) {
    if (s->most <= 0.0) {
        s->most = 0.25 * free_bytes();
    }
    while (s->count == SHELF_MAX || (s->count > 0 && s->bytes + bytes > s->most)) {
        close_place(s, oldest(s));
    }
    double there = free_bytes();
    if (bytes > 0.8 * there) { // what is there shrinks while it is used
        snprintf(c->error, sizeof c->error, "needs %.1f GB of memory, %.1f GB are free",
                 bytes * 1e-9, there * 1e-9);
        return false;
    }
    return true;
}

// ---- Opening ----

// The hash that all samples must have.
static void find_expected(sample_case *c, const shelf_place *p) {
    int64_t count;
    if (c->reference || !work_output(p->work, &count)) {
        return;
    }
    c->has_hash = true;
    const reference *r =
        references_find(&c->shelf->references, &c->what, c->cost.flops, c->backend);
    if (r) {
        c->reference = r->shape.backend; // lives as long as the shelf
        c->expected = r->hash;
    }
}

// How many runs make a piece, after a few that warm the caches. A long run warms its own.
static decoct_status warm_up(shelf_place *p) {
    decoct_status status = DECOCT_OK;
    double best = 1e9;
    if (p->run > COLD) {
        return DECOCT_OK;
    }
    for (int i = 0; i < WARM_RUNS && !status; i++) {
        double start = clock_now();
        status = work_run(p->work);
        double seconds = clock_now() - start;
        best = seconds < best ? seconds : best;
    }
    double piece = p->roof.memory ? PIECE * ROOF_MEMORY : PIECE;
    p->run = best;
    p->runs_a_piece = best < piece ? (int64_t)(piece / best) : 1;
    return status;
}

static double probe_length(double run) {
    double part = run * PROBE_PART;
    return part < PROBE ? PROBE : part > PROBE_MOST ? PROBE_MOST : part;
}

static void remember(sample_case *c, const shelf_place *p) {
    const work_case *what = work_what(p->work);
    c->cost = work_costs(p->work);
    c->heads = what->heads;
    c->head_dim = what->head_dim;
    c->layers = what->layers;
    c->workers = decoct_context_threads(work_context(p->work));
    snprintf(c->backend, sizeof c->backend, "%s", decoct_context_backend(work_context(p->work)));
}

// Puts a case on the shelf; NULL, and words in c->error.
static shelf_place *open_place(sample_case *c) {
    shelf *s = c->shelf;
    double bytes = work_need(&c->what);
    if (!make_room(s, c, bytes)) {
        return NULL;
    }
    shelf_place p = {.owner = c, .bytes = bytes};
    if (work_open(&c->what, &p.work, c->error, sizeof c->error)) {
        return NULL;
    }
    if (warm_up(&p)) {
        snprintf(c->error, sizeof c->error, "%s", work_error(p.work));
        work_close(p.work);
        return NULL;
    }
    remember(c, &p);
    p.has_roof = roof_open(&p.roof, p.work, &s->buffers, probe_length(p.run));
    p.runs_a_piece *= p.roof.memory && p.runs_a_piece > 1 ? ROOF_MEMORY : 1;
    c->has_roof = p.has_roof;
    c->memory_roof = p.roof.memory;
    find_expected(c, &p);
    s->bytes += bytes;
    s->places[s->count] = p;
    return &s->places[s->count++];
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

// ---- Taking a sample ----

// The pieces of one sample: our seconds a run, and the ceiling's before and after.
typedef struct pieces {
    double ours[PIECES_MAX], roof[PIECES_MAX + 1];
    int count;
} pieces;

// Between two pieces, with the benchmark's clock stopped: measures the ceiling, then brings the
// case's data back into the caches.
static void between(const shelf_place *p, pieces *all) {
    all->roof[all->count] = p->has_roof ? roof_seconds(&p->roof, p->work) : 0.0;
    if (p->has_roof && p->runs_a_piece > 1) {
        work_run(p->work); // a failure shows in the next run
    }
}

static bool is_stopped(const shelf *s) {
    return s->stopped && *s->stopped;
}

// Ends a piece of `runs` runs that began at `start`.
static void end_piece(sample_case *c, const shelf_place *p, pieces *all, double start,
                      int64_t runs) {
    double seconds = (clock_now() - start) / (double)runs;
    if (all->count < PIECES_MAX) {
        all->ours[all->count++] = seconds;
        between(p, all);
    }
    look_at_workers(c, work_context(p->work));
}

// The timed loop; the words of a failure, "" when it was stopped, or NULL.
static const char *run_pieces(gbench_state *state, sample_case *c, shelf_place *p, pieces *all) {
    int64_t runs = 0;
    double start = 0.0;
    while (gbench_keep_running(state)) {
        if (start <= 0.0) {
            gbench_stop_clock(state);
            between(p, all);
            gbench_start_clock(state);
            start = clock_now();
        }
        if (work_run(p->work)) {
            return work_error(p->work);
        }
        if (++runs == p->runs_a_piece) {
            gbench_stop_clock(state);
            end_piece(c, p, all, start, runs);
            if (is_stopped(c->shelf)) {
                return "";
            }
            runs = 0;
            gbench_start_clock(state);
            start = clock_now();
        }
    }
    if (all->count == 0 && runs > 0) { // shorter than a piece
        end_piece(c, p, all, start, runs);
    }
    return NULL;
}

// Shares of the ceiling, each piece against the mean of the two probes beside it; the median. 0: no
// piece was whole.
static double median_share(const pieces *all) {
    double share[PIECES_MAX];
    int count = 0;
    for (int i = 0; i < all->count; i++) {
        double limit = 0.5 * (all->roof[i] + all->roof[i + 1]);
        if (all->roof[i] > 0.0 && all->roof[i + 1] > 0.0 && all->ours[i] > 0.0) {
            share[count++] = 100.0 * limit / all->ours[i];
        }
    }
    return count > 0 ? interval_of(share, count).median : 0.0;
}

static double median_roof(const pieces *all) {
    double limit[PIECES_MAX + 1];
    memcpy(limit, all->roof, sizeof limit);
    return all->count > 0 ? interval_of(limit, all->count + 1).median : 0.0;
}

double sample_rate(const work_cost *cost, double seconds, const char **unit) {
    double amount = cost->streams ? cost->bytes : cost->flops;
    *unit = cost->streams ? "GB/s" : "GFLOP/s";
    return amount > 0.0 && seconds > 0.0 ? amount / seconds * 1e-9 : 0.0;
}

static void give_figures(gbench_state *state, sample_case *c, const shelf_place *p,
                         const pieces *all) {
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
    double share = median_share(all), mhz = clock_mhz();
    if (share > 0.0) {
        gbench_value(state, "pct_of_roof", share);
        gbench_value(state, "roof", p->roof.amount / median_roof(all) * 1e-9);
    }
    if (mhz > 0.0) {
        gbench_value(state, "MHz", mhz);
    }
    const char *unit;
    double ours[PIECES_MAX];
    memcpy(ours, all->ours, sizeof ours);
    c->last_rate =
        all->count > 0 ? sample_rate(cost, interval_of(ours, all->count).median, &unit) : 0.0;
    c->last_pct = share;
}

static void check_output(sample_case *c, const shelf_place *p) {
    int64_t count = 0;
    const float *output = work_output(p->work, &count);
    if (output) {
        c->hash = reference_hash(output, count);
        c->wrong = c->wrong || (c->reference && c->hash != c->expected);
    }
}

void sample_take(gbench_state *state, void *data) {
    sample_case *c = data;
    shelf_place *p = c->error[0] ? NULL : find(c->shelf, c);
    if (is_stopped(c->shelf)) {
        gbench_fail(state, "stopped");
        return;
    }
    if (p && warm_up(p)) {
        snprintf(c->error, sizeof c->error, "%s", work_error(p->work));
    } else if (!p && !c->error[0]) {
        p = open_place(c);
    }
    if (!p || c->error[0]) {
        gbench_fail(state, c->error);
        return;
    }
    p->used = ++c->shelf->clock;
    pieces all = {.count = 0};
    watch before = watch_now();
    const char *failed = run_pieces(state, c, p, &all);
    watch after = watch_now();
    watch_add(&c->watched, &before, &after);
    if (failed) {
        snprintf(c->error, sizeof c->error, "%s", failed);
        gbench_fail(state, failed[0] ? failed : "stopped");
        return;
    }
    check_output(c, p);
    give_figures(state, c, p, &all);
    if (c->shelf->report) {
        c->shelf->report(c->shelf->report_data, c);
    }
}
