// SPDX-License-Identifier: BSD-2-Clause
// A seeded search for inputs where a backend leaves scalar's bits: random shapes and strides, and
// the values that kernels get wrong (NaN, infinities, zeros of both signs, denormals, huge ones).
// DECOCT_TEST_ROUNDS=n searches longer than the default.
#include "check.h"

#include "bench/cases/catalogue.h"
#include "bench/cases/odd.h"
#include "bench/cases/random.h"

#include <decoct/lists.h>

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
    return (int64_t)random_below(&f->state, (uint64_t)count);
}

static float *operand(fuzz *f, int index, int64_t count) {
    float *p = check_place(&f->arena[index], count, pick(f, 2) == 1);
    static const float scales[] = {1.0f, 1.0f, 40.0f, 0x1p-70f};
    check_fill(p, count, (uint64_t)pick(f, 1 << 16), scales[pick(f, 4)]);
    const float *salt = odd_numbers[pick(f, ODD_NUMBERS)];
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

// Heads of any size, with any number of columns that are turned.
static void random_angles(fuzz *f, decoct_rows_args *a) {
    a->head_dim = 1 + pick(f, 40);
    a->cols = a->head_dim * (1 + pick(f, 4));
    a->rotary_dim = a->head_dim > 1 ? 2 + pick(f, a->head_dim / 2) * 2 : 0;
    a->angle_stride = a->rotary_dim / 2 + pick(f, 3);
    a->cosine = operand(f, 1, a->rows * a->angle_stride);
    a->sine = operand(f, 2, a->rows * a->angle_stride);
}

// An operation on rows and what its line in ops.def says it has, some of it left out.
static decoct_rows_args random_rows(fuzz *f, const catalogue_row *op) {
    static const float eps[] = {1e-5f, 1e-12f, 0.0f};
    decoct_rows_args a = {.struct_size = sizeof a,
                          .op = op->op,
                          .form = op->form,
                          .rows = 1 + pick(f, 5),
                          .cols = 1 + pick(f, pick(f, 8) ? 90 : 3000)};
    if (op->needs & DCT_NEEDS_ANGLES) {
        random_angles(f, &a);
    }
    a.x_stride = a.cols + pick(f, 3);
    a.y_stride = a.cols + pick(f, 3);
    a.table_rows = op->needs & DCT_NEEDS_IDS ? 1 + pick(f, 5) : 0;
    a.x = operand(f, 0, (a.table_rows ? a.table_rows : a.rows) * a.x_stride);
    a.gain = op->needs & DCT_MAY_GAIN && pick(f, 2) ? operand(f, 1, a.cols) : NULL;
    a.bias = op->needs & DCT_NEEDS_BIAS || (op->needs & DCT_MAY_BIAS && pick(f, 2))
                 ? operand(f, 2, a.cols)
                 : NULL;
    a.up = op->needs & DCT_MAY_UP && pick(f, 2) ? operand(f, 4, a.rows * a.cols) : NULL;
    a.scale = op->needs & DCT_NEEDS_SCALE ? (float)pick(f, 3) : 0.0f;
    a.beta = op->needs & DCT_NEEDS_BETA ? (float)pick(f, 3) : 0.0f;
    a.eps = op->needs & DCT_NEEDS_EPS ? eps[pick(f, 3)] : 0.0f;
    return a;
}

static void call_rows(decoct_context *ctx, decoct_rows_args a, bool in_place, float *y) {
    a.x = in_place ? y : a.x;
    a.y = y;
    assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
}

static void fuzz_rows(fuzz *f, uint64_t seed) {
    catalogue_row op;
    int32_t ids[8];
    int count = 0;
    while (catalogue_row_at(count, &op)) {
        count++;
    }
    catalogue_row_at((int)pick(f, count), &op);
    decoct_rows_args a = random_rows(f, &op);
    for (int64_t i = 0; i < a.rows && a.table_rows; i++) {
        ids[i] = (int32_t)pick(f, a.table_rows);
        a.ids = ids;
    }
    bool in_place = !a.ids && pick(f, 3) == 0;
    a.y_stride = in_place ? a.x_stride : a.y_stride;
    int64_t size = (a.rows - 1) * a.y_stride + a.cols;
    const float *start = in_place ? a.x : operand(f, 3, size);
    float *mine = check_place(&f->mine, size, true), *theirs = check_place(&f->theirs, size, true);
    memcpy(mine, start, (size_t)size * sizeof *mine);
    memcpy(theirs, start, (size_t)size * sizeof *theirs);
    call_rows(f->ctx, a, in_place, mine);
    call_rows(f->scalar, a, in_place, theirs);
    compare(op.name, seed, mine, theirs, size);
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
