// SPDX-License-Identifier: BSD-2-Clause
// Preloaded before libdecoct-blas: the same functions with one mistake, that of DECOCT_TEST_WRONG.
// A test that stays green does not look at what the mistake changes. "none" has no mistake.
#include "declarations.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool has(const char *mistake) {
    const char *text = getenv("DECOCT_TEST_WRONG");
    return text && strcmp(text, mistake) == 0;
}

static void find(const char *name, void *function) {
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found); // ISO C has no cast from object to function
}

static int other(int trans) {
    return trans == NO_TRANS ? TRANS : NO_TRANS;
}

static char other_letter(char letter) {
    return letter == 'N' || letter == 'n' ? 'T' : 'N';
}

// A square matrix may be transposed or not without leaving its memory.
static bool is_square(int m, int n, int k) {
    return m == n && n == k;
}

void cblas_sgemm(int layout, int trans_a, int trans_b, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc) {
    void (*right)(int, int, int, int, int, int, float, const float *, int, const float *, int,
                  float, float *, int);
    find("cblas_sgemm", &right);
    if (has("silence") && (m < 0 || n < 0 || k < 0 || layout < ROW_MAJOR)) {
        return;
    }
    bool square = is_square(m, n, k), there = m > 0 && n > 0 && ldc > 0;
    trans_a = has("trans_a") && square ? other(trans_a) : trans_a;
    trans_b = has("trans_b") && square ? other(trans_b) : trans_b;
    alpha = has("alpha") && alpha != 0.0f ? 1.0f : alpha;
    float old = has("beta") && there ? c[0] : 0.0f;
    right(layout, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    int rows = layout == ROW_MAJOR ? m : n, cols = layout == ROW_MAJOR ? n : m;
    if (has("beta") && there && beta == 0.0f) {
        c[0] += 0.0f * old;
    }
    if (has("last") && there) {
        c[(size_t)(rows - 1) * (size_t)ldc + (size_t)cols - 1] += 0.01f;
    }
    if (has("gap") && there && ldc > cols && rows > 1) {
        c[cols] = 0.0f;
    }
}

void sgemm_(const char *trans_a, const char *trans_b, const int *m, const int *n, const int *k,
            const float *alpha, const float *a, const int *lda, const float *b, const int *ldb,
            const float *beta, float *c, const int *ldc) {
    void (*right)(const char *, const char *, const int *, const int *, const int *, const float *,
                  const float *, const int *, const float *, const int *, const float *, float *,
                  const int *);
    find("sgemm_", &right);
    if (has("silence") && (*m < 0 || *n < 0 || *k < 0)) {
        return;
    }
    bool square = is_square(*m, *n, *k), there = *m > 0 && *n > 0 && *ldc > 0;
    char ta = has("trans_a") && square ? other_letter(*trans_a) : *trans_a;
    char tb = has("trans_b") && square ? other_letter(*trans_b) : *trans_b;
    float factor = has("alpha") && *alpha != 0.0f ? 1.0f : *alpha;
    right(&ta, &tb, m, n, k, &factor, a, lda, b, ldb, beta, c, ldc);
    if (has("last") && there) {
        c[(size_t)(*n - 1) * (size_t)*ldc + (size_t)*m - 1] += 0.01f;
    }
}

void cblas_sgemv(int layout, int trans, int m, int n, float alpha, const float *a, int lda,
                 const float *x, int incx, float beta, float *y, int incy) {
    void (*right)(int, int, int, int, float, const float *, int, const float *, int, float, float *,
                  int);
    find("cblas_sgemv", &right);
    incx = has("increment") && incx < 0 ? -incx : incx;
    trans = has("trans_v") && m == n ? other(trans) : trans;
    right(layout, trans, m, n, alpha, a, lda, x, incx, beta, y, incy);
    if (has("last") && m > 0 && n > 0) {
        y[0] += 0.01f;
    }
}

void sgemv_(const char *trans, const int *m, const int *n, const float *alpha, const float *a,
            const int *lda, const float *x, const int *incx, const float *beta, float *y,
            const int *incy) {
    void (*right)(const char *, const int *, const int *, const float *, const float *, const int *,
                  const float *, const int *, const float *, float *, const int *);
    find("sgemv_", &right);
    int step = has("increment") && *incx < 0 ? -*incx : *incx;
    char letter = has("trans_v") && *m == *n ? other_letter(*trans) : *trans;
    right(&letter, m, n, alpha, a, lda, x, &step, beta, y, incy);
    if (has("last") && *m > 0 && *n > 0) {
        y[0] += 0.01f;
    }
}

void cblas_sgemm_batch_strided(int layout, int trans_a, int trans_b, int m, int n, int k,
                               float alpha, const float *a, int lda, int a_next, const float *b,
                               int ldb, int b_next, float beta, float *c, int ldc, int c_next,
                               int batch) {
    void (*right)(int, int, int, int, int, int, float, const float *, int, int, const float *, int,
                  int, float, float *, int, int, int);
    find("cblas_sgemm_batch_strided", &right);
    b_next = has("stride") ? a_next : b_next;
    right(layout, trans_a, trans_b, m, n, k, alpha, a, lda, a_next, b, ldb, b_next, beta, c, ldc,
          c_next, batch - has("short"));
}
