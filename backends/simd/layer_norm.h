// SPDX-License-Identifier: BSD-2-Clause
// Layer norm and RMS norm over the 16 lanes.
#ifndef SIMD_LAYER_NORM_H
#define SIMD_LAYER_NORM_H

#include "rows.h"
#include "sum.h"
#include "tile.h"

// The sums of a row: of x, or of d and d^2 with d = x - mean.
typedef struct layer_norm_sums {
    vec sum, squares;
} layer_norm_sums;

INLINE void layer_norm_step(const float *x, vec mean, int second, layer_norm_sums *s,
                            int64_t left) {
    vec d = tile_load(x, left);
    if (second) {
        d = vec_sub(d, mean);
        d = left < LANES ? vec_blend_first(d, vec_set(0.0f), left) : d;
        s->squares = vec_fma(d, d, s->squares);
    }
    s->sum = vec_add(s->sum, d);
}

INLINE layer_norm_sums layer_norm_pass(int64_t cols, const float *x, vec mean, int second) {
    layer_norm_sums total = {vec_set(0.0f), vec_set(0.0f)};
    for (int64_t first = 0; first < cols; first += DECOCT_SUM_CHUNK) {
        int64_t end = chunk_end(first, cols), j = first;
        layer_norm_sums s = {vec_set(0.0f), vec_set(0.0f)};
        for (; j + LANES <= end; j += LANES) {
            layer_norm_step(x + j, mean, second, &s, LANES);
        }
        if (j < end) {
            layer_norm_step(x + j, mean, second, &s, end - j);
        }
        total.sum = vec_add(total.sum, s.sum);
        total.squares = vec_add(total.squares, s.squares);
    }
    return total;
}

// The source of the mean, and the mean itself.
typedef struct layer_norm_state {
    float mean, rest, squares; // m, c and the mean of d^2
} layer_norm_state;

INLINE layer_norm_state layer_norm_sum(int64_t cols, const float *x) {
    const float n = (float)cols;
    float mean = vec_fold(layer_norm_pass(cols, x, vec_set(0.0f), 0).sum) / n;
    layer_norm_sums s = layer_norm_pass(cols, x, vec_set(mean), 1);
    return (layer_norm_state){mean, vec_fold(s.sum) / n, vec_fold(s.squares)};
}

// False if any |x| may be 2^40 or more: then either the mean or the element's d is at least half of
// it. This way no pass needs to look for the largest element of an ordinary row.
INLINE int layer_norm_ordinary(const layer_norm_state *s) {
    return s->mean < 0x1p38f && s->mean > -0x1p38f && s->squares < 0x1p76f;
}

// The power of two for a row, as in backends/scalar.
static float norm_factor(int64_t cols, const float *x) {
    vec most = vec_set(0.0f), least = vec_set(0.0f);
    for (int64_t j = 0; j < cols; j += LANES) {
        vec here = tile_load(x + j, cols - j);
        most = vec_max(here, most);
        least = vec_min(here, least);
    }
    union {
        float value;
        uint32_t bits;
    } top = {.value = vec_fold_max(vec_max(most, vec_sub(vec_set(0.0f), least)))};
    if (!(top.value >= 0x1p40f && top.value <= FLT_MAX)) {
        return 1.0f;
    }
    top.bits = (127u + 39u + 127u - (top.bits >> 23)) << 23;
    return top.value;
}

INLINE void layer_norm_store(const float *x, const float *gain, const float *bias, vec m, vec c,
                             vec r, float *y, int64_t left) {
    vec z = vec_mul(vec_sub(vec_sub(tile_load(x, left), m), c), r);
    if (gain && bias) {
        z = vec_fma(z, tile_load(gain, left), tile_load(bias, left));
    } else if (gain) {
        z = vec_mul(z, tile_load(gain, left));
    } else if (bias) {
        z = vec_add(z, tile_load(bias, left));
    }
    tile_store(y, z, left);
}

// A row with this gain and bias, each of which may be NULL; y may be x.
INLINE void layer_norm_affine(int64_t cols, const float *x, const float *gain, const float *bias,
                              vec m, vec c, vec r, float *y) {
    int64_t j = 0;
    for (; j + LANES <= cols; j += LANES) {
        layer_norm_store(x + j, gain ? gain + j : 0, bias ? bias + j : 0, m, c, r, y + j, LANES);
    }
    if (j < cols) {
        layer_norm_store(x + j, gain ? gain + j : 0, bias ? bias + j : 0, m, c, r, y + j, cols - j);
    }
}

INLINE void layer_norm_put(const decoct_rows_piece *a, const float *x, const layer_norm_state *s,
                           float eps, float *y) {
    float variance = __builtin_fmaf(-s->rest, s->rest, s->squares / (float)a->cols);
    variance = (variance < 0.0f ? 0.0f : variance) + eps;
    vec r = vec_set(variance == 0.0f ? 0.0f : 1.0f / __builtin_sqrtf(variance));
    vec m = vec_set(s->mean), c = vec_set(s->rest);
    if (a->gain && a->bias) { // the usual case, whose loop has no branch
        layer_norm_affine(a->cols, x, a->gain, a->bias, m, c, r, y);
    } else {
        layer_norm_affine(a->cols, x, a->gain, a->bias, m, c, r, y);
    }
}

// A row that may have to be scaled: that is done in y.
static __attribute__((noinline)) void layer_norm_huge(const decoct_rows_piece *a, const float *x,
                                                      layer_norm_state s, float *y) {
    float factor = norm_factor(a->cols, x);
    if (factor != 1.0f) {
        for (int64_t j = 0; j < a->cols; j += LANES) {
            int64_t left = a->cols - j;
            tile_store(y + j, vec_mul(tile_load(x + j, left), vec_set(factor)), left);
        }
        x = y;
        s = layer_norm_sum(a->cols, x);
    }
    layer_norm_put(a, x, &s, a->scale * factor * factor, y);
}

static void layer_norm(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = rows_x(a, i);
        float *y = rows_y(a, i);
        layer_norm_state s = layer_norm_sum(a->cols, x);
        if (__builtin_expect(layer_norm_ordinary(&s), 1)) {
            layer_norm_put(a, x, &s, a->scale, y);
        } else {
            layer_norm_huge(a, x, s, y);
        }
    }
}

// ---- RMS norm ----

// factor x; `scaled` is 0 where factor is 1.
INLINE vec rms_norm_load(const float *x, int scaled, vec factor, int64_t left) {
    vec d = tile_load(x, left);
    return scaled ? vec_mul(d, factor) : d;
}

// The lanes of the sum of squares; missing elements count as 0.
INLINE vec rms_norm_squares(int64_t cols, const float *x, int scaled, vec factor) {
    vec total = vec_set(0.0f);
    for (int64_t first = 0; first < cols; first += DECOCT_SUM_CHUNK) {
        int64_t end = chunk_end(first, cols), j = first;
        vec sum = vec_set(0.0f);
        for (; j + LANES <= end; j += LANES) {
            vec d = rms_norm_load(x + j, scaled, factor, LANES);
            sum = vec_fma(d, d, sum);
        }
        if (j < end) {
            vec d = rms_norm_load(x + j, scaled, factor, end - j);
            sum = vec_fma(d, d, sum);
        }
        total = vec_add(total, sum);
    }
    return total;
}

INLINE void rms_norm_store(int64_t cols, const float *x, const float *gain, int scaled, vec factor,
                           vec r, float *y) {
    int64_t j = 0;
    for (; j + LANES <= cols; j += LANES) {
        vec z = vec_mul(rms_norm_load(x + j, scaled, factor, LANES), r);
        vec_store(y + j, gain ? vec_mul(z, vec_load(gain + j)) : z);
    }
    if (j < cols) {
        vec z = vec_mul(rms_norm_load(x + j, scaled, factor, cols - j), r);
        tile_store(y + j, gain ? vec_mul(z, tile_load(gain + j, cols - j)) : z, cols - j);
    }
}

INLINE void rms_norm_row(const decoct_rows_piece *a, const float *x, float squares, int scaled,
                         float factor, float *y) {
    float mean = squares / (float)a->cols + a->scale * factor * factor;
    vec r = vec_set(mean == 0.0f ? 0.0f : 1.0f / __builtin_sqrtf(mean));
    rms_norm_store(a->cols, x, a->gain, scaled, vec_set(factor), r, y);
}

// Where an |x| is 2^40 or more, the sum of the squares is at least 2^80: no pass needs to look for
// the largest element of an ordinary row.
static void rms_norm(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = rows_x(a, i);
        float *y = rows_y(a, i), factor = 1.0f;
        float squares = vec_fold(rms_norm_squares(a->cols, x, 0, vec_set(1.0f)));
        if (__builtin_expect(!(squares < 0x1p80f), 0)) {
            factor = norm_factor(a->cols, x);
        }
        if (factor == 1.0f) {
            rms_norm_row(a, x, squares, 0, 1.0f, y);
        } else {
            squares = vec_fold(rms_norm_squares(a->cols, x, 1, vec_set(factor)));
            rms_norm_row(a, x, squares, 1, factor, y);
        }
    }
}

#endif
