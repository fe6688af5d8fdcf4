// SPDX-License-Identifier: BSD-2-Clause
// The usual small product without detours.
#ifndef BLAS_BRIEF_H
#define BLAS_BRIEF_H

#include <stdbool.h>

// y (m, n) = x (m, k) b (k, n), all row-major and unpacked, with alpha 1 and beta 0. False: it is
// not such a product, or not small, or it cannot be done this way, and nothing was done.
bool blas_multiply_briefly(int m, int n, int k, float alpha, const float *x, int ldx,
                           const float *b, int ldb, float beta, float *y, int ldy);

#endif
