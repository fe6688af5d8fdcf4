// SPDX-License-Identifier: BSD-2-Clause
// Wrong arguments of libdecoct-blas: a host that has its own xerbla_ and cblas_xerbla gets name and
// number of the argument, and the output is untouched.
#include "blas/declarations.h"
#include "check.h"

#include <stdio.h>
#include <string.h>

static char got_name[64];
static int got_info, calls;

void xerbla_(const char *name, const int *info, size_t length) {
    snprintf(got_name, sizeof got_name, "%.*s", (int)length, name);
    got_info = *info;
    calls++;
}

void cblas_xerbla(int info, const char *name, const char *form, ...) {
    assert_non_null(form);
    snprintf(got_name, sizeof got_name, "%s", name);
    got_info = info;
    calls++;
}

static float a[16], b[16], c[16];

static void check_call(const char *name, int info) {
    assert_int_equal(calls, 1);
    assert_string_equal(got_name, name);
    assert_int_equal(got_info, info);
    for (int i = 0; i < 16; i++) {
        assert_true(c[i] == 7.0f);
    }
    calls = 0;
}

static int fill(void **state) {
    (void)state;
    for (int i = 0; i < 16; i++) {
        a[i] = b[i] = 1.0f;
        c[i] = 7.0f;
    }
    calls = 0;
    return 0;
}

static void gemm(const char *letters, int m, int n, int k, int lda, int ldb, int ldc, int info) {
    const float one = 1.0f;
    sgemm_(&letters[0], &letters[1], &m, &n, &k, &one, a, &lda, b, &ldb, &one, c, &ldc);
    check_call("SGEMM ", info);
}

static void test_sgemm(void **state) {
    (void)state;
    gemm("/N", 2, 2, 2, 2, 2, 2, 1);
    gemm("N/", 2, 2, 2, 2, 2, 2, 2);
    gemm("NN", -1, 2, 2, 2, 2, 2, 3);
    gemm("NN", 2, -1, 2, 2, 2, 2, 4);
    gemm("NN", 2, 2, -1, 2, 2, 2, 5);
    gemm("NN", 3, 2, 2, 2, 2, 3, 8);
    gemm("TN", 2, 2, 3, 2, 3, 2, 8);
    gemm("NN", 2, 2, 3, 2, 2, 2, 10);
    gemm("NT", 2, 3, 2, 2, 2, 2, 10);
    gemm("NN", 3, 2, 2, 3, 2, 2, 13);
    gemm("NN", 0, 0, 0, 0, 1, 1, 8); // a leading dimension is at least 1
    gemm("XX", -1, -1, -1, 0, 0, 0, 1);
}

static void gemv(char letter, int m, int n, int lda, int incx, int incy, int info) {
    const float one = 1.0f;
    sgemv_(&letter, &m, &n, &one, a, &lda, b, &incx, &one, c, &incy);
    check_call("SGEMV ", info);
}

static void test_sgemv(void **state) {
    (void)state;
    gemv('/', 2, 2, 2, 1, 1, 1);
    gemv('N', -1, 2, 2, 1, 1, 2);
    gemv('N', 2, -1, 2, 1, 1, 3);
    gemv('N', 2, 2, 1, 1, 1, 6);
    gemv('T', 2, 2, 2, 0, 1, 8);
    gemv('N', 2, 2, 2, 1, 0, 11);
}

// As the reference: what Fortran has, too, is reported by it, for the column-major product.
static void test_cblas(void **state) {
    (void)state;
    cblas_sgemm(0, NO_TRANS, NO_TRANS, 2, 2, 2, 1.0f, a, 2, b, 2, 1.0f, c, 2);
    check_call("cblas_sgemm", 1);
    cblas_sgemm(ROW_MAJOR, 0, NO_TRANS, 2, 2, 2, 1.0f, a, 2, b, 2, 1.0f, c, 2);
    check_call("cblas_sgemm", 2);
    cblas_sgemm(COL_MAJOR, NO_TRANS, 0, 2, 2, 2, 1.0f, a, 2, b, 2, 1.0f, c, 2);
    check_call("cblas_sgemm", 3);
    cblas_sgemm(COL_MAJOR, NO_TRANS, NO_TRANS, -1, 2, 2, 1.0f, a, 2, b, 2, 1.0f, c, 2);
    check_call("SGEMM ", 3);
    cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, -1, 2, 2, 1.0f, a, 2, b, 2, 1.0f, c, 2);
    check_call("SGEMM ", 4);
    cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, 2, 2, 3, 1.0f, a, 2, b, 2, 1.0f, c, 2);
    check_call("SGEMM ", 10);
    cblas_sgemv(ROW_MAJOR, 0, 2, 2, 1.0f, a, 2, b, 1, 1.0f, c, 1);
    check_call("cblas_sgemv", 2);
    cblas_sgemv(ROW_MAJOR, NO_TRANS, 2, 3, 1.0f, a, 2, b, 1, 1.0f, c, 1);
    check_call("SGEMV ", 6);
}

// Usual products take a short way, once this thread has its context.
static void test_usual(void **state) {
    (void)state;
    const float one = 1.0f, none = 0.0f;
    float out[4];
    cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, 2, 2, 2, one, a, 2, b, 2, none, out, 2);
    cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, 2, 2, 2, one, a, 1, b, 2, none, c, 2);
    check_call("SGEMM ", 10);
    cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, 2, 2, 2, one, a, 2, b, 1, none, c, 2);
    check_call("SGEMM ", 8);
    cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, 2, 2, 2, one, a, 2, b, 2, none, c, 1);
    check_call("SGEMM ", 13);
    const int m = 2, n = 3, k = 4, lda = 1;
    sgemm_("N", "N", &m, &n, &k, &one, a, &lda, b, &k, &none, c, &m);
    check_call("SGEMM ", 8);
}

static void batch(int layout, const int numbers[10], int info) {
    const int *x = numbers;
    cblas_sgemm_batch_strided(layout, NO_TRANS, NO_TRANS, x[0], x[1], x[2], 1.0f, a, x[3], x[4], b,
                              x[5], x[6], 1.0f, c, x[7], x[8], x[9]);
    check_call("cblas_sgemm_batch_strided", info);
}

// There is no Fortran interface: numbers are those of the caller's own arguments.
static void test_batch(void **state) {
    (void)state;
    //                        m   n  k lda     ldb    ldc
    batch(0, (const int[]){2, 2, 2, 2, 4, 2, 4, 2, 4, 1}, 1);
    for (int layout = ROW_MAJOR; layout <= COL_MAJOR; layout++) {
        batch(layout, (const int[]){-1, 2, 2, 2, 4, 2, 4, 2, 4, 1}, 4);
        batch(layout, (const int[]){2, -1, 2, 2, 4, 2, 4, 2, 4, 1}, 5);
        batch(layout, (const int[]){2, 2, -1, 2, 4, 2, 4, 2, 4, 1}, 6);
        batch(layout, (const int[]){2, 2, 2, 1, 4, 2, 4, 2, 4, 1}, 9);
        batch(layout, (const int[]){2, 2, 2, 2, -1, 2, 4, 2, 4, 1}, 10);
        batch(layout, (const int[]){2, 2, 2, 2, 4, 1, 4, 2, 4, 1}, 12);
        batch(layout, (const int[]){2, 2, 2, 2, 4, 2, -1, 2, 4, 1}, 13);
        batch(layout, (const int[]){2, 2, 2, 2, 4, 2, 4, 1, 4, 1}, 16);
        batch(layout, (const int[]){2, 2, 2, 2, 4, 2, 4, 2, -1, 1}, 17);
        batch(layout, (const int[]){2, 2, 2, 2, 4, 2, 4, 2, 4, -1}, 18);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sgemm, fill), cmocka_unit_test_setup(test_sgemv, fill),
        cmocka_unit_test_setup(test_cblas, fill), cmocka_unit_test_setup(test_usual, fill),
        cmocka_unit_test_setup(test_batch, fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
