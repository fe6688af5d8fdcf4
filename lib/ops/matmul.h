// SPDX-License-Identifier: BSD-2-Clause
// Matrix product inside the library: decoct_matmul without entering the context.
#ifndef DCT_MATMUL_H
#define DCT_MATMUL_H

#include "weights.h"

// y (m, n) = x (m, k) w + bias; shapes were checked.
void dct_linear(decoct_context *ctx, const decoct_weights *w, const float *bias, int64_t m,
                const float *x, int64_t x_stride, float *y, int64_t y_stride);

#endif
