// SPDX-License-Identifier: BSD-2-Clause
#include "brief.h"

#include "contexts.h"

enum { SIDE = 4096 }; // rows and columns, at most

// Matrices of more than one row and column that do not overlap themselves.
static bool is_usual(int m, int n, int k, int ldx, int ldb, int ldy) {
    return m > 1 && n > 1 && k > 0 && m <= SIDE && n <= SIDE && k <= SIDE && ldx >= k && ldb >= n &&
           ldy >= n && (int64_t)m * n * k < BLAS_LARGE;
}

// Field by field, none left out: a struct that is cleared first is read in other pieces than it was
// written in, which waits for the cache (docs/tuning.md).
static void fill_zeros(decoct_matmul_args *args) {
    args->struct_size = sizeof *args;
    args->b_transposed = 0;
    args->weights = NULL;
    args->bias = NULL;
    args->batch = 0;
    args->x_batch_stride = args->b_batch_stride = args->y_batch_stride = 0;
    args->b_shared = 0;
    args->alpha = args->beta = 0.0f;
    args->reserved = 0;
}

bool blas_multiply_briefly(int m, int n, int k, float alpha, const float *x, int ldx,
                           const float *b, int ldb, float beta, float *y, int ldy) {
    decoct_context *ctx = blas_own();
    if (!ctx || alpha != 1.0f || beta != 0.0f || !is_usual(m, n, k, ldx, ldb, ldy)) {
        return false;
    }
    decoct_matmul_args args;
    fill_zeros(&args);
    args.m = m;
    args.n = n;
    args.k = k;
    args.x = x;
    args.x_stride = ldx;
    args.b = b;
    args.b_stride = ldb;
    args.y = y;
    args.y_stride = ldy;
    return decoct_matmul(ctx, &args) == DECOCT_OK;
}
