// SPDX-License-Identifier: BSD-2-Clause
// Row kernels over the 16 lanes.
#include "sheet.h" // of the ISA that this is compiled for

#include "erf.h"
#include "kernels.h"
#include "layer_norm.h"
#include "rotary.h"
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

// The first `cols` of 16 numbers from number i of a table on, the others 0.
INLINE vec embedding_load(decoct_dtype dtype, const void *table, int64_t i, int64_t cols) {
    if (dtype == DECOCT_F32) {
        return tile_load((const float *)table + i, cols);
    }
    const uint16_t *from = (const uint16_t *)table + i;
    uint16_t part[LANES] = {0};
    if (cols < LANES) {
        for (int64_t j = 0; j < cols; j++) {
            part[j] = from[j];
        }
        from = part;
    }
    return dtype == DECOCT_F16 ? vec_load_f16(from) : vec_load_bf16(from);
}

INLINE void embedding_of(decoct_dtype dtype, const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const int64_t first = a->ids[i] * a->x.stride;
        float *y = rows_y(a, i);
        int64_t j = 0;
        for (; j + LANES <= a->cols; j += LANES) {
            vec_store(y + j, embedding_load(dtype, a->x.data, first + j, LANES));
        }
        if (j < a->cols) {
            const int64_t left = a->cols - j;
            tile_store(y + j, embedding_load(dtype, a->x.data, first + j, left), left);
        }
    }
}

static void embedding(const decoct_rows_piece *a) {
    if (a->x.dtype == DECOCT_F16) {
        embedding_of(DECOCT_F16, a);
    } else if (a->x.dtype == DECOCT_BF16) {
        embedding_of(DECOCT_BF16, a);
    } else {
        embedding_of(DECOCT_F32, a);
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

enum { ANY_DTYPE = 1 << DECOCT_F32 | 1 << DECOCT_F16 | 1 << DECOCT_BF16 };

static const decoct_rows_kernel rows_list[] = {
    [DECOCT_OP_SOFTMAX] = {.run = softmax},
    [DECOCT_OP_LAYER_NORM] = {.run = layer_norm},
    [DECOCT_OP_GELU] = {.run = gelu},
    [DECOCT_OP_ADD] = {.run = add},
    [DECOCT_OP_BIAS] = {.run = bias},
    [DECOCT_OP_EMBEDDING] = {.run = embedding, .x_dtypes = ANY_DTYPE, .cpu_features = F16_FEATURES},
    [DECOCT_OP_AXPBY] = {.run = axpby},
    [DECOCT_OP_LOG_SOFTMAX] = {.run = log_softmax},
    [DECOCT_OP_RMS_NORM] = {.run = rms_norm},
    [DECOCT_OP_SILU] = {.run = silu},
    [DECOCT_OP_ROTARY] = {.run = rotary},
};
const decoct_rows_kernels backend_rows = DECOCT_KERNELS(rows_list);
