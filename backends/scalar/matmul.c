// SPDX-License-Identifier: BSD-2-Clause
// The matrix product, by definition.
#include "scalar.h"

enum { PANEL = 16 };

// y = x w for w of one type. Each stored number becomes an f32, then all types are alike.
static inline void multiply(const decoct_matmul_piece *a, decoct_dtype dtype) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = (const float *)a->x.data + i * a->x.stride;
        float *y = (float *)a->y.data + i * a->y.stride;
        for (int64_t j = 0; j < a->cols; j++) {
            const void *panel = (const char *)a->w + j / PANEL * a->w_stride;
            float sum = a->accumulate ? y[j] : 0.0f;
            for (int64_t p = 0; p < a->k; p++) {
                sum = fmaf(x[p], decoct_reference_load(dtype, panel, p * PANEL + j % PANEL), sum);
            }
            y[j] = a->bias ? sum + a->bias[j] : sum;
        }
    }
}

static void matmul_f32(const decoct_matmul_piece *a) {
    multiply(a, DECOCT_F32);
}

static void matmul_f16(const decoct_matmul_piece *a) {
    multiply(a, DECOCT_F16);
}

static void matmul_bf16(const decoct_matmul_piece *a) {
    multiply(a, DECOCT_BF16);
}

// Numbers of `size` bytes; what does not exist is 0.
static inline void pack(const decoct_pack_piece *a, size_t size) {
    const char *w = a->w;
    char *panel = a->panel;
    for (int64_t p = 0; p < a->k; p++) {
        for (int64_t j = 0; j < PANEL; j++, panel += size) {
            if (j < a->cols) {
                memcpy(panel, w + (p * a->row_stride + j * a->col_stride) * (int64_t)size, size);
            } else {
                memset(panel, 0, size);
            }
        }
    }
}

static void pack_32(const decoct_pack_piece *a) {
    pack(a, 4);
}

static void pack_16(const decoct_pack_piece *a) {
    pack(a, 2);
}

#define SIZES .panel_cols = PANEL, .tile_rows = 1, .n_block = 64, .m_block = 64
static const decoct_matmul_kernel matmul_list[] = {
    {SIZES, .run = matmul_f32, .pack = pack_32},
    {SIZES, .w_dtype = DECOCT_F16, .run = matmul_f16, .pack = pack_16},
    {SIZES, .w_dtype = DECOCT_BF16, .run = matmul_bf16, .pack = pack_16},
};
const decoct_matmul_kernels backend_matmul = DECOCT_KERNELS(matmul_list);
