// SPDX-License-Identifier: BSD-2-Clause
// Medians, and intervals that hold the true median, without an assumption about the distribution.
#ifndef BENCH_INTERVAL_H
#define BENCH_INTERVAL_H

#include <stdint.h>

typedef struct interval {
    double median, low, high;
} interval;

// How many of `count` sorted values to drop at each end, so that those left enclose the true
// median with at least 95 % (sign test: the number of values below it is binomial with p = 1/2); 0
// if there are fewer than 6, which cannot promise that.
int64_t interval_rank(int64_t count);
// The median of `count` >= 1 values and its interval. Sorts the values.
interval interval_of(double *values, int count);

#endif
