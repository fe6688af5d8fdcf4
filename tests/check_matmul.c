// SPDX-License-Identifier: BSD-2-Clause
// Matrix product: every backend against float64, against scalar's bits, and between forbidden
// pages.
#include "exact_kit.h"

#include "bench/cases/catalogue.h"
#include "bench/cases/odd.h"
#include "bench/cases/stored.h"

#include <decoct/lists.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct shape {
    int64_t m, n, k, x_pad, b_pad, y_pad;
    bool transposed, packed, bias, end;
    bool bits_only;     // the float64 reference has seen these numbers
    decoct_dtype dtype; // of packed weights
    float scale;        // of the operands; 0: 2
} shape;

typedef struct operands {
    check_arena x, b, stored, bias, y, reference;
    stored_type *types[DCT_DTYPES]; // NULL: f32
} operands;

enum { ROOM = 1 << 21 };

static operands open_operands(decoct_context *ctx) {
    operands o = {check_arena_open(ROOM),
                  check_arena_open(ROOM),
                  check_arena_open(ROOM),
                  check_arena_open(1 << 14),
                  check_arena_open(ROOM),
                  check_arena_open(ROOM),
                  {NULL}};
    for (decoct_dtype t = DECOCT_F32 + 1; t < DCT_DTYPES; t++) {
        decoct_status status = stored_open(ctx, t, &o.types[t]);
        assert_true(status == DECOCT_OK || status == DECOCT_E_UNSUPPORTED);
    }
    return o;
}

static void close_operands(operands *o) {
    check_arena_close(&o->x);
    check_arena_close(&o->b);
    check_arena_close(&o->stored);
    check_arena_close(&o->bias);
    check_arena_close(&o->y);
    check_arena_close(&o->reference);
    for (int t = 0; t < DCT_DTYPES; t++) {
        stored_close(o->types[t]);
    }
}

// Floats of a matrix whose last row has no padding.
static int64_t span(int64_t rows, int64_t cols, int64_t pad) {
    return rows ? (rows - 1) * (cols + pad) + cols : 0;
}

// `stored` is b as s->dtype has it; NULL: b itself is used.
static void run(decoct_context *ctx, const shape *s, const float *x, const float *b,
                const void *stored, const float *bias, float *y) {
    decoct_weights *weights = NULL;
    int64_t b_stride = (s->transposed ? s->k : s->n) + s->b_pad;
    decoct_matmul_args a = {.struct_size = sizeof a,
                            .b_transposed = s->transposed,
                            .m = s->m,
                            .n = s->n,
                            .k = s->k,
                            .x = x,
                            .x_stride = s->k + s->x_pad,
                            .b = b,
                            .b_stride = b_stride,
                            .bias = bias,
                            .y = y,
                            .y_stride = s->n + s->y_pad};
    if (s->packed) {
        decoct_weights_args from = {.struct_size = sizeof from,
                                    .dtype = stored ? s->dtype : DECOCT_F32,
                                    .k = s->k,
                                    .n = s->n,
                                    .w = stored ? stored : b,
                                    .stride = b_stride,
                                    .transposed = s->transposed};
        assert_int_equal(decoct_weights_create_from(ctx, &from, &weights), DECOCT_OK);
        a.weights = weights;
        a.b = NULL;
    }
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    decoct_weights_destroy(weights);
}

// The largest error of a row, in units of its bound.
static double product_row_error(const shape *s, const float *x, const float *b, const float *bias,
                                const float *y) {
    int64_t b_stride = (s->transposed ? s->k : s->n) + s->b_pad;
    exact_result right = exact_room();
    exact_multiply(&(exact_product){.cols = s->n,
                                    .k = s->k,
                                    .x = x,
                                    .w = b,
                                    .row_stride = s->transposed ? 1 : b_stride,
                                    .col_stride = s->transposed ? b_stride : 1,
                                    .bias = bias},
                   right);
    return exact_worst(y, s->n, right);
}

// b as the type of s stores it, which rounds b; NULL: f32.
static const void *store_b(const operands *o, const shape *s, float *b, int64_t count) {
    if (s->dtype == DECOCT_F32) {
        return NULL;
    }
    int64_t bytes = (int64_t)stored_bytes(s->dtype, (double)count), floats = (bytes + 3) / 4;
    char *at = (char *)check_place(&o->stored, floats, s->end) + (s->end ? floats * 4 - bytes : 0);
    stored_write(o->types[s->dtype], b, count, at);
    return at;
}

static void check_shape(decoct_context *ctx, decoct_context *scalar, const operands *o,
                        const shape *s) {
    int64_t b_rows = s->transposed ? s->n : s->k, b_cols = s->transposed ? s->k : s->n;
    float *x = check_place(&o->x, span(s->m, s->k, s->x_pad), s->end);
    float *b = check_place(&o->b, span(b_rows, b_cols, s->b_pad), s->end);
    float *bias = s->bias ? check_place(&o->bias, s->n, s->end) : NULL;
    float *y = check_place(&o->y, span(s->m, s->n, s->y_pad), s->end);
    float *reference = check_place(&o->reference, span(s->m, s->n, s->y_pad), s->end);
    const float scale = s->scale != 0.0f ? s->scale : 2.0f;
    for (int64_t i = 0; i < s->m; i++) {
        check_fill(x + i * (s->k + s->x_pad), s->k, (uint64_t)i + 1, scale);
    }
    for (int64_t i = 0; i < b_rows; i++) {
        check_fill(b + i * (b_cols + s->b_pad), b_cols, (uint64_t)i + 1000, scale);
    }
    if (bias) {
        check_fill(bias, s->n, 5, scale);
    }
    const void *stored = store_b(o, s, b, span(b_rows, b_cols, s->b_pad));
    run(ctx, s, x, b, stored, bias, y);
    run(scalar, s, x, b, NULL, bias, reference); // with f32: the bits must be the same
    double worst = 0.0;
    for (int64_t i = 0; i < s->m; i++) {
        const float *row = y + i * (s->n + s->y_pad);
        assert_true(check_same_bits(row, reference + i * (s->n + s->y_pad), s->n));
        assert_true(i + 1 == s->m || check_padding(row + s->n, s->y_pad));
        if (!s->bits_only) {
            double error = product_row_error(s, x + i * (s->k + s->x_pad), b, bias, row);
            worst = check_worse(worst, error);
        }
    }
    if (!(worst <= 1.0)) {
        print_error("(m, n, k) = (%lld, %lld, %lld): %.3g of the bound\n", (long long)s->m,
                    (long long)s->n, (long long)s->k, worst);
    }
    assert_true(worst <= 1.0);
}

static void test_dims(void **state) {
    decoct_context *ctx = check_open(*state, 1), *scalar = check_open("scalar", 1);
    if (!ctx) {
        decoct_context_close(scalar);
        skip();
    }
    operands o = open_operands(scalar);
    unsigned turn = 0;
    for (int a = 0; a < ODD_DIMS; a++) {
        for (int b = 0; b < ODD_DIMS; b++) {
            for (int c = 0; c < ODD_DIMS; c++, turn++) {
                // The other choices take turns, so that each meets all dims.
                shape s = {.m = odd_dims[a],
                           .n = odd_dims[b],
                           .k = odd_dims[c],
                           .x_pad = turn % 3,
                           .b_pad = turn % 5,
                           .y_pad = turn % 7,
                           .transposed = turn / 4 % 2,
                           .packed = turn % 2,
                           .bias = turn / 2 % 2,
                           .end = turn / 3 % 2};
                decoct_dtype dtype = (decoct_dtype)(turn / 2 % DCT_DTYPES);
                s.dtype = s.packed && o.types[dtype] ? dtype : DECOCT_F32;
                check_shape(ctx, scalar, &o, &s);
            }
        }
    }
    close_operands(&o);
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

// One shape with b as it is, against float64, and packed, as a type that takes turns.
static void check_ways(decoct_context *ctx, decoct_context *scalar, const operands *o, shape s,
                       int turn) {
    decoct_dtype dtype = (decoct_dtype)(turn % DCT_DTYPES);
    s.bias = turn % 2;
    s.x_pad = turn % 3;
    s.y_pad = turn % 5;
    s.transposed = turn / 2 % 2;
    s.b_pad = turn % 4;
    s.end = turn % 2;
    check_shape(ctx, scalar, o, &s);
    s.packed = true;
    s.transposed = !s.transposed;
    s.end = !s.end;
    s.dtype = o->types[dtype] ? dtype : DECOCT_F32;
    s.bits_only = true; // b as f32 was compared with float64
    check_shape(ctx, scalar, o, &s);
}

// The small shapes of the catalogue: some are cut into blocks of k, of rows and of columns, by
// several threads.
static void test_catalogue(void **state) {
    decoct_context *ctx = check_open(*state, 3), *scalar = check_open("scalar", 1);
    if (!ctx) {
        decoct_context_close(scalar);
        skip();
    }
    operands o = open_operands(scalar);
    int count = 0, checked = 0;
    catalogue_shape *list = catalogue_shapes(&count);
    assert_non_null(list);
    for (int i = 0; i < count; i++) {
        const catalogue_shape *c = &list[i];
        if (strcmp(c->output, "matmul") == 0 && !c->large) {
            shape s = {.m = c->dims[0], .n = c->dims[1], .k = c->dims[2]};
            check_ways(ctx, scalar, &o, s, checked++);
        }
    }
    assert_true(checked > 10);
    // Products that are rounded as denormals, and those that come to nothing.
    check_ways(ctx, scalar, &o, (shape){.m = 9, .n = 70, .k = 300, .scale = 0x1p-74f}, 0);
    check_ways(ctx, scalar, &o, (shape){.m = 3, .n = 20, .k = 1000, .scale = 0x1p-75f}, 0);
    free(list);
    close_operands(&o);
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

// Gaps, bias and the end of memory change from one turn to the next.
static shape shape_of_turn(int64_t m, int64_t n, int64_t k, int turn) {
    return (shape){.m = m,
                   .n = n,
                   .k = k,
                   .x_pad = turn % 3,
                   .b_pad = turn % 5,
                   .y_pad = turn % 4,
                   .bias = turn % 2,
                   .end = turn / 2 % 2,
                   .bits_only = true};
}

// Every number of rows beside every width around the panels that a tile of few rows takes at once,
// and sums that continue from y (k beyond a block, or unpacked and wide).
static void test_rows(void **state) {
    decoct_context *ctx = check_open(*state, 1), *scalar = check_open("scalar", 1);
    if (!ctx) {
        decoct_context_close(scalar);
        skip();
    }
    operands o = open_operands(scalar);
    static const struct {
        int64_t rows, n, k;
    } list[] = {{20, 1, 3},   {20, 15, 2},    {20, 16, 16},  {20, 17, 5},   {20, 31, 1},
                {20, 32, 4},  {20, 33, 18},   {20, 48, 0},   {20, 63, 7},   {20, 64, 33},
                {20, 65, 2},  {20, 96, 3},    {20, 97, 9},   {20, 129, 6},  {20, 160, 1},
                {9, 33, 777}, {9, 70, 1541},  {6, 1024, 35}, {6, 1071, 17}, {6, 1055, 49},
                {30, 16, 21}, {17, 16, 1541}, {17, 5, 1539}, {4, 301, 50}};
    int turn = 0;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        for (int64_t m = 1; m <= list[i].rows; m++, turn++) {
            shape s = shape_of_turn(m, list[i].n, list[i].k, turn);
            check_shape(ctx, scalar, &o, &s);
            s.packed = true;
            for (decoct_dtype t = DECOCT_F32; t < DCT_DTYPES; t++) {
                s.dtype = t;
                if (t == DECOCT_F32 || o.types[t]) {
                    check_shape(ctx, scalar, &o, &s);
                }
            }
        }
    }
    close_operands(&o);
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

// Around the numbers of rows, columns and steps from which on tiles are wide instead of high, and
// where these sums continue from y.
static void test_wide(void **state) {
    decoct_context *ctx = check_open(*state, 1), *scalar = check_open("scalar", 1);
    if (!ctx) {
        decoct_context_close(scalar);
        skip();
    }
    operands o = open_operands(scalar);
    static const int64_t rows[] = {7, 19, 20, 47, 48, 95, 96, 112}, cols[] = {63, 64, 200, 261},
                         steps[] = {1, 64, 65, 129, 163, 164, 328, 1599};
    enum { ROWS = sizeof rows / sizeof *rows, COLS = sizeof cols / sizeof *cols };
    for (int i = 0; i < ROWS * COLS * (int)(sizeof steps / sizeof *steps); i++) {
        shape s = shape_of_turn(rows[i % ROWS], cols[i / ROWS % COLS], steps[i / ROWS / COLS], i);
        check_shape(ctx, scalar, &o, &s);
        s.packed = true;
        check_shape(ctx, scalar, &o, &s);
    }
    close_operands(&o);
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

// An unpacked b with more rows than a block, or than some tiles: it is packed on the way, by the
// first rows of each block of k, for every number of tiles and columns of the last panel.
static void pack_on_the_way(decoct_context *ctx, decoct_context *scalar) {
    operands o = open_operands(scalar);
    static const struct {
        int64_t n, k; // more than 65536 numbers, which are not packed
    } list[] = {{96, 700}, {97, 701}, {70, 1541}, {130, 515}, {65, 2001}, {1100, 61}, {256, 65}};
    int turn = 0;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        for (int64_t m = 29; m < 250; m += 17, turn++) {
            shape s = shape_of_turn(m, list[i].n, list[i].k, turn);
            check_shape(ctx, scalar, &o, &s);
        }
    }
    close_operands(&o);
}

static void test_packed_on_the_way(void **state) {
    decoct_context *scalar = check_open("scalar", 1);
    for (int32_t threads = 1; threads <= 3; threads += 2) {
        decoct_context *ctx = check_open(*state, threads);
        if (!ctx) {
            decoct_context_close(scalar);
            skip();
        }
        pack_on_the_way(ctx, scalar);
        decoct_context_close(ctx);
    }
    decoct_context_close(scalar);
}

// Weights may meet another context than the one that packed them, of another backend and with less
// room for it: the kernel they were packed for serves them, and the bits are the same.
static void test_foreign_weights(void **state) {
    decoct_context *ctx = check_open(*state, 2), *scalar = check_open("scalar", 1);
    if (!ctx) {
        decoct_context_close(scalar);
        skip();
    }
    enum { M = 20, N = 150, K = 90 };
    static float x[M * K], b[K * N], y[2][M * N];
    check_fill(x, M * K, 1, 1.0f);
    check_fill(b, K * N, 2, 1.0f);
    decoct_context *from[2] = {ctx, scalar}, *to[2] = {scalar, ctx};
    for (int i = 0; i < 2; i++) {
        decoct_weights *weights = NULL;
        assert_int_equal(decoct_weights_create(from[i], K, N, b, 0, 0, &weights), DECOCT_OK);
        decoct_matmul_args a = {
            .struct_size = sizeof a, .m = M, .n = N, .k = K, .x = x, .weights = weights, .y = y[i]};
        assert_int_equal(decoct_matmul(to[i], &a), DECOCT_OK);
        decoct_weights_destroy(weights);
    }
    assert_true(check_same_bits(y[0], y[1], M * N));
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

// NaN and infinity go where the arithmetic sends them, -0 stays -0 in an empty chain's absence.
static void test_specials(void **state) {
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    static const float x[4] = {1.0f, 0.0f, -1.0f, 0x1p-149f};
    static const float b[8] = {NAN, 1.0f, INFINITY, 2.0f, 3.0f, -INFINITY, 1.0f, 1.0f};
    float y[4];
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = 2, .n = 2, .k = 2, .x = x, .b = b, .y = y};
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    assert_true(isnan(y[0]) && y[1] == 1.0f && isnan(y[2]));
    assert_true(y[3] == -1.0f);
    static const float small[2] = {0x1p-149f, 0x1p-126f}, half[2] = {1.0f, 0.5f};
    a = (decoct_matmul_args){
        .struct_size = sizeof a, .m = 1, .n = 1, .k = 2, .x = small, .b = half, .y = y};
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    assert_true(y[0] == 0x1p-127f + 0x1p-149f); // denormals are kept
    decoct_context_close(ctx);
}

static void test_refusals(void **state) {
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    float x[16] = {0}, y[16] = {7.0f};
    decoct_matmul_args good = {
        .struct_size = sizeof good, .m = 2, .n = 2, .k = 2, .x = x, .b = x, .y = y};
    decoct_matmul_args bad[6];
    for (int i = 0; i < 6; i++) {
        bad[i] = good;
    }
    bad[0].m = -1;
    bad[1].x_stride = 1;
    bad[2].b = NULL;
    bad[3].y = NULL;
    bad[4].n = INT64_MAX / 2;
    bad[5].struct_size = 0;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(decoct_matmul(ctx, &bad[i]), DECOCT_E_ARGUMENT);
        assert_true(decoct_last_error(ctx)[0] != '\0');
        assert_true(y[0] == 7.0f);
    }
    assert_int_equal(decoct_matmul(ctx, &good), DECOCT_OK);
    assert_true(decoct_last_error(ctx)[0] == '\0');
    decoct_context_close(ctx);
}

// Of nothing there may be any amount.
static void test_empty(void **state) {
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    static const int64_t depths[] = {0, 1, INT64_C(1) << 60, INT64_MAX};
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        decoct_matmul_args a = {.struct_size = sizeof a, .k = depths[i]};
        assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    }
    // No row of b is read: its stride may be any number.
    float y[6] = {7.0f};
    decoct_matmul_args a = {.struct_size = sizeof a, .m = 3, .n = 2, .b_stride = INT64_MAX, .y = y};
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    assert_true(y[0] == 0.0f && y[5] == 0.0f);
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"matmul, all dims", test_dims},
                                       {"matmul, shapes of the catalogue", test_catalogue},
                                       {"matmul, each number of rows", test_rows},
                                       {"matmul, wide tiles", test_wide},
                                       {"matmul, packed on the way", test_packed_on_the_way},
                                       {"matmul, foreign weights", test_foreign_weights},
                                       {"matmul, special values", test_specials},
                                       {"matmul, empty", test_empty},
                                       {"matmul, refusals", test_refusals}};
    return check_all_backends("matmul", tests, sizeof tests / sizeof *tests);
}
