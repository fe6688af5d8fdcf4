// SPDX-License-Identifier: BSD-2-Clause
// A host with threads of OpenMP: contexts in its parallel regions give the bits of one outside, and
// its own loops still work afterwards.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <decoct/decoct.h>
#include <omp.h>

enum { N = 96, THREADS = 4 };
static float numbers[N * N], expected[N * N];

static int64_t sum_of_squares(void) {
    int64_t sum = 0;
#pragma omp parallel for num_threads(THREADS) reduction(+ : sum)
    for (int64_t i = 0; i < 1000; i++) {
        sum += i * i;
    }
    return sum;
}

static decoct_status multiply(int32_t threads, float *y) {
    decoct_context *ctx = NULL;
    decoct_options options = {.struct_size = sizeof options, .threads = threads};
    decoct_status status = decoct_context_open(&options, &ctx);
    if (status == DECOCT_OK) {
        status = decoct_matmul_dense(ctx, N, N, N, numbers, numbers, 0, NULL, y);
    }
    decoct_context_close(ctx);
    return status;
}

static void test_contexts_in_a_parallel_region(void **state) {
    int failed = 0, teams = 0;
    (void)state;
#pragma omp parallel num_threads(THREADS) reduction(+ : failed, teams)
    {
        float *y = malloc(sizeof expected);
        teams += 1;
        failed += !y || multiply(2, y) != DECOCT_OK || memcmp(y, expected, sizeof expected) != 0;
        free(y);
    }
    assert_int_equal(teams, THREADS);
    assert_int_equal(failed, 0);
    assert_int_equal(sum_of_squares(), 332833500);
}

// One context for all threads of the host, which wait for their turn.
static void test_one_context_in_turns(void **state) {
    decoct_context *ctx = NULL;
    decoct_options options = {.struct_size = sizeof options, .threads = 2, .wait = 1};
    int failed = 0;
    (void)state;
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
#pragma omp parallel for num_threads(THREADS) reduction(+ : failed)
    for (int i = 0; i < 2000; i++) {
        float *y = malloc(sizeof expected);
        failed += !y || decoct_matmul_dense(ctx, N, N, N, numbers, numbers, 0, NULL, y) ||
                  memcmp(y, expected, sizeof expected) != 0;
        free(y);
    }
    decoct_context_close(ctx);
    assert_int_equal(failed, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contexts_in_a_parallel_region),
        cmocka_unit_test(test_one_context_in_turns),
    };
    for (int32_t i = 0; i < N * N; i++) {
        numbers[i] = (float)(i * 7919 % 1024) / 512.0f - 1.0f;
    }
    if (sum_of_squares() != 332833500 || multiply(1, expected) != DECOCT_OK) {
        return 1;
    }
    return cmocka_run_group_tests_name("openmp", tests, NULL, NULL);
}
