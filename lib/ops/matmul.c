// SPDX-License-Identifier: BSD-2-Clause
// The public matrix product: checks, batches, alpha and beta, and backends that have
// whole products instead of kernels.
#include "matmul.h"

#include "core/border.h"
#include "core/call_trace.h"
#include "core/overlap.h"
#include "core/sizes.h"
#include "machine/memory.h"
#include "product.h"
#include "rowops.h"
#include "small.h"
#include "whole.h"

#include <math.h>

// Floats of products that wait to be scaled: 1 MiB, which stays in cache.
enum { SCALED_FLOATS = 1 << 18 };

// In place of the operands of an empty product, which may be NULL: no kernel sees a null pointer.
static const float NOTHING;

// ---- For other operations ----

static dct_product packed_product(const decoct_context *ctx, const decoct_weights *w) {
    return (dct_product){.ctx = ctx,
                         .kernels = dct_backends_choice(w->backends),
                         .kernel = w->kernel,
                         .n = w->n,
                         .k = w->k,
                         .panels = w->panels,
                         .panel_bytes = w->panel_bytes};
}

// Weights of a backend that gives other bits are for contexts that have named one.
static decoct_status check_bits(decoct_context *ctx, const decoct_weights *w) {
    bool wrong = w->kernel->bits != DECOCT_BITS_EXACT &&
                 ctx->kernels->matmul[w->kernel->w_dtype]->bits == DECOCT_BITS_EXACT;
    return wrong ? dct_fail(&ctx->error, DECOCT_E_ARGUMENT,
                            "matmul: the weights were packed by a backend that gives other bits, "
                            "and this context has not named one")
                 : DECOCT_OK;
}

// By the backend that packed them, or any other one that reads the copy.
static bool linear_by_whole(decoct_context *ctx, const decoct_weights *w, const dct_product *p) {
    const decoct_whole_kernels *whole = ctx->kernels->whole;
    bool own = w->own && whole && whole->matmul == w->whole->matmul;
    decoct_whole_matmul call = {
        .m = p->m,
        .n = w->n,
        .k = w->k,
        .x = {.data = p->x, .stride = p->x_stride},
        .b = {.data = w->dense, .stride = w->transposed ? w->k : w->n, .dtype = w->kernel->w_dtype},
        .b_transposed = w->transposed,
        .bias = p->bias,
        .y = {.data = p->y, .stride = p->y_stride},
        .packed = own ? w->own : NULL};
    return (w->dense || own) && p->m > 0 && p->n > 0 && dct_whole_matmul(ctx, &call);
}

static void linear(decoct_context *ctx, const decoct_weights *w, dct_product *p,
                   const dct_batch *batch) {
    if (batch->count == 1 && linear_by_whole(ctx, w, p)) {
        return;
    }
    decoct_status status = check_bits(ctx, w);
    if (status) {
        ctx->ran = status;
        return;
    }
    dct_multiply_batch(ctx, p, batch);
}

// Reports a product with w, or with an unpacked b where w is NULL; type and backend are added.
static void report(decoct_context *ctx, double begun, const decoct_weights *w,
                   decoct_trace_call call) {
    const dct_backends *backends = w ? w->backends : ctx->backends;
    call.operation = "matmul";
    call.dtype = w ? w->kernel->w_dtype : DECOCT_F32;
    const dct_choice *here = dct_choice_here(dct_backends_choice(backends));
    dct_call_end(ctx, begun, backends, here->matmul[call.dtype], call);
}

void dct_linear(decoct_context *ctx, const decoct_weights *w, const float *bias, int64_t m,
                const float *x, int64_t x_stride, float *y, int64_t y_stride) {
    static const dct_batch one = {.count = 1};
    double begun = dct_call_begin(ctx);
    dct_product p = packed_product(ctx, w);
    p.m = m;
    p.x = x;
    p.x_stride = x_stride;
    p.y = y;
    p.y_stride = y_stride;
    p.bias = bias;
    linear(ctx, w, &p, &one);
    if (begun > 0.0) {
        report(ctx, begun, w, (decoct_trace_call){.batch = 1, .m = m, .n = w->n, .k = w->k});
    }
}

// ---- Checks ----

// The operand of each element of a batch; sets strides of 0 to dense ones.
static decoct_status check_operand(dct_error *error, const char *name, const void *data,
                                   dct_view *v) {
    int64_t batch = v->count[0], rows = v->count[2], cols = v->width;
    decoct_status status = dct_check_rows(error, "matmul", name, rows, cols, &v->stride[2], data);
    if (status || batch == 1) { // b may be shared
        return status;
    }
    if (v->stride[0] < 0) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "matmul: the batch stride of %s is negative",
                        name);
    }
    if (!v->stride[0] && !dct_mul(rows, v->stride[2], &v->stride[0])) {
        v->stride[0] = INT64_MAX;
    }
    return dct_view_fits(v)
               ? DECOCT_OK
               : dct_fail(error, DECOCT_E_ARGUMENT,
                          "matmul: %s (%lld, %lld, %lld) is too large with these strides", name,
                          (long long)batch, (long long)rows, (long long)cols);
}

typedef struct matmul_views {
    dct_view x, b, y, bias;
} matmul_views;

static matmul_views views_of(const decoct_matmul_args *a) {
    bool t = a->b_transposed;
    int64_t b_count = a->b_shared ? 1 : a->batch;
    return (matmul_views){
        .x = {a->x, a->k, {a->batch, 1, a->m}, {a->x_batch_stride, 0, a->x_stride}},
        .b = {a->b,
              t ? a->k : a->n,
              {b_count, 1, t ? a->n : a->k},
              {a->b_batch_stride, 0, a->b_stride}},
        .y = {a->y, a->n, {a->batch, 1, a->m}, {a->y_batch_stride, 0, a->y_stride}},
        .bias = dct_view_of_rows(a->bias, 1, a->n, a->n)};
}

static decoct_status check_numbers(dct_error *error, decoct_matmul_args *a) {
    const struct {
        const char *name;
        int64_t size;
    } sizes[] = {{"m", a->m}, {"n", a->n}, {"k", a->k}, {"batch", a->batch}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        decoct_status status = dct_check_size(error, "matmul", sizes[i].name, sizes[i].size);
        if (status) {
            return status;
        }
    }
    if (!isfinite(a->alpha) || !isfinite(a->beta)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "matmul: %s is not a finite number",
                        isfinite(a->alpha) ? "beta" : "alpha");
    }
    if (a->reserved || (a->b_shared != 0 && a->b_shared != 1)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "matmul: %s",
                        a->reserved ? "reserved is not 0" : "b_shared is not 0 or 1");
    }
    a->batch = a->batch ? a->batch : 1;
    a->alpha = a->alpha != 0.0f ? a->alpha : 1.0f;
    return DECOCT_OK;
}

static decoct_status check_b(dct_error *error, const decoct_matmul_args *a, bool reads_b) {
    if (!a->b == !a->weights && (a->b || reads_b)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "matmul: give either b or weights");
    }
    if (a->weights && (a->weights->k != a->k || a->weights->n != a->n)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "matmul: the weights are (%lld, %lld), but (k, n) = (%lld, %lld)",
                        (long long)a->weights->k, (long long)a->weights->n, (long long)a->k,
                        (long long)a->n);
    }
    return DECOCT_OK;
}

// A single product: its batch strides may be any numbers.
static decoct_status check_one(dct_error *error, decoct_matmul_args *a, bool reads_b) {
    bool t = a->b_transposed;
    decoct_status status = dct_check_rows(error, "matmul", "x", a->m, a->k, &a->x_stride, a->x);
    status = status ? status : dct_check_rows(error, "matmul", "y", a->m, a->n, &a->y_stride, a->y);
    if (!status && !a->weights) {
        status = dct_check_rows(error, "matmul", "b", t ? a->n : a->k, t ? a->k : a->n,
                                &a->b_stride, reads_b ? a->b : (const void *)a);
    }
    a->x_batch_stride = a->y_batch_stride = a->b_batch_stride = 0;
    return status;
}

static decoct_status check(dct_error *error, decoct_matmul_args *a) {
    decoct_status status = check_numbers(error, a);
    if (status) {
        return status;
    }
    bool reads_b = a->m > 0 && a->n > 0 && a->k > 0;
    status = check_b(error, a, reads_b);
    if (!status && a->batch == 1) {
        return check_one(error, a, reads_b);
    }
    matmul_views v = views_of(a);
    status = status ? status : check_operand(error, "x", a->x, &v.x);
    status = status ? status : check_operand(error, "y", a->y, &v.y);
    if (!status && !a->weights) {
        status = check_operand(error, "b", reads_b ? a->b : (const void *)a, &v.b);
    }
    a->x_stride = v.x.stride[2];
    a->y_stride = v.y.stride[2];
    a->b_stride = v.b.stride[2];
    // What is not read is not moved along either: its strides may be any numbers.
    a->x_batch_stride = a->k > 0 ? v.x.stride[0] : 0;
    a->y_batch_stride = v.y.stride[0];
    a->b_batch_stride = v.b.count[0] > 1 && a->k > 0 && !a->weights ? v.b.stride[0] : 0;
    return status;
}

// The products of a batch are behind each other in y, or each in the gaps between the rows of the
// others.
static bool is_y_apart(const decoct_matmul_args *a) {
    int64_t row = a->y_stride, product = a->y_batch_stride;
    return a->batch == 1 || a->m == 0 || a->n == 0 || product >= (a->m - 1) * row + a->n ||
           (product >= a->n && row >= (a->batch - 1) * product + a->n);
}

// y is written while the inputs are still read.
static decoct_status check_apart(dct_error *error, const decoct_matmul_args *a) {
    bool t = a->b_transposed;
    int64_t y_floats = a->m * a->y_stride;
    if (a->batch == 1 && dct_is_apart(a->y, y_floats, a->x, a->m * a->x_stride) &&
        dct_is_apart(a->y, y_floats, a->b, a->b ? (t ? a->n : a->k) * a->b_stride : 0) &&
        dct_is_apart(a->y, y_floats, a->bias, a->n)) {
        return DECOCT_OK;
    }
    if (!is_y_apart(a)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "matmul: the products overlap each other in y, %lld elements apart",
                        (long long)a->y_batch_stride);
    }
    matmul_views v = views_of(a);
    decoct_status status = dct_check_apart(error, "matmul", "y", &v.y, "x", &v.x);
    status = status ? status : dct_check_apart(error, "matmul", "y", &v.y, "b", &v.b);
    return status ? status : dct_check_apart(error, "matmul", "y", &v.y, "bias", &v.bias);
}

// ---- The product ----

static bool unpacked_by_whole(decoct_context *ctx, const decoct_matmul_args *a) {
    decoct_whole_matmul call = {.m = a->m,
                                .n = a->n,
                                .k = a->k,
                                .x = {.data = a->x, .stride = a->x_stride},
                                .b = {.data = a->b, .stride = a->b_stride},
                                .b_transposed = a->b_transposed != 0,
                                .bias = a->bias,
                                .y = {.data = a->y, .stride = a->y_stride}};
    return a->batch == 1 && dct_whole_matmul(ctx, &call);
}

static decoct_status multiply_unpacked(decoct_context *ctx, const decoct_matmul_args *a,
                                       const dct_batch *batch) {
    if (a->m == 0 || a->n == 0 || (ctx->kernels->whole && unpacked_by_whole(ctx, a))) {
        return DECOCT_OK;
    }
    // That of a b which is not read may be any number.
    const int64_t b_stride = a->k > 0 ? a->b_stride : 0;
    dct_product p = {.ctx = ctx,
                     .kernels = ctx->kernels,
                     .kernel = ctx->kernels->matmul[DECOCT_F32],
                     .m = a->m,
                     .n = a->n,
                     .k = a->k,
                     .x = a->x,
                     .x_stride = a->x_stride,
                     .w = a->b,
                     .row_stride = a->b_transposed ? 1 : b_stride,
                     .col_stride = a->b_transposed ? b_stride : 1,
                     .y = a->y,
                     .y_stride = a->y_stride,
                     .bias = a->bias};
    if (!dct_product_unpacked(ctx, &p)) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "matmul: no memory to pack b (%lld, %lld)",
                        (long long)a->k, (long long)a->n);
    }
    dct_multiply_batch(ctx, &p, batch);
    return DECOCT_OK;
}

static decoct_status multiply(decoct_context *ctx, const decoct_matmul_args *a) {
    dct_batch batch = {a->batch, a->x_batch_stride, a->b_batch_stride, a->y_batch_stride};
    if (!a->weights) {
        return multiply_unpacked(ctx, a, &batch);
    }
    dct_product p = packed_product(ctx, a->weights);
    p.m = a->m;
    p.x = a->x;
    p.x_stride = a->x_stride;
    p.y = a->y;
    p.y_stride = a->y_stride;
    p.bias = a->bias;
    linear(ctx, a->weights, &p, &batch);
    return DECOCT_OK;
}

// Some rows of one product: their chains go to `sum`, and from there, scaled, to y.
static decoct_status multiply_part(decoct_context *ctx, const decoct_matmul_args *a,
                                   int64_t product, int64_t row, int64_t rows, float *sum) {
    decoct_matmul_args part = *a;
    part.batch = 1;
    part.m = rows;
    part.x = a->x + product * a->x_batch_stride + row * a->x_stride;
    part.b = a->b ? a->b + product * a->b_batch_stride : NULL;
    part.bias = NULL;
    part.y = sum;
    part.y_stride = a->n;
    decoct_status status = multiply(ctx, &part);
    float *y = a->y + product * a->y_batch_stride + row * a->y_stride;
    if (!status && !ctx->ran) {
        dct_rows(ctx, DECOCT_OP_AXPBY,
                 &(decoct_rows_piece){.rows = rows,
                                      .cols = a->n,
                                      .x = {.data = sum, .stride = a->n},
                                      .y = {.data = y, .stride = a->y_stride},
                                      .bias = a->bias,
                                      .scale = a->alpha,
                                      .beta = a->beta});
    }
    return status;
}

// With alpha or beta: some rows at a time.
static decoct_status multiply_scaled(decoct_context *ctx, const decoct_matmul_args *a) {
    if (a->m == 0 || a->n == 0) {
        return DECOCT_OK;
    }
    int64_t most = SCALED_FLOATS / a->n, floats;
    most = most < 1 ? 1 : dct_smaller(most, a->m);
    float *sum = dct_mul(most, a->n, &floats) ? dct_scratch(ctx, DCT_SCRATCH_SCALED, floats) : NULL;
    if (!sum) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "matmul: no memory for alpha and beta");
    }
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < a->batch && !status && !ctx->ran; i++) {
        for (int64_t row = 0; row < a->m && !status && !ctx->ran; row += most) {
            status = multiply_part(ctx, a, i, row, dct_smaller(most, a->m - row), sum);
        }
    }
    return status;
}

static decoct_status matmul(decoct_context *ctx, const decoct_matmul_args *args) {
    decoct_matmul_args a;
    decoct_status status =
        dct_take_struct(&ctx->error, "matmul", &a, sizeof a, DCT_FIRST_MATMUL, args);
    status = status ? status : check(&ctx->error, &a);
    status = status ? status : check_apart(&ctx->error, &a);
    if (status) {
        return status;
    }
    a.x = a.x ? a.x : &NOTHING;
    a.b = a.b ? a.b : &NOTHING;
    double begun = dct_call_begin(ctx);
    status = a.alpha == 1.0f && a.beta == 0.0f ? multiply(ctx, &a) : multiply_scaled(ctx, &a);
    if (begun > 0.0) {
        decoct_trace_call call = {.status = status, .batch = a.batch, .m = a.m, .n = a.n, .k = a.k};
        report(ctx, begun, a.weights, call);
    }
    return status;
}

decoct_status decoct_matmul(decoct_context *ctx, const decoct_matmul_args *args) {
    if (dct_multiply_small(ctx, args, false)) {
        return DECOCT_OK;
    }
    decoct_status status = dct_enter(ctx);
    bool small = !status && ctx->turn.wait && dct_multiply_small(ctx, args, true);
    return status ? status : dct_leave(ctx, small ? DECOCT_OK : matmul(ctx, args));
}
