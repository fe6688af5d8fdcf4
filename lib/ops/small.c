// SPDX-License-Identifier: BSD-2-Clause
// The usual small product: one piece of work for one thread, of operands that are all there. Its
// conditions are looked up in the caller's struct, which is not copied: reading in wide pieces what
// the caller has just written in narrow ones waits for the cache (docs/tuning.md). What does not
// meet them, wrong arguments included, takes the way of matmul.c, which also says what is wrong.
// Each instruction counts: while the CPU still computes one product, it prepares the next, as far
// as its window of some hundred instructions reaches (docs/tuning.md).
#include "small.h"

#include "core/overlap.h"
#include "machine/cpu.h"
#include "product.h"
#include "weights.h"

#include <string.h>

// No matrix of so little work with such strides has more bytes than can be counted.
enum { STRIDE_MOST = 1 << 24 };
enum { SIZE_BITS = 20, ONE = 0x3f800000 }; // bits of a size; bits of 1.0f

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
    return r.data && (uint64_t)r.stride - (uint64_t)r.cols <= STRIDE_MOST;
}

static bool is_apart_from(small_rows y, small_rows other) {
    return dct_is_apart(y.data, y.rows * y.stride, other.data, other.rows * other.stride);
}

// Not by floating point, whose units are still at work on the product before.
static int32_t bits_of(const float *number) {
    int32_t bits;
    memcpy(&bits, number, sizeof bits);
    return bits;
}

// Sizes of which one thread makes a single product as it is.
static bool is_small(const decoct_matmul_args *a) {
    const int64_t m = a->m, n = a->n, k = a->k, rows = m < DCT_READ_COST ? DCT_READ_COST : m;
    const int32_t alpha = bits_of(&a->alpha);
    return (((uint64_t)m - 1) | ((uint64_t)n - 1) | ((uint64_t)k - 1)) >> SIZE_BITS == 0 &&
           rows * n * (k + 1) < DCT_WORTH_SHARING && (uint64_t)a->batch <= 1 &&
           (uint32_t)a->b_shared <= 1 && a->reserved == 0 && (alpha == 0 || alpha == ONE) &&
           bits_of(&a->beta) == 0;
}

// No function of the host is called in the middle, and no other library does it.
static bool is_plain_call(const decoct_context *ctx) {
    return !ctx->kernels->whole && !ctx->kernels->length && !ctx->progress.call && !ctx->calls.fn;
}

// With unpacked b. False: it is to be packed, or not right.
static bool take_b(const decoct_matmul_kernel *kernel, const decoct_matmul_args *a, small_rows y,
                   decoct_matmul_piece *piece) {
    small_rows b = rows_of(a->b, a->k, a->n, a->b_stride);
    if (a->b_transposed || !is_right(b) || !is_apart_from(y, b) || !kernel->plain ||
        !dct_is_small_read_plain(kernel, a->m, a->n, a->k, b.stride)) {
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

// In its turn. False: not done.
static bool multiply_in_turn(decoct_context *ctx, const decoct_matmul_args *a, small_rows x,
                             small_rows y) {
    const decoct_matmul_kernel *kernel =
        a->weights ? a->weights->kernel : ctx->kernels->matmul[DECOCT_F32];
    decoct_matmul_piece piece = {.rows = a->m,
                                 .cols = a->n,
                                 .k = a->k,
                                 .x = {.data = x.data, .stride = x.stride},
                                 .y = {.data = a->y, .stride = y.stride},
                                 .bias = a->bias};
    if (!is_plain_call(ctx) || a->m > kernel->m_block || a->k > kernel->k_block ||
        !(a->weights ? take_weights(ctx, a, &piece) : take_b(kernel, a, y, &piece))) {
        return false;
    }
    const uint64_t host_fp_mode = dct_fp_enter();
    (a->weights ? kernel->run : kernel->plain)(&piece);
    dct_fp_leave(host_fp_mode);
    dct_succeed_briefly(ctx);
    return true;
}

bool dct_multiply_small(decoct_context *ctx, const decoct_matmul_args *a, bool entered) {
    if (!ctx || !a || a->struct_size != sizeof *a || !is_small(a)) {
        return false;
    }
    small_rows x = rows_of(a->x, a->m, a->k, a->x_stride),
               y = rows_of(a->y, a->m, a->n, a->y_stride);
    if (!is_right(x) || !is_right(y) || !is_apart_from(y, x) ||
        !dct_is_apart(y.data, a->m * y.stride, a->bias, a->n) ||
        !(entered || dct_enter_briefly(ctx))) {
        return false;
    }
    bool done = multiply_in_turn(ctx, a, x, y);
    if (!entered) {
        dct_leave_briefly(ctx);
    }
    return done;
}
