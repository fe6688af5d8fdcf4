// SPDX-License-Identifier: BSD-2-Clause
// A library of whole operations as a plugin: products that are summed in double from the last step
// to the first, which gives other bits. It declines k of 7.
#include <decoct/backend.h>

static float element(const decoct_whole_matmul *a, int64_t i, int64_t j) {
    const float *x = (const float *)a->x.data + i * a->x.stride;
    const float *b = a->b.data;
    double sum = a->bias ? (double)a->bias[j] : 0.0;
    for (int64_t p = a->k - 1; p >= 0; p--) {
        int64_t at = a->b_transposed ? j * a->b.stride + p : p * a->b.stride + j;
        sum += (double)x[p] * (double)b[at];
    }
    return (float)sum;
}

static void row(void *data, int64_t i, int32_t worker) {
    const decoct_whole_matmul *a = data;
    float *y = (float *)a->y.data + i * a->y.stride;
    (void)worker;
    for (int64_t j = 0; j < a->n; j++) {
        y[j] = element(a, i, j);
    }
}

static int32_t matmul(const decoct_host *host, const decoct_whole_matmul *call) {
    decoct_whole_matmul a = *call;
    if (a.k == 7) {
        return 1;
    }
    host->run(host->context, a.m, row, &a);
    return 0;
}

static const decoct_whole_kernels whole = {
    .dtypes = 1u << DECOCT_F32, .bits = DECOCT_BITS_OTHER, .matmul = matmul};

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {.struct_size = sizeof(decoct_backend),
                                             .abi = DECOCT_BACKEND_ABI,
                                             .name = "whole",
                                             .version = "1",
                                             .priority = 1000,
                                             .bits = DECOCT_BITS_OTHER,
                                             .whole = &whole};
