// SPDX-License-Identifier: BSD-2-Clause
// One matrix product, once shapes were checked.
#ifndef DCT_PRODUCT_H
#define DCT_PRODUCT_H

#include "core/context.h"

typedef struct dct_product {
    const decoct_context *ctx;
    const dct_choice *kernels;
    const decoct_matmul_kernel *kernel; // the one of `kernels` for the type of w
    int64_t m, n, k;
    int64_t m_block, n_block, k_block;
    int64_t part, parts; // rows of y that one task works on: some m_blocks; and how many such parts
    const float *x;
    int64_t x_stride;
    const char *panels; // the whole of w packed; NULL: see dct_product_unpacked
    int64_t panel_bytes;
    bool plain; // w is read unpacked
    const float *w;
    int64_t row_stride, col_stride; // of w
    char *groups;                   // where each worker packs what it needs, or NULL
    int64_t group, group_room;      // columns that a worker packs at once, bytes they take
    float *y;
    int64_t y_stride;
    const float *bias;
} dct_product;

// `count` products of one shape; strides in floats from one to the next. Packed panels are the same
// for all.
typedef struct dct_batch {
    int64_t count, x_stride, w_stride, y_stride;
} dct_batch;

// With at most this number of rows and columns that are not a multiple of 512 bytes apart, a w is
// small and not spread over few sets of a cache: see dct_is_read_plain.
enum { DCT_PLAIN_SIDE = 256 };
// Multiply-adds in the time that a weight takes from the last cache.
enum { DCT_READ_COST = 3 };

// About one for each multiply-add: a weight costs the time of some of them before it has been read.
static inline double dct_product_work(int64_t m, int64_t n, int64_t k) {
    double rows = m < DCT_READ_COST ? DCT_READ_COST : (double)m;
    return rows * (double)n * ((double)k + 1.0);
}

// Does a kernel that can read w (k, n) where it is, its rows `stride` apart, do so for m rows?
bool dct_is_read_plain(const decoct_matmul_kernel *kernel, int64_t m, int64_t n, int64_t k,
                       int64_t stride);
// The same, quick for a small w.
static inline bool dct_is_small_read_plain(const decoct_matmul_kernel *kernel, int64_t m, int64_t n,
                                           int64_t k, int64_t stride) {
    const bool is_small = n <= DCT_PLAIN_SIDE && k <= DCT_PLAIN_SIDE, is_apart = stride % 128 == 0;
    return (is_small && !is_apart) || dct_is_read_plain(kernel, m, n, k, stride);
}
// Decides how w is read that was not packed ahead, and makes room for it. False: no memory.
bool dct_product_unpacked(decoct_context *ctx, dct_product *p);
void dct_multiply(decoct_context *ctx, dct_product *p);
void dct_multiply_batch(decoct_context *ctx, dct_product *p, const dct_batch *batch);

#endif
