// SPDX-License-Identifier: BSD-2-Clause
// A child process that may crash, hang, or end by itself: what it found survives in the page.
#ifndef BENCH_CONFORM_CHILD_H
#define BENCH_CONFORM_CHILD_H

#include "frame.h"

// NULL: no memory. Zeroed; `bytes` more behind it are shared, too.
conform_page *child_page(void);
void *child_shared(size_t bytes);
void child_release(void *shared, size_t bytes);

typedef struct child_limits {
    double call_cpu_seconds; // CPU time of one call of a kernel
    double call_seconds;     // its wall time
    double seconds;          // wall time of the whole test
} child_limits;

// Runs run(data) in a child and waits for its end. How it ended becomes a finding of the page,
// unless it came to its end or has already recorded one. False: no process could be started.
bool child_run(conform_page *page, const child_limits *limits, void (*run)(void *data), void *data);

#endif
