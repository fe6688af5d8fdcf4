// SPDX-License-Identifier: BSD-2-Clause
// The check of results that have other bits than the definition, which a backend of the case
// declares: numbers of the output, some of a large one, are compared with those that another
// backend of this installation gives.
#ifndef BENCH_NEAR_H
#define BENCH_NEAR_H

#include "reference.h"

// The largest difference that is allowed, as a share of the largest number. Sums in another order
// are a thousand times nearer; a wrong or missing number is not.
#define NEAR_MOST 0x1p-12

typedef struct near_numbers {
    float *right; // `count` of `all` numbers, one from each part of the output
    int64_t count, all;
    uint64_t seed;           // of the choice
    double largest;          // of them
    char by[REFERENCE_TEXT]; // the backend
} near_numbers;

// Computes this open case by another backend; `always`: however long that takes. False: there is
// none, it takes too long, or there is no memory.
bool near_find(references *r, bench_work *w, bool always, near_numbers *out);
// Takes the numbers from an output, which is of the other backend; `right` NULL: no memory.
void near_take(near_numbers *n, const float *output, int64_t count);
void near_free(near_numbers *n);
// The largest difference, as a share of the largest number; INFINITY if one is not a number.
double near_distance(const near_numbers *n, const float *output, int64_t count);

#endif
