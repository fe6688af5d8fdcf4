// SPDX-License-Identifier: BSD-2-Clause
// A backend as a vendor would write it: one file, one header, kernels only for some operations.
// Built with VENDOR_WRONG its second kernel is wrong; with VENDOR_LATE its first one is, but only
// in rows of a length that the entrance exam does not try; with VENDOR_ABI it has another ABI.
#include <decoct/backend.h>

#ifndef VENDOR_LATE
#define VENDOR_LATE 0
#endif

static void add(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = (const float *)a->x.data + i * a->x.stride;
        float *y = (float *)a->y.data + i * a->y.stride;
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] += x[j];
        }
        if (VENDOR_LATE && a->cols > 64 && a->cols % 64 == 0) {
            y[100] += 0x1p-18f;
        }
    }
}

static void bias(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = (const float *)a->x.data + i * a->x.stride;
        float *y = (float *)a->y.data + i * a->y.stride;
        for (int64_t j = 0; j < a->cols; j++) {
            float sum = x[j] + a->bias[j];
            y[j] = VENDOR_WRONG && i == 3 ? sum + 0x1p-20f : sum;
        }
    }
}

static const decoct_rows_kernel list[] = {
    [DECOCT_OP_ADD] = {.run = add},
    [DECOCT_OP_BIAS] = {.run = bias},
};
static const decoct_rows_kernels rows = DECOCT_KERNELS(list);

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {
    .struct_size = sizeof(decoct_backend),
    .abi = VENDOR_ABI,
    .name = "vendor",
    .version = "7",
    .priority = 1000,
    .rows = &rows,
};
