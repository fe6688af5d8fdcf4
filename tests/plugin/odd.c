// SPDX-License-Identifier: BSD-2-Clause
// Plugins that are unusual in one way each (-DODD_...=1): a table of an older and shorter header,
// one for another CPU, one that refuses itself, a matmul that names no sizes for its blocks, one
// whose m_block is not a multiple of its tile and that gives wrong results for more rows, one of
// other bits altogether (ODD_OTHER), one whose addition alone has other bits (ODD_MIXED), and one
// with products of types that no library knows (ODD_TYPES).
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
#ifndef ODD_OTHER
#define ODD_OTHER 0
#endif
#ifndef ODD_MIXED
#define ODD_MIXED 0
#endif
#ifndef ODD_TYPES
#define ODD_TYPES 0
#endif

enum { PANEL = 16, M_BLOCK = 10, K_BLOCK = 32, UNKNOWN = 99 };

// 1 - 2^-16: a result times this has other bits and is still the result.
#define NEARLY_1 0x0.ffffp0f

// The definition, slow.
static void run(const decoct_matmul_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            const float *x = (const float *)a->x.data + i * a->x.stride;
            const float *w = (const float *)((const char *)a->w + j / PANEL * a->w_stride);
            float *y = (float *)a->y.data + i * a->y.stride + j;
            float sum = a->accumulate ? *y : 0.0f;
            for (int64_t p = 0; p < a->k; p++) {
                sum = __builtin_fmaf(x[p], w[p * PANEL + j % PANEL], sum);
            }
            sum = a->bias ? sum + a->bias[j] : sum;
            *y = ODD_OTHER ? sum * NEARLY_1 : sum;
            if (ODD_BLOCKS && (a->rows > M_BLOCK || a->k > K_BLOCK)) {
                *y = -1e30f;
            }
        }
    }
}

static void pack(const decoct_pack_piece *a) {
    const float *w = a->w;
    float *panel = a->panel;
    for (int64_t p = 0; p < a->k; p++) {
        for (int64_t j = 0; j < PANEL; j++) {
            panel[p * PANEL + j] = j < a->cols ? w[p * a->row_stride + j * a->col_stride] : 0.0f;
        }
    }
}

static void add(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = (const float *)a->x.data + i * a->x.stride;
        float *y = (float *)a->y.data + i * a->y.stride;
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] = ODD_OTHER || ODD_MIXED ? (y[j] + x[j]) * NEARLY_1 : y[j] + x[j];
        }
    }
}

// Must not be reached if the CPU lacks what the table requires.
static int32_t usable(void) {
    if (ODD_FEATURES) {
        __builtin_trap();
    }
    return !ODD_REFUSES;
}

#if ODD_TYPES
// Must not be reached: nothing can ask for it.
static void run_unknown(const decoct_matmul_piece *a) {
    (void)a;
    __builtin_trap();
}
#endif

static const decoct_matmul_kernel matmul_list[] = {
#if ODD_TYPES
    {.w_dtype = UNKNOWN, .panel_cols = PANEL, .tile_rows = 1, .run = run_unknown, .pack = pack},
    {.sum = UNKNOWN, .panel_cols = PANEL, .tile_rows = 1, .run = run_unknown, .pack = pack},
#endif
    {.panel_cols = PANEL,
     .tile_rows = ODD_SIZES    ? 0
                  : ODD_BLOCKS ? 4
                               : 1,
     .m_block = ODD_BLOCKS || ODD_OTHER ? M_BLOCK : 0,
     .k_block = ODD_BLOCKS || ODD_OTHER ? K_BLOCK : 0,
     .run = run,
     .pack = pack}};
static const decoct_matmul_kernels matmul = DECOCT_KERNELS(matmul_list);

static const decoct_rows_kernel rows_list[] = {
    [DECOCT_OP_ADD] = {.run = add, .bits = ODD_MIXED ? DECOCT_BITS_OTHER : DECOCT_BITS_EXACT}};
static const decoct_rows_kernels rows = DECOCT_KERNELS(rows_list);

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {
    .struct_size = ODD_SHORT ? offsetof(decoct_backend, rows) : sizeof(decoct_backend),
    .abi = DECOCT_BACKEND_ABI,
    .name = "odd",
    .version = "1",
    .cpu_features = ODD_FEATURES ? ~UINT64_C(0) : 0,
    .priority = 900,
    .bits = ODD_OTHER ? DECOCT_BITS_OTHER : DECOCT_BITS_EXACT,
    .usable = usable,
    .matmul = &matmul,
    .rows = &rows,
};
