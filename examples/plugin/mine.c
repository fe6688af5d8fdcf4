// SPDX-License-Identifier: BSD-2-Clause
#include <decoct/backend.h>

static void add(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = (const float *)a->x.data + i * a->x.stride;
        float *y = (float *)a->y.data + i * a->y.stride;
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] += x[j];
        }
    }
}

static const decoct_rows_kernel list[] = {[DECOCT_OP_ADD] = {.run = add}};
static const decoct_rows_kernels rows = DECOCT_KERNELS(list);

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {
    .struct_size = sizeof(decoct_backend),
    .abi = DECOCT_BACKEND_ABI,
    .name = "mine",
    .version = "1",
    .cpu_features = 0, /* DECOCT_CPU_AVX2 | DECOCT_CPU_FMA, ... */
    .priority = 1000,  /* avx512 has 300, avx2 200, neon 100 */
    .rows = &rows,
};
