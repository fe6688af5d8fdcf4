// SPDX-License-Identifier: BSD-2-Clause
// The sums of a register tile: what they begin with, and how they become y.
#ifndef SIMD_TILE_Y_H
#define SIMD_TILE_Y_H

#include "tile_w.h"
#include "tile_x.h"

INLINE void tile_store(float *p, vec a, int64_t cols) {
    if (cols >= LANES) {
        vec_store(p, a);
    } else if (cols > 0) {
        vec_store_first(p, a, cols);
    }
}

// acc = y. A tile whose columns all exist checks that once.
INLINE void tile_fetch(int rows, int vecs, int kind, bool whole, const tile_args *a,
                       vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    int64_t stride = a->y_stride;
    AFRESH(stride);
    UNROLL
    for (int r = 0; r < TALL_ROWS; r++) {
        UNROLL
        for (int v = 0; v < TILE_VECS_MAX; v++) {
            if (r < rows && v < vecs) {
                const float *from = a->y + r * stride + v * LANES;
                acc[r][v] = whole ? vec_load(from) : tile_load(from, tile_cols(vecs, kind, a, v));
            }
        }
    }
}

// acc = factor acc, row by row.
INLINE void tile_scale(int rows, int vecs, const tile_args *a, vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    UNROLL
    for (int r = 0; r < TALL_ROWS; r++) {
        UNROLL
        for (int v = 0; v < TILE_VECS_MAX; v++) {
            if (r < rows && v < vecs) {
                acc[r][v] = vec_mul(acc[r][v], vec_set(a->factor[r]));
            }
        }
    }
}

// acc = 0, or y to continue from.
INLINE void tile_begin(int rows, int vecs, int kind, bool whole, const tile_args *a,
                       vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    UNROLL
    for (int r = 0; r < TALL_ROWS; r++) {
        UNROLL
        for (int v = 0; v < TILE_VECS_MAX; v++) {
            acc[r][v] = vec_set(0.0f);
        }
    }
    if (kind & SCALED) {
        tile_fetch(rows, vecs, kind, true, a, acc);
        tile_scale(rows, vecs, a, acc);
    } else if (a->accumulate && whole) {
        tile_fetch(rows, vecs, kind, true, a, acc);
    } else if (a->accumulate) {
        tile_fetch(rows, vecs, kind, false, a, acc);
    }
}

// y = acc, of the rows `from` to `rows`; the same in what follows.
INLINE void tile_put(int from, int rows, int vecs, int kind, bool whole, const tile_args *a,
                     vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    float *y = a->y; // read once: stores of vectors could change *a
    int64_t stride = a->y_stride;
    AFRESH(stride);
    UNROLL
    for (int r = 0; r < TALL_ROWS; r++) {
        UNROLL
        for (int v = 0; v < TILE_VECS_MAX; v++) {
            if (r >= from && r < rows && v < vecs) {
                float *to = y + r * stride + v * LANES;
                tile_store(to, acc[r][v], whole ? LANES : tile_cols(vecs, kind, a, v));
            }
        }
    }
}

// acc += bias.
INLINE void tile_bias(int from, int rows, int vecs, int kind, bool whole, const tile_args *a,
                      vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    UNROLL
    for (int v = 0; v < TILE_VECS_MAX; v++) {
        if (v < vecs) {
            const float *at = a->bias + v * LANES;
            vec bias = whole ? vec_load(at) : tile_load(at, tile_cols(vecs, kind, a, v));
            UNROLL
            for (int r = 0; r < TALL_ROWS; r++) {
                if (r >= from && r < rows) {
                    acc[r][v] = vec_add(acc[r][v], bias);
                }
            }
        }
    }
}

// y = acc + bias.
INLINE void tile_end(int from, int rows, int vecs, int kind, bool whole, const tile_args *a,
                     vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    if (!(kind & SCALED) && a->bias) {
        tile_bias(from, rows, vecs, kind, whole, a, acc);
    }
    if (whole) {
        tile_put(from, rows, vecs, kind, true, a, acc);
    } else {
        tile_put(from, rows, vecs, kind, false, a, acc);
    }
}

#endif
