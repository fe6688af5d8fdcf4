// SPDX-License-Identifier: BSD-2-Clause
// A change for readers.
#ifndef BENCH_AB_PERCENT_H
#define BENCH_AB_PERCENT_H

#include <math.h>

// Percent of a logarithm of B / A, to be printed with one digit: never "-0.0".
static inline double change_percent(double log_ratio) {
    double value = 100.0 * expm1(log_ratio);
    return fabs(value) < 0.05 ? 0.0 : value;
}

#endif
