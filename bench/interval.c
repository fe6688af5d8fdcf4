// SPDX-License-Identifier: BSD-2-Clause
#include "interval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b) {
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

// The largest r such that [sorted[r], sorted[n - 1 - r]] holds the median with at least 95 %:
// 2 P(B <= r) <= 0.05 for B binomial (n, 1/2), or 0 if n is too small for that.
static int rank_of_interval(int n) {
    double term = pow(0.5, n), below = term;
    int r = 0;
    while (r < n / 2 && 2.0 * (below + term * (double)(n - r) / (double)(r + 1)) <= 0.05) {
        term *= (double)(n - r) / (double)(r + 1);
        below += term;
        r++;
    }
    return r;
}

interval interval_of(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    int r = rank_of_interval(count), middle = count / 2;
    double median = count % 2 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
    return (interval){median, values[r], values[count - 1 - r]};
}
