// SPDX-License-Identifier: BSD-2-Clause
// Elapsed time.
#ifndef DCT_NOW_H
#define DCT_NOW_H

#include <time.h>

// Seconds since some moment in the past, never less than before.
static inline double dct_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif
