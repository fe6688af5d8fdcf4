// SPDX-License-Identifier: BSD-2-Clause
// Log-softmax: every backend against float64 and scalar's bits, and special values.
#include "rows_kit.h"

static void test_shapes(void **state) {
    kit_sweep(state, DECOCT_OP_LOG_SOFTMAX);
}

static decoct_status run(decoct_context *ctx, int64_t cols, float scale, const float *x, float *y) {
    return decoct_rows(ctx, &(decoct_rows_args){.struct_size = sizeof(decoct_rows_args),
                                                .op = DECOCT_OP_LOG_SOFTMAX,
                                                .rows = 1,
                                                .cols = cols,
                                                .x = x,
                                                .y = y,
                                                .scale = scale});
}

// A scale that is no power of two, and rows of equal elements, whose result is -log(cols).
static void test_scales(void **state) {
    enum { COLS = 5000 };
    static float x[COLS], y[COLS];
    static const float scales[] = {0.3f, -7.7f, 1.0f, 100.1f};
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        check_fill(x, COLS, 5, 9.0f);
        assert_int_equal(run(ctx, COLS, scales[i], x, y), DECOCT_OK);
        decoct_rows_args a = {.op = DECOCT_OP_LOG_SOFTMAX, .cols = COLS, .scale = scales[i]};
        assert_true(kit_row_error(&(rows_row){.a = &a, .x = x, .y = y}) <= 1.0);
    }
    memset(x, 0, sizeof x);
    for (int64_t n = 1; n <= COLS; n++) {
        double exact = -log((double)n);
        assert_int_equal(run(ctx, n, 0.0f, x, y), DECOCT_OK);
        assert_true(fabs((double)y[n - 1] - exact) <= 0.51 * 0x1p-23 * fabs(exact)); // 0.51 ULP
        assert_true(check_same_bits(&y[0], &y[n - 1], 1));
    }
    decoct_context_close(ctx);
}

// log(sum) for sums all over [1, 2]: two elements, of which one is swept.
static void test_log(void **state) {
    enum { STEPS = 1 << 16 };
    float x[2] = {0.0f, 0.0f}, y[2];
    double worst = 0.0;
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    for (int i = 0; i < STEPS; i++) {
        x[1] = -(float)i * (20.0f / STEPS);
        assert_int_equal(run(ctx, 2, 0.0f, x, y), DECOCT_OK);
        // exp is right to an ULP, at most 2^-24; the sum is rounded, by as much; and so is the log.
        double exact = -log1p(exp((double)x[1])), bound = 0x1p-23 + 0.51 * 0x1p-23 * fabs(exact);
        worst = check_worse(worst, fabs((double)y[0] - exact) / bound);
    }
    print_message("log: largest error %.3f of the bound\n", worst);
    assert_true(worst <= 1.0);
    decoct_context_close(ctx);
}

static void test_specials(void **state) {
    enum { COLS = 37 };
    static const float poison[] = {NAN, INFINITY};
    float x[COLS], y[COLS];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    for (int j = 0; j < COLS; j++) {
        x[j] = -INFINITY;
    }
    assert_int_equal(run(ctx, COLS, 0.0f, x, y), DECOCT_OK);
    for (int j = 0; j < COLS; j++) {
        assert_true(isnan(y[j])); // nothing to take the logarithm of
    }
    x[COLS - 1] = -1000.0f;
    assert_int_equal(run(ctx, COLS, 0.0f, x, y), DECOCT_OK);
    for (int j = 0; j < COLS; j++) {
        assert_true(j < COLS - 1 ? y[j] == -INFINITY : y[j] == 0.0f);
    }
    for (int i = 0; i < 2 * COLS; i++) {
        check_fill(x, COLS, 5, 1.0f);
        x[i % COLS] = poison[i / COLS];
        assert_int_equal(run(ctx, COLS, 0.0f, x, y), DECOCT_OK);
        for (int j = 0; j < COLS; j++) {
            assert_true(isnan(y[j])); // one of them makes its whole row NaN
        }
    }
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"log-softmax", test_shapes},
                                       {"scales, and equal elements", test_scales},
                                       {"logarithm", test_log},
                                       {"special values", test_specials}};
    return check_all_backends("log_softmax", tests, sizeof tests / sizeof *tests);
}
