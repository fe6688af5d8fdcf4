// SPDX-License-Identifier: BSD-2-Clause
// Row kernels over the 16 lanes.
#include "sheet.h" // of the ISA that this is compiled for

#include "kernels.h"
#include "layer_norm.h"
#include "rows.h"
#include "softmax.h"

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
    if (form == DECOCT_GELU_TANH) {
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
        const float *x = rows_x(a, i);
        float *y = rows_y(a, i);
        int64_t j = 0;
        for (; j + EXP_VECS * LANES <= a->cols; j += EXP_VECS * LANES) {
            gelu_step(EXP_VECS, x + j, a->form, y + j, LANES);
        }
        for (; j < a->cols; j += LANES) {
            gelu_step(1, x + j, a->form, y + j, a->cols - j);
        }
    }
}

// ---- SiLU ----

INLINE void silu_step(int count, const float *x, const float *up, float *y, int64_t left) {
    vec v[EXP_VECS], e[EXP_VECS];
    UNROLL
    for (int i = 0; i < count; i++) {
        v[i] = vec_max(vec_set(-FLT_MAX), tile_load(x + i * LANES, left)); // NaN passes through
        e[i] = vec_sub(vec_set(0.0f), v[i]);
    }
    vec_exp_all(count, e);
    UNROLL
    for (int i = 0; i < count; i++) {
        v[i] = vec_div(v[i], vec_add(vec_set(1.0f), e[i]));
        v[i] = up ? vec_mul(v[i], tile_load(up + i * LANES, left)) : v[i];
        tile_store(y + i * LANES, v[i], left);
    }
}

static void silu(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = rows_x(a, i), *up = a->up.data;
        float *y = rows_y(a, i);
        int64_t j = 0;
        up = up ? up + i * a->up.stride : 0;
        for (; j + EXP_VECS * LANES <= a->cols; j += EXP_VECS * LANES) {
            silu_step(EXP_VECS, x + j, up ? up + j : 0, y + j, LANES);
        }
        for (; j < a->cols; j += LANES) {
            silu_step(1, x + j, up ? up + j : 0, y + j, a->cols - j);
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
        float *y = rows_y(a, i);
        add_rows(a->cols, y, rows_x(a, i), y);
    }
}

static void bias(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        add_rows(a->cols, rows_x(a, i), a->bias, rows_y(a, i));
    }
}

static void embedding(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *from = rows_x(a, a->ids[i]);
        float *y = rows_y(a, i);
        for (int64_t j = 0; j < a->cols; j += LANES) {
            tile_store(y + j, tile_load(from + j, a->cols - j), a->cols - j);
        }
    }
}

INLINE void axpby_step(const decoct_rows_piece *a, const float *x, const float *bias, float *y,
                       int64_t left) {
    vec sum = vec_mul(vec_set(a->scale), tile_load(x, left));
    if (a->beta != 0.0f) {
        vec before = vec_mul(vec_set(a->beta), tile_load(y, left));
        sum = vec_fma(vec_set(a->scale), tile_load(x, left), before);
    }
    tile_store(y, bias ? vec_add(sum, tile_load(bias, left)) : sum, left);
}

static void axpby(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = rows_x(a, i);
        float *y = rows_y(a, i);
        int64_t j = 0;
        for (; j + LANES <= a->cols; j += LANES) {
            axpby_step(a, x + j, a->bias ? a->bias + j : 0, y + j, LANES);
        }
        if (j < a->cols) {
            axpby_step(a, x + j, a->bias ? a->bias + j : 0, y + j, a->cols - j);
        }
    }
}

static const decoct_rows_kernel rows_list[] = {
    [DECOCT_OP_SOFTMAX] = {.run = softmax},   [DECOCT_OP_LAYER_NORM] = {.run = layer_norm},
    [DECOCT_OP_GELU] = {.run = gelu},         [DECOCT_OP_ADD] = {.run = add},
    [DECOCT_OP_BIAS] = {.run = bias},         [DECOCT_OP_EMBEDDING] = {.run = embedding},
    [DECOCT_OP_AXPBY] = {.run = axpby},       [DECOCT_OP_LOG_SOFTMAX] = {.run = log_softmax},
    [DECOCT_OP_RMS_NORM] = {.run = rms_norm}, [DECOCT_OP_SILU] = {.run = silu},
};
const decoct_rows_kernels backend_rows = DECOCT_KERNELS(rows_list);
