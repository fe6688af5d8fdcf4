// SPDX-License-Identifier: BSD-2-Clause
// What libdecoct-blas exports of BLAS, and what a host may have for it.
#ifndef BLAS_DECLARATIONS_H
#define BLAS_DECLARATIONS_H

#include <stddef.h>

enum { ROW_MAJOR = 101, COL_MAJOR = 102, NO_TRANS = 111, TRANS = 112, CONJ_TRANS = 113 };

void sgemm_(const char *trans_a, const char *trans_b, const int *m, const int *n, const int *k,
            const float *alpha, const float *a, const int *lda, const float *b, const int *ldb,
            const float *beta, float *c, const int *ldc);
void sgemv_(const char *trans, const int *m, const int *n, const float *alpha, const float *a,
            const int *lda, const float *x, const int *incx, const float *beta, float *y,
            const int *incy);
void cblas_sgemm(int layout, int trans_a, int trans_b, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
void cblas_sgemv(int layout, int trans, int m, int n, float alpha, const float *a, int lda,
                 const float *x, int incx, float beta, float *y, int incy);
void cblas_sgemm_batch_strided(int layout, int trans_a, int trans_b, int m, int n, int k,
                               float alpha, const float *a, int lda, int a_next, const float *b,
                               int ldb, int b_next, float beta, float *c, int ldc, int c_next,
                               int batch);
void xerbla_(const char *name, const int *info, size_t length);
void cblas_xerbla(int info, const char *name, const char *form, ...);

#endif
