// SPDX-License-Identifier: BSD-2-Clause
// From scores to probabilities in float64, without an array of them: p = exp(score - max -
// log_sum).
#ifndef CLI_SHARES_H
#define CLI_SHARES_H

#include <stdbool.h>
#include <stdint.h>

typedef struct cli_shares {
    double max;     // the largest score
    double log_sum; // log of the sum of exp(score - max)
} cli_shares;

// Of `count` scores, at least 1.
cli_shares cli_shares_of(const float *scores, int64_t count);
double cli_share(cli_shares shares, float score);
// The indices of the `most` largest scores, the largest first; ties: the smaller index. Returns how
// many there are: fewer than `most` if count is.
int64_t cli_shares_best(const float *scores, int64_t count, int64_t most, int32_t *best);
// Total variation distance of two answers over the same tokens: half the sum of |p - p'|, 0 .. 1.
double cli_shares_distance(const float *a, const float *b, int64_t count);

// Is there no NaN and no infinity among them?
bool cli_all_finite(const float *values, int64_t count);

#endif
