// SPDX-License-Identifier: BSD-2-Clause
// What else happened on this machine while something was timed.
#ifndef BENCH_WATCH_H
#define BENCH_WATCH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct watch {
    double wall;   // seconds
    double steal;  // seconds that the hypervisor gave to others, all CPUs; -1 unknown
    double waited; // seconds that threads of this process waited for a CPU; -1 unknown
    int64_t involuntary_switches; // of this process
    int64_t page_faults, major_faults;
    int64_t throttled_periods; // of the cgroup; -1 unknown
} watch;

// The counters now; wall is a point in time.
watch watch_now(void);
// Adds what happened from `before` to `after` to `sum`.
void watch_add(watch *sum, const watch *before, const watch *after);

#endif
