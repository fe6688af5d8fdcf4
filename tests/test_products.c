// SPDX-License-Identifier: BSD-2-Clause
// Batches of matrix products, their strides, alpha and beta: the same bits as one product after the
// other, and as the formula says.
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 5, ROOM = 1 << 15 };

typedef struct operands {
    float x[ROOM], b[ROOM], bias[256], y[ROOM], right[ROOM];
    decoct_context *ctx;
} operands;

static int open_operands(void **state) {
    operands *o = calloc(1, sizeof *o);
    assert_non_null(o);
    check_fill(o->x, ROOM, 1, 1.0f);
    check_fill(o->b, ROOM, 2, 1.0f);
    check_fill(o->bias, 256, 3, 1.0f);
    decoct_options options = {.struct_size = sizeof options, .threads = 3};
    assert_int_equal(decoct_context_open(&options, &o->ctx), DECOCT_OK);
    *state = o;
    return 0;
}

static int close_operands(void **state) {
    operands *o = *state;
    decoct_context_close(o->ctx);
    free(o);
    return 0;
}

static decoct_matmul_args args_of(const operands *o, int64_t m, int64_t n, int64_t k) {
    return (decoct_matmul_args){.struct_size = sizeof(decoct_matmul_args),
                                .m = m,
                                .n = n,
                                .k = k,
                                .x = o->x,
                                .b = o->b,
                                .bias = o->bias,
                                .y = (float *)(uintptr_t)o->y};
}

// One product after the other to o->right, with the batch strides of `a`; what they leave alone is
// what was in o->y.
static void multiply_one_by_one(operands *o, const decoct_matmul_args *a) {
    memcpy(o->right, o->y, sizeof o->right);
    for (int64_t i = 0; i < a->batch; i++) {
        decoct_matmul_args one = *a;
        one.batch = 0;
        one.x += i * a->x_batch_stride;
        one.b = a->b_shared || !a->b ? a->b : a->b + i * a->b_batch_stride;
        one.y = o->right + i * a->y_batch_stride;
        one.x_batch_stride = one.b_batch_stride = one.y_batch_stride = one.b_shared = 0;
        assert_int_equal(decoct_matmul(o->ctx, &one), DECOCT_OK);
    }
}

static void compare(operands *o, const decoct_matmul_args *a) {
    multiply_one_by_one(o, a);
    assert_int_equal(decoct_matmul(o->ctx, a), DECOCT_OK);
    assert_true(check_same_bits(o->y, o->right, ROOM));
}

static void test_batches(void **state) {
    static const int64_t shapes[][3] = {
        {1, 1, 1}, {7, 33, 19}, {3, 65, 20}, {17, 5, 0}, {40, 16, 40}};
    operands *o = *state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int64_t batch = 1; batch <= BATCH; batch += 2) { // fewer and more than threads
            for (int32_t form = 0; form < 4; form++) {
                decoct_matmul_args a = args_of(o, shapes[i][0], shapes[i][1], shapes[i][2]);
                memset(o->y, 0x5a, sizeof o->y);
                a.batch = batch;
                a.b_transposed = form & 1;
                a.b_shared = form >> 1;
                a.x_batch_stride = a.m * a.k + 3;
                a.b_batch_stride = a.k * a.n + 1;
                a.y_batch_stride = a.m * a.n + 2;
                compare(o, &a);
                a.alpha = 0.5f; // and now on top of these
                a.beta = 2.0f;
                compare(o, &a);
            }
        }
    }
}

// Many small products: a task has several of them, the last one fewer.
static void test_many(void **state) {
    operands *o = *state;
    for (int64_t batch = 12; batch <= 1000; batch += batch / 4 + 1) {
        decoct_matmul_args a = args_of(o, 3, 5, 4);
        memset(o->y, 0x5a, sizeof o->y);
        a.batch = batch;
        a.x_batch_stride = 3 * 4;
        a.b_batch_stride = 4 * 5;
        a.y_batch_stride = 3 * 5;
        compare(o, &a);
    }
}

// Strides of 0 are dense; products may be in the gaps of each other, such as heads side by side.
static void test_strides(void **state) {
    operands *o = *state;
    decoct_matmul_args a = args_of(o, 6, 10, 12), dense = a;
    memset(o->y, 0, sizeof o->y);
    a.batch = dense.batch = 4;
    a.x_batch_stride = 6 * 12;
    a.b_batch_stride = 12 * 10;
    a.y_batch_stride = 6 * 10;
    compare(o, &a);
    memset(o->y, 0, sizeof o->y);
    assert_int_equal(decoct_matmul(o->ctx, &dense), DECOCT_OK);
    assert_true(check_same_bits(o->y, o->right, ROOM));
    a.y_stride = 4 * 10; // (m, batch, n)
    a.y_batch_stride = 10;
    a.x_stride = 4 * 12;
    a.x_batch_stride = 12;
    compare(o, &a);
    a.y_batch_stride = 9;
    assert_int_equal(decoct_matmul(o->ctx, &a), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(decoct_last_error(o->ctx), "overlap each other in y"));
    a.y_batch_stride = -10;
    assert_int_equal(decoct_matmul(o->ctx, &a), DECOCT_E_ARGUMENT);
    a.y_batch_stride = 10;
    a.b_batch_stride = INT64_MAX / 2;
    assert_int_equal(decoct_matmul(o->ctx, &a), DECOCT_E_ARGUMENT);
    a.b_batch_stride = 0;
    a.b_shared = 2;
    assert_int_equal(decoct_matmul(o->ctx, &a), DECOCT_E_ARGUMENT);
    a.b_shared = 0;
    a.batch = -1;
    assert_int_equal(decoct_matmul(o->ctx, &a), DECOCT_E_ARGUMENT);
}

static void test_batch_with_weights(void **state) {
    operands *o = *state;
    decoct_weights *w = NULL;
    decoct_matmul_args a = args_of(o, 9, 21, 30);
    assert_int_equal(decoct_weights_create(o->ctx, 30, 21, o->b, 0, 0, &w), DECOCT_OK);
    a.b = NULL;
    a.weights = w;
    a.batch = BATCH;
    a.x_batch_stride = 9 * 30;
    a.y_batch_stride = 9 * 21 + 5;
    compare(o, &a);
    a.b_batch_stride = 7; // there is no b
    compare(o, &a);
    decoct_weights_destroy(w);
}

// fma(alpha, chain, beta y) + bias, where the chain is the product without any of them.
static void test_alpha_and_beta(void **state) {
    static const float factors[][2] = {{0.0f, 0.5f}, {0.75f, 0.0f}, {-1.5f, 1.0f}, {1.0f, -3.0f}};
    operands *o = *state;
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
        for (int64_t m = 1; m < 700; m = m * 5 + 1) {
            decoct_matmul_args a = args_of(o, m, 37, 11), chain = a;
            float alpha = factors[f][0] == 0.0f ? 1.0f : factors[f][0], beta = factors[f][1];
            chain.bias = NULL;
            chain.y = o->right;
            assert_int_equal(decoct_matmul(o->ctx, &chain), DECOCT_OK);
            check_fill(o->y, ROOM, 9, 1.0f);
            for (int64_t i = 0; i < m * 37; i++) {
                float old = o->y[i], c = o->right[i];
                o->right[i] =
                    (beta == 0.0f ? alpha * c : fmaf(alpha, c, beta * old)) + o->bias[i % 37];
                o->y[i] = beta == 0.0f ? NAN : old; // not read then
            }
            a.alpha = factors[f][0];
            a.beta = beta;
            assert_int_equal(decoct_matmul(o->ctx, &a), DECOCT_OK);
            assert_true(check_same_bits(o->y, o->right, m * 37));
        }
    }
    decoct_matmul_args a = args_of(o, 2, 3, 4);
    a.alpha = NAN;
    assert_int_equal(decoct_matmul(o->ctx, &a), DECOCT_E_ARGUMENT);
    a.alpha = 1.0f;
    a.beta = INFINITY;
    assert_int_equal(decoct_matmul(o->ctx, &a), DECOCT_E_ARGUMENT);
    a.beta = 0.0f;
    a.reserved = 1;
    assert_int_equal(decoct_matmul(o->ctx, &a), DECOCT_E_ARGUMENT);
}

// One row of n fills the room for products that wait, and in a batch.
static void test_scaled_in_parts(void **state) {
    operands *o = *state;
    enum { N = (1 << 18) + 5, M = 3 };
    float *b = calloc(2 * N, sizeof *b), *y = calloc(2 * M * (size_t)N, sizeof *y);
    float *right = calloc(2 * M * (size_t)N, sizeof *right);
    assert_true(b && y && right);
    check_fill(b, 2 * N, 4, 1.0f);
    check_fill(y, 2 * M * N, 5, 1.0f);
    decoct_matmul_args a = args_of(o, M, N, 2);
    a.b = b;
    a.b_shared = 1;
    a.batch = 2;
    a.bias = NULL;
    a.y = right;
    assert_int_equal(decoct_matmul(o->ctx, &a), DECOCT_OK);
    for (int64_t i = 0; i < 2 * M * N; i++) {
        right[i] = fmaf(0.5f, right[i], 2.0f * y[i]);
    }
    a.y = y;
    a.alpha = 0.5f;
    a.beta = 2.0f;
    assert_int_equal(decoct_matmul(o->ctx, &a), DECOCT_OK);
    assert_true(check_same_bits(y, right, 2 * M * N));
    free(b);
    free(y);
    free(right);
}

enum { SMALL_M = 5, SMALL_N = 6, SMALL_K = 7, WRONG = 20 };

// Small products that are wrong in one thing each: of b as it is, and of packed weights.
static void make_wrong(operands *o, decoct_matmul_args plain, decoct_matmul_args packed,
                       decoct_matmul_args bad[WRONG]) {
    enum { M = SMALL_M, N = SMALL_N, K = SMALL_K };
    for (int i = 0; i < WRONG; i++) {
        bad[i] = i < 10 || i > 13 ? plain : packed;
    }
    bad[0].x_stride = K - 1;
    bad[1].b_stride = -N;
    bad[2].y_stride = N - 1;
    bad[3].x = NULL;
    bad[4].b = NULL;
    bad[5].y = NULL;
    bad[6].x = o->y + M * N - 1;
    bad[7].b = o->y + M * N - 1;
    bad[8].bias = o->y + M * N - 1;
    bad[9].x_stride = INT64_MAX / 2;
    bad[10].n = N - 1;
    bad[11].k = K - 1;
    bad[12].b = o->b;
    bad[13].reserved = 1;
    bad[14].struct_size = 8;
    bad[15].b_shared = 2;
    bad[16].n = -1; // with strides and without a bias nothing else is wrong
    bad[16].b_stride = bad[16].y_stride = N;
    bad[16].bias = NULL;
    bad[17].x_stride = bad[18].y_stride = INT64_MAX / M * 2 + 2; // M rows of it: past 64 bits
    bad[19].b_stride = INT64_MAX / K * 2 + 1;
}

// They are refused with a reason, and y stays as it was.
static void test_small_refusals(void **state) {
    operands *o = *state;
    decoct_weights *w = NULL;
    assert_int_equal(decoct_weights_create(o->ctx, SMALL_K, SMALL_N, o->b, 0, 0, &w), DECOCT_OK);
    decoct_matmul_args good = args_of(o, SMALL_M, SMALL_N, SMALL_K), packed = good, bad[WRONG];
    packed.b = NULL;
    packed.weights = w;
    make_wrong(o, good, packed, bad);
    memset(o->y, 0x5a, sizeof o->y);
    memcpy(o->right, o->y, sizeof o->right);
    for (int i = 0; i < WRONG; i++) {
        assert_int_equal(decoct_matmul(o->ctx, &bad[i]), DECOCT_E_ARGUMENT);
        assert_non_null(strstr(decoct_last_error(o->ctx), "matmul: "));
        assert_memory_equal(o->y, o->right, sizeof o->y);
    }
    good.x = o->y + SMALL_M * SMALL_N; // just behind y
    assert_int_equal(decoct_matmul(o->ctx, &good), DECOCT_OK);
    assert_string_equal(decoct_last_error(o->ctx), "");
    decoct_weights_destroy(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches),        cmocka_unit_test(test_many),
        cmocka_unit_test(test_strides),        cmocka_unit_test(test_batch_with_weights),
        cmocka_unit_test(test_alpha_and_beta), cmocka_unit_test(test_scaled_in_parts),
        cmocka_unit_test(test_small_refusals),
    };
    return cmocka_run_group_tests_name("products", tests, open_operands, close_operands);
}
