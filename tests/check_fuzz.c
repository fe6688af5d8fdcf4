// SPDX-License-Identifier: BSD-2-Clause
// A seeded search for inputs where a backend leaves scalar's bits: random shapes and strides, and
// the values that kernels get wrong (NaN, infinities, zeros of both signs, denormals, huge ones).
// DECOCT_TEST_ROUNDS=n searches longer than the default.
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OPERANDS = 5, ROOM = 1 << 15, ROUNDS = 400 };

typedef struct fuzz {
    decoct_context *ctx, *scalar;
    check_arena arena[OPERANDS], mine, theirs;
    uint64_t state;
} fuzz;

static int64_t pick(fuzz *f, int64_t count) {
    f->state = f->state * 6364136223846793005u + 1442695040888963407u; // Knuth's MMIX
    return (int64_t)(f->state >> 33) % count;
}

// What a round's operands are salted with. NaN has rounds of its own: it hides everything else.
static const float salts[][4] = {{0.0f, -0.0f, 0x1p-149f, -0x1p-149f},
                                 {0x1p-75f, -0x1p-75f, -0x1.8p-127f, 0x1p-126f},
                                 {0x1.fffffep127f, -0x1.fffffep127f, 0x1p100f, -0.0f},
                                 {INFINITY, -INFINITY, 0.0f, 1.0f},
                                 {-INFINITY, -INFINITY, -INFINITY, -88.0f},
                                 {NAN, 1.0f, -1.0f, 0.0f}};
enum { SALTS = sizeof salts / sizeof *salts };

static float *operand(fuzz *f, int index, int64_t count) {
    float *p = check_place(&f->arena[index], count, pick(f, 2) == 1);
    static const float scales[] = {1.0f, 1.0f, 40.0f, 0x1p-70f};
    check_fill(p, count, (uint64_t)pick(f, 1 << 30), scales[pick(f, 4)]);
    const float *salt = salts[pick(f, SALTS)];
    int64_t every = 1 + pick(f, 200), salted = pick(f, 3);
    for (int64_t i = 0; i < count && salted < 2; i++) {
        p[i] = pick(f, every) == 0 ? salt[pick(f, 4)] : p[i];
    }
    return p;
}

// NaN is equal to NaN: which of them is not promised.
static void compare(const char *what, uint64_t seed, const float *a, const float *b,
                    int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) {
            fail_msg("%s, seed %llu, element %lld of %lld: %a, scalar %a", what,
                     (unsigned long long)seed, (long long)i, (long long)count, (double)a[i],
                     (double)b[i]);
        }
    }
}

static void fuzz_matmul(fuzz *f, uint64_t seed) {
    int64_t m = 1 + pick(f, 20), n = 1 + pick(f, 80), k = pick(f, 100), gap = pick(f, 3);
    decoct_matmul_args a = {.struct_size = sizeof a,
                            .b_transposed = (int32_t)pick(f, 2),
                            .m = m,
                            .n = n,
                            .k = k,
                            .x_stride = k + pick(f, 3),
                            .y_stride = n + gap};
    int64_t b_cols = a.b_transposed ? k : n, b_rows = a.b_transposed ? n : k;
    a.b_stride = b_cols + pick(f, 3);
    a.x = operand(f, 0, m * a.x_stride);
    a.b = operand(f, 1, b_rows * a.b_stride);
    a.bias = pick(f, 2) ? operand(f, 2, n) : NULL;
    int64_t count = (m - 1) * a.y_stride + n;
    float *mine = a.y = check_place(&f->mine, count, true);
    assert_int_equal(decoct_matmul(f->ctx, &a), DECOCT_OK);
    float *theirs = a.y = check_place(&f->theirs, count, true);
    assert_int_equal(decoct_matmul(f->scalar, &a), DECOCT_OK);
    compare("matmul", seed, mine, theirs, count);
}

static void fuzz_attention(fuzz *f, uint64_t seed) {
    int64_t q_len = 1 + pick(f, 20), kv_len = 1 + pick(f, 150), heads = 2, dim = 1 + pick(f, 36);
    bool parts = pick(f, 20) == 0; // more keys than one part has
    if (parts) {
        q_len = 1 + q_len % 3;
        kv_len = 2040 + pick(f, 2100);
        dim = 1 + dim % 3;
    }
    decoct_attention_args a = {.struct_size = sizeof a,
                               .causal = (int32_t)pick(f, 2),
                               .batch = 1,
                               .heads = heads,
                               .kv_heads = 1 + pick(f, 2),
                               .q_len = q_len,
                               .kv_len = kv_len,
                               .head_dim = dim,
                               .value_dim = 1 + pick(f, parts ? 3 : 36),
                               .q_offset = pick(f, kv_len + 20) - 10,
                               .mask_head_stride = pick(f, 2) * q_len * kv_len};
    a.q = operand(f, 0, heads * q_len * dim);
    a.k = operand(f, 1, a.kv_heads * kv_len * dim);
    a.v = operand(f, 2, a.kv_heads * kv_len * a.value_dim);
    a.mask = pick(f, 2) ? operand(f, 3, heads * q_len * kv_len) : NULL;
    int64_t out = heads * q_len * a.value_dim, weights = heads * q_len * kv_len;
    float *mine = check_place(&f->mine, out + weights, true);
    float *theirs = check_place(&f->theirs, out + weights, true);
    a.out = mine;
    a.weights = mine + out;
    assert_int_equal(decoct_attention(f->ctx, &a), DECOCT_OK);
    a.out = theirs;
    a.weights = theirs + out;
    assert_int_equal(decoct_attention(f->scalar, &a), DECOCT_OK);
    compare("attention", seed, mine, theirs, out + weights);
}

typedef struct rows_call {
    int64_t what, rows, cols, x_stride, y_stride;
    float scale, eps;
    const float *x, *gain, *bias;
} rows_call;

static decoct_status call_rows(decoct_context *ctx, const rows_call *c, const float *x, float *y) {
    int64_t rows = c->rows, cols = c->cols;
    switch (c->what) {
    case 0:
        return decoct_softmax(ctx, rows, cols, c->scale, x, c->x_stride, y, c->y_stride);
    case 1:
        return decoct_layer_norm(ctx, rows, cols, c->eps, c->gain, c->bias, x, c->x_stride, y,
                                 c->y_stride);
    case 2:
        return decoct_gelu(ctx, DECOCT_GELU_TANH, rows, cols, x, c->x_stride, y, c->y_stride);
    case 3:
        return decoct_gelu(ctx, DECOCT_GELU_ERF, rows, cols, x, c->x_stride, y, c->y_stride);
    case 4:
        return decoct_add(ctx, rows, cols, x, c->x_stride, y, c->y_stride);
    default:
        return decoct_bias(ctx, rows, cols, c->gain ? c->gain : c->x, y, c->y_stride);
    }
}

static void fuzz_rows(fuzz *f, uint64_t seed) {
    static const char *const names[] = {"softmax",  "layer norm", "gelu tanh",
                                        "gelu erf", "add",        "bias"};
    rows_call c = {.what = pick(f, 6), .rows = 1 + pick(f, 5), .scale = (float)pick(f, 3)};
    static const float eps[] = {1e-5f, 1e-12f, 0.0f};
    c.eps = eps[pick(f, 3)];
    c.cols = 1 + pick(f, pick(f, 8) ? 90 : 3000);
    c.x_stride = c.cols + pick(f, 3);
    c.y_stride = c.cols + pick(f, 3);
    bool in_place = c.what < 4 && pick(f, 3) == 0;
    c.y_stride = in_place ? c.x_stride : c.y_stride;
    c.x = operand(f, 0, c.rows * c.x_stride);
    c.gain = pick(f, 2) ? operand(f, 1, c.cols) : NULL;
    c.bias = pick(f, 2) ? operand(f, 2, c.cols) : NULL;
    int64_t count = (c.rows - 1) * c.y_stride + c.cols;
    const float *start = in_place ? c.x : operand(f, 3, count);
    float *mine = check_place(&f->mine, count, true),
          *theirs = check_place(&f->theirs, count, true);
    memcpy(mine, start, (size_t)count * sizeof *mine);
    memcpy(theirs, start, (size_t)count * sizeof *theirs);
    assert_int_equal(call_rows(f->ctx, &c, in_place ? mine : c.x, mine), DECOCT_OK);
    assert_int_equal(call_rows(f->scalar, &c, in_place ? theirs : c.x, theirs), DECOCT_OK);
    compare(names[c.what], seed, mine, theirs, count);
}

static void search(void **state, void (*one)(fuzz *f, uint64_t seed), int64_t times) {
    fuzz f = {.ctx = check_open(*state, 1)};
    if (!f.ctx) {
        skip();
    }
    f.scalar = check_open("scalar", 1);
    f.mine = check_arena_open(ROOM);
    f.theirs = check_arena_open(ROOM);
    for (int i = 0; i < OPERANDS; i++) {
        f.arena[i] = check_arena_open(ROOM);
    }
    const char *wish = getenv("DECOCT_TEST_ROUNDS");
    int64_t rounds = wish ? strtol(wish, NULL, 10) : times;
    for (int64_t seed = 0; seed < rounds; seed++) {
        f.state = (uint64_t)seed * 0x9E3779B97F4A7C15u;
        one(&f, (uint64_t)seed);
    }
    for (int i = 0; i < OPERANDS; i++) {
        check_arena_close(&f.arena[i]);
    }
    check_arena_close(&f.mine);
    check_arena_close(&f.theirs);
    decoct_context_close(f.ctx);
    decoct_context_close(f.scalar);
}

static void test_matmul(void **state) {
    search(state, fuzz_matmul, ROUNDS);
}
static void test_attention(void **state) {
    search(state, fuzz_attention, ROUNDS);
}
static void test_rows(void **state) {
    search(state, fuzz_rows, 4 * ROUNDS);
}

int main(void) {
    static const check_test tests[] = {{"fuzz, matmul", test_matmul},
                                       {"fuzz, attention", test_attention},
                                       {"fuzz, rows", test_rows}};
    return check_all_backends("fuzz", tests, sizeof tests / sizeof *tests);
}
