// SPDX-License-Identifier: BSD-2-Clause
// Small arithmetic of sizes.
#ifndef DCT_SIZES_H
#define DCT_SIZES_H

#include <stdint.h>

static inline int64_t dct_ceil_div(int64_t a, int64_t b) {
    return a / b + (a % b != 0);
}

static inline int64_t dct_smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

#endif
