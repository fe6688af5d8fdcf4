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

int64_t interval_rank(int64_t count) {
    double term = -(double)count * log(2), sum = 0; // the logarithm of the probability of r
    int64_t r = 0;
    for (; r < count; r++) {
        sum += exp(term);
        if (sum > 0.025) {
            break;
        }
        term += log((double)(count - r) / (double)(r + 1));
    }
    return r > 0 ? r - 1 : 0;
}

interval interval_of(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    int r = (int)interval_rank(count), middle = count / 2;
    double median = count % 2 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
    return (interval){median, values[r], values[count - 1 - r]};
}
