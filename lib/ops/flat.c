// SPDX-License-Identifier: BSD-2-Clause
// Operations as flat calls, which other languages bind most easily: each fills the struct of
// decoct_rows, decoct_matmul or decoct_attention.
#include "core/context.h"

// ---- Operations on rows ----

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

// ---- Products and attention ----

decoct_status decoct_matmul_dense(decoct_context *ctx, int64_t m, int64_t n, int64_t k,
                                  const float *x, const float *b, int32_t b_transposed,
                                  const float *bias, float *y) {
    return decoct_matmul(ctx, &(decoct_matmul_args){.struct_size = sizeof(decoct_matmul_args),
                                                    .b_transposed = b_transposed,
                                                    .m = m,
                                                    .n = n,
                                                    .k = k,
                                                    .x = x,
                                                    .b = b,
                                                    .bias = bias,
                                                    .y = y});
}

decoct_status decoct_attention_dense(decoct_context *ctx, int64_t batch, int64_t heads,
                                     int64_t kv_heads, int64_t q_len, int64_t kv_len,
                                     int64_t head_dim, int32_t causal, const float *q,
                                     const float *k, const float *v, float *out) {
    // Lengths that no memory has are refused with any offset; this one might not fit.
    const int64_t most = INT64_MAX / 4;
    bool offset = causal && q_len >= 0 && q_len <= most && kv_len >= 0 && kv_len <= most;
    return decoct_attention(ctx,
                            &(decoct_attention_args){.struct_size = sizeof(decoct_attention_args),
                                                     .causal = causal,
                                                     .batch = batch,
                                                     .heads = heads,
                                                     .kv_heads = kv_heads,
                                                     .q_len = q_len,
                                                     .kv_len = kv_len,
                                                     .head_dim = head_dim,
                                                     .q_offset = offset ? kv_len - q_len : 0,
                                                     .q = q,
                                                     .k = k,
                                                     .v = v,
                                                     .out = out});
}
