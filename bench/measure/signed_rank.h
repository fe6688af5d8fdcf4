// SPDX-License-Identifier: BSD-2-Clause
// The median of a symmetric distribution and its exact interval, from few values: Wilcoxon's
// signed-rank test turned round, after Hodges and Lehmann (1963).
#ifndef BENCH_SIGNED_RANK_H
#define BENCH_SIGNED_RANK_H

#include "interval.h"

enum { SIGNED_RANK_MAX = 64 }; // values

// How many Walsh averages are outside the interval at each end, so that the true median is beyond
// that end with a probability of at most alpha: the largest c with P(W < c) <= alpha, where W is
// the signed-rank statistic of `count` values. 0: `count` values cannot reach alpha (the smallest
// is 2^-count).
int signed_rank_cut(int count, double alpha);

// The Hodges-Lehmann estimate of 1 <= count <= SIGNED_RANK_MAX values, and the interval that misses
// the true median with at most alpha at each end; without bounds (-inf, inf) if alpha cannot be
// reached. With ties the interval is conservative.
interval signed_rank_interval(const double *values, int count, double alpha);
// The same at several levels.
void signed_rank_intervals(const double *values, int count, const double *alphas, int levels,
                           interval *found);

#endif
