// SPDX-License-Identifier: BSD-2-Clause
// Squares of SQUARE x SQUARE floats that change rows and columns, through registers.
#ifndef SIMD_SQUARE_H
#define SIMD_SQUARE_H

#include "unroll.h"

#include <stdint.h>

enum { VEC_SLICES = LANES / SQUARE };

// A square may be turned in parts of TURN_COLS columns, each for itself, where an ISA has
// SLICE_TURN_COLS and its own slice_turn_cols.
#ifndef SLICE_TURN_COLS
enum { TURN_COLS = SQUARE };
INLINE void slice_turn_cols(const float *from, int64_t stride, int64_t rows, slice to[TURN_COLS]) {
    slice_turn(from, stride, rows, to);
}
#endif

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
