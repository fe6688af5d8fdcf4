// SPDX-License-Identifier: BSD-2-Clause
// A library that acts as OpenBLAS, so that `decoct peers` can be tested without an installed peer.
// With DECOCT_TEST_WRONG in the environment its results are wrong in one element.
#include <stdlib.h>

void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
void cblas_sgemv(int order, int trans, int m, int n, float alpha, const float *a, int lda,
                 const float *x, int incx, float beta, float *y, int incy);
void openblas_set_num_threads(int threads);
const char *openblas_get_corename(void);
const char *openblas_get_config(void);

void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc) {
    (void)order, (void)trans_a, (void)trans_b, (void)alpha, (void)beta;
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            float sum = 0.0f;
            for (int p = 0; p < k; p++) {
                sum += a[i * lda + p] * b[p * ldb + j];
            }
            c[i * ldc + j] = sum;
        }
    }
    if (getenv("DECOCT_TEST_WRONG")) {
        c[(m - 1) * ldc + n - 1] += 0.01f;
    }
}

void cblas_sgemv(int order, int trans, int m, int n, float alpha, const float *a, int lda,
                 const float *x, int incx, float beta, float *y, int incy) {
    (void)incx, (void)incy;
    cblas_sgemm(order, trans, trans, 1, n, m, alpha, x, m, a, lda, beta, y, n);
}

void openblas_set_num_threads(int threads) {
    (void)threads;
}

const char *openblas_get_corename(void) {
    return "Pretender";
}

const char *openblas_get_config(void) {
    return "Not OpenBLAS";
}
