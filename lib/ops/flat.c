// SPDX-License-Identifier: BSD-2-Clause
// The operations on rows as flat calls, which other languages bind most easily: each fills the
// struct of decoct_rows.
#include "core/context.h"

decoct_status decoct_softmax(decoct_context *ctx, int64_t rows, int64_t cols, float scale,
                             const float *x, int64_t x_stride, float *y, int64_t y_stride) {
    return decoct_rows(ctx, &(decoct_rows_args){.struct_size = sizeof(decoct_rows_args),
                                                .op = DECOCT_OP_SOFTMAX,
                                                .rows = rows,
                                                .cols = cols,
                                                .x = x,
                                                .x_stride = x_stride,
                                                .y = y,
                                                .y_stride = y_stride,
                                                .scale = scale});
}

decoct_status decoct_layer_norm(decoct_context *ctx, int64_t rows, int64_t cols, float eps,
                                const float *gain, const float *bias, const float *x,
                                int64_t x_stride, float *y, int64_t y_stride) {
    return decoct_rows(ctx, &(decoct_rows_args){.struct_size = sizeof(decoct_rows_args),
                                                .op = DECOCT_OP_LAYER_NORM,
                                                .rows = rows,
                                                .cols = cols,
                                                .x = x,
                                                .x_stride = x_stride,
                                                .y = y,
                                                .y_stride = y_stride,
                                                .gain = gain,
                                                .bias = bias,
                                                .eps = eps});
}

decoct_status decoct_gelu(decoct_context *ctx, int32_t form, int64_t rows, int64_t cols,
                          const float *x, int64_t x_stride, float *y, int64_t y_stride) {
    return decoct_rows(ctx, &(decoct_rows_args){.struct_size = sizeof(decoct_rows_args),
                                                .op = DECOCT_OP_GELU,
                                                .rows = rows,
                                                .cols = cols,
                                                .x = x,
                                                .x_stride = x_stride,
                                                .y = y,
                                                .y_stride = y_stride,
                                                .form = form});
}

decoct_status decoct_add(decoct_context *ctx, int64_t rows, int64_t cols, const float *x,
                         int64_t x_stride, float *y, int64_t y_stride) {
    return decoct_rows(ctx, &(decoct_rows_args){.struct_size = sizeof(decoct_rows_args),
                                                .op = DECOCT_OP_ADD,
                                                .rows = rows,
                                                .cols = cols,
                                                .x = x,
                                                .x_stride = x_stride,
                                                .y = y,
                                                .y_stride = y_stride});
}

decoct_status decoct_bias(decoct_context *ctx, int64_t rows, int64_t cols, const float *bias,
                          float *y, int64_t y_stride) {
    return decoct_rows(ctx, &(decoct_rows_args){.struct_size = sizeof(decoct_rows_args),
                                                .op = DECOCT_OP_BIAS,
                                                .rows = rows,
                                                .cols = cols,
                                                .x = y,
                                                .x_stride = y_stride,
                                                .y = y,
                                                .y_stride = y_stride,
                                                .bias = bias});
}

decoct_status decoct_embedding(decoct_context *ctx, int64_t rows, int64_t cols, const int32_t *ids,
                               const float *table, int64_t table_rows, int64_t table_stride,
                               float *y, int64_t y_stride) {
    return decoct_rows(ctx, &(decoct_rows_args){.struct_size = sizeof(decoct_rows_args),
                                                .op = DECOCT_OP_EMBEDDING,
                                                .rows = rows,
                                                .cols = cols,
                                                .x = table,
                                                .x_stride = table_stride,
                                                .y = y,
                                                .y_stride = y_stride,
                                                .ids = ids,
                                                .table_rows = table_rows});
}
