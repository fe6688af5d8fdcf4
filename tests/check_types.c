// SPDX-License-Identifier: BSD-2-Clause
// Weights and tables of f16 and bf16: every backend against float64, against scalar's bits and
// against the bits of the same numbers stored as f32; between forbidden pages; and all 65536
// numbers of each type.
#include "exact_kit.h"

#include "bench/cases/odd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 1 << 16, ROOM = 1 << 21, TYPES = 2 };
static const decoct_dtype types[TYPES] = {DECOCT_F16, DECOCT_BF16};

// ---- The numbers, by other means than the kernels ----

static float from_bits(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static float value_of(decoct_dtype dtype, uint16_t stored) {
    if (dtype == DECOCT_BF16) {
        return from_bits((uint32_t)stored << 16);
    }
    int exponent = stored >> 10 & 31, fraction = stored & 1023;
    uint32_t sign = stored & 0x8000u ? 1u << 31 : 0u;
    if (exponent == 31) { // a NaN becomes a quiet one
        return from_bits(sign | 0x7f800000u | (fraction ? 1u << 22 : 0u) |
                         (uint32_t)fraction << 13);
    }
    double size = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return (float)(sign ? -size : size);
}

// Any bits; or finite and not too far apart, so that sums are neither 0 nor infinite.
static uint16_t number(decoct_dtype dtype, uint64_t i, bool any) {
    uint64_t x = (i + 1) * 0x9E3779B97F4A7C15u;
    uint16_t bits = (uint16_t)((x ^ x >> 29) * 0xBF58476D1CE4E5B9u >> 40);
    uint16_t high = dtype == DECOCT_F16 ? 0x3000 : 0x3e00; // 2^-3 and more
    return any ? bits : (uint16_t)((bits & 0x81ffu) | high);
}

// The same bits, or two NaN: which payload of several remains is the CPU's own choice.
static bool alike(const float *a, const float *b, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (!(isnan(a[i]) && isnan(b[i])) && memcmp(&a[i], &b[i], sizeof a[i]) != 0) {
            return false;
        }
    }
    return true;
}

// ---- Tables ----

static void look_up(decoct_context *ctx, decoct_dtype dtype, const void *table, int64_t rows,
                    int64_t cols, const int32_t *ids, float *y) {
    decoct_rows_args a = {.struct_size = sizeof a,
                          .op = DECOCT_OP_EMBEDDING,
                          .rows = rows,
                          .cols = cols,
                          .x = table,
                          .x_dtype = dtype,
                          .table_rows = rows,
                          .ids = ids,
                          .y = y};
    assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
}

// A table of all numbers, in rows of 1 to 33 columns; it ends at a forbidden page.
static void test_tables(void **state) {
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    static const int64_t widths[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 256, 4095};
    static int32_t ids[NUMBERS];
    check_arena from = check_arena_open(NUMBERS), to = check_arena_open(NUMBERS);
    uint16_t *table = (uint16_t *)(void *)(from.base + from.size) - NUMBERS;
    for (int32_t i = 0; i < NUMBERS; i++) {
        table[i] = (uint16_t)i;
    }
    for (size_t w = 0; w < TYPES * sizeof widths / sizeof *widths; w++) {
        decoct_dtype dtype = types[w % TYPES];
        int64_t cols = widths[w / TYPES], rows = NUMBERS / cols, first = NUMBERS - rows * cols;
        for (int32_t i = 0; i < rows; i++) {
            ids[i] = (int32_t)rows - 1 - i;
        }
        float *y = check_place(&to, rows * cols, true);
        look_up(ctx, dtype, table + first, rows, cols, ids, y);
        for (int64_t i = 0; i < rows * cols; i++) {
            int64_t at = first + ids[i / cols] * cols + i % cols;
            float right = value_of(dtype, (uint16_t)at);
            assert_memory_equal(&y[i], &right, sizeof right);
        }
    }
    check_arena_close(&from);
    check_arena_close(&to);
    decoct_context_close(ctx);
}

// ---- Products ----

typedef struct shape {
    int64_t m, n, k, w_pad, x_pad, y_pad;
    bool transposed, bias, any;
} shape;

typedef struct operands {
    check_arena x, w, y; // w: 16 bits a number
    float *wide, *other; // w as f32; another y
    float bias[1 << 14];
} operands;

static operands *open_operands(void) {
    operands *o = malloc(sizeof *o);
    assert_non_null(o);
    o->x = check_arena_open(ROOM);
    o->w = check_arena_open(ROOM / 2);
    o->y = check_arena_open(ROOM);
    o->wide = malloc(ROOM * sizeof(float));
    o->other = malloc(ROOM * sizeof(float));
    assert_true(o->wide && o->other);
    check_fill(o->bias, 1 << 14, 5, 2.0f);
    return o;
}

static void close_operands(operands *o) {
    check_arena_close(&o->x);
    check_arena_close(&o->w);
    check_arena_close(&o->y);
    free(o->wide);
    free(o->other);
    free(o);
}

static decoct_weights *pack(decoct_context *ctx, decoct_dtype dtype, const shape *s,
                            const void *w) {
    decoct_weights *weights = NULL;
    decoct_weights_args a = {.struct_size = sizeof a,
                             .dtype = dtype,
                             .k = s->k,
                             .n = s->n,
                             .w = w,
                             .stride = (s->transposed ? s->k : s->n) + s->w_pad,
                             .transposed = s->transposed};
    assert_int_equal(decoct_weights_create_from(ctx, &a, &weights), DECOCT_OK);
    return weights;
}

static void multiply(decoct_context *ctx, const shape *s, const operands *o, const float *x,
                     const decoct_weights *weights, float *y) {
    decoct_matmul_args a = {.struct_size = sizeof a,
                            .m = s->m,
                            .n = s->n,
                            .k = s->k,
                            .x = x,
                            .x_stride = s->k + s->x_pad,
                            .weights = weights,
                            .bias = s->bias ? o->bias : NULL,
                            .y = y,
                            .y_stride = s->n + s->y_pad};
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
}

// The largest error, in units of its bound.
static double worst_error(const shape *s, const operands *o, const float *x, const float *y) {
    int64_t stride = (s->transposed ? s->k : s->n) + s->w_pad;
    exact_result right = exact_room();
    double worst = 0.0;
    for (int64_t i = 0; i < s->m; i++) {
        exact_multiply(&(exact_product){.cols = s->n,
                                        .k = s->k,
                                        .x = x + i * (s->k + s->x_pad),
                                        .w = o->wide,
                                        .row_stride = s->transposed ? 1 : stride,
                                        .col_stride = s->transposed ? stride : 1,
                                        .bias = s->bias ? o->bias : NULL},
                       right);
        worst = check_worse(worst, exact_worst(y + i * (s->n + s->y_pad), s->n, right));
    }
    return worst;
}

// `right` must hold the same rows; what is between the rows of y must be as before.
static void compare(const shape *s, const float *y, const float *right) {
    int64_t stride = s->n + s->y_pad;
    for (int64_t i = 0; i < s->m; i++) {
        const float *a = y + i * stride, *b = right + i * stride;
        if (!alike(a, b, s->n)) {
            fail_msg("(m, n, k) = (%lld, %lld, %lld), row %lld: other bits", (long long)s->m,
                     (long long)s->n, (long long)s->k, (long long)i);
        }
        assert_true(i + 1 == s->m || check_padding(a + s->n, s->y_pad));
    }
}

static void check_shape(decoct_context *ctx, decoct_context *scalar, operands *o, const shape *s,
                        decoct_dtype dtype) {
    int64_t rows = s->transposed ? s->n : s->k, cols = s->transposed ? s->k : s->n;
    int64_t numbers = rows ? (rows - 1) * (cols + s->w_pad) + cols : 0;
    int64_t x_count = s->m ? (s->m - 1) * (s->k + s->x_pad) + s->k : 0;
    float *x = check_place(&o->x, x_count, true);
    float *y = check_place(&o->y, s->m ? (s->m - 1) * (s->n + s->y_pad) + s->n : 0, true);
    uint16_t *w = (uint16_t *)(void *)(o->w.base + o->w.size) - numbers;
    for (int64_t i = 0; i < numbers; i++) {
        w[i] = number(dtype, (uint64_t)i, s->any);
        o->wide[i] = value_of(dtype, w[i]);
    }
    check_fill(x, x_count, 3, 2.0f);
    decoct_weights *stored = pack(ctx, dtype, s, w);
    multiply(ctx, s, o, x, stored, y);
    decoct_weights_destroy(stored);

    decoct_weights *wide = pack(ctx, DECOCT_F32, s, o->wide);
    multiply(ctx, s, o, x, wide, o->other);
    decoct_weights_destroy(wide);
    compare(s, y, o->other);
    decoct_weights *by_scalar = pack(scalar, dtype, s, w);
    multiply(scalar, s, o, x, by_scalar, o->other);
    decoct_weights_destroy(by_scalar);
    compare(s, y, o->other);
    if (!s->any && s->k < 100) {
        assert_true(worst_error(s, o, x, y) <= 1.0);
    }
}

static void test_dims(void **state) {
    decoct_context *ctx = check_open(*state, 1), *scalar = check_open("scalar", 1);
    if (!ctx) {
        decoct_context_close(scalar);
        skip();
    }
    operands *o = open_operands();
    unsigned turn = 0;
    for (int a = 0; a < ODD_DIMS; a++) {
        for (int b = 0; b < ODD_DIMS; b++) {
            for (int c = 0; c < ODD_DIMS; c++, turn++) {
                shape s = {.m = odd_dims[a],
                           .n = odd_dims[b],
                           .k = odd_dims[c],
                           .w_pad = turn % 3,
                           .x_pad = turn % 5,
                           .y_pad = turn % 7,
                           .transposed = turn / 2 % 2,
                           .bias = turn / 4 % 2,
                           .any = turn / 3 % 2};
                check_shape(ctx, scalar, o, &s, types[turn % TYPES]);
            }
        }
    }
    close_operands(o);
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

// Every height of a tile, with one vector and more; blocks of k, rows and columns; several threads.
static void test_blocks(void **state) {
    decoct_context *ctx = check_open(*state, 3), *scalar = check_open("scalar", 1);
    if (!ctx) {
        decoct_context_close(scalar);
        skip();
    }
    operands *o = open_operands();
    static const shape shapes[] = {
        {.m = 1, .n = 1500, .k = 1101},
        {.m = 2, .n = 1030, .k = 777, .bias = true},
        {.m = 130, .n = 70, .k = 801, .bias = true},
        {.m = 17, .n = 1030, .k = 40, .any = true},
        {.m = 5, .n = 650, .k = 1601, .transposed = true, .w_pad = 1},
        {.m = 120, .n = 33, .k = 1539, .x_pad = 3, .y_pad = 5},
        {.m = 20, .n = 130, .k = 1024},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int t = 0; t < TYPES; t++) {
            check_shape(ctx, scalar, o, &shapes[i], types[t]);
        }
    }
    for (int64_t m = 1; m <= 30; m++) {
        shape s = {.m = m, .n = m % 2 ? 80 : 13, .k = 35, .any = m % 3 == 0};
        for (int t = 0; t < TYPES; t++) {
            check_shape(ctx, scalar, o, &s, types[t]);
        }
    }
    close_operands(o);
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

static void test_own_kernels(void **state) {
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    assert_string_equal(decoct_context_kernel(ctx, "matmul_bf16"), *state);
    decoct_context_close(ctx); // f16 needs another feature, which an x86-64 CPU may lack
}

// All numbers as weights of one step: 1 w + 0 is w, and +0 for -0.
static void test_numbers(void **state) {
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    static uint16_t w[NUMBERS];
    static float y[8 * NUMBERS];
    static const float x[8] = {1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f};
    static operands none;
    for (int32_t i = 0; i < NUMBERS; i++) {
        w[i] = (uint16_t)i;
    }
    for (int64_t m = 1; m <= 8; m++) {
        for (int t = 0; t < TYPES; t++) {
            shape s = {.m = m, .n = NUMBERS, .k = 1};
            decoct_weights *weights = pack(ctx, types[t], &s, w);
            multiply(ctx, &s, &none, x, weights, y);
            decoct_weights_destroy(weights);
            for (int64_t i = 0; i < m * NUMBERS; i++) {
                float right = value_of(types[t], (uint16_t)(i % NUMBERS)) + 0.0f;
                assert_true(alike(&y[i], &right, 1));
            }
        }
    }
    decoct_context_close(ctx);
}

// Weights may meet another context than the one that packed them: their own kernel serves them.
static void test_foreign_weights(void **state) {
    decoct_context *ctx = check_open(*state, 2), *scalar = check_open("scalar", 1);
    if (!ctx) {
        decoct_context_close(scalar);
        skip();
    }
    enum { M = 20, N = 150, K = 91 };
    static uint16_t w[K * N];
    static float x[M * K], y[2][M * N];
    static operands none;
    const shape s = {.m = M, .n = N, .k = K};
    check_fill(x, M * K, 1, 1.0f);
    for (int t = 0; t < TYPES; t++) {
        for (int i = 0; i < K * N; i++) {
            w[i] = number(types[t], (uint64_t)i, false);
        }
        decoct_context *from[2] = {ctx, scalar}, *to[2] = {scalar, ctx};
        for (int i = 0; i < 2; i++) {
            decoct_weights *weights = pack(from[i], types[t], &s, w);
            multiply(to[i], &s, &none, x, weights, y[i]);
            decoct_weights_destroy(weights);
        }
        assert_true(check_same_bits(y[0], y[1], M * N));
    }
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

int main(void) {
    static const check_test tests[] = {{"types, own kernels", test_own_kernels},
                                       {"types, tables of all numbers", test_tables},
                                       {"types, all numbers as weights", test_numbers},
                                       {"types, all dims", test_dims},
                                       {"types, blocks and threads", test_blocks},
                                       {"types, foreign weights", test_foreign_weights}};
    return check_all_backends("types", tests, sizeof tests / sizeof *tests);
}
