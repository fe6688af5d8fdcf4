// SPDX-License-Identifier: BSD-2-Clause
#include "shelf.h"

#include "cases/golden.h"
#include "cases/served.h"
#include "machine/clock.h"
#include "machine/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A piece of work lasts PIECE seconds or one run, in calls of CALL seconds of which the quickest
// counts; the probe beside it PROBE seconds or, beside long runs, a PROBE_PART of one up to
// PROBE_MOST: the machine must not change in between. Under memory's ceiling both last ROOF_MEMORY
// times as long, since both come back into caches that the other one has emptied.
static const double CALL = 0.2e-3, PIECE = 2e-3, PROBE = 1e-3, PROBE_PART = 0.25,
                    PROBE_MOST = 20e-3;
// Beside a run of COLD seconds it does not matter that it began with cold caches.
static const double COLD = 20e-3;
enum { WARM_RUNS = 2 };

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

bool shelf_is_stopped(const shelf *s) {
    return (s->stopped && *s->stopped) || (s->deadline > 0.0 && clock_budget() > s->deadline);
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

shelf_place *shelf_find(shelf *s, const sample_case *c) {
    for (int i = 0; i < s->count; i++) {
        if (s->places[i].owner == c) {
            return &s->places[i];
        }
    }
    return NULL;
}

// Bytes available without swapping; a large number if the system does not report it.
static double free_bytes(void) {
    long long kib;
    char *text = host_file("", "/proc/meminfo");
    bool told = host_find_number(text, "MemAvailable", ':', &kib);
    free(text);
    return told ? (double)kib * 1024.0 : 1e15;
}

// Makes room for a case; false, with a message: it is too large for this machine.
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

// ---- This thread's place ----

void shelf_take_seat(const shelf *s, const shelf_place *p) {
    cpu_set_t one;
    CPU_ZERO(&one);
    // Not if the way back is unknown: on machines with more CPUs than this mask has bits.
    if (s->has_mask && p->caller_cpu >= 0 && p->caller_cpu < CPU_SETSIZE) {
        CPU_SET((size_t)p->caller_cpu, &one);
        sched_setaffinity(0, sizeof one, &one); // refused: it is one thread more, not an error
    }
}

void shelf_leave_seat(const shelf *s) {
    if (s->has_mask) {
        sched_setaffinity(0, sizeof s->mask, &s->mask);
    }
}

static void take_seat(void *data) {
    const shelf_place *p = data;
    shelf_take_seat(p->owner->shelf, p);
}

// ---- Opening ----

// What all samples must give.
static void find_expected(sample_case *c, const shelf_place *p) {
    int64_t count;
    if (c->has_reference || !work_output(p->work, &count)) {
        return;
    }
    c->has_hash = true;
    c->other_bits = served_other_bits(work_context(p->work), work_kernels(p->work));
    // Its operands are in memory at the same time as those of the case.
    bool fits =
        work_need(&c->what) <= 0.8 * free_bytes() || golden_find(&c->what, &c->reference.hash);
    if (shelf_is_stopped(c->shelf)) {
        return;
    }
    if (c->other_bits) {
        if (fits && !c->near.right &&
            !near_find(&c->shelf->references, p->work, c->always, &c->near)) {
            near_free(&c->near);
        }
        return;
    }
    c->has_reference =
        fits && references_find(&c->shelf->references, p->work, c->always, &c->reference);
    if (!c->has_reference && c->always && !shelf_is_stopped(c->shelf)) {
        snprintf(c->error, sizeof c->error,
                 "its result cannot be checked here: %s, and only seed %d has golden hashes",
                 fits ? "no other backend runs on this machine"
                      : "memory is too short for a second computation",
                 GOLDEN_SEED);
    }
}

// How many runs make a piece, after a few that warm the caches. A long run warms its own.
decoct_status shelf_warm_up(shelf_place *p) {
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
    p->runs_a_call = best < CALL ? (int64_t)(CALL / best) : 1;
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
    c->what.dtype = what->dtype; // of a model it is known now
    c->layers = what->layers;
    c->workers = decoct_context_threads(work_context(p->work));
    json_decref(c->served);
    c->served = served_by(work_context(p->work), work_kernels(p->work));
}

// Does the calling thread do all of the work? With a pin it does, on worker 0's CPU.
static bool works_alone(const shelf *s, const sample_case *c, const shelf_place *p) {
    bool seated = s->has_mask && p->caller_cpu >= 0 && p->caller_cpu < CPU_SETSIZE;
    return decoct_context_threads(work_context(p->work)) == 1 &&
           (strcmp(c->what.pin, "none") == 0 || seated);
}

shelf_place *shelf_open(sample_case *c) {
    shelf *s = c->shelf;
    double bytes = work_need(&c->what);
    if (!s->has_mask) {
        s->has_mask = sched_getaffinity(0, sizeof s->mask, &s->mask) == 0;
    }
    if (!make_room(s, c, bytes)) {
        return NULL;
    }
    shelf_place p = {.owner = c, .bytes = bytes, .caller_cpu = work_first_cpu(&c->what)};
    work_case what = c->what;
    what.opened = take_seat; // before the workers are started, after the CPUs were counted
    what.opened_data = &p;
    if (work_open(&what, &p.work, c->error, sizeof c->error)) {
        shelf_leave_seat(s);
        return NULL;
    }
    p.now = works_alone(s, c, &p) ? clock_thread : clock_now;
    if (shelf_warm_up(&p)) {
        snprintf(c->error, sizeof c->error, "%s", work_error(p.work));
        work_close(p.work);
        shelf_leave_seat(s);
        return NULL;
    }
    remember(c, &p);
    p.has_roof = roof_open(&p.roof, p.work, &s->buffers, p.now, probe_length(p.run));
    p.runs_a_piece *= p.roof.memory && p.runs_a_piece > 1 ? ROOF_MEMORY : 1;
    c->has_roof = p.has_roof;
    c->memory_roof = p.roof.memory;
    shelf_leave_seat(s); // the reference is another context's
    find_expected(c, &p);
    s->bytes += bytes;
    s->places[s->count] = p;
    return &s->places[s->count++];
}
