// SPDX-License-Identifier: BSD-2-Clause
// A product of any layout reaches the library in one that it takes, with a library in its place
// that only checks strides: a refused product would be computed by three loops, right but slowly.
#include "bindings/blas/contexts.h"
#include "bindings/blas/multiply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { M = 5, N = 6, K = 7, MOST = 64 };

static int calls, refused;

// ---- In place of the library ----

static bool is_wide(int64_t rows, int64_t cols, int64_t stride) {
    return stride == 0 || stride >= cols || rows == 1;
}

decoct_status decoct_matmul(decoct_context *ctx, const decoct_matmul_args *a) {
    int64_t b_rows = a->b_transposed ? a->n : a->k, b_cols = a->b_transposed ? a->k : a->n;
    calls++;
    return ctx && is_wide(a->m, a->k, a->x_stride) && is_wide(b_rows, b_cols, a->b_stride) &&
                   is_wide(a->m, a->n, a->y_stride)
               ? DECOCT_OK
               : DECOCT_E_ARGUMENT;
}

blas_turn blas_enter(double work) {
    static int context;
    (void)work;
    return (blas_turn){.ctx = (decoct_context *)(void *)&context};
}

void blas_leave(blas_turn turn) {
    (void)turn;
}

void blas_multiply_simply(const blas_product *p) {
    (void)p;
    refused++;
}

// ---- The test ----

static blas_view view_of(const float *data, int64_t rows, int64_t cols, int by_columns) {
    return by_columns ? (blas_view){data, 1, rows, rows * cols}
                      : (blas_view){data, cols, 1, rows * cols};
}

static void multiply(int64_t m, int64_t n, int layout, int64_t batch) {
    static float x[2 * MOST], b[2 * MOST], y[2 * MOST];
    blas_view to = view_of(y, m, n, layout & 4);
    blas_product p = {.m = m,
                      .n = n,
                      .k = K,
                      .batch = batch,
                      .alpha = 1.0f,
                      .x = view_of(x, m, K, layout & 1),
                      .b = view_of(b, K, n, layout & 2),
                      .y = y,
                      .y_row = to.row,
                      .y_col = to.col,
                      .y_next = to.next};
    calls = refused = 0;
    blas_multiply(&p);
    assert_true(calls > 0);
    assert_int_equal(refused, 0);
}

static void test_every_layout(void **state) {
    (void)state;
    for (int layout = 0; layout < 8; layout++) {
        for (int64_t batch = 1; batch <= 2; batch++) {
            multiply(M, N, layout, batch);
            multiply(1, N, layout, batch);
            multiply(M, 1, layout, batch);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_layout)};
    return cmocka_run_group_tests_name("blas ways", tests, NULL, NULL);
}
