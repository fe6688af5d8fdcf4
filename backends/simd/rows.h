// SPDX-License-Identifier: BSD-2-Clause
// Row kernels over the 16 lanes: softmax, layer norm, GELU, add, bias, embedding.
#ifndef SIMD_ROWS_H
#define SIMD_ROWS_H

#include "exp.h"
#include "tile.h"

#include <decoct/backend.h>

// Where the chunk of a sum that begins at `first` ends.
INLINE int64_t chunk_end(int64_t first, int64_t cols) {
    return cols - first < DECOCT_SUM_CHUNK ? cols : first + DECOCT_SUM_CHUNK;
}

// y = exp(scale x - shift); the lanes of their sum.
INLINE vec softmax_exp(int64_t cols, const float *x, vec scale, vec shift, float *y) {
    vec total = vec_set(0.0f);
    for (int64_t first = 0; first < cols; first += DECOCT_SUM_CHUNK) {
        vec sum = vec_set(0.0f);
        for (int64_t j = first; j < chunk_end(first, cols); j += LANES) {
            int64_t left = cols - j;
            vec e = vec_exp(vec_sub(vec_mul(tile_load(x + j, left), scale), shift));
            sum = vec_add(sum, left < LANES ? vec_blend_first(e, vec_set(0.0f), left) : e);
            tile_store(y + j, e, left);
        }
        total = vec_add(total, sum);
    }
    return total;
}

static void softmax(const decoct_rows_piece *a) {
    const vec scale = vec_set(a->scale), hidden = vec_set(-__builtin_inff());
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = a->x + i * a->x_stride;
        float *y = a->y + i * a->y_stride;
        vec max = hidden;
        for (int64_t j = 0; j < a->cols; j += LANES) {
            int64_t left = a->cols - j;
            vec z = vec_mul(tile_load(x + j, left), scale);
            max = vec_max(max, left < LANES ? vec_blend_first(z, hidden, left) : z);
        }
        float top = vec_fold_max(max);
        vec shift = vec_set(top == -__builtin_inff() ? 0.0f : top);
        float total = vec_fold(softmax_exp(a->cols, x, scale, shift, y));
        vec inverse = vec_set(total == 0.0f ? 0.0f : 1.0f / total);
        for (int64_t j = 0; j < a->cols; j += LANES) {
            tile_store(y + j, vec_mul(tile_load(y + j, a->cols - j), inverse), a->cols - j);
        }
    }
}

// The sum of (x - shift)^2, or of x when `squares` is 0.
INLINE float layer_norm_sum(int64_t cols, const float *x, vec shift, int squares) {
    vec total = vec_set(0.0f);
    for (int64_t first = 0; first < cols; first += DECOCT_SUM_CHUNK) {
        vec sum = vec_set(0.0f);
        for (int64_t j = first; j < chunk_end(first, cols); j += LANES) {
            int64_t left = cols - j;
            vec d = tile_load(x + j, left);
            if (squares) {
                d = vec_sub(d, shift);
                d = left < LANES ? vec_blend_first(d, vec_set(0.0f), left) : d;
            }
            sum = squares ? vec_fma(d, d, sum) : vec_add(sum, d);
        }
        total = vec_add(total, sum);
    }
    return vec_fold(total);
}

static void layer_norm(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = a->x + i * a->x_stride;
        float *y = a->y + i * a->y_stride;
        vec mean = vec_set(layer_norm_sum(a->cols, x, vec_set(0.0f), 0) / (float)a->cols);
        float variance = layer_norm_sum(a->cols, x, mean, 1) / (float)a->cols;
        vec inverse = vec_set(1.0f / __builtin_sqrtf(variance + a->scale));
        for (int64_t j = 0; j < a->cols; j += LANES) {
            int64_t left = a->cols - j;
            vec n = vec_mul(vec_sub(tile_load(x + j, left), mean), inverse);
            n = a->gain ? vec_mul(n, tile_load(a->gain + j, left)) : n;
            n = a->bias ? vec_add(n, tile_load(a->bias + j, left)) : n;
            tile_store(y + j, n, left);
        }
    }
}

INLINE vec gelu_tanh(vec x) {
    vec t = vec_fma(vec_mul(x, x), vec_set(0x1.2444f2p-4f), vec_set(0x1.988454p+0f));
    vec twice_u = vec_mul(x, t);
    vec e = vec_exp(vec_mul(twice_u, vec_set(-1.0f)));
    return vec_div(x, vec_add(vec_set(1.0f), e));
}

INLINE vec gelu_erf(vec x) {
    vec e = vec_erf(vec_mul(x, vec_set(0x1.6a09e6p-1f)));
    return vec_mul(vec_mul(x, vec_set(0.5f)), vec_add(vec_set(1.0f), e));
}

static void gelu(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = a->x + i * a->x_stride;
        float *y = a->y + i * a->y_stride;
        for (int64_t j = 0; j < a->cols; j += LANES) {
            vec v = tile_load(x + j, a->cols - j);
            tile_store(y + j, a->form == 0 ? gelu_tanh(v) : gelu_erf(v), a->cols - j);
        }
    }
}

static void add(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = a->x + i * a->x_stride;
        float *y = a->y + i * a->y_stride;
        for (int64_t j = 0; j < a->cols; j += LANES) {
            int64_t left = a->cols - j;
            tile_store(y + j, vec_add(tile_load(y + j, left), tile_load(x + j, left)), left);
        }
    }
}

static void bias(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = a->x + i * a->x_stride;
        float *y = a->y + i * a->y_stride;
        for (int64_t j = 0; j < a->cols; j += LANES) {
            int64_t left = a->cols - j;
            tile_store(y + j, vec_add(tile_load(x + j, left), tile_load(a->bias + j, left)), left);
        }
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
