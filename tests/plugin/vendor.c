// SPDX-License-Identifier: BSD-2-Clause
// A backend as a vendor would write it: one file, one header, kernels for what it is good at.
// Built with VENDOR_WRONG its second kernel is wrong; with VENDOR_LATE its first one is, but only
// in rows of a length that the entrance exam does not try; with VENDOR_ABI it has another ABI.
#include <decoct/backend.h>

#ifndef VENDOR_LATE
#define VENDOR_LATE 0
#endif

static void add(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            a->y[i * a->y_stride + j] += a->x[i * a->x_stride + j];
        }
        if (VENDOR_LATE && a->cols > 64 && a->cols % 64 == 0) {
            a->y[i * a->y_stride + 100] += 0x1p-18f;
        }
    }
}

static void bias(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        for (int64_t j = 0; j < a->cols; j++) {
            float sum = a->x[i * a->x_stride + j] + a->bias[j];
            a->y[i * a->y_stride + j] = VENDOR_WRONG && i == 3 ? sum + 0x1p-20f : sum;
        }
    }
}

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {
    .struct_size = sizeof(decoct_backend),
    .abi = VENDOR_ABI,
    .name = "vendor",
    .version = "7",
    .priority = 1000,
    .add = add,
    .bias = bias,
};
