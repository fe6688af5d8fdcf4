// SPDX-License-Identifier: BSD-2-Clause
// The functions of BLAS: checks of arguments, in the order and with the numbers of the reference
// implementation, and layouts as strides. All become products of column-major matrices first; the
// product that is computed is the transposed one, whose matrices are row-major.
#include "blas.h"

#include "brief.h"
#include "errors.h"
#include "multiply.h"

#include <stdbool.h>
#include <stddef.h>

// The values of <cblas.h>.
enum { ROW_MAJOR = 101, COL_MAJOR = 102, NO_TRANS = 111, TRANS = 112, CONJ_TRANS = 113 };

#define BLAS_API __attribute__((visibility("default")))

BLAS_API void sgemm_(const char *trans_a, const char *trans_b, const int *m, const int *n,
                     const int *k, const float *alpha, const float *a, const int *lda,
                     const float *b, const int *ldb, const float *beta, float *c, const int *ldc);
BLAS_API void sgemv_(const char *trans_a, const int *m, const int *n, const float *alpha,
                     const float *a, const int *lda, const float *x, const int *incx,
                     const float *beta, float *y, const int *incy);
BLAS_API void cblas_sgemm(int layout, int trans_a, int trans_b, int m, int n, int k, float alpha,
                          const float *a, int lda, const float *b, int ldb, float beta, float *c,
                          int ldc);
BLAS_API void cblas_sgemv(int layout, int trans_a, int m, int n, float alpha, const float *a,
                          int lda, const float *x, int incx, float beta, float *y, int incy);
BLAS_API void cblas_sgemm_batch_strided(int layout, int trans_a, int trans_b, int m, int n, int k,
                                        float alpha, const float *a, int lda, int a_next,
                                        const float *b, int ldb, int b_next, float beta, float *c,
                                        int ldc, int c_next, int batch);

// ---- Transposed or not ----

typedef enum trans { WRONG = -1, AS_IS, TRANSPOSED } trans;

static trans trans_of_letter(char letter) {
    switch (letter) {
    case 'N':
    case 'n':
        return AS_IS;
    case 'T':
    case 't':
    case 'C':
    case 'c':
        return TRANSPOSED;
    default:
        return WRONG;
    }
}

static trans trans_of_number(int number) {
    return number == NO_TRANS                        ? AS_IS
           : number == TRANS || number == CONJ_TRANS ? TRANSPOSED
                                                     : WRONG;
}

// ---- Matrix by matrix ----

// C (m, n) = alpha op(A) op(B) + beta C, all column-major.
typedef struct gemm {
    trans trans_a, trans_b;
    int m, n, k;
    float alpha;
    const float *a;
    int lda;
    const float *b;
    int ldb;
    float beta;
    float *c;
    int ldc;
    int a_next, b_next, c_next, batch;
} gemm;

// The row-major caller's matrices are the transposed ones of a column-major caller: C^T = B^T A^T.
static gemm as_column_major(const gemm *g) {
    gemm t = *g;
    t.trans_a = g->trans_b;
    t.trans_b = g->trans_a;
    t.m = g->n;
    t.n = g->m;
    t.a = g->b;
    t.lda = g->ldb;
    t.a_next = g->b_next;
    t.b = g->a;
    t.ldb = g->lda;
    t.b_next = g->a_next;
    return t;
}

static int at_least_1(int number) {
    return number > 1 ? number : 1;
}

// The number of the first wrong argument of sgemm_; 0: all are right.
static int find_wrong(const gemm *g) {
    int a_rows = g->trans_a == AS_IS ? g->m : g->k, b_rows = g->trans_b == AS_IS ? g->k : g->n;
    return g->trans_a == WRONG           ? 1
           : g->trans_b == WRONG         ? 2
           : g->m < 0                    ? 3
           : g->n < 0                    ? 4
           : g->k < 0                    ? 5
           : g->lda < at_least_1(a_rows) ? 8
           : g->ldb < at_least_1(b_rows) ? 10
           : g->ldc < at_least_1(g->m)   ? 13
                                         : 0;
}

// Row-major: (j, i) of a column-major matrix with leading dimension ld, or (i, j) if transposed.
static blas_view view_of(const float *data, int ld, trans t, int next) {
    return (blas_view){data, t == AS_IS ? ld : 1, t == AS_IS ? 1 : ld, next};
}

static void multiply(const gemm *g) {
    bool nothing = (g->alpha == 0.0f || g->k == 0) && g->beta == 1.0f;
    if (g->m == 0 || g->n == 0 || g->batch == 0 || nothing) {
        return;
    }
    blas_product p = {.m = g->n,
                      .n = g->m,
                      .k = g->k,
                      .batch = g->batch,
                      .alpha = g->alpha,
                      .beta = g->beta,
                      .x = view_of(g->b, g->ldb, g->trans_b, g->b_next),
                      .b = view_of(g->a, g->lda, g->trans_a, g->a_next),
                      .y = g->c,
                      .y_row = g->ldc,
                      .y_col = 1,
                      .y_next = g->c_next};
    blas_multiply(&p);
}

void sgemm_(const char *trans_a, const char *trans_b, const int *m, const int *n, const int *k,
            const float *alpha, const float *a, const int *lda, const float *b, const int *ldb,
            const float *beta, float *c, const int *ldc) {
    if (*trans_a == 'N' && *trans_b == 'N' &&
        blas_multiply_briefly(*n, *m, *k, *alpha, b, *ldb, a, *lda, *beta, c, *ldc)) {
        return;
    }
    gemm g = {trans_of_letter(*trans_a),
              trans_of_letter(*trans_b),
              *m,
              *n,
              *k,
              *alpha,
              a,
              *lda,
              b,
              *ldb,
              *beta,
              c,
              *ldc,
              0,
              0,
              0,
              1};
    int wrong = find_wrong(&g);
    if (wrong) {
        blas_wrong("SGEMM ", wrong);
    } else {
        multiply(&g);
    }
}

// What only the C interface can have wrong; true: nothing.
static bool check_layout(const char *name, int layout, int trans_a, int trans_b) {
    if (layout != ROW_MAJOR && layout != COL_MAJOR) {
        cblas_wrong(1, name, "Illegal layout setting, %d\n", layout);
    } else if (trans_of_number(trans_a) == WRONG) {
        cblas_wrong(2, name, "Illegal TransA setting, %d\n", trans_a);
    } else if (trans_of_number(trans_b) == WRONG) {
        cblas_wrong(3, name, "Illegal TransB setting, %d\n", trans_b);
    } else {
        return true;
    }
    return false;
}

void cblas_sgemm(int layout, int trans_a, int trans_b, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc) {
    if (layout == ROW_MAJOR && trans_a == NO_TRANS && trans_b == NO_TRANS &&
        blas_multiply_briefly(m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)) {
        return;
    }
    if (!check_layout("cblas_sgemm", layout, trans_a, trans_b)) {
        return;
    }
    gemm g = {trans_of_number(trans_a),
              trans_of_number(trans_b),
              m,
              n,
              k,
              alpha,
              a,
              lda,
              b,
              ldb,
              beta,
              c,
              ldc,
              0,
              0,
              0,
              1};
    g = layout == ROW_MAJOR ? as_column_major(&g) : g;
    int wrong = find_wrong(&g);
    if (wrong) {
        blas_wrong("SGEMM ", wrong);
    } else {
        multiply(&g);
    }
}

// ---- Many products of one shape ----

// The number of the first wrong argument as the caller counts them; 0: all are right.
static int find_wrong_in_batch(const gemm *g, int layout) {
    // From sgemm_'s numbers, of a column-major product, to those of this function.
    static const int column_major[] = {0, 2, 3, 4, 5, 6, 0, 0, 9, 0, 12, 0, 0, 16};
    static const int row_major[] = {0, 3, 2, 5, 4, 6, 0, 0, 12, 0, 9, 0, 0, 16};
    gemm t = layout == ROW_MAJOR ? as_column_major(g) : *g;
    int wrong = find_wrong(&t);
    return wrong           ? (layout == ROW_MAJOR ? row_major : column_major)[wrong]
           : g->a_next < 0 ? 10
           : g->b_next < 0 ? 13
           : g->c_next < 0 ? 17
           : g->batch < 0  ? 18
                           : 0;
}

void cblas_sgemm_batch_strided(int layout, int trans_a, int trans_b, int m, int n, int k,
                               float alpha, const float *a, int lda, int a_next, const float *b,
                               int ldb, int b_next, float beta, float *c, int ldc, int c_next,
                               int batch) {
    static const char name[] = "cblas_sgemm_batch_strided";
    if (!check_layout(name, layout, trans_a, trans_b)) {
        return;
    }
    gemm g = {trans_of_number(trans_a),
              trans_of_number(trans_b),
              m,
              n,
              k,
              alpha,
              a,
              lda,
              b,
              ldb,
              beta,
              c,
              ldc,
              a_next,
              b_next,
              c_next,
              batch};
    int wrong = find_wrong_in_batch(&g, layout);
    if (wrong) {
        cblas_wrong(wrong, name, "Illegal number\n", 0);
        return;
    }
    g = layout == ROW_MAJOR ? as_column_major(&g) : g;
    multiply(&g);
}

// ---- Matrix by vector ----

// y = alpha op(A) x + beta y, A (m, n) column-major.
typedef struct gemv {
    trans trans;
    int m, n;
    float alpha;
    const float *a;
    int lda;
    const float *x;
    int incx;
    float beta;
    float *y;
    int incy;
} gemv;

// The number of the first wrong argument of sgemv_; 0: all are right.
static int find_wrong_in_gemv(const gemv *g) {
    return g->trans == WRONG           ? 1
           : g->m < 0                  ? 2
           : g->n < 0                  ? 3
           : g->lda < at_least_1(g->m) ? 6
           : g->incx == 0              ? 8
           : g->incy == 0              ? 11
                                       : 0;
}

// Element 0 of a vector: with a negative increment it is the last one in memory.
static ptrdiff_t first_of(int count, int increment) {
    return increment < 0 ? (ptrdiff_t)(1 - count) * increment : 0;
}

static void multiply_vector(const gemv *g) {
    int wrong = find_wrong_in_gemv(g);
    if (wrong) {
        blas_wrong("SGEMV ", wrong);
        return;
    }
    if (g->m == 0 || g->n == 0 || (g->alpha == 0.0f && g->beta == 1.0f)) {
        return;
    }
    int rows = g->trans == AS_IS ? g->m : g->n, cols = g->trans == AS_IS ? g->n : g->m;
    const float *x = g->x + first_of(cols, g->incx);
    blas_product p = {.m = rows,
                      .n = 1,
                      .k = cols,
                      .batch = 1,
                      .alpha = g->alpha,
                      .beta = g->beta,
                      .x = view_of(g->a, g->lda, g->trans == AS_IS ? TRANSPOSED : AS_IS, 0),
                      .b = {x, g->incx, 1, 0},
                      .y = g->y + first_of(rows, g->incy),
                      .y_row = g->incy,
                      .y_col = 1};
    blas_multiply(&p);
}

void sgemv_(const char *trans_a, const int *m, const int *n, const float *alpha, const float *a,
            const int *lda, const float *x, const int *incx, const float *beta, float *y,
            const int *incy) {
    gemv g = {trans_of_letter(*trans_a), *m, *n, *alpha, a, *lda, x, *incx, *beta, y, *incy};
    multiply_vector(&g);
}

void cblas_sgemv(int layout, int trans_a, int m, int n, float alpha, const float *a, int lda,
                 const float *x, int incx, float beta, float *y, int incy) {
    if (!check_layout("cblas_sgemv", layout, trans_a, NO_TRANS)) {
        return;
    }
    gemv g = {trans_of_number(trans_a), m, n, alpha, a, lda, x, incx, beta, y, incy};
    if (layout == ROW_MAJOR) {
        g.trans = g.trans == AS_IS ? TRANSPOSED : AS_IS;
        g.m = n;
        g.n = m;
    }
    multiply_vector(&g);
}
