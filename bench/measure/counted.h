// SPDX-License-Identifier: BSD-2-Clause
// A round of runs that is counted and not timed: what the hardware and the system count for the
// threads of a case, and the energy. Timed rounds have no counters beside them.
#ifndef BENCH_COUNTED_H
#define BENCH_COUNTED_H

#include "cases/work.h"
#include "counters.h"
#include "machine/energy.h"

enum { COUNTED_TEXT = 512 };

// CPU time of each thread of this process.
typedef struct thread_times {
    pid_t *threads;
    double *seconds;
    int count;
} thread_times;

typedef struct counted {
    bool done;
    int64_t runs; // 0: it failed
    double seconds;
    counters counters;
    double joules, memory_joules;                     // below 0: unknown
    char unknown[COUNTED_TEXT], no_energy[HOST_TEXT]; // "": all is known
} counted;

// The times now; thread_times_free it.
thread_times thread_times_now(void);
void thread_times_free(thread_times *t);
// Those threads that used CPU time since, which are the ones that a case runs on, as `threads` of
// the result; thread_times_free it.
thread_times thread_times_since(const thread_times *before);
// Counts runs of a case on the threads that ran since `before`.
void counted_take(counted *c, bench_work *work, const thread_times *before);
// By run; 0: unknown.
double counted_ipc(const counted *c);
double counted_mhz(const counted *c);
double counted_joules(const counted *c);
double counted_watts(const counted *c);

#endif
