// SPDX-License-Identifier: BSD-2-Clause
// A plugin for vector registers of 256 bits alone: a product of f32 with the usual panels, one of
// bf16 with panels of 32 columns, and a whole product. The last two have no substitute on a thread
// of another length.
#include <decoct/backend.h>
#include <string.h>

enum { USUAL = 16, WIDE = 32 };

static float bf16_at(const void *data, int64_t i) {
    uint32_t bits = (uint32_t)((const uint16_t *)data)[i] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void multiply(const decoct_matmul_piece *a, int64_t panel, int bf16) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = (const float *)a->x.data + i * a->x.stride;
        float *y = (float *)a->y.data + i * a->y.stride;
        for (int64_t j = 0; j < a->cols; j++) {
            const void *w = (const char *)a->w + j / panel * a->w_stride;
            float sum = a->accumulate ? y[j] : 0.0f;
            for (int64_t p = 0; p < a->k; p++) {
                int64_t at = p * panel + j % panel;
                sum = __builtin_fmaf(x[p], bf16 ? bf16_at(w, at) : ((const float *)w)[at], sum);
            }
            y[j] = a->bias ? sum + a->bias[j] : sum;
        }
    }
}

static void pack(const decoct_pack_piece *a, int64_t panel, int64_t size) {
    for (int64_t p = 0; p < a->k; p++) {
        for (int64_t j = 0; j < panel; j++) {
            char *to = (char *)a->panel + (p * panel + j) * size;
            memset(to, 0, (size_t)size);
            if (j < a->cols) {
                const char *w = a->w;
                memcpy(to, w + (p * a->row_stride + j * a->col_stride) * size, (size_t)size);
            }
        }
    }
}

static void run_f32(const decoct_matmul_piece *a) {
    multiply(a, USUAL, 0);
}
static void pack_f32(const decoct_pack_piece *a) {
    pack(a, USUAL, sizeof(float));
}
static void run_bf16(const decoct_matmul_piece *a) {
    multiply(a, WIDE, 1);
}
static void pack_bf16(const decoct_pack_piece *a) {
    pack(a, WIDE, sizeof(uint16_t));
}

static int32_t whole_matmul(const decoct_host *host, const decoct_whole_matmul *call) {
    (void)host;
    (void)call;
    return 1;
}

static const decoct_matmul_kernel list[] = {
    {.panel_cols = USUAL, .run = run_f32, .pack = pack_f32},
    {.panel_cols = WIDE, .w_dtype = DECOCT_BF16, .run = run_bf16, .pack = pack_bf16},
};
static const decoct_matmul_kernels matmuls = DECOCT_KERNELS(list);
static const decoct_whole_kernels whole = {.dtypes = 1u << DECOCT_F32, .matmul = whole_matmul};

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {.struct_size = sizeof(decoct_backend),
                                             .abi = DECOCT_BACKEND_ABI,
                                             .name = "lengths",
                                             .version = "1",
                                             .cpu_features = DECOCT_CPU_SVE_256,
                                             .priority = 1000,
                                             .matmul = &matmuls,
                                             .whole = &whole};
