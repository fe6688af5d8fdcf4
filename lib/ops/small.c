// SPDX-License-Identifier: BSD-2-Clause
// The usual small product: one piece of work for one thread, of operands that are all there. Its
// conditions are looked up in the caller's struct, which is not copied: reading in wide pieces what
// the caller has just written in narrow ones waits for the cache (docs/tuning.md). What does not
// meet them, wrong arguments included, takes the way of matmul.c, which also says what is wrong.
#include "small.h"

#include "core/overlap.h"
#include "core/sizes.h"
#include "product.h"
#include "weights.h"

// No matrix of so little work with such strides has more bytes than can be counted.
enum { STRIDE_MOST = 1 << 24 };

// Rows of a matrix; stride 0 has become the dense one.
typedef struct small_rows {
    const float *data;
    int64_t rows, cols, stride;
} small_rows;

static small_rows rows_of(const float *data, int64_t rows, int64_t cols, int64_t stride) {
    return (small_rows){data, rows, cols, stride ? stride : cols};
}

// Given, and no row overlaps the next one.
static bool is_right(small_rows r) {
    return r.data && r.stride >= r.cols && r.stride <= STRIDE_MOST;
}

static bool is_apart_from(small_rows y, small_rows other) {
    return dct_is_apart(y.data, y.rows * y.stride, other.data, other.rows * other.stride);
}

// Sizes of which one thread makes a single product as it is.
static bool is_small(const decoct_matmul_args *a) {
    int64_t m = a->m, n = a->n, k = a->k;
    return m > 0 && n > 0 && k > 0 && dct_product_work(m, n, k) < DCT_WORTH_SHARING &&
           (a->batch == 0 || a->batch == 1) && (a->b_shared == 0 || a->b_shared == 1) &&
           a->reserved == 0 && (a->alpha == 0.0f || a->alpha == 1.0f) && a->beta == 0.0f;
}

// No function of the host is called in the middle, and no other library does it.
static bool is_plain_call(const decoct_context *ctx) {
    return !ctx->kernels->whole && !ctx->kernels->length && !ctx->progress.call && !ctx->calls.fn;
}

// With unpacked b. False: it is to be packed, or not right.
static bool take_b(const decoct_context *ctx, const decoct_matmul_args *a, small_rows y,
                   decoct_matmul_piece *piece) {
    const decoct_matmul_kernel *kernel = ctx->kernels->matmul[DECOCT_F32];
    small_rows b = rows_of(a->b, a->k, a->n, a->b_stride);
    if (a->b_transposed || !is_right(b) || !is_apart_from(y, b) || !kernel->plain ||
        !dct_is_read_plain(kernel, a->m, a->n, a->k, b.stride)) {
        return false;
    }
    piece->w = b.data;
    piece->w_stride = b.stride * (int64_t)sizeof(float); // of a stride that is right: no overflow
    return true;
}

// With packed weights, of this context: of its bits, and without a copy for other libraries.
static bool take_weights(const decoct_context *ctx, const decoct_matmul_args *a,
                         decoct_matmul_piece *piece) {
    const decoct_weights *w = a->weights;
    piece->w = w->panels;
    piece->w_stride = w->panel_bytes;
    piece->scratch = dct_tile_scratch(ctx, w->kernel->scratch_bytes, 0);
    return !a->b && w->k == a->k && w->n == a->n && w->backends == ctx->backends;
}

bool dct_multiply_small(decoct_context *ctx, const decoct_matmul_args *a) {
    if (!a || a->struct_size != sizeof *a || !is_small(a) || !is_plain_call(ctx)) {
        return false;
    }
    const decoct_matmul_kernel *kernel =
        a->weights ? a->weights->kernel : ctx->kernels->matmul[DECOCT_F32];
    small_rows x = rows_of(a->x, a->m, a->k, a->x_stride),
               y = rows_of(a->y, a->m, a->n, a->y_stride);
    decoct_matmul_piece piece = {.rows = a->m,
                                 .cols = a->n,
                                 .k = a->k,
                                 .x = {.data = x.data, .stride = x.stride},
                                 .y = {.data = a->y, .stride = y.stride},
                                 .bias = a->bias};
    if (!is_right(x) || !is_right(y) || !is_apart_from(y, x) ||
        !dct_is_apart(y.data, a->m * y.stride, a->bias, a->n) || a->m > kernel->m_block ||
        a->k > kernel->k_block ||
        !(a->weights ? take_weights(ctx, a, &piece) : take_b(ctx, a, y, &piece))) {
        return false;
    }
    (a->weights ? kernel->run : kernel->plain)(&piece);
    return true;
}
