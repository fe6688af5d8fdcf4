// SPDX-License-Identifier: BSD-2-Clause
// A decoder block with the caller's weights: it equals its parts, and pieces give the same bits.
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { D = 40, HEADS = 5, FFN = 72, ROWS = 70, ARRAYS = 12 };

typedef struct weights {
    float *a[ARRAYS];
    decoct_block_args args;
} weights;

static weights make_weights(int32_t norm_order, int32_t gelu) {
    static const int64_t sizes[ARRAYS] = {D, D, D * 3 * D, 3 * D, D * D,   D,
                                          D, D, D * FFN,   FFN,   FFN * D, D};
    weights w;
    for (int i = 0; i < ARRAYS; i++) {
        w.a[i] = malloc((size_t)sizes[i] * sizeof(float));
        check_fill(w.a[i], sizes[i], (uint64_t)i + 1, 0.3f);
    }
    w.args = (decoct_block_args){.struct_size = sizeof w.args,
                                 .norm_order = norm_order,
                                 .gelu = gelu,
                                 .d_model = D,
                                 .heads = HEADS,
                                 .d_ffn = FFN,
                                 .norm1_gain = w.a[0],
                                 .norm1_bias = w.a[1],
                                 .qkv = w.a[2],
                                 .qkv_bias = w.a[3],
                                 .proj = w.a[4],
                                 .proj_bias = w.a[5],
                                 .norm2_gain = w.a[6],
                                 .norm2_bias = w.a[7],
                                 .up = w.a[8],
                                 .up_bias = w.a[9],
                                 .down = w.a[10],
                                 .down_bias = w.a[11]};
    return w;
}

static void free_weights(weights *w) {
    for (int i = 0; i < ARRAYS; i++) {
        free(w->a[i]);
    }
}

// The block by single public operations.
static void linear(decoct_context *ctx, int64_t k, int64_t n, const float *x, const float *b,
                   const float *bias, float *y) {
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = ROWS, .n = n, .k = k, .x = x, .b = b, .bias = bias, .y = y};
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
}

static void by_hand(decoct_context *ctx, const weights *w, const float *x, float *y) {
    static float norm[ROWS * D], qkv[ROWS * 3 * D], mix[ROWS * D], wide[ROWS * FFN];
    bool pre = w->args.norm_order == DECOCT_PRE_NORM;
    memcpy(y, x, ROWS * D * sizeof *y);
    if (pre) {
        decoct_layer_norm(ctx, ROWS, D, 1e-5f, w->a[0], w->a[1], y, 0, norm, 0);
    }
    linear(ctx, D, 3 * D, pre ? norm : y, w->a[2], w->a[3], qkv);
    decoct_attention_args a = {.struct_size = sizeof a,
                               .causal = 1,
                               .batch = 1,
                               .heads = HEADS,
                               .kv_heads = HEADS,
                               .q_len = ROWS,
                               .kv_len = ROWS,
                               .head_dim = D / HEADS,
                               .q = qkv,
                               .k = qkv + D,
                               .v = qkv + 2 * D,
                               .out = mix};
    a.q_head_stride = a.k_head_stride = a.v_head_stride = a.out_head_stride = D / HEADS;
    a.q_stride = a.k_stride = a.v_stride = 3 * D;
    a.out_stride = D;
    assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
    linear(ctx, D, D, mix, w->a[4], w->a[5], norm);
    decoct_add(ctx, ROWS, D, norm, 0, y, 0);
    decoct_layer_norm(ctx, ROWS, D, 1e-5f, w->a[pre ? 6 : 0], w->a[pre ? 7 : 1], y, 0,
                      pre ? norm : y, 0);
    linear(ctx, D, FFN, pre ? norm : y, w->a[8], w->a[9], wide);
    decoct_gelu(ctx, w->args.gelu, ROWS, FFN, wide, 0, wide, 0);
    linear(ctx, FFN, D, wide, w->a[10], w->a[11], norm);
    decoct_add(ctx, ROWS, D, norm, 0, y, 0);
    if (!pre) {
        decoct_layer_norm(ctx, ROWS, D, 1e-5f, w->a[6], w->a[7], y, 0, y, 0);
    }
}

static const int64_t pieces[] = {ROWS, 1, 9, 64};

static void test_block(void **state) {
    static float x[ROWS * D], whole[ROWS * D], y[ROWS * (D + 3)];
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    check_fill(x, ROWS * D, 77, 1.0f);
    for (int c = 0; c < 4; c++) {
        weights w = make_weights(c % 2, c / 2);
        decoct_block *block;
        decoct_cache *cache;
        assert_int_equal(decoct_block_create(ctx, &w.args, &block), DECOCT_OK);
        assert_int_equal(decoct_cache_create(ctx, block, ROWS, &cache), DECOCT_OK);
        by_hand(ctx, &w, x, whole);
        for (int p = 0; p < 4; p++) {
            assert_int_equal(decoct_cache_truncate(ctx, cache, 0), DECOCT_OK);
            for (int64_t i = 0; i < ROWS; i += pieces[p]) {
                int64_t n = ROWS - i < pieces[p] ? ROWS - i : pieces[p];
                assert_int_equal(decoct_block_forward(ctx, block, cache, n, x + i * D, 0,
                                                      y + i * (D + 3), D + 3),
                                 DECOCT_OK);
                assert_int_equal(decoct_cache_length(cache), i + n);
            }
            for (int64_t i = 0; i < ROWS; i++) {
                assert_true(check_same_bits(y + i * (D + 3), whole + i * D, D));
            }
        }
        // No room: nothing changes. Truncating and continuing gives the same again, in place too.
        assert_int_equal(decoct_block_forward(ctx, block, cache, 1, x, 0, y, 0), DECOCT_E_FULL);
        assert_int_equal(decoct_cache_length(cache), ROWS);
        assert_int_equal(decoct_cache_truncate(ctx, cache, 13), DECOCT_OK);
        memcpy(y, x, sizeof x);
        assert_int_equal(
            decoct_block_forward(ctx, block, cache, ROWS - 13, y + 13 * D, 0, y + 13 * D, 0),
            DECOCT_OK);
        assert_true(check_same_bits(y + 13 * D, whole + 13 * D, (ROWS - 13) * D));
        decoct_cache_destroy(cache);
        decoct_block_destroy(block);
        free_weights(&w);
    }
    decoct_context_close(ctx);
}

// A cache of more keys than one part has: pieces give the same bits, and so does scalar.
static void test_long_cache(void **state) {
    enum { LONG = 2100, LAST = 70 }; // the last rows, which see two parts, also one by one
    static float x[LONG * D], y[LONG * D], z[LONG * D];
    decoct_context *ctx = check_open(*state, 2), *scalar = check_open("scalar", 1);
    if (!ctx) {
        decoct_context_close(scalar);
        skip();
    }
    check_fill(x, LONG * D, 78, 1.0f);
    weights w = make_weights(0, 0);
    decoct_block *block, *other;
    decoct_cache *cache;
    assert_int_equal(decoct_block_create(ctx, &w.args, &block), DECOCT_OK);
    assert_int_equal(decoct_cache_create(ctx, block, LONG, &cache), DECOCT_OK);
    assert_int_equal(decoct_block_forward(ctx, block, cache, LONG, x, 0, y, 0), DECOCT_OK);
    assert_int_equal(decoct_cache_truncate(ctx, cache, LONG - LAST), DECOCT_OK);
    for (int64_t i = LONG - LAST; i < LONG; i++) {
        assert_int_equal(decoct_block_forward(ctx, block, cache, 1, x + i * D, 0, z + i * D, 0),
                         DECOCT_OK);
    }
    assert_true(check_same_bits(y + (LONG - LAST) * D, z + (LONG - LAST) * D, LAST * D));
    decoct_cache_destroy(cache);
    decoct_block_destroy(block);
    assert_int_equal(decoct_block_create(scalar, &w.args, &other), DECOCT_OK);
    assert_int_equal(decoct_cache_create(scalar, other, LONG, &cache), DECOCT_OK);
    assert_int_equal(decoct_block_forward(scalar, other, cache, LONG, x, 0, z, 0), DECOCT_OK);
    assert_true(check_same_bits(y, z, LONG * D));
    decoct_cache_destroy(cache);
    decoct_block_destroy(other);
    free_weights(&w);
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

static void test_refusals(void **state) {
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    weights w = make_weights(0, 0);
    decoct_block *block = NULL;
    decoct_block_args bad = w.args;
    bad.heads = 7;
    assert_int_equal(decoct_block_create(ctx, &bad, &block), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(decoct_last_error(ctx), "heads 7"));
    bad = w.args;
    bad.up = NULL;
    assert_int_equal(decoct_block_create(ctx, &bad, &block), DECOCT_E_ARGUMENT);
    bad = w.args;
    bad.gelu = 9;
    assert_int_equal(decoct_block_create(ctx, &bad, &block), DECOCT_E_ARGUMENT);
    assert_null(block);
    assert_int_equal(decoct_block_create(ctx, &w.args, &block), DECOCT_OK);
    decoct_cache *cache = NULL;
    assert_int_equal(decoct_cache_create(ctx, block, 0, &cache), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_cache_create(ctx, block, INT64_MAX / 8, &cache), DECOCT_E_MEMORY);
    assert_int_equal(decoct_cache_create(ctx, block, 4, &cache), DECOCT_OK);
    assert_int_equal(decoct_block_forward(ctx, block, cache, -1, w.a[2], 0, w.a[2], 0),
                     DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_block_forward(ctx, block, cache, 1, w.a[2], D - 1, w.a[2], 0),
                     DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_cache_truncate(ctx, cache, 1), DECOCT_E_ARGUMENT);
    decoct_cache_destroy(cache);
    decoct_block_destroy(block);
    free_weights(&w);
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"block", test_block},
                                       {"block, a long cache", test_long_cache},
                                       {"block, refusals", test_refusals}};
    return check_all_backends("block", tests, sizeof tests / sizeof *tests);
}
