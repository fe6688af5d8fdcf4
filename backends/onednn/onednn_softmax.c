// SPDX-License-Identifier: BSD-2-Clause
// Softmax of oneDNN, which has no scale: the rows are scaled into y first. A row in which no number
// is larger than -inf is NaN there and 0 by definition: such calls are left to kernels.
#include "onednn.h"

#include "whole/split.h"

#include <math.h>

enum { PART = 1 << 14 }; // numbers that one task works on

typedef struct softmax {
    const decoct_rows_piece *piece;
    int64_t part;                   // rows of one task
    onednn_primitive primitives[2]; // of that number of rows, and of the last ones; of single rows
    bool dense;                     // no gaps between rows: a part is one call
} softmax;

static const float *x_row(const decoct_rows_piece *a, int64_t i) {
    return (const float *)a->x.data + i * a->x.stride;
}

static float *y_row(const decoct_rows_piece *a, int64_t i) {
    return (float *)a->y.data + i * a->y.stride;
}

// Usually the first number decides.
static bool has_empty_row(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        int64_t j = 0;
        while (j < a->cols && x[j] * a->scale == -INFINITY) {
            j++;
        }
        if (j == a->cols) {
            return true;
        }
    }
    return false;
}

static bool make(int64_t rows, int64_t cols, onednn_primitive *out) {
    dnnl_memory_desc_t layout;
    dnnl_softmax_desc_t operation;
    return onednn_matrix(rows, cols, cols, &layout) &&
           onednn.softmax(&operation, dnnl_forward_inference, &layout, 1) == dnnl_success &&
           onednn_make(&operation, out);
}

// Where memory is short.
static void run_plain(const float *x, int64_t cols, float *y) {
    float max = -INFINITY, sum = 0.0f;
    for (int64_t j = 0; j < cols; j++) {
        max = max > x[j] ? max : x[j];
    }
    for (int64_t j = 0; j < cols; j++) {
        y[j] = expf(x[j] - max);
        sum += y[j];
    }
    for (int64_t j = 0; j < cols; j++) {
        y[j] /= sum;
    }
}

// Adjacent rows, or a single one.
static void run_rows(const softmax *s, int64_t first, int64_t rows, const onednn_primitive *p) {
    const decoct_rows_piece *a = s->piece;
    dnnl_memory_desc_t layout;
    const float *x = x_row(a, first);
    float *y = y_row(a, first);
    for (int64_t i = 0; a->scale != 1.0f && i < rows * a->cols; i++) {
        y[i] = x[i] * a->scale;
    }
    x = a->scale != 1.0f ? y : x;
    const onednn_operand operands[] = {{DNNL_ARG_SRC, x, &layout}, {DNNL_ARG_DST, y, &layout}};
    if (onednn_matrix(rows, a->cols, a->cols, &layout) && onednn_run(p, operands, 2)) {
        return;
    }
    for (int64_t i = 0; i < rows; i++) {
        run_plain(x + i * a->cols, a->cols, y + i * a->cols);
    }
}

static void run_part(void *data, int64_t index, int32_t worker) {
    softmax *s = data;
    int64_t first = index * s->part, rows = whole_smaller(s->part, s->piece->rows - first);
    (void)worker;
    if (s->dense) {
        run_rows(s, first, rows, &s->primitives[rows < s->part]);
    }
    for (int64_t i = 0; i < rows && !s->dense; i++) {
        run_rows(s, first + i, 1, &s->primitives[0]);
    }
}

int32_t onednn_rows(const decoct_host *host, decoct_op op, const decoct_rows_piece *call) {
    if (op != DECOCT_OP_SOFTMAX || has_empty_row(call)) {
        return 1;
    }
    softmax s = {.piece = call, .part = call->cols < PART ? PART / call->cols : 1};
    int64_t last = call->rows % s.part;
    s.dense = call->x.stride == call->cols && call->y.stride == call->cols;
    bool well = s.dense ? (call->rows < s.part || make(s.part, call->cols, &s.primitives[0])) &&
                              (last == 0 || make(last, call->cols, &s.primitives[1]))
                        : make(1, call->cols, &s.primitives[0]);
    if (well) {
        host->run(host->context, (call->rows + s.part - 1) / s.part, run_part, &s);
    }
    onednn_free(&s.primitives[0]);
    onednn_free(&s.primitives[1]);
    return !well;
}
