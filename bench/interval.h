// SPDX-License-Identifier: BSD-2-Clause
// Medians, and intervals that hold the true median, without an assumption about the distribution.
#ifndef BENCH_INTERVAL_H
#define BENCH_INTERVAL_H

typedef struct interval {
    double median, low, high;
} interval;

// The median of `count` >= 1 values and the interval between two of the sorted values that holds
// the true median with at least 95 % (sign test: the number of values below the median is binomial
// with p = 1/2); all of them where fewer than 6 cannot promise that. Sorts the values.
interval interval_of(double *values, int count);

#endif
