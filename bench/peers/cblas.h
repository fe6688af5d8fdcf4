// SPDX-License-Identifier: BSD-2-Clause
// What OpenBLAS and BLIS have in common: the C interface of BLAS.
#ifndef BENCH_CBLAS_H
#define BENCH_CBLAS_H

#include "peer.h"

typedef struct cblas {
    void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                  const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
    void (*sgemv)(int order, int trans, int m, int n, float alpha, const float *a, int lda,
                  const float *x, int incx, float beta, float *y, int incy);
    void (*sgemm_batch)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                        const float *a, int lda, int stride_a, const float *b, int ldb,
                        int stride_b, float beta, float *c, int ldc, int stride_c,
                        int count); // NULL: there is no such function
} cblas;

typedef struct cblas_job {
    const void *library; // the adapter's own
    const cblas *blas;
    peer_case c;
} cblas_job;

// peer.open for a matrix product; its jobs are freed with free().
void *cblas_open(const void *library, const cblas *blas, const peer_case *c, char *why,
                 size_t size);
// One row uses sgemv, as its users would.
void cblas_run(const cblas_job *j);

#endif
