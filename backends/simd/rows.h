// SPDX-License-Identifier: BSD-2-Clause
// Row kernels over the 16 lanes: softmax, GELU, add, bias, embedding.
#ifndef SIMD_ROWS_H
#define SIMD_ROWS_H

#include "exp.h"
#include "sum.h"
#include "tile.h"

#include <decoct/backend.h>

#include <float.h>

// The steps below handle `left` columns from x on: LANES in the loops, where the compiler then sees
// no tail, and fewer once at the end.

// ---- Softmax ----

// scale x; `scaled` is 0 where scale is 1.
INLINE vec softmax_scale(const float *x, int scaled, vec scale, int64_t left) {
    vec z = tile_load(x, left);
    return scaled ? vec_mul(z, scale) : z;
}

// y = exp(scale x - shift) for `count` (1 or 2) vectors, added to the lanes of a sum.
INLINE vec softmax_exp_step(int count, const float *x, int scaled, vec scale, vec shift, float *y,
                            vec sum, int64_t left) {
    vec e[EXP_VECS];
    UNROLL
    for (int i = 0; i < count; i++) {
        e[i] = vec_sub(softmax_scale(x + i * LANES, scaled, scale, left), shift);
    }
    vec_exp_all(count, e);
    UNROLL
    for (int i = 0; i < count; i++) {
        tile_store(y + i * LANES, e[i], left);
        sum = vec_add(sum, left < LANES ? vec_blend_first(e[i], vec_set(0.0f), left) : e[i]);
    }
    return sum;
}

// The same for a row; the lanes of the sum.
INLINE vec softmax_exp(int64_t cols, const float *x, int scaled, vec scale, vec shift, float *y) {
    vec total = vec_set(0.0f);
    for (int64_t first = 0; first < cols; first += DECOCT_SUM_CHUNK) {
        int64_t end = chunk_end(first, cols), j = first;
        vec sum = vec_set(0.0f);
        for (; j + EXP_VECS * LANES <= end; j += EXP_VECS * LANES) {
            sum = softmax_exp_step(EXP_VECS, x + j, scaled, scale, shift, y + j, sum, LANES);
        }
        for (; j + LANES <= end; j += LANES) {
            sum = softmax_exp_step(1, x + j, scaled, scale, shift, y + j, sum, LANES);
        }
        if (j < end) {
            sum = softmax_exp_step(1, x + j, scaled, scale, shift, y + j, sum, end - j);
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
        const float *x = a->x + i * a->x_stride;
        float *y = a->y + i * a->y_stride;
        float top = softmax_max(a->cols, x, scaled, scale);
        vec shift = vec_set(top == -__builtin_inff() ? 0.0f : top);
        float total = vec_fold(softmax_exp(a->cols, x, scaled, scale, shift, y));
        multiply_row(a->cols, vec_set(total == 0.0f ? 0.0f : 1.0f / total), y);
    }
}

// Most rows come without a scale: 31 instead of 27 GB/s (512 x 512, avx512 on Zen 4), since the FMA
// units are what exp waits for.
static void softmax(const decoct_rows_piece *a) {
    if (a->scale == 1.0f) {
        softmax_rows(a, 0);
    } else {
        softmax_rows(a, 1);
    }
}

// ---- GELU ----

INLINE void gelu_tanh(int count, vec *x) {
    vec e[EXP_VECS];
    UNROLL
    for (int i = 0; i < count; i++) {
        // Both constants negative: -x t, as exactly as if it were negated in the end.
        vec t = vec_fma(vec_mul(x[i], x[i]), vec_set(-0x1.2444f2p-4f), vec_set(-0x1.988454p+0f));
        e[i] = vec_mul(x[i], t);
    }
    vec_exp_all(count, e);
    UNROLL
    for (int i = 0; i < count; i++) {
        x[i] = vec_div(x[i], vec_add(vec_set(1.0f), e[i]));
    }
}

INLINE vec gelu_erf(vec x) {
    vec e = vec_erf(vec_mul(x, vec_set(0x1.6a09e6p-1f)));
    return vec_mul(vec_mul(x, vec_set(0.5f)), vec_add(vec_set(1.0f), e));
}

INLINE void gelu_step(int count, const float *x, int32_t form, float *y, int64_t left) {
    vec v[EXP_VECS];
    UNROLL
    for (int i = 0; i < count; i++) {
        v[i] = tile_load(x + i * LANES, left);
        v[i] = vec_max(vec_set(-FLT_MAX), v[i]); // NaN passes through
    }
    if (form == 0) {
        gelu_tanh(count, v);
    } else {
        UNROLL
        for (int i = 0; i < count; i++) {
            v[i] = gelu_erf(v[i]);
        }
    }
    UNROLL
    for (int i = 0; i < count; i++) {
        tile_store(y + i * LANES, v[i], left);
    }
}

static void gelu(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = a->x + i * a->x_stride;
        float *y = a->y + i * a->y_stride;
        int64_t j = 0;
        for (; j + EXP_VECS * LANES <= a->cols; j += EXP_VECS * LANES) {
            gelu_step(EXP_VECS, x + j, a->form, y + j, LANES);
        }
        for (; j < a->cols; j += LANES) {
            gelu_step(1, x + j, a->form, y + j, a->cols - j);
        }
    }
}

// ---- Sums, and rows of a table ----

// y = a + b for one row.
INLINE void add_rows(int64_t cols, const float *a, const float *b, float *y) {
    int64_t j = 0;
    for (; j + LANES <= cols; j += LANES) {
        vec_store(y + j, vec_add(vec_load(a + j), vec_load(b + j)));
    }
    if (j < cols) {
        tile_store(y + j, vec_add(tile_load(a + j, cols - j), tile_load(b + j, cols - j)),
                   cols - j);
    }
}

static void add(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        float *y = a->y + i * a->y_stride;
        add_rows(a->cols, y, a->x + i * a->x_stride, y);
    }
}

static void bias(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        add_rows(a->cols, a->x + i * a->x_stride, a->bias, a->y + i * a->y_stride);
    }
}

static void embedding(const decoct_embedding_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *from = a->table + a->ids[i] * a->table_stride;
        float *y = a->y + i * a->y_stride;
        for (int64_t j = 0; j < a->cols; j += LANES) {
            tile_store(y + j, tile_load(from + j, a->cols - j), a->cols - j);
        }
    }
}

#endif
