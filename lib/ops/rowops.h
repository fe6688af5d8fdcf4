// SPDX-License-Identifier: BSD-2-Clause
// Operations on rows inside the library, once shapes were checked.
#ifndef DCT_ROWOPS_H
#define DCT_ROWOPS_H

#include "core/context.h"

// Shares the rows of a piece out between the threads. Strides, types and operands must be set.
void dct_rows(decoct_context *ctx, decoct_op op, const decoct_rows_piece *piece);

// Dense rows of f32.
void dct_layer_norm(decoct_context *ctx, int64_t rows, int64_t cols, float eps, const float *gain,
                    const float *bias, const float *x, float *y);
void dct_gelu(decoct_context *ctx, int32_t form, int64_t rows, int64_t cols, float *y);
void dct_residual(decoct_context *ctx, int64_t rows, int64_t cols, const float *x, float *y);
void dct_embedding(decoct_context *ctx, int64_t rows, int64_t cols, const int32_t *ids,
                   const float *table, float *y);

#endif
