// SPDX-License-Identifier: BSD-2-Clause
// A library that acts as OpenBLAS, so that `decoct peers` can be tested without an installed peer.
// It calls its core Pretender, or as OPENBLAS_CORETYPE says, unless DECOCT_TEST_PEER is "stubborn".
// With DECOCT_TEST_WRONG in the environment its results are wrong in one element. DECOCT_TEST_PEER
// makes it misbehave: "wide" (a wrong element unless OPENBLAS_CORETYPE limits it), "spin" (a thread
// that never sleeps), "crash" and "hang" (in the first call), "crash later" (in the fifth), "hang
// at 32" (of products of 32 rows, after a message).
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <unistd.h>

#ifndef CONFIG
#define CONFIG "Not OpenBLAS"
#endif

void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
void cblas_sgemv(int order, int trans, int m, int n, float alpha, const float *a, int lda,
                 const float *x, int incx, float beta, float *y, int incy);
void openblas_set_num_threads(int threads);
const char *openblas_get_corename(void);
const char *openblas_get_config(void);

static int spin(void *data) {
    while (!data) {
        thrd_yield();
    }
    return 0;
}

static void misbehave(int m) {
    const char *how = getenv("DECOCT_TEST_PEER");
    static int calls;
    calls++;
    if (!how) {
        return;
    }
    if (strcmp(how, "spin") == 0 && calls == 1) {
        thrd_t thread;
        thrd_create(&thread, spin, NULL);
    } else if (strcmp(how, "crash") == 0 || (strcmp(how, "crash later") == 0 && calls == 5)) {
        signal(SIGSEGV, SIG_DFL); // a sanitizer would report it
        raise(SIGSEGV);
    } else if (strcmp(how, "hang") == 0) {
        pause();
    } else if (strcmp(how, "hang at 32") == 0 && m == 32) {
        fputs("the peer hangs\n", stderr);
        pause();
    }
}

void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc) {
    misbehave(m);
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
    const char *how = getenv("DECOCT_TEST_PEER");
    bool wide = how && strcmp(how, "wide") == 0 && !getenv("OPENBLAS_CORETYPE");
    if (wide || getenv("DECOCT_TEST_WRONG")) {
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
    const char *how = getenv("DECOCT_TEST_PEER"), *core = getenv("OPENBLAS_CORETYPE");
    return core && !(how && strcmp(how, "stubborn") == 0) ? core : "Pretender";
}

const char *openblas_get_config(void) {
    return CONFIG;
}
