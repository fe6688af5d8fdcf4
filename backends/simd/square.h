// SPDX-License-Identifier: BSD-2-Clause
// Squares of SQUARE x SQUARE floats that change rows and columns, through registers.
#ifndef SIMD_SQUARE_H
#define SIMD_SQUARE_H

#include "unroll.h"

#include <stdint.h>

enum { VEC_SLICES = LANES / SQUARE };

// `rows` (<= SQUARE, the others count as 0) rows at `from` become SQUARE rows at `to`.
INLINE void vec_transpose(const float *from, int64_t from_stride, int64_t rows, float *to,
                          int64_t to_stride) {
    slice column[SQUARE];
    slice_turn(from, from_stride, rows, column);
    UNROLL
    for (int i = 0; i < SQUARE; i++) { // in this order: callers let rows overlap
        slice_store(to + i * to_stride, column[i]);
    }
}

#endif
