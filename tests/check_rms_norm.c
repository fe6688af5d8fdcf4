// SPDX-License-Identifier: BSD-2-Clause
// RMS norm: every backend against float64 and scalar's bits, rows of huge numbers, special values.
#include "rows_kit.h"

#include <float.h>

static void test_shapes(void **state) {
    kit_sweep(state, DECOCT_OP_RMS_NORM);
}

static decoct_rows_args args_of(int64_t rows, int64_t cols, float eps, const float *gain,
                                const float *x, float *y) {
    return (decoct_rows_args){.struct_size = sizeof(decoct_rows_args),
                              .op = DECOCT_OP_RMS_NORM,
                              .rows = rows,
                              .cols = cols,
                              .x = x,
                              .y = y,
                              .gain = gain,
                              .eps = eps};
}

// Rows around the sizes at which a power of two is taken out, and with one huge element.
static void test_huge(void **state) {
    enum { COLS = 1541 };
    static float x[COLS], y[COLS], right[COLS], gain[COLS];
    static const float sizes[] = {0x1p38f, 0x1.8p39f, 0x1p40f, 0x1p41f, 0x1p64f, 1e30f, FLT_MAX};
    decoct_context *ctx = check_open(*state, 1), *scalar = check_open("scalar", 1);
    if (!ctx) {
        decoct_context_close(scalar);
        skip();
    }
    check_fill(gain, COLS, 7, 2.0f);
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        float size = sizes[i / 2];
        check_fill(x, COLS, i + 1, i % 2 ? size : 1.0f);
        x[COLS - 1] = size;
        decoct_rows_args a = args_of(1, COLS, 0x1p-17f, i % 4 < 2 ? gain : NULL, x, y), b = a;
        b.y = right;
        assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
        assert_int_equal(decoct_rows(scalar, &b), DECOCT_OK);
        assert_true(check_same_bits(y, right, COLS));
        assert_true(kit_row_error(&(rows_row){.a = &a, .x = x, .y = y}) <= 1.0);
    }
    // eps counts in a huge row, too: +-2^41 with as large an eps makes 1 / sqrt 2.
    for (int j = 0; j < COLS; j++) {
        x[j] = j % 2 ? -0x1p41f : 0x1p41f;
    }
    decoct_rows_args a = args_of(1, COLS, 0x1p82f, NULL, x, y);
    assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
    for (int j = 0; j < COLS; j++) {
        assert_true(fabsf(fabsf(y[j]) - 0x1.6a09e6p-1f) <= 1e-6f);
    }
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

static void test_specials(void **state) {
    enum { COLS = 96 };
    static const float poison[] = {NAN, INFINITY, -INFINITY};
    static float x[3 * COLS], y[3 * COLS];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_rows_args a = args_of(3, COLS, 0.0f, NULL, x, y);
    memset(x, 0, sizeof x);
    x[1] = -0.0f;
    assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
    assert_true(check_same_bits(x, y, 3L * COLS)); // zeros, not 0 / 0
    for (int i = 0; i < 3 * COLS; i++) {
        int at = COLS + i % COLS;
        check_fill(x, 3L * COLS, 5, 1e25f);
        x[at] = poison[i / COLS];
        assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
        for (int j = 0; j < 3 * COLS; j++) {
            bool nan = j / COLS == 1 && (i < COLS || j == at), zero = j / COLS == 1 && !nan;
            assert_true(nan ? isnan(y[j]) : zero ? y[j] == 0.0f : isfinite(y[j]) && y[j] != 0.0f);
        }
    }
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {
        {"rms norm", test_shapes}, {"huge rows", test_huge}, {"special values", test_specials}};
    return check_all_backends("rms_norm", tests, sizeof tests / sizeof *tests);
}
