// SPDX-License-Identifier: BSD-2-Clause
// What the row kernels share. They work in steps that handle `left` columns from x on: LANES in the
// loops, where the compiler then sees no tail, and fewer once at the end.
#ifndef SIMD_ROWS_H
#define SIMD_ROWS_H

#include <decoct/backend.h>
#include <float.h>

INLINE const float *rows_x(const decoct_rows_piece *a, int64_t i) {
    return (const float *)a->x.data + i * a->x.stride;
}

INLINE float *rows_y(const decoct_rows_piece *a, int64_t i) {
    return (float *)a->y.data + i * a->y.stride;
}

#endif
