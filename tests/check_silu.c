// SPDX-License-Identifier: BSD-2-Clause
// SiLU, gated or not: every backend against float64 and scalar's bits, numbers of all magnitudes,
// special values.
#include "rows_kit.h"

#include <float.h>

static void test_shapes(void **state) {
    kit_sweep(state, DECOCT_OP_SILU);
}

static decoct_rows_args args_of(int64_t cols, const float *x, const float *up, float *y) {
    return (decoct_rows_args){.struct_size = sizeof(decoct_rows_args),
                              .op = DECOCT_OP_SILU,
                              .rows = 1,
                              .cols = cols,
                              .x = x,
                              .up = up,
                              .y = y};
}

// Every 16381st float, small and huge.
static void test_everywhere(void **state) {
    enum { BATCH = 1 << 10, STEP = 16381 };
    static float x[BATCH], y[BATCH];
    double worst = 0.0;
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += (uint64_t)BATCH * STEP) {
        for (int i = 0; i < BATCH; i++) {
            uint32_t b = (uint32_t)(bits + (uint64_t)i * STEP);
            memcpy(&x[i], &b, sizeof b);
            x[i] = isfinite(x[i]) ? x[i] : 0.0f;
        }
        decoct_rows_args a = args_of(BATCH, x, NULL, y);
        assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
        worst = check_worse(worst, kit_row_error(&(rows_row){.a = &a, .x = x, .y = y}));
    }
    print_message("largest error: %.3f of the bound\n", worst);
    assert_true(worst <= 1.0);
    decoct_context_close(ctx);
}

static void test_specials(void **state) {
    enum { COLS = 9 };
    static const float x[COLS] = {0.0f,  -0.0f,    INFINITY, -INFINITY, NAN,
                                  1e30f, -FLT_MAX, INFINITY, 1.0f};
    static const float up[COLS] = {1.0f, 1.0f, 2.0f, 3.0f, 1.0f, -1.0f, INFINITY, 0.0f, NAN};
    float y[COLS];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_rows_args a = args_of(COLS, x, NULL, y);
    assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
    assert_true(y[0] == 0.0f && !signbit(y[0]) && y[1] == 0.0f && signbit(y[1]));
    assert_true(y[2] == INFINITY && y[3] == 0.0f && signbit(y[3]) && isnan(y[4]));
    assert_true(y[5] == 1e30f && y[6] == 0.0f && signbit(y[6]));
    a.up = up;
    assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
    assert_true(y[2] == INFINITY && y[3] == 0.0f && y[5] == -1e30f);
    assert_true(isnan(y[6]) && isnan(y[7]) && isnan(y[8])); // 0 times infinity, and NaN
    a.y = (float *)(uintptr_t)up;
    assert_int_equal(decoct_rows(ctx, &a), DECOCT_E_ARGUMENT); // only x may be y
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"silu", test_shapes},
                                       {"silu of all magnitudes", test_everywhere},
                                       {"special values", test_specials}};
    return check_all_backends("silu", tests, sizeof tests / sizeof *tests);
}
