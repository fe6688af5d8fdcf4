// SPDX-License-Identifier: BSD-2-Clause
// The order of a run, the expected time of a case, and what fits into a time budget.
#ifndef BENCH_SCHEDULE_H
#define BENCH_SCHEDULE_H

#include "plan.h"

// One shape on all backends, pins and thread counts: cases of a plan that are adjacent.
typedef struct schedule_block {
    int first, count;
} schedule_block;

// The blocks of a plan behind its ceilings, in an order of the seed; how many. `out` has room for
// one a case.
int schedule_blocks(const plan *p, uint64_t seed, schedule_block *out);

// Seconds of one case on a machine of today, with its samples; `opens`: also those of the
// reference of its shape.
double schedule_seconds(const sample_case *c, int repetitions, double min_time, bool opens);

// A time budget. pace: the time so far as a multiple of what schedule_seconds predicted.
typedef struct schedule_budget {
    double begin, seconds, pace; // seconds 0: no limit
} schedule_budget;

schedule_budget schedule_begin(double now, double seconds);
// Is this part of the budget (0 to 1, from its begin) enough for this many expected seconds?
bool schedule_fits(const schedule_budget *b, double now, double part, double expected);
void schedule_learn(schedule_budget *b, double expected, double actual);
// When samples are cut off though they fitted: a tenth later than that part of it.
double schedule_deadline(const schedule_budget *b, double part);

#endif
