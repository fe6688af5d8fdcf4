// SPDX-License-Identifier: BSD-2-Clause
// Softmax and its logarithm over the 16 lanes.
#ifndef SIMD_SOFTMAX_H
#define SIMD_SOFTMAX_H

#include "exp.h"
#include "rows.h"
#include "sum.h"
#include "tile.h"

// scale x; `scaled` is 0 where scale is 1.
INLINE vec softmax_scale(const float *x, int scaled, vec scale, int64_t left) {
    vec z = tile_load(x, left);
    return scaled ? vec_mul(z, scale) : z;
}

// exp(scale x - shift) for `count` (1 or 2) vectors, added to the lanes of a sum, and stored in y
// where `kept`.
INLINE vec softmax_exp_step(int count, const float *x, int scaled, vec scale, vec shift, int kept,
                            float *y, vec sum, int64_t left) {
    vec e[EXP_VECS];
    UNROLL
    for (int i = 0; i < count; i++) {
        e[i] = vec_sub(softmax_scale(x + i * LANES, scaled, scale, left), shift);
    }
    vec_exp_all(count, e);
    UNROLL
    for (int i = 0; i < count; i++) {
        if (kept) {
            tile_store(y + i * LANES, e[i], left);
        }
        sum = vec_add(sum, left < LANES ? vec_blend_first(e[i], vec_set(0.0f), left) : e[i]);
    }
    return sum;
}

// The same for a row; the lanes of the sum.
INLINE vec softmax_exp(int64_t cols, const float *x, int scaled, vec scale, vec shift, int kept,
                       float *y) {
    vec total = vec_set(0.0f);
    for (int64_t first = 0; first < cols; first += DECOCT_SUM_CHUNK) {
        int64_t end = chunk_end(first, cols), j = first;
        vec sum = vec_set(0.0f);
        for (; j + EXP_VECS * LANES <= end; j += EXP_VECS * LANES) {
            sum = softmax_exp_step(EXP_VECS, x + j, scaled, scale, shift, kept, y + j, sum, LANES);
        }
        for (; j + LANES <= end; j += LANES) {
            sum = softmax_exp_step(1, x + j, scaled, scale, shift, kept, y + j, sum, LANES);
        }
        if (j < end) {
            sum = softmax_exp_step(1, x + j, scaled, scale, shift, kept, y + j, sum, end - j);
        }
        total = vec_add(total, sum);
    }
    return total;
}

// The largest scale x, in two lanes of work: a maximum is the same in any order, and where a NaN is
// among them the whole row becomes NaN through its sum.
INLINE float softmax_max(int64_t cols, const float *x, int scaled, vec scale) {
    const vec hidden = vec_set(-__builtin_inff());
    vec max[2] = {hidden, hidden};
    int64_t j = 0;
    for (; j + 2 * LANES <= cols; j += 2 * LANES) {
        max[0] = vec_max(max[0], softmax_scale(x + j, scaled, scale, LANES));
        max[1] = vec_max(max[1], softmax_scale(x + j + LANES, scaled, scale, LANES));
    }
    for (; j < cols; j += LANES) {
        int64_t left = cols - j;
        vec z = softmax_scale(x + j, scaled, scale, left);
        max[0] = vec_max(max[0], left < LANES ? vec_blend_first(z, hidden, left) : z);
    }
    return vec_fold_max(vec_max(max[0], max[1]));
}

INLINE void multiply_row(int64_t cols, vec factor, float *y) {
    int64_t j = 0;
    for (; j + LANES <= cols; j += LANES) {
        vec_store(y + j, vec_mul(vec_load(y + j), factor));
    }
    if (j < cols) {
        tile_store(y + j, vec_mul(tile_load(y + j, cols - j), factor), cols - j);
    }
}

// Short rows, of at most HELD_VECS vectors, stay in registers, HELD_ROWS of them side by side: the
// steps of one row wait for each other, from its maximum to its last product.
enum { HELD_ROWS = 4, HELD_VECS = 3 };

// exp(scale x - max) of row r of a piece, in e; the lanes of its sum.
INLINE vec softmax_held_exp(int vecs, const decoct_rows_piece *a, int64_t r, int scaled, vec *e) {
    const int64_t left = a->cols - (vecs - 1) * LANES; // of the last vector
    const vec hidden = vec_set(-__builtin_inff());
    vec max = hidden, sum = vec_set(0.0f);
    UNROLL
    for (int i = 0; i < vecs; i++) {
        const int64_t here = i + 1 < vecs ? LANES : left;
        e[i] = softmax_scale(rows_x(a, r) + i * LANES, scaled, vec_set(a->scale), here);
        max = vec_max(max, here < LANES ? vec_blend_first(e[i], hidden, here) : e[i]);
    }
    float top = vec_fold_max(max);
    vec shift = vec_set(top == -__builtin_inff() ? 0.0f : top);
    UNROLL
    for (int i = 0; i < vecs; i++) {
        e[i] = vec_sub(e[i], shift);
    }
    UNROLL
    for (int i = 0; i < vecs; i += EXP_VECS) {
        vec_exp_all(vecs - i < EXP_VECS ? vecs - i : EXP_VECS, e + i);
    }
    UNROLL
    for (int i = 0; i < vecs; i++) {
        const int64_t here = i + 1 < vecs ? LANES : left;
        sum = vec_add(sum, here < LANES ? vec_blend_first(e[i], vec_set(0.0f), here) : e[i]);
    }
    return sum;
}

INLINE void softmax_held(int rows, int vecs, const decoct_rows_piece *a, int64_t r, int scaled) {
    const int64_t left = a->cols - (vecs - 1) * LANES;
    vec e[HELD_ROWS][HELD_VECS], sum[HELD_ROWS];
    UNROLL
    for (int k = 0; k < rows; k++) {
        sum[k] = softmax_held_exp(vecs, a, r + k, scaled, e[k]);
    }
    UNROLL
    for (int k = 0; k < rows; k++) {
        float total = vec_fold(sum[k]);
        vec factor = vec_set(total == 0.0f ? 0.0f : 1.0f / total);
        UNROLL
        for (int i = 0; i < vecs; i++) {
            tile_store(rows_y(a, r + k) + i * LANES, vec_mul(e[k][i], factor),
                       i + 1 < vecs ? LANES : left);
        }
    }
}

INLINE void softmax_held_rows(int vecs, const decoct_rows_piece *a, int scaled) {
    int64_t r = 0;
    for (; r + HELD_ROWS <= a->rows; r += HELD_ROWS) {
        softmax_held(HELD_ROWS, vecs, a, r, scaled);
    }
    for (; r < a->rows; r++) {
        softmax_held(1, vecs, a, r, scaled);
    }
}

INLINE void softmax_long_rows(const decoct_rows_piece *a, int scaled) {
    const vec scale = vec_set(a->scale);
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = rows_x(a, i);
        float *y = rows_y(a, i);
        float top = softmax_max(a->cols, x, scaled, scale);
        vec shift = vec_set(top == -__builtin_inff() ? 0.0f : top);
        float total = vec_fold(softmax_exp(a->cols, x, scaled, scale, shift, 1, y));
        multiply_row(a->cols, vec_set(total == 0.0f ? 0.0f : 1.0f / total), y);
    }
}

INLINE void softmax_rows(const decoct_rows_piece *a, int scaled) {
    switch ((a->cols + LANES - 1) / LANES) {
    case 1:
        softmax_held_rows(1, a, scaled);
        break;
    case 2:
        softmax_held_rows(2, a, scaled);
        break;
    case HELD_VECS:
        softmax_held_rows(HELD_VECS, a, scaled);
        break;
    default:
        softmax_long_rows(a, scaled);
    }
}

// Most rows come without a scale: a product less, since the FMA units are what exp waits for
// (docs/tuning.md).
static void softmax(const decoct_rows_piece *a) {
    if (a->scale == 1.0f) {
        softmax_rows(a, 0);
    } else {
        softmax_rows(a, 1);
    }
}

// ---- Its logarithm ----

// log(x) for x >= 1, or NaN: the sequence of backends/scalar, where it is explained.
INLINE float log_one(float x) {
    union {
        float value;
        uint32_t bits;
    } part = {.value = x};
    int32_t n = (int32_t)(part.bits - 0x3f3504f3u) >> 23;
    part.bits -= (uint32_t)n << 23;
    static const double series[] = {1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0};
    double f = ((double)part.value - 1.0) / ((double)part.value + 1.0), s = f * f, p = 1.0 / 13.0;
    UNROLL
    for (int i = 0; i < 6; i++) {
        p = p * s + series[i];
    }
    return x == x ? (float)((double)n * 0x1.62e42fefa39efp-1 + 2.0 * f * p) : x;
}

INLINE void log_softmax_store(int64_t cols, const float *x, int scaled, vec scale, vec shift,
                              vec log, float *y) {
    int64_t j = 0;
    for (; j + LANES <= cols; j += LANES) {
        vec z = softmax_scale(x + j, scaled, scale, LANES);
        vec_store(y + j, vec_sub(vec_sub(z, shift), log));
    }
    if (j < cols) {
        vec z = softmax_scale(x + j, scaled, scale, cols - j);
        tile_store(y + j, vec_sub(vec_sub(z, shift), log), cols - j);
    }
}

INLINE void log_softmax_rows(const decoct_rows_piece *a, int scaled) {
    const vec scale = vec_set(a->scale);
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = rows_x(a, i);
        float *y = rows_y(a, i);
        vec shift = vec_set(softmax_max(a->cols, x, scaled, scale));
        float total = vec_fold(softmax_exp(a->cols, x, scaled, scale, shift, 0, y));
        log_softmax_store(a->cols, x, scaled, scale, shift, vec_set(log_one(total)), y);
    }
}

static void log_softmax(const decoct_rows_piece *a) {
    if (a->scale == 1.0f) {
        log_softmax_rows(a, 0);
    } else {
        log_softmax_rows(a, 1);
    }
}

#endif
