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

INLINE void softmax_rows(const decoct_rows_piece *a, int scaled) {
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
