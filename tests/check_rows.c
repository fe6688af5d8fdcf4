// SPDX-License-Identifier: BSD-2-Clause
// Softmax, layer norm, GELU, add, bias, embedding: every backend against float64 and scalar's bits.
#include "check.h"
#include "layer_norm_bound.h"

#include <math.h>
#include <string.h>

typedef enum op { SOFTMAX, LAYER_NORM, GELU_TANH, GELU_ERF, ADD, BIAS } op;

typedef struct shape {
    int64_t rows, cols, x_pad, y_pad;
    float scale, shift;  // of the input: shift + [-scale, scale)
    bool end, no_affine; // layer norm without gain and bias
} shape;

typedef struct arenas {
    check_arena x, y, reference, gain, bias;
} arenas;

enum { ROOM = 1 << 18 };
static const float EPS = 1e-5f;

static decoct_status run(decoct_context *ctx, op what, const shape *s, const float *gain,
                         const float *bias, const float *x, float *y) {
    int64_t xs = s->cols + s->x_pad, ys = s->cols + s->y_pad;
    switch (what) {
    case SOFTMAX:
        return decoct_softmax(ctx, s->rows, s->cols, 0.5f, x, xs, y, ys);
    case LAYER_NORM:
        return decoct_layer_norm(ctx, s->rows, s->cols, EPS, gain, bias, x, xs, y, ys);
    case GELU_TANH:
        return decoct_gelu(ctx, DECOCT_GELU_TANH, s->rows, s->cols, x, xs, y, ys);
    case GELU_ERF:
        return decoct_gelu(ctx, DECOCT_GELU_ERF, s->rows, s->cols, x, xs, y, ys);
    case ADD:
        return decoct_add(ctx, s->rows, s->cols, x, xs, y, ys);
    default:
        return decoct_bias(ctx, s->rows, s->cols, bias, y, ys);
    }
}

// |y - exact| in units of the bound: u (|x - max| + 6 + n/16) relative, and the smallest denormal.
static double softmax_error(const float *x, const float *y, int64_t n) {
    double max = -INFINITY, sum = 0.0, rows = 0.0, worst = 0.0;
    for (int64_t j = 0; j < n; j++) {
        double z = 0.5 * (double)x[j]; // not fmax: gcc 12 for AArch64 breaks down over it
        max = z > max ? z : max;
    }
    for (int64_t j = 0; j < n; j++) {
        sum += exp(0.5 * (double)x[j] - max);
    }
    for (int64_t j = 0; j < n; j++) {
        double z = 0.5 * (double)x[j] - max, exact = exp(z) / sum;
        double bound = CHECK_U * (fabs(z) + 6.0 + (double)n / 16.0) * exact + 0x1p-149;
        worst = check_worse(worst, fabs((double)y[j] - exact) / bound);
        rows += (double)y[j];
    }
    return n ? check_worse(worst, fabs(rows - 1.0) / 0x1p-20) : 0.0;
}

// gelu(x) = x c(x) with 0 <= c <= 1. tanh form: relative error of c is that of exp(2u), |2u| u or
// so. Where exp(-2u) overflows the result is 0 instead of a denormal below |x| 2^-128. erf form: 1
// + erf cancels for negative x, so its bound is relative to |x|.
static double gelu_error(op what, float x, float y) {
    double v = (double)x, exact, bound;
    if (what == GELU_TANH) {
        double t = 2.0 * sqrt(2.0 / M_PI) * (v + 0.044715 * v * v * v);
        exact = v / (1.0 + exp(-t));
        bound = CHECK_U * (6.0 + 4.0 * fabs(t)) * fabs(exact) + fabs(v) * 0x1p-128 + 0x1p-149;
    } else {
        exact = 0.5 * v * erfc(-v / M_SQRT2);
        bound = CHECK_U * 5.0 * fabs(v) + 0x1p-149;
    }
    return fabs((double)y - exact) / bound;
}

static double row_error(op what, const float *x, const float *gain, const float *bias,
                        const float *before, const float *y, int64_t n) {
    double worst = 0.0;
    if (what == SOFTMAX) {
        return softmax_error(x, y, n);
    }
    if (what == LAYER_NORM) {
        return layer_norm_error(x, gain, bias, EPS, y, n);
    }
    for (int64_t j = 0; j < n; j++) {
        double error = what == ADD    ? (y[j] == before[j] + x[j] ? 0.0 : 2.0)
                       : what == BIAS ? (y[j] == before[j] + bias[j] ? 0.0 : 2.0)
                                      : gelu_error(what, x[j], y[j]);
        worst = check_worse(worst, error);
    }
    return worst;
}

static void check_shape(decoct_context *ctx, decoct_context *scalar, const arenas *a, op what,
                        const shape *s) {
    int64_t xs = s->cols + s->x_pad, ys = s->cols + s->y_pad;
    int64_t x_span = s->rows ? (s->rows - 1) * xs + s->cols : 0;
    int64_t y_span = s->rows ? (s->rows - 1) * ys + s->cols : 0;
    float *x = check_place(&a->x, x_span, s->end), *y = check_place(&a->y, y_span, s->end);
    float *reference = check_place(&a->reference, y_span, s->end);
    float *gain = check_place(&a->gain, s->cols, s->end),
          *bias = check_place(&a->bias, s->cols, s->end);
    check_fill(gain, s->cols, 7, 2.0f);
    check_fill(bias, s->cols, 8, 2.0f);
    gain = s->no_affine ? NULL : gain;
    bias = s->no_affine ? NULL : bias;
    for (int64_t i = 0; i < s->rows; i++) {
        check_fill(x + i * xs, s->cols, (uint64_t)i + 1, s->scale);
        check_fill(y + i * ys, s->cols, (uint64_t)i + 99, s->scale);
        memcpy(reference + i * ys, y + i * ys, (size_t)s->cols * sizeof(float));
        if (s->cols > 0) {
            x[i * xs + s->cols - 1] = s->scale; // the largest value is in the tail
        }
        for (int64_t j = 0; j < s->cols; j++) {
            x[i * xs + j] += s->shift;
        }
    }
    assert_int_equal(run(ctx, what, s, gain, bias, x, y), DECOCT_OK);
    float before[ROOM > 70000 ? 70000 : ROOM];
    for (int64_t i = 0; i < s->rows; i++) {
        float *row = y + i * ys;
        memcpy(before, reference + i * ys, (size_t)s->cols * sizeof(float));
        double worst = row_error(what, x + i * xs, gain, bias, before, row, s->cols);
        if (!(worst <= 1.0)) {
            print_error("op %d, row of %lld: %.3g of the bound\n", (int)what, (long long)s->cols,
                        worst);
        }
        assert_true(worst <= 1.0);
        assert_true(i + 1 == s->rows || check_padding(row + s->cols, s->y_pad));
    }
    assert_int_equal(run(scalar, what, s, gain, bias, x, reference), DECOCT_OK);
    for (int64_t i = 0; i < s->rows; i++) {
        assert_true(check_same_bits(y + i * ys, reference + i * ys, s->cols));
    }
}

static const shape shifted[] = {{.rows = 3, .cols = 100, .scale = 1.0f, .shift = 1000.0f},
                                {.rows = 2, .cols = 1025, .scale = 0.5f, .shift = -4096.0f},
                                {.rows = 1, .cols = 2049, .scale = 1e-3f, .shift = 8.0f}};

static void sweep(void **state, op what) {
    decoct_context *ctx = check_open(*state, 2), *scalar = check_open("scalar", 1);
    if (!ctx) {
        decoct_context_close(scalar);
        skip();
    }
    arenas a = {check_arena_open(ROOM), check_arena_open(ROOM), check_arena_open(ROOM),
                check_arena_open(1 << 17), check_arena_open(1 << 17)};
    static const float scales[] = {1.0f, 20.0f, 150.0f, 0x1p-100f};
    for (int r = 0; r < CHECK_DIMS; r++) {
        for (int c = 0; c < CHECK_DIMS; c++) {
            for (int end = 0; end < 2; end++) {
                shape s = {.rows = check_dims[r],
                           .cols = check_dims[c],
                           .x_pad = (r + c) % 3,
                           .y_pad = (r + 2 * c) % 4,
                           .scale = scales[(r + c + end) % 4],
                           .end = end == 1};
                if (what == BIAS || what == LAYER_NORM) {
                    s.scale = scales[(r + c) % 3];
                }
                check_shape(ctx, scalar, &a, what, &s);
            }
        }
    }
    for (size_t i = 0; what == LAYER_NORM && i < 2 * sizeof shifted / sizeof *shifted; i++) {
        shape s = shifted[i / 2];
        s.no_affine = i % 2;
        check_shape(ctx, scalar, &a, what, &s);
    }
    shape longer = {.rows = 2, .cols = 65536 + 5, .scale = 30.0f, .end = true};
    check_shape(ctx, scalar, &a, what, &longer);
    check_arena_close(&a.x);
    check_arena_close(&a.y);
    check_arena_close(&a.reference);
    check_arena_close(&a.gain);
    check_arena_close(&a.bias);
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

static void test_softmax(void **state) {
    sweep(state, SOFTMAX);
}
static void test_layer_norm(void **state) {
    sweep(state, LAYER_NORM);
}
static void test_gelu_tanh(void **state) {
    sweep(state, GELU_TANH);
}
static void test_gelu_erf(void **state) {
    sweep(state, GELU_ERF);
}
static void test_add(void **state) {
    sweep(state, ADD);
}
static void test_bias(void **state) {
    sweep(state, BIAS);
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
            for (int i = 0; i < BATCH; i++) {
                double e = gelu_error(form == DECOCT_GELU_TANH ? GELU_TANH : GELU_ERF, x[i], y[i]);
                worst[form] = check_worse(worst[form], e);
            }
        }
    }
    print_message("largest error: %.3f (tanh), %.3f (erf) of the bound\n", worst[0], worst[1]);
    assert_true(worst[0] <= 1.0 && worst[1] <= 1.0);
    decoct_context_close(ctx);
}

// y may be x: the same bits as with a y of its own.
static void test_in_place(void **state) {
    enum { ROWS = 5, COLS = 77, STRIDE = 80 };
    static float x[ROWS * STRIDE], y[ROWS * STRIDE], z[ROWS * STRIDE];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    shape s = {.rows = ROWS, .cols = COLS, .x_pad = STRIDE - COLS, .y_pad = STRIDE - COLS};
    for (int what = SOFTMAX; what <= GELU_ERF; what++) {
        check_fill(x, ROWS * STRIDE, 3, 4.0f);
        memcpy(y, x, sizeof y);
        memcpy(z, x, sizeof z);
        assert_int_equal(run(ctx, (op)what, &s, NULL, NULL, x, z), DECOCT_OK);
        assert_int_equal(run(ctx, (op)what, &s, NULL, NULL, y, y), DECOCT_OK);
        assert_true(check_same_bits(y, z, ROWS * STRIDE));
        assert_false(check_same_bits(y, x, COLS));
    }
    decoct_context_close(ctx);
}

static void test_embedding(void **state) {
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    check_arena table = check_arena_open(1 << 12), out = check_arena_open(1 << 12);
    for (int c = 0; c < CHECK_DIMS; c++) {
        int64_t cols = check_dims[c], stride = cols + 3;
        static const int32_t ids[4] = {6, 0, 3, 3};
        float *t = check_place(&table, 6 * stride + cols, true),
              *y = check_place(&out, 4 * cols, true);
        check_fill(t, 6 * stride + cols, 3, 1.0f);
        assert_int_equal(decoct_embedding(ctx, 4, cols, ids, t, 7, stride, y, 0), DECOCT_OK);
        for (int i = 0; i < 4; i++) {
            assert_true(check_same_bits(y + i * cols, t + ids[i] * stride, cols));
        }
        static const int32_t wrong[2][2] = {{0, 7}, {-1, 0}};
        for (int i = 0; i < 2; i++) {
            assert_int_equal(decoct_embedding(ctx, 2, cols, wrong[i], t, 7, stride, y, 0),
                             DECOCT_E_ARGUMENT);
        }
    }
    check_arena_close(&table);
    check_arena_close(&out);
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
    static const check_test tests[] = {{"softmax", test_softmax},
                                       {"layer norm", test_layer_norm},
                                       {"gelu, tanh form", test_gelu_tanh},
                                       {"gelu, erf form", test_gelu_erf},
                                       {"add", test_add},
                                       {"bias", test_bias},
                                       {"gelu of all magnitudes", test_gelu_everywhere},
                                       {"in place", test_in_place},
                                       {"special values", test_specials},
                                       {"refusals", test_refusals},
                                       {"embedding", test_embedding}};
    return check_all_backends("rows", tests, sizeof tests / sizeof *tests);
}
