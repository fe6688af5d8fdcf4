// SPDX-License-Identifier: BSD-2-Clause
// The flat calls of matmul and attention: the bits of the calls with structs, the same errors, and
// outputs that stay untouched on failure.
#include "check.h"

#include <stdio.h>
#include <string.h>

enum { ROOM = 1 << 16 };

typedef struct fixture {
    check_arena in[3], out, reference;
} fixture;

static fixture open_fixture(void) {
    return (fixture){{check_arena_open(ROOM), check_arena_open(ROOM), check_arena_open(ROOM)},
                     check_arena_open(ROOM),
                     check_arena_open(ROOM)};
}

static void close_fixture(fixture *f) {
    for (int i = 0; i < 3; i++) {
        check_arena_close(&f->in[i]);
    }
    check_arena_close(&f->out);
    check_arena_close(&f->reference);
}

// An input of `count` numbers, flush against a forbidden page.
static const float *input(const fixture *f, int which, int64_t count) {
    float *p = check_place(&f->in[which], count, true);
    check_fill(p, count, (uint64_t)which + 1, 2.0f);
    return p;
}

// ---- Matrix product ----

static void multiply(decoct_context *ctx, const fixture *f, int64_t m, int64_t n, int64_t k,
                     bool transposed, bool with_bias) {
    const float *x = input(f, 0, m * k), *b = input(f, 1, k * n);
    const float *bias = with_bias ? input(f, 2, n) : NULL;
    float *y = check_place(&f->out, m * n, true), *z = check_place(&f->reference, m * n, true);
    assert_int_equal(decoct_matmul_dense(ctx, m, n, k, x, b, transposed, bias, y), DECOCT_OK);
    decoct_matmul_args args = {.struct_size = sizeof args,
                               .b_transposed = transposed,
                               .m = m,
                               .n = n,
                               .k = k,
                               .x = x,
                               .b = b,
                               .bias = bias,
                               .y = z};
    assert_int_equal(decoct_matmul(ctx, &args), DECOCT_OK);
    assert_true(check_same_bits(y, z, m * n));
}

static void test_matmul(void **state) {
    static const int64_t sizes[][3] = {{1, 1, 1}, {5, 33, 19}, {1, 100, 64}, {40, 17, 3}, {3, 7, 0},
                                       {0, 4, 5}, {6, 0, 5},   {16, 16, 16}, {17, 70, 90}};
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    fixture f = open_fixture();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int how = 0; how < 4; how++) {
            multiply(ctx, &f, sizes[i][0], sizes[i][1], sizes[i][2], how & 1, how & 2);
        }
    }
    close_fixture(&f);
    decoct_context_close(ctx);
}

// ---- Attention ----

typedef struct shape {
    int64_t batch, heads, kv_heads, q_len, kv_len, head_dim;
} shape;

static void attend(decoct_context *ctx, const fixture *f, const shape *s, bool causal) {
    int64_t batch = s->batch ? s->batch : 1, count = batch * s->heads * s->q_len * s->head_dim;
    int64_t keys = batch * s->kv_heads * s->kv_len * s->head_dim;
    const float *q = input(f, 0, count), *k = input(f, 1, keys), *v = input(f, 2, keys);
    float *y = check_place(&f->out, count, true), *z = check_place(&f->reference, count, true);
    assert_int_equal(decoct_attention_dense(ctx, s->batch, s->heads, s->kv_heads, s->q_len,
                                            s->kv_len, s->head_dim, causal, q, k, v, y),
                     DECOCT_OK);
    decoct_attention_args args = {.struct_size = sizeof args,
                                  .causal = causal,
                                  .batch = s->batch,
                                  .heads = s->heads,
                                  .kv_heads = s->kv_heads,
                                  .q_len = s->q_len,
                                  .kv_len = s->kv_len,
                                  .head_dim = s->head_dim,
                                  .q_offset = s->kv_len - s->q_len,
                                  .q = q,
                                  .k = k,
                                  .v = v,
                                  .out = z};
    assert_int_equal(decoct_attention(ctx, &args), DECOCT_OK);
    assert_true(check_same_bits(y, z, count));
}

static void test_attention(void **state) {
    static const shape shapes[] = {
        {1, 1, 1, 1, 1, 1},   {2, 4, 2, 5, 9, 8}, {1, 12, 12, 1, 70, 16},
        {0, 3, 1, 20, 20, 7}, {1, 2, 2, 9, 4, 5}, // more queries than keys
        {3, 2, 1, 4, 0, 6},   {2, 2, 1, 0, 4, 6}, {1, 2, 2, 100, 130, 33}};
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    fixture f = open_fixture();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        attend(ctx, &f, &shapes[i], false);
        attend(ctx, &f, &shapes[i], true);
    }
    close_fixture(&f);
    decoct_context_close(ctx);
}

// The last of three queries over five keys sees all, the first one three of them: a value that no
// query but the last may see is infinite.
static void test_causal_end(void **state) {
    const float zeros[5] = {0.0f}, v[5] = {1.0f, 2.0f, 3.0f, 4.0f, 1e30f};
    float out[3];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    assert_int_equal(decoct_attention_dense(ctx, 1, 1, 1, 3, 5, 1, 1, zeros, zeros, v, out),
                     DECOCT_OK);
    assert_true(out[0] == 2.0f && out[1] == 2.5f && out[2] > 1e29f);
    decoct_context_close(ctx);
}

// ---- Errors ----

static float in[64], untouched[64], y[64];

static void expect(decoct_context *ctx, decoct_status status, const char *text) {
    assert_int_equal(status, DECOCT_E_ARGUMENT);
    if (!strstr(decoct_last_error(ctx), text)) {
        print_error("\"%s\", expected \"%s\"\n", decoct_last_error(ctx), text);
        fail();
    }
    assert_memory_equal(y, untouched, sizeof y);
}

static void test_matmul_errors(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    (void)state;
    memset(y, 0x5A, sizeof y);
    memcpy(untouched, y, sizeof y);
    expect(ctx, decoct_matmul_dense(ctx, -1, 2, 2, in, in, 0, NULL, y), "m is -1");
    expect(ctx, decoct_matmul_dense(ctx, 2, INT64_MIN, 2, in, in, 0, NULL, y), "n is ");
    expect(ctx, decoct_matmul_dense(ctx, 2, 2, 2, NULL, in, 0, NULL, y), "x is NULL");
    expect(ctx, decoct_matmul_dense(ctx, 2, 2, 2, in, NULL, 0, NULL, y), "either b or weights");
    expect(ctx, decoct_matmul_dense(ctx, 2, 2, 2, in, in, 1, NULL, NULL), "y is NULL");
    expect(ctx, decoct_matmul_dense(ctx, INT64_MAX, 2, 2, in, in, 0, NULL, y), "too large");
    expect(ctx, decoct_matmul_dense(ctx, 2, 2, 2, y, in, 0, NULL, y), "shares an element with x");
    expect(ctx, decoct_matmul_dense(ctx, 2, 2, 2, in, in, 0, y + 3, y),
           "shares an element with bias");
    expect(NULL, decoct_matmul_dense(NULL, 2, 2, 2, in, in, 0, NULL, y), "context is NULL");
    decoct_context_close(ctx);
}

static void test_attention_errors(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    (void)state;
    memset(y, 0x5A, sizeof y);
    memcpy(untouched, y, sizeof y);
    static const struct {
        shape s;
        const char *text;
    } wrong[] = {{{-1, 1, 1, 1, 1, 1}, "batch is -1"},
                 {{1, 0, 1, 1, 1, 1}, "heads is 0"},
                 {{1, 3, 2, 1, 1, 1}, "does not divide"},
                 {{1, 1, 1, INT64_MIN, INT64_MAX, 1}, "q_len is -"},
                 {{1, 1, 1, INT64_MAX, INT64_MIN, 1}, "kv_len is -"},
                 {{1, 1, 1, INT64_MAX, 1, 1}, "too large"},
                 {{1, 1, 1, 1, INT64_MAX, 8}, "too large"},
                 {{1, 1, 1, 1, 1, 0}, "head_dim is 0"}};
    for (size_t i = 0; i < 2 * sizeof wrong / sizeof *wrong; i++) {
        const shape *s = &wrong[i / 2].s;
        expect(ctx,
               decoct_attention_dense(ctx, s->batch, s->heads, s->kv_heads, s->q_len, s->kv_len,
                                      s->head_dim, i % 2, in, in, in, y),
               wrong[i / 2].text);
    }
    const float *none = NULL;
    expect(ctx, decoct_attention_dense(ctx, 1, 1, 1, 2, 2, 2, 1, none, in, in, y), "q is NULL");
    expect(ctx, decoct_attention_dense(ctx, 1, 1, 1, 2, 2, 2, 1, in, none, in, y), "k is NULL");
    expect(ctx, decoct_attention_dense(ctx, 1, 1, 1, 2, 2, 2, 1, in, in, none, y), "v is NULL");
    expect(ctx, decoct_attention_dense(ctx, 1, 1, 1, 2, 2, 2, 1, in, in, in, NULL), "out is NULL");
    expect(ctx, decoct_attention_dense(ctx, 1, 1, 1, 2, 2, 2, 1, in, in, y, y),
           "shares an element with v");
    expect(NULL, decoct_attention_dense(NULL, 1, 1, 1, 2, 2, 2, 1, in, in, in, y),
           "context is NULL");
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"matmul", test_matmul},
                                       {"attention", test_attention},
                                       {"the causal end", test_causal_end}};
    const struct CMUnitTest errors[] = {cmocka_unit_test(test_matmul_errors),
                                        cmocka_unit_test(test_attention_errors)};
    int failed = check_all_backends("flat", tests, sizeof tests / sizeof *tests);
    return failed + cmocka_run_group_tests_name("flat errors", errors, NULL, NULL);
}
