// SPDX-License-Identifier: BSD-2-Clause
// Softmax, layer norm, GELU, add, bias, embedding: checks, and rows shared out between the threads.
#include "rowops.h"

#include "core/border.h"
#include "core/overlap.h"
#include "machine/memory.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { CHUNK = 1 << 14 }; // elements of one piece of work

typedef struct rows_job {
    decoct_rows_kernel kernel;
    decoct_rows_piece whole;
    int64_t chunk; // rows
} rows_job;

static void rows_task(void *data, int64_t index, int32_t worker) {
    const rows_job *job = data;
    decoct_rows_piece piece = job->whole;
    int64_t first = index * job->chunk, left = job->whole.rows - first;
    (void)worker;
    piece.rows = left < job->chunk ? left : job->chunk;
    piece.x += first * piece.x_stride;
    piece.y += first * piece.y_stride;
    job->kernel(&piece);
}

// `cost`: multiply-adds that one element is worth.
static void run_rows(decoct_context *ctx, decoct_rows_kernel kernel, decoct_rows_piece whole,
                     double cost) {
    if (whole.rows == 0 || whole.cols == 0) {
        return;
    }
    rows_job job = {.kernel = kernel, .whole = whole};
    job.chunk = whole.cols < CHUNK ? CHUNK / whole.cols : 1;
    int64_t count = whole.rows / job.chunk + (whole.rows % job.chunk != 0);
    dct_run(ctx, count, (double)whole.rows * (double)whole.cols * cost, rows_task, &job);
}

static const double CHEAP = 4.0, COSTLY = 20.0;

// Shapes, strides and pointers; sets strides of 0.
static decoct_status check(dct_error *error, const char *op, decoct_rows_piece *a) {
    decoct_status status = dct_check_size(error, op, "rows", a->rows);
    status = status ? status : dct_check_size(error, op, "cols", a->cols);
    status = status ? status : dct_check_rows(error, op, "y", a->rows, a->cols, &a->y_stride, a->y);
    return status ? status : dct_check_rows(error, op, "x", a->rows, a->cols, &a->x_stride, a->x);
}

// y may be x itself; the other inputs are read again for each row.
static decoct_status check_apart(dct_error *error, const char *op, const decoct_rows_piece *a) {
    dct_view y = dct_view_of_rows(a->y, a->rows, a->cols, a->y_stride);
    dct_view x = dct_view_of_rows(a->x, a->rows, a->cols, a->x_stride);
    dct_view gain = dct_view_of_rows(a->gain, 1, a->cols, a->cols);
    dct_view bias = dct_view_of_rows(a->bias, 1, a->cols, a->cols);
    bool in_place = a->x == a->y && (a->x_stride == a->y_stride || a->rows < 2);
    decoct_status status =
        in_place ? DECOCT_OK : dct_check_apart(error, op, "y", &y, "x without being x", &x);
    status = status ? status : dct_check_apart(error, op, "y", &y, "gain", &gain);
    return status ? status : dct_check_apart(error, op, "y", &y, "bias", &bias);
}

// eps of a layer norm, or the scale of a softmax.
static decoct_status check_scale(dct_error *error, const char *op, size_t kernel, float scale) {
    bool eps = kernel == offsetof(decoct_backend, layer_norm);
    return isfinite(scale) && (!eps || scale >= 0.0f)
               ? DECOCT_OK
               : dct_fail(error, DECOCT_E_ARGUMENT, "%s: %s %g is not a finite number%s", op,
                          eps ? "eps" : "scale", (double)scale, eps ? " of at least 0" : "");
}

// The common way of a call: in, check, run, out. `kernel` is the offset of the kernel in the table.
static decoct_status call(decoct_context *ctx, const char *op, size_t kernel,
                          decoct_rows_piece piece, double cost) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    status = check(&ctx->error, op, &piece);
    if (!status && kernel == offsetof(decoct_backend, bias) && !piece.bias && piece.rows > 0 &&
        piece.cols > 0) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "%s: bias is NULL", op);
    }
    status = status ? status : check_scale(&ctx->error, op, kernel, piece.scale);
    status = status ? status : check_apart(&ctx->error, op, &piece);
    if (!status && piece.form != DECOCT_GELU_TANH && piece.form != DECOCT_GELU_ERF) {
        status =
            dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "%s: there is no form %d", op, piece.form);
    }
    if (!status) {
        decoct_rows_kernel run;
        memcpy(&run, (const char *)ctx->kernels + kernel, sizeof run);
        run_rows(ctx, run, piece, cost);
    }
    return dct_leave(ctx, status);
}

decoct_status decoct_softmax(decoct_context *ctx, int64_t rows, int64_t cols, float scale,
                             const float *x, int64_t x_stride, float *y, int64_t y_stride) {
    decoct_rows_piece piece = {.rows = rows,
                               .cols = cols,
                               .x = x,
                               .x_stride = x_stride,
                               .y = y,
                               .y_stride = y_stride,
                               .scale = scale == 0.0f ? 1.0f : scale};
    return call(ctx, "softmax", offsetof(decoct_backend, softmax), piece, COSTLY);
}

decoct_status decoct_layer_norm(decoct_context *ctx, int64_t rows, int64_t cols, float eps,
                                const float *gain, const float *bias, const float *x,
                                int64_t x_stride, float *y, int64_t y_stride) {
    decoct_rows_piece piece = {.rows = rows,
                               .cols = cols,
                               .x = x,
                               .x_stride = x_stride,
                               .y = y,
                               .y_stride = y_stride,
                               .gain = gain,
                               .bias = bias,
                               .scale = eps};
    return call(ctx, "layer_norm", offsetof(decoct_backend, layer_norm), piece, CHEAP);
}

decoct_status decoct_gelu(decoct_context *ctx, int32_t form, int64_t rows, int64_t cols,
                          const float *x, int64_t x_stride, float *y, int64_t y_stride) {
    decoct_rows_piece piece = {.rows = rows,
                               .cols = cols,
                               .x = x,
                               .x_stride = x_stride,
                               .y = y,
                               .y_stride = y_stride,
                               .form = form};
    return call(ctx, "gelu", offsetof(decoct_backend, gelu), piece, COSTLY);
}

decoct_status decoct_add(decoct_context *ctx, int64_t rows, int64_t cols, const float *x,
                         int64_t x_stride, float *y, int64_t y_stride) {
    decoct_rows_piece piece = {
        .rows = rows, .cols = cols, .x = x, .x_stride = x_stride, .y = y, .y_stride = y_stride};
    return call(ctx, "add", offsetof(decoct_backend, add), piece, CHEAP);
}

decoct_status decoct_bias(decoct_context *ctx, int64_t rows, int64_t cols, const float *bias,
                          float *y, int64_t y_stride) {
    decoct_rows_piece piece = {.rows = rows,
                               .cols = cols,
                               .x = y,
                               .x_stride = y_stride,
                               .y = y,
                               .y_stride = y_stride,
                               .bias = bias};
    return call(ctx, "bias", offsetof(decoct_backend, bias), piece, CHEAP);
}

// ---- Embedding ----

static decoct_status check_embedding(dct_error *error, decoct_rows_piece *out, const int32_t *ids,
                                     int64_t table_rows) {
    static const char op[] = "embedding";
    decoct_status status = dct_check_size(error, op, "rows", out->rows);
    status = status ? status : dct_check_size(error, op, "cols", out->cols);
    status = status ? status : dct_check_size(error, op, "table_rows", table_rows);
    status = status ? status
                    : dct_check_rows(error, op, "y", out->rows, out->cols, &out->y_stride, out->y);
    if (!status) {
        const void *table = out->rows > 0 ? (const void *)out->x : out;
        status = dct_check_rows(error, op, "table", table_rows, out->cols, &out->x_stride, table);
    }
    return status || ids || out->rows == 0
               ? status
               : dct_fail(error, DECOCT_E_ARGUMENT, "%s: ids is NULL", op);
}

static decoct_status embedding(decoct_context *ctx, decoct_rows_piece *out, const int32_t *ids,
                               int64_t table_rows) {
    decoct_status status = check_embedding(&ctx->error, out, ids, table_rows);
    if (status) {
        return status;
    }
    dct_view y = dct_view_of_rows(out->y, out->rows, out->cols, out->y_stride);
    dct_view table = dct_view_of_rows(out->x, table_rows, out->cols, out->x_stride);
    dct_view list = dct_view_of_rows(ids, 1, out->rows, out->rows);
    status = dct_check_apart(&ctx->error, "embedding", "y", &y, "table", &table);
    status = status ? status : dct_check_apart(&ctx->error, "embedding", "y", &y, "ids", &list);
    if (status) {
        return status;
    }
    for (int64_t i = 0; i < out->rows; i++) {
        if (ids[i] < 0 || ids[i] >= table_rows) {
            return dct_fail(&ctx->error, DECOCT_E_ARGUMENT,
                            "embedding: id %d at %lld is not in [0, %lld)", ids[i], (long long)i,
                            (long long)table_rows);
        }
    }
    decoct_embedding_piece piece = {.rows = out->rows,
                                    .cols = out->cols,
                                    .ids = ids,
                                    .table = out->x,
                                    .table_stride = out->x_stride,
                                    .y = out->y,
                                    .y_stride = out->y_stride};
    ctx->kernels->embedding(&piece);
    return DECOCT_OK;
}

decoct_status decoct_embedding(decoct_context *ctx, int64_t rows, int64_t cols, const int32_t *ids,
                               const float *table, int64_t table_rows, int64_t table_stride,
                               float *y, int64_t y_stride) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    decoct_rows_piece piece = {.rows = rows,
                               .cols = cols,
                               .x = table,
                               .x_stride = table_stride,
                               .y = y,
                               .y_stride = y_stride};
    status = embedding(ctx, &piece, ids, table_rows);
    return dct_leave(ctx, status);
}

// ---- Inside the library: dense rows ----

void dct_layer_norm(decoct_context *ctx, int64_t rows, int64_t cols, float eps, const float *gain,
                    const float *bias, const float *x, float *y) {
    decoct_rows_piece piece = {.rows = rows,
                               .cols = cols,
                               .x = x,
                               .x_stride = cols,
                               .y = y,
                               .y_stride = cols,
                               .gain = gain,
                               .bias = bias,
                               .scale = eps};
    run_rows(ctx, ctx->kernels->layer_norm, piece, CHEAP);
}

void dct_gelu(decoct_context *ctx, int32_t form, int64_t rows, int64_t cols, float *y) {
    decoct_rows_piece piece = {.rows = rows,
                               .cols = cols,
                               .x = y,
                               .x_stride = cols,
                               .y = y,
                               .y_stride = cols,
                               .form = form};
    run_rows(ctx, ctx->kernels->gelu, piece, COSTLY);
}

void dct_residual(decoct_context *ctx, int64_t rows, int64_t cols, const float *x, float *y) {
    decoct_rows_piece piece = {
        .rows = rows, .cols = cols, .x = x, .x_stride = cols, .y = y, .y_stride = cols};
    run_rows(ctx, ctx->kernels->add, piece, CHEAP);
}

void dct_embedding(decoct_context *ctx, int64_t rows, int64_t cols, const int32_t *ids,
                   const float *table, float *y) {
    decoct_embedding_piece piece = {.rows = rows,
                                    .cols = cols,
                                    .ids = ids,
                                    .table = table,
                                    .table_stride = cols,
                                    .y = y,
                                    .y_stride = cols};
    ctx->kernels->embedding(&piece);
}
