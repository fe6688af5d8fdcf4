// SPDX-License-Identifier: BSD-2-Clause
// Weights: w is packed into panels once, in its own type.
#include "weights.h"

#include "core/border.h"
#include "core/call_trace.h"
#include "core/overlap.h"
#include "core/sizes.h"
#include "machine/memory.h"
#include "whole.h"

#include <string.h>

enum { PACK_PANELS = 8 };

// In place of an empty w, which may be NULL: no kernel sees a null pointer.
static const float NOTHING;

// Element (p, j) of w.
static const void *w_at(const dct_pack_job *job, int64_t p, int64_t j) {
    return (const char *)job->w +
           (p * job->row_stride + j * job->col_stride) * dct_dtype_bytes(job->kernel->w_dtype);
}

// That of the calling thread.
static const decoct_matmul_kernel *kernel_here(const dct_pack_job *job) {
    return dct_choice_here(job->kernels)->matmul[job->kernel->w_dtype];
}

// Packs columns [first, first + cols) of w, all steps of k: some steps of all panels at a time, so
// that w is read in whole pieces of its rows.
void dct_pack_columns(const dct_pack_job *job, int64_t first, int64_t cols, char *panels) {
    const decoct_matmul_kernel *here = kernel_here(job);
    int64_t panel_cols = job->kernel->panel_cols, bytes = dct_panel_bytes(job->kernel, job->k);
    for (int64_t p = 0; p < job->k; p += DCT_PACK_STEPS) {
        for (int64_t j = 0; j < cols; j += panel_cols) {
            here->pack(&(decoct_pack_piece){.k = dct_smaller(job->k - p, DCT_PACK_STEPS),
                                            .cols = dct_smaller(cols - j, panel_cols),
                                            .w = w_at(job, p, first + j),
                                            .row_stride = job->row_stride,
                                            .col_stride = job->col_stride,
                                            .panel = panels + j / panel_cols * bytes +
                                                     dct_panel_bytes(job->kernel, p)});
        }
    }
}

static void pack_task(void *data, int64_t index, int32_t worker) {
    const dct_pack_job *job = data;
    int64_t wide = PACK_PANELS * job->kernel->panel_cols, first = index * wide;
    (void)worker;
    dct_pack_columns(job, first, dct_smaller(job->n - first, wide),
                     job->panels + index * PACK_PANELS * dct_panel_bytes(job->kernel, job->k));
}

static void pack(decoct_context *ctx, dct_pack_job *job) {
    int64_t count = dct_ceil_div(job->n, PACK_PANELS * job->kernel->panel_cols);
    dct_run(ctx, count, (double)job->k * (double)job->n * 4.0, pack_task, job);
}

static void weights_free(decoct_weights *weights) {
    if (weights) {
        if (weights->own) {
            weights->whole->release(weights->own);
        }
        dct_backends_release(weights->backends);
        dct_free(weights->panels);
        dct_free(weights->dense);
        dct_free(weights);
    }
}

static decoct_status check_weights(dct_error *error, decoct_weights_args *a) {
    if (a->dtype < 0 || a->dtype >= DCT_DTYPES) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "weights: there is no type %d", a->dtype);
    }
    if (a->reserved != 0 || (a->transposed != 0 && a->transposed != 1)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "weights: %s",
                        a->reserved ? "reserved is not 0" : "transposed is not 0 or 1");
    }
    decoct_status status = dct_check_size(error, "weights", "k", a->k);
    status = status ? status : dct_check_size(error, "weights", "n", a->n);
    return status ? status
                  : dct_check_rows(error, "weights", "w", a->transposed ? a->n : a->k,
                                   a->transposed ? a->k : a->n, &a->stride, a->w);
}

// Room for all panels, or NULL.
static decoct_weights *weights_new(decoct_context *ctx, const decoct_matmul_kernel *kernel,
                                   int64_t k, int64_t n) {
    int64_t columns, steps, bytes;
    decoct_weights *weights = dct_zalloc(ctx->memory, 1, sizeof *weights);
    int64_t panels = dct_ceil_div(n, kernel->panel_cols);
    bool fits = dct_mul(kernel->panel_cols, sizeof(float), &columns) &&
                dct_add(k, kernel->k_group, &steps) && dct_mul(columns, steps, &bytes) &&
                dct_mul(panels, dct_panel_bytes(kernel, k), &bytes);
    if (weights && fits) {
        weights->kernel = kernel;
        weights->k = k;
        weights->n = n;
        weights->panel_bytes = dct_panel_bytes(kernel, k);
        weights->panels = dct_alloc(ctx->memory, bytes, 1);
    }
    if (weights && !weights->panels) {
        dct_free(weights);
        return NULL;
    }
    return weights;
}

// What a backend with whole products made of w, or a copy for it, where the context has such a
// backend. False: no memory.
static bool weights_keep_whole(decoct_context *ctx, decoct_weights *weights,
                               const decoct_weights_args *a) {
    const decoct_whole_kernels *whole = ctx->kernels->whole;
    int64_t rows = a->transposed ? a->n : a->k, cols = a->transposed ? a->k : a->n;
    int64_t size = dct_dtype_bytes(a->dtype), bytes;
    if (!whole || !(whole->dtypes >> a->dtype & 1) || rows == 0 || cols == 0) {
        return true;
    }
    decoct_operand b = {.data = a->w, .stride = a->stride, .dtype = a->dtype};
    weights->own = dct_whole_pack(
        ctx,
        &(decoct_whole_weights){.k = a->k, .n = a->n, .b = b, .b_transposed = a->transposed != 0});
    weights->whole = whole;
    if (weights->own) {
        return true;
    }
    if (!dct_mul(rows, cols, &bytes) || !dct_mul(bytes, size, &bytes)) {
        return false;
    }
    char *copy = dct_alloc(ctx->memory, bytes, 1);
    for (int64_t i = 0; copy && i < rows; i++) {
        memcpy(copy + i * cols * size, (const char *)a->w + i * a->stride * size,
               (size_t)(cols * size));
    }
    weights->dense = copy;
    weights->transposed = a->transposed != 0;
    return copy != NULL;
}

decoct_status dct_weights_create(decoct_context *ctx, const decoct_weights_args *args,
                                 decoct_weights **out) {
    if (!out) {
        return dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "weights: out is NULL");
    }
    decoct_weights_args a = *args;
    decoct_status status = check_weights(&ctx->error, &a);
    if (status) {
        return status;
    }
    decoct_weights *weights = weights_new(ctx, ctx->kernels->matmul[a.dtype], a.k, a.n);
    if (!weights) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "weights: no memory for (%lld, %lld)",
                        (long long)a.k, (long long)a.n);
    }
    if (!weights_keep_whole(ctx, weights, &a)) {
        dct_free(weights->panels);
        dct_free(weights);
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "weights: no memory for a copy (%lld, %lld)",
                        (long long)a.k, (long long)a.n);
    }
    weights->backends = dct_backends_share(ctx->backends);
    dct_pack_job job = {.kernels = ctx->kernels,
                        .kernel = weights->kernel,
                        .k = a.k,
                        .n = a.n,
                        .w = a.w ? a.w : &NOTHING,
                        .row_stride = a.transposed ? 1 : a.stride,
                        .col_stride = a.transposed ? a.stride : 1,
                        .panels = weights->panels};
    double begun = dct_call_begin(ctx);
    pack(ctx, &job);
    if (begun > 0.0) {
        decoct_trace_call call = {.operation = "weights", .dtype = a.dtype, .n = a.n, .k = a.k};
        dct_call_end(ctx, begun, ctx->backends, kernel_here(&job), call);
    }
    if (ctx->ran) {
        weights_free(weights);
        return ctx->ran;
    }
    *out = weights;
    return DECOCT_OK;
}

decoct_status decoct_weights_create(decoct_context *ctx, int64_t k, int64_t n, const float *w,
                                    int64_t stride, int32_t transposed, decoct_weights **out) {
    decoct_status status = dct_enter(ctx);
    return status
               ? status
               : dct_leave(ctx,
                           dct_weights_create(ctx,
                                              &(decoct_weights_args){.k = k,
                                                                     .n = n,
                                                                     .w = w,
                                                                     .stride = stride,
                                                                     .transposed = transposed != 0},
                                              out));
}

decoct_status decoct_weights_create_from(decoct_context *ctx, const decoct_weights_args *args,
                                         decoct_weights **out) {
    decoct_weights_args a;
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    status = dct_take_struct(&ctx->error, "weights", &a, sizeof a, DCT_FIRST_WEIGHTS, args);
    return dct_leave(ctx, status ? status : dct_weights_create(ctx, &a, out));
}

void decoct_weights_destroy(decoct_weights *weights) {
    int32_t cancel = dct_cancel_off();
    weights_free(weights);
    dct_cancel_restore(cancel);
}
