// SPDX-License-Identifier: BSD-2-Clause
// Layer norm of hard rows: every backend against float64, scalar's bits, and known results. The
// shapes are in check_rows.c.
#include "exact_kit.h"

#include "bench/cases/hard_rows.h"

#include <math.h>

static const float EPS = 1e-5f;

enum { HARD_COLS = 5000 };

static void test_hard(void **state) {
    static const int64_t lengths[] = {1,   2,   3,    15,   16,   17,       96,
                                      257, 768, 1024, 1025, 2049, HARD_COLS};
    static float x[HARD_COLS], y[HARD_COLS], right[HARD_COLS], gain[HARD_COLS], bias[HARD_COLS];
    decoct_context *ctx = check_open(*state, 1), *scalar = check_open("scalar", 1);
    if (!ctx) {
        decoct_context_close(scalar);
        skip();
    }
    check_fill(gain, HARD_COLS, 7, 2.0f);
    check_fill(bias, HARD_COLS, 8, 2.0f);
    for (int kind = 0; kind < HARD_ROWS; kind++) {
        double worst = 0.0;
        for (size_t i = 0; i < 4 * sizeof lengths / sizeof *lengths; i++) {
            const int64_t n = lengths[i / 4];
            const float *g = i % 2 ? gain : NULL, *b = i / 2 % 2 ? bias : NULL;
            check_fill(x, n, i + 1, 1.0f);
            hard_row_make(&hard_rows[kind], x, n);
            assert_int_equal(decoct_layer_norm(ctx, 1, n, EPS, g, b, x, 0, y, 0), DECOCT_OK);
            const exact_row row = {
                .op = DECOCT_OP_LAYER_NORM, .cols = n, .x = x, .gain = g, .bias = b, .eps = EPS};
            worst = check_worse(worst, exact_row_error(&row, y));
            assert_int_equal(decoct_layer_norm(scalar, 1, n, EPS, g, b, x, 0, right, 0), DECOCT_OK);
            assert_true(check_same_bits(y, right, n));
            assert_int_equal(decoct_layer_norm(ctx, 1, n, EPS, g, b, x, 0, x, 0), DECOCT_OK);
            assert_true(check_same_bits(x, right, n)); // in place
        }
        print_message("%-26s %.3g of the bound\n", hard_rows[kind].name, worst);
        assert_true(worst <= 1.0);
    }
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

enum { COLS = 768 };

// Values, not bounds: the results of constant rows and of rows without variance.
static void test_values(void **state) {
    static float x[COLS], y[COLS], bias[COLS];
    static const float constants[] = {1000.1f,   12345.678f, -0.1f,
                                      0x1p-140f, 1e20f,      -0x1.fffffep127f};
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    check_fill(bias, COLS, 8, 2.0f);
    for (size_t c = 0; c < sizeof constants / sizeof *constants; c++) {
        for (int j = 0; j < COLS; j++) {
            x[j] = constants[c];
        }
        assert_int_equal(decoct_layer_norm(ctx, 1, COLS, EPS, NULL, bias, x, 0, y, 0), DECOCT_OK);
        for (int j = 0; j < COLS; j++) {
            assert_true(fabsf(y[j] - bias[j]) <= 1e-6f);
        }
    }
    // Nothing to divide by: the bias, not NaN.
    assert_int_equal(
        decoct_layer_norm(ctx, 1, 5, 0.0f, NULL, bias, (float[]){3, 3, 3, 3, 3}, 0, y, 0),
        DECOCT_OK);
    assert_true(check_same_bits(y, bias, 5));
    // +-1e20 is +-1.
    for (int j = 0; j < COLS; j++) {
        x[j] = j % 2 ? -1e20f : 1e20f;
    }
    assert_int_equal(decoct_layer_norm(ctx, 1, COLS, EPS, NULL, NULL, x, 0, y, 0), DECOCT_OK);
    for (int j = 0; j < COLS; j++) {
        assert_true(fabsf(y[j] - (j % 2 ? -1.0f : 1.0f)) <= 1e-6f);
    }
    // A huge row takes eps with it: +-2^41 has the variance 2^82, and as much eps makes 1 / sqrt 2.
    for (int j = 0; j < COLS; j++) {
        x[j] = j % 2 ? -0x1p41f : 0x1p41f;
    }
    assert_int_equal(decoct_layer_norm(ctx, 1, COLS, 0x1p82f, NULL, NULL, x, 0, y, 0), DECOCT_OK);
    for (int j = 0; j < COLS; j++) {
        assert_true(fabsf(fabsf(y[j]) - 0x1.6a09e6p-1f) <= 1e-6f);
    }
    decoct_context_close(ctx);
}

// The sums of that many equal elements are rounded, and the mean of d^2 is less than c^2.
static void test_many_equal(void **state) {
    enum { MANY = 500000 };
    static float many[MANY];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    for (int j = 0; j < MANY; j++) {
        many[j] = 0x1.b8a214p+12f;
    }
    assert_int_equal(decoct_layer_norm(ctx, 1, MANY, 0.0f, NULL, NULL, many, 0, many, 0),
                     DECOCT_OK);
    for (int j = 0; j < MANY; j++) {
        assert_true(many[j] == 0.0f);
    }
    decoct_context_close(ctx);
}

// A NaN or an infinity makes the whole of its row NaN, and no other row.
static void test_poison(void **state) {
    static float x[3 * COLS], y[3 * COLS];
    static const float poison[] = {NAN, INFINITY, -INFINITY};
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    for (int p = 0; p < 3; p++) {
        for (int at = 0; at < COLS; at += 59) {
            check_fill(x, 3 * COLS, 5, p ? 1.0f : 1e30f);
            x[COLS + at] = poison[p];
            assert_int_equal(decoct_layer_norm(ctx, 3, COLS, EPS, NULL, NULL, x, 0, y, 0),
                             DECOCT_OK);
            for (int j = 0; j < 3 * COLS; j++) {
                assert_true(j / COLS == 1 ? isnan(y[j]) : isfinite(y[j]));
            }
        }
    }
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"layer norm, hard rows", test_hard},
                                       {"layer norm, values", test_values},
                                       {"layer norm, many equal", test_many_equal},
                                       {"layer norm, NaN and infinity", test_poison}};
    return check_all_backends("layer_norm", tests, sizeof tests / sizeof *tests);
}
