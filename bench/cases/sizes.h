// SPDX-License-Identifier: BSD-2-Clause
// Divisions that round up.
#ifndef BENCH_SIZES_H
#define BENCH_SIZES_H

#include <stdint.h>

// How many parts of `each` hold `whole`, both positive.
static inline int64_t ceil_div(int64_t whole, int64_t each) {
    return (whole + each - 1) / each;
}

// The next multiple of `step`.
static inline int64_t round_up(int64_t whole, int64_t step) {
    return ceil_div(whole, step) * step;
}

#endif
