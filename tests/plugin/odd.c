// SPDX-License-Identifier: BSD-2-Clause
// Plugins that are unusual in one way each (-DODD_...=1): a table of an older and shorter header, a
// CPU that is not here, one that refuses itself, a matmul that names no sizes for its blocks, and
// one whose m_block is no multiple of its tile and that gives nonsense if it is handed more.
#include <decoct/backend.h>
#include <stddef.h>

#ifndef ODD_SHORT
#define ODD_SHORT 0
#endif
#ifndef ODD_FEATURES
#define ODD_FEATURES 0
#endif
#ifndef ODD_REFUSES
#define ODD_REFUSES 0
#endif
#ifndef ODD_SIZES
#define ODD_SIZES 0
#endif
#ifndef ODD_BLOCKS
#define ODD_BLOCKS 0
#endif

enum { PANEL = 16, M_BLOCK = 10, K_BLOCK = 32 };

// The definition, slowly.
static void run(const decoct_matmul_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            const float *w = a->w + j / PANEL * a->panel_stride + j % PANEL;
            float *y = a->y + i * a->y_stride + j;
            float sum = a->accumulate ? *y : 0.0f;
            for (int64_t p = 0; p < a->k; p++) {
                sum = __builtin_fmaf(a->x[i * a->x_stride + p], w[p * PANEL], sum);
            }
            *y = a->bias ? sum + a->bias[j] : sum;
            if (ODD_BLOCKS && (a->rows > M_BLOCK || a->k > K_BLOCK)) {
                *y = -1e30f;
            }
        }
    }
}

static void pack(int64_t k, int64_t cols, const float *w, int64_t row_stride, int64_t col_stride,
                 float *panel) {
    for (int64_t p = 0; p < k; p++) {
        for (int64_t j = 0; j < PANEL; j++) {
            panel[p * PANEL + j] = j < cols ? w[p * row_stride + j * col_stride] : 0.0f;
        }
    }
}

static void add(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            a->y[i * a->y_stride + j] += a->x[i * a->x_stride + j];
        }
    }
}

// Must not be reached where the CPU lacks what the table asks for.
static int32_t usable(void) {
    if (ODD_FEATURES) {
        __builtin_trap();
    }
    return !ODD_REFUSES;
}

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {
    .struct_size = ODD_SHORT ? offsetof(decoct_backend, add) : sizeof(decoct_backend),
    .abi = DECOCT_BACKEND_ABI,
    .name = "odd",
    .version = "1",
    .cpu_features = ODD_FEATURES ? ~UINT64_C(0) : 0,
    .priority = 900,
    .usable = usable,
    .matmul = {.panel_cols = PANEL,
               .tile_rows = ODD_SIZES    ? 0
                            : ODD_BLOCKS ? 4
                                         : 1,
               .m_block = ODD_BLOCKS ? M_BLOCK : 0,
               .k_block = ODD_BLOCKS ? K_BLOCK : 0,
               .run = run,
               .pack = pack},
    .add = add,
};
