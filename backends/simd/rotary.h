// SPDX-License-Identifier: BSD-2-Clause
// Rotary position embedding over the 16 lanes.
#ifndef SIMD_ROTARY_H
#define SIMD_ROTARY_H

#include "rows.h"
#include "tile.h"

// 16 pairs, of columns j and half + j. Both are read before either is written: y may be x.
INLINE void rotary_halves_step(const float *x, int64_t half, const float *c, const float *s,
                               float *y, int64_t left) {
    vec x0 = tile_load(x, left), x1 = tile_load(x + half, left);
    vec cosine = tile_load(c, left), sine = tile_load(s, left);
    vec minus = vec_mul(sine, vec_set(-1.0f)); // x1 (-s) is -(x1 s), also where that is 0
    tile_store(y, vec_fma(x0, cosine, vec_mul(x1, minus)), left);
    tile_store(y + half, vec_fma(x1, cosine, vec_mul(x0, sine)), left);
}

INLINE void rotary_halves(int64_t half, const float *x, const float *c, const float *s, float *y) {
    int64_t j = 0;
    for (; j + LANES <= half; j += LANES) {
        rotary_halves_step(x + j, half, c + j, s + j, y + j, LANES);
    }
    if (j < half) {
        rotary_halves_step(x + j, half, c + j, s + j, y + j, half - j);
    }
}

// 8 pairs of neighbours: `left` is the number of their columns.
INLINE void rotary_pairs_step(const float *x, const float *c, const float *s, float *y,
                              int64_t left) {
    static const float signs[LANES] = {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1};
    vec v = tile_load(x, left);
    vec cosine = vec_twice(vec_load_first(c, left / 2));
    vec sine = vec_mul(vec_twice(vec_load_first(s, left / 2)), vec_load(signs));
    tile_store(y, vec_fma(v, cosine, vec_mul(vec_swap_pairs(v), sine)), left);
}

INLINE void rotary_pairs(int64_t half, const float *x, const float *c, const float *s, float *y) {
    int64_t j = 0;
    for (; 2 * j + LANES <= 2 * half; j += LANES / 2) {
        rotary_pairs_step(x + 2 * j, c + j, s + j, y + 2 * j, LANES);
    }
    if (j < half) {
        rotary_pairs_step(x + 2 * j, c + j, s + j, y + 2 * j, 2 * (half - j));
    }
}

static void rotary(const decoct_rows_piece *a) {
    const int64_t half = a->rotary_dim / 2;
    for (int64_t i = 0; i < a->rows; i++) {
        const float *c = a->cosine + i * a->angle_stride, *s = a->sine + i * a->angle_stride;
        for (int64_t head = 0; head < a->cols; head += a->head_dim) {
            const float *x = rows_x(a, i) + head;
            float *y = rows_y(a, i) + head;
            if (a->form == 0) {
                rotary_halves(half, x, c, s, y);
            } else {
                rotary_pairs(half, x, c, s, y);
            }
            for (int64_t j = a->rotary_dim; j < a->head_dim; j += LANES) {
                tile_store(y + j, tile_load(x + j, a->head_dim - j), a->head_dim - j);
            }
        }
    }
}

#endif
