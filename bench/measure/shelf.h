// SPDX-License-Identifier: BSD-2-Clause
// Open cases, whose operands are kept between samples.
#ifndef BENCH_SHELF_H
#define BENCH_SHELF_H

#include "cases/work.h"
#include "roof.h"
#include "sample_case.h"

#include <sched.h>
#include <signal.h>

enum { SHELF_MAX = 32 };

// Cases whose operands are kept between samples, the latest used ones as far as memory allows.
typedef struct shelf_place {
    sample_case *owner;
    bench_work *work;
    roof roof;
    bool has_roof;
    int32_t caller_cpu; // this thread is bound to it while the case runs; -1: free
    double run;         // seconds of one, about
    int64_t runs_a_piece, runs_a_call;
    double (*now)(void); // what pieces and probes are timed by: see roof
    double bytes;
    int64_t used;
} shelf_place;

typedef struct shelf {
    shelf_place places[SHELF_MAX];
    int count;
    int64_t clock;
    double bytes, most; // in use, allowed
    roof_buffers buffers;
    references references;
    cpu_set_t mask; // the affinity of this thread before it was bound
    bool has_mask;
    void (*report)(void *data, const sample_case *c); // after each sample; NULL: nothing is called
    void *report_data;
    const volatile sig_atomic_t *stopped; // not 0: no more samples; NULL: it cannot be stopped
    double deadline;                      // by clock_budget; the same after it; 0: no limit
} shelf;

// All of a shelf: closes what is open.
void shelf_clear(shelf *s);
// The clean end: also buffers and references.
void shelf_free(shelf *s);
// Should sampling stop?
bool shelf_is_stopped(const shelf *s);
// The place of a case; NULL: it is not open.
shelf_place *shelf_find(shelf *s, const sample_case *c);
// Opens a case, closing others if memory is short; NULL, with the message in c->error.
shelf_place *shelf_open(sample_case *c);
// Runs it a few times, so that its data is in the caches.
decoct_status shelf_warm_up(shelf_place *p);
// With pinned workers this thread is bound to the first one's CPU, and then is that worker
// (decoct.h, pin): as one more thread than CPUs it would use time of theirs. It is unbound again
// before another context is opened, which counts the CPUs that it may use.
void shelf_take_seat(const shelf *s, const shelf_place *p);
void shelf_leave_seat(const shelf *s);

#endif
