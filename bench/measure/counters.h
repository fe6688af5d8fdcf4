// SPDX-License-Identifier: BSD-2-Clause
// Counters of the hardware and of the system (perf_event_open) for some threads of this process.
#ifndef BENCH_COUNTERS_H
#define BENCH_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct perf_event_attr;

// Of the hardware in user mode; then of the system.
typedef enum counter {
    COUNTER_CYCLES,
    COUNTER_INSTRUCTIONS,
    COUNTER_BRANCH_MISSES,
    COUNTER_L1D_MISSES,
    COUNTER_LLC_MISSES,
    COUNTER_PAGE_FAULTS,
    COUNTER_SWITCHES,
    COUNTER_MIGRATIONS,
    COUNTERS
} counter;

// perf_event_open for a thread on any CPU: a file, or -1 and errno. Tests have their own.
typedef int counters_call(const struct perf_event_attr *attr, pid_t thread, int group);

// The result. `values` are sums over the threads; one that had the hardware for a part of the time
// is extrapolated to all of it, and `shares` has that part (1: all; 0: never).
typedef struct counters {
    int errors[COUNTERS]; // errno; 0: it was counted
    double values[COUNTERS], shares[COUNTERS];
    double cycles_seconds; // in which the cycles were counted, of all threads together
    int threads;
    int *files; // while counting: of each thread
} counters;

extern const char *const counters_names[COUNTERS];

// Begins to count for these threads; `call` may be NULL: the system's. counters_end it in any case.
void counters_begin(counters *c, const pid_t *threads, int count, counters_call *call);
void counters_end(counters *c);
// Why the counters with an error are unknown, "cycles, instructions: ..."; "" if all are known.
// `root` as in machine/host.h.
void counters_explain(const counters *c, const char *root, char *text, size_t size);

#endif
