// SPDX-License-Identifier: BSD-2-Clause
// Every operation on rows that ops.def lists, in every form: every backend against scalar's bits
// and against float64. And known values of some.
#include "rows_kit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void test_every_operation(void **state) {
    for (decoct_op op = 0; op < DCT_OPS; op++) {
        kit_sweep(state, op);
    }
}

static void test_specials(void **state) {
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    float x[20], y[20];
    for (int i = 0; i < 20; i++) {
        x[i] = -INFINITY;
    }
    assert_int_equal(decoct_softmax(ctx, 1, 20, 0.0f, x, 0, y, 0), DECOCT_OK);
    for (int i = 0; i < 20; i++) {
        assert_true(y[i] == 0.0f); // a row without a visible element
    }
    x[19] = -1000.0f;
    assert_int_equal(decoct_softmax(ctx, 1, 20, 0.0f, x, 0, y, 0), DECOCT_OK);
    assert_true(y[19] == 1.0f && y[0] == 0.0f);
    static const float poison[] = {NAN, INFINITY};
    for (int p = 0; p < 2; p++) {
        for (int at = 0; at < 20; at++) {
            for (int i = 0; i < 20; i++) {
                x[i] = (float)i;
            }
            x[at] = poison[p];
            assert_int_equal(decoct_softmax(ctx, 1, 20, 0.0f, x, 0, y, 0), DECOCT_OK);
            for (int i = 0; i < 20; i++) {
                assert_true(isnan(y[i])); // one of them makes its whole row NaN
            }
        }
    }
    static const float in[] = {0.0f,   -0.0f, INFINITY,  1e30f,
                               -1e30f, NAN,   -INFINITY, -0x1.fffffep127f};
    for (int form = 0; form < 2; form++) {
        assert_int_equal(decoct_gelu(ctx, form, 1, 8, in, 0, y, 0), DECOCT_OK);
        assert_true(y[0] == 0.0f && y[1] == 0.0f && y[2] == INFINITY && y[3] == 1e30f);
        assert_true(isnan(y[5]));
        assert_true(y[4] == 0.0f && y[6] == 0.0f && y[7] == 0.0f);
        assert_true(signbit(y[1]) && signbit(y[4]) && signbit(y[6]) && signbit(y[7])); // -0
    }
    decoct_context_close(ctx);
}

enum { NEIGHBOURS = 7, LONGEST = 2070 };

// Softmax of rows of random and special values: each has the bits of scalar's for it alone, also
// where y is x.
static void softmax_neighbours(decoct_context *ctx, decoct_context *scalar, int cols,
                               float special) {
    static float x[NEIGHBOURS * LONGEST], y[NEIGHBOURS * LONGEST], alone[LONGEST];
    const float scale = cols % 2 ? 0.5f : 0.0f;
    check_fill(x, NEIGHBOURS * cols, (uint64_t)cols, 2.0f);
    for (int j = 0; j < cols; j++) {
        x[2 * cols + j] = -INFINITY;
    }
    x[cols - 1] = x[5 * cols] = special;
    assert_int_equal(decoct_softmax(ctx, NEIGHBOURS, cols, scale, x, 0, y, 0), DECOCT_OK);
    for (int i = 0; i < NEIGHBOURS; i++) {
        const float *row = y + i * cols;
        assert_int_equal(decoct_softmax(scalar, 1, cols, scale, x + i * cols, 0, alone, 0),
                         DECOCT_OK);
        assert_true(isnan(alone[0]) ? isnan(row[0]) && isnan(row[cols - 1])
                                    : check_same_bits(row, alone, cols));
    }
    assert_int_equal(decoct_softmax(ctx, NEIGHBOURS, cols, scale, x, 0, x, 0), DECOCT_OK);
    for (int i = 0; i < NEIGHBOURS; i++) {
        const float *row = y + i * cols;
        assert_true(isnan(row[0]) ? isnan(x[i * cols]) : check_same_bits(x + i * cols, row, cols));
    }
}

// Rows are computed some at a time: a row of special values beside others changes only itself.
static void test_neighbours(void **state) {
    enum { EACH = 100 };
    static const float specials[] = {-INFINITY, -1000.0f, 200.0f, NAN, INFINITY};
    static const int more[] = {127, 192, 1024, 1075, LONGEST};
    decoct_context *ctx = check_open(*state, 1), *scalar = check_open("scalar", 1);
    for (int i = 0; ctx && i < EACH + (int)(sizeof more / sizeof *more); i++) {
        for (int special = 0; special < 5; special++) {
            softmax_neighbours(ctx, scalar, i < EACH ? i + 1 : more[i - EACH], specials[special]);
        }
    }
    decoct_context_close(scalar);
    if (!ctx) {
        skip();
    }
    decoct_context_close(ctx);
}

// A y larger than the caches has the bits of some of its rows alone, wherever rows begin.
static void test_larger_than_caches(void **state) {
    enum { ROWS = 1030, COLS = 8195, SOME = 5, COUNT = ROWS * COLS };
    static const decoct_op ops[] = {DECOCT_OP_SOFTMAX, DECOCT_OP_LOG_SOFTMAX};
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    float *x = malloc(sizeof(float) * COUNT), *y = malloc(sizeof(float) * (COUNT + 1));
    float *some = malloc(sizeof(float) * SOME * COLS);
    assert_true(x && y && some);
    check_fill(x, COUNT, 5, 30.0f);
    for (int i = 0; i < 2; i++) {
        y[COUNT] = 7.0f;
        decoct_rows_args a = {
            .struct_size = sizeof a, .op = ops[i], .rows = ROWS, .cols = COLS, .x = x, .y = y};
        assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
        assert_true(y[COUNT] == 7.0f);
        a.y = some;
        a.rows = SOME;
        for (int64_t row = 0; row < ROWS; row += SOME) {
            a.x = x + row * COLS;
            assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
            assert_true(check_same_bits(y + row * COLS, some, SOME * COLS));
        }
    }
    free(x);
    free(y);
    free(some);
    decoct_context_close(ctx);
}

// GELU of every 16381st float, small and huge, both forms: the bound holds everywhere.
static void test_gelu_everywhere(void **state) {
    enum { BATCH = 1 << 10, STEP = 16381 };
    static float x[BATCH], y[BATCH];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    double worst[2] = {0.0, 0.0};
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += (uint64_t)BATCH * STEP) {
        for (int i = 0; i < BATCH; i++) {
            uint32_t b = (uint32_t)(bits + (uint64_t)i * STEP);
            memcpy(&x[i], &b, sizeof b);
            x[i] = isfinite(x[i]) ? x[i] : 0.0f;
        }
        for (int form = 0; form < 2; form++) {
            assert_int_equal(decoct_gelu(ctx, form, 1, BATCH, x, 0, y, 0), DECOCT_OK);
            const exact_row row = {.op = DECOCT_OP_GELU, .form = form, .cols = BATCH, .x = x};
            worst[form] = check_worse(worst[form], exact_row_error(&row, y));
        }
    }
    print_message("largest error: %.3f (tanh), %.3f (erf) of the bound\n", worst[0], worst[1]);
    assert_true(worst[0] <= 1.0 && worst[1] <= 1.0);
    decoct_context_close(ctx);
}

// An id that the table does not have, and nothing is written.
static void test_ids(void **state) {
    static const int32_t wrong[2][2] = {{0, 7}, {-1, 0}};
    float table[7 * 3], y[2 * 3] = {7.0f};
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    check_fill(table, 7 * 3, 3, 1.0f);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(decoct_embedding(ctx, 2, 3, wrong[i], table, 7, 0, y, 0),
                         DECOCT_E_ARGUMENT);
        assert_true(y[0] == 7.0f);
    }
    decoct_context_close(ctx);
}

static void test_refusals(void **state) {
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    float x[8] = {0}, y[8] = {7.0f};
    assert_int_equal(decoct_softmax(ctx, -1, 2, 0.0f, x, 0, y, 0), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_softmax(ctx, 2, 2, 0.0f, x, 1, y, 0), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_layer_norm(ctx, 2, 2, 1e-5f, NULL, NULL, NULL, 0, y, 0),
                     DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_add(ctx, INT64_MAX, INT64_MAX, x, 0, y, 0), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_gelu(ctx, 2, 1, 2, x, 0, y, 0), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(decoct_last_error(ctx), "form 2"));
    assert_int_equal(decoct_bias(ctx, 1, 2, NULL, y, 0), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(decoct_last_error(ctx), "bias is NULL"));
    assert_true(y[0] == 7.0f);
    assert_int_equal(decoct_softmax(NULL, 1, 1, 0.0f, x, 0, y, 0), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_softmax(ctx, 0, 5, 0.0f, NULL, 0, NULL, 0), DECOCT_OK);
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"every operation on rows", test_every_operation},
                                       {"gelu of all magnitudes", test_gelu_everywhere},
                                       {"special values", test_specials},
                                       {"rows, softmax of neighbours", test_neighbours},
                                       {"larger than the caches", test_larger_than_caches},
                                       {"refusals", test_refusals},
                                       {"ids outside the table", test_ids}};
    return check_all_backends("rows", tests, sizeof tests / sizeof *tests);
}
