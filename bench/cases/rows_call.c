// SPDX-License-Identifier: BSD-2-Clause
#include "rows_call.h"

// Functions that a library to be compared may not have yet.
#pragma weak decoct_rows

static decoct_status call_any(decoct_context *ctx, const decoct_rows_args *a) {
    return decoct_rows ? decoct_rows(ctx, a) : DECOCT_E_UNSUPPORTED;
}

decoct_status rows_call(decoct_context *ctx, const decoct_rows_args *a) {
    const float *x = a->x;
    if (a->x_dtype != DECOCT_F32) {
        return call_any(ctx, a);
    }
    switch (a->op) {
    case DECOCT_OP_SOFTMAX:
        return decoct_softmax(ctx, a->rows, a->cols, a->scale, x, a->x_stride, a->y, a->y_stride);
    case DECOCT_OP_LAYER_NORM:
        return decoct_layer_norm(ctx, a->rows, a->cols, a->eps, a->gain, a->bias, x, a->x_stride,
                                 a->y, a->y_stride);
    case DECOCT_OP_GELU:
        return decoct_gelu(ctx, a->form, a->rows, a->cols, x, a->x_stride, a->y, a->y_stride);
    case DECOCT_OP_ADD:
        return decoct_add(ctx, a->rows, a->cols, x, a->x_stride, a->y, a->y_stride);
    case DECOCT_OP_BIAS: // in place
        return x == a->y ? decoct_bias(ctx, a->rows, a->cols, a->bias, a->y, a->y_stride)
                         : call_any(ctx, a);
    case DECOCT_OP_EMBEDDING:
        return decoct_embedding(ctx, a->rows, a->cols, a->ids, x, a->table_rows, a->x_stride, a->y,
                                a->y_stride);
    default:
        return call_any(ctx, a);
    }
}
