// SPDX-License-Identifier: BSD-2-Clause
// A recipe of no family: grouped keys, heads whose size is not d_model / heads, and separate query,
// key and value matrices. It computes what float64 does, and pieces of it give the same bits.
#include "check.h"

#include "core/context.h"
#include "model/block.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { D = 16, HEADS = 6, KV = 2, DIM = 5, FFN = 24, ROWS = 70, Q = HEADS * DIM, K = KV * DIM };

static const dct_step steps[] = {
    {DCT_NORM, "norm 1", DCT_X, DCT_H, DCT_PART_NORM_1, .op = DECOCT_OP_LAYER_NORM},
    {DCT_LINEAR, "q projection", DCT_H, DCT_Q, .part = DCT_PART_Q},
    {DCT_LINEAR, "k projection", DCT_H, DCT_K, .part = DCT_PART_K},
    {DCT_LINEAR, "v projection", DCT_H, DCT_V, .part = DCT_PART_V},
    {DCT_CACHE, "cache", .from = DCT_QKV},
    {DCT_ATTEND, "attention", DCT_QKV, .to = DCT_MIX},
    {DCT_LINEAR, "output projection", DCT_MIX, DCT_H, .part = DCT_PART_OUTPUT},
    {DCT_ADD, "residual", DCT_H, DCT_X, .op = DECOCT_OP_ADD},
    {DCT_NORM, "norm 2", DCT_X, DCT_H, DCT_PART_NORM_2, .op = DECOCT_OP_LAYER_NORM},
    {DCT_LINEAR, "up", DCT_H, DCT_WIDE, .part = DCT_PART_UP},
    {DCT_ACT, "gelu", DCT_WIDE, DCT_WIDE, .op = DECOCT_OP_GELU},
    {DCT_LINEAR, "down", DCT_WIDE, DCT_H, .part = DCT_PART_DOWN},
    {DCT_ADD, "residual", DCT_H, DCT_X, .op = DECOCT_OP_ADD},
};
static const dct_recipe recipe = {steps, sizeof steps / sizeof *steps};
static const dct_sizes sizes = {.d_model = D,
                                .heads = HEADS,
                                .kv_heads = KV,
                                .head_dim = DIM,
                                .d_ffn = FFN,
                                .eps = 1e-5f,
                                .act_form = DECOCT_GELU_ERF};

static float main_of[DCT_PARTS][D * Q], bias_of[DCT_PARTS][Q];

static float *copy(const float *from, int64_t count) {
    float *to = malloc((size_t)count * sizeof *to);
    assert_non_null(to);
    return memcpy(to, from, (size_t)count * sizeof *to);
}

static decoct_block *make_block(decoct_context *ctx) {
    decoct_block *block = dct_block_new(&recipe, &sizes);
    assert_non_null(block);
    for (int i = 0; i < recipe.count; i++) {
        const dct_step *s = &steps[i];
        int64_t rows, cols;
        if (!s->part) {
            continue;
        }
        dct_stage_shape(&block->stage, s, &rows, &cols);
        check_fill(main_of[s->part], D * Q, (uint64_t)i + 1, 0.4f);
        check_fill(bias_of[s->part], Q, (uint64_t)i + 100, 0.3f);
        block->stage.parts[s->part].bias = copy(bias_of[s->part], cols);
        if (rows == 0) {
            block->stage.parts[s->part].table = copy(main_of[s->part], cols);
            continue;
        }
        assert_int_equal(dct_stage_pack(ctx, &block->stage, s, main_of[s->part], false), DECOCT_OK);
    }
    return block;
}

// ---- The same in float64 ----

static void norm64(const double *x, dct_part part, double *y) {
    double mean = 0, variance = 0;
    for (int i = 0; i < D; i++) {
        mean += x[i] / D;
    }
    for (int i = 0; i < D; i++) {
        variance += (x[i] - mean) * (x[i] - mean) / D;
    }
    for (int i = 0; i < D; i++) {
        y[i] = (x[i] - mean) / sqrt(variance + (double)sizes.eps) * (double)main_of[part][i] +
               (double)bias_of[part][i];
    }
}

static void linear64(const double *x, dct_part part, int k, int n, double *y) {
    for (int j = 0; j < n; j++) {
        y[j] = (double)bias_of[part][j];
        for (int i = 0; i < k; i++) {
            y[j] += x[i] * (double)main_of[part][i * n + j];
        }
    }
}

// Head h reads the keys of head h / (HEADS / KV).
static void attend64(int row, const double *q, double keys[][K], double values[][K], double *mix) {
    for (int h = 0; h < HEADS; h++) {
        double p[ROWS], sum = 0;
        int from = h / (HEADS / KV) * DIM;
        for (int j = 0; j <= row; j++) {
            double score = 0;
            for (int c = 0; c < DIM; c++) {
                score += q[h * DIM + c] * keys[j][from + c];
            }
            p[j] = exp(score / sqrt(DIM));
            sum += p[j];
        }
        for (int c = 0; c < DIM; c++) {
            mix[h * DIM + c] = 0;
            for (int j = 0; j <= row; j++) {
                mix[h * DIM + c] += p[j] / sum * values[j][from + c];
            }
        }
    }
}

static void block64(const float *x, double *y) {
    static double keys[ROWS][K], values[ROWS][K];
    double h[D], q[Q], mix[Q], wide[FFN];
    for (int row = 0; row < ROWS; row++, y += D) {
        for (int i = 0; i < D; i++) {
            y[i] = (double)x[row * D + i];
        }
        norm64(y, DCT_PART_NORM_1, h);
        linear64(h, DCT_PART_Q, D, Q, q);
        linear64(h, DCT_PART_K, D, K, keys[row]);
        linear64(h, DCT_PART_V, D, K, values[row]);
        attend64(row, q, keys, values, mix);
        linear64(mix, DCT_PART_OUTPUT, Q, D, h);
        for (int i = 0; i < D; i++) {
            y[i] += h[i];
        }
        norm64(y, DCT_PART_NORM_2, h);
        linear64(h, DCT_PART_UP, D, FFN, wide);
        for (int i = 0; i < FFN; i++) {
            wide[i] *= 0.5 * (1 + erf(wide[i] / sqrt(2)));
        }
        linear64(wide, DCT_PART_DOWN, FFN, D, h);
        for (int i = 0; i < D; i++) {
            y[i] += h[i];
        }
    }
}

// ---- Tests ----

static void test_recipe(void **state) {
    static float x[ROWS * D], y[ROWS * D], z[ROWS * D];
    static double wanted[ROWS * D];
    decoct_cache *cache;
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    decoct_block *block = make_block(ctx);
    check_fill(x, ROWS * D, 7, 1.0f);
    assert_int_equal(decoct_cache_create(ctx, block, ROWS, &cache), DECOCT_OK);
    assert_int_equal(decoct_block_forward(ctx, block, cache, ROWS, x, 0, y, 0), DECOCT_OK);
    block64(x, wanted);
    // Roundings on the way of one element: the products' sums, and 40 for the rest; each is at most
    // u of a number that is no larger than 64, and what follows makes it no more than 4 times as
    // large.
    double bound = 4 * 64 * (2 * D + Q + FFN + 40) * CHECK_U, worst = 0;
    for (int i = 0; i < ROWS * D; i++) {
        worst = check_worse(worst, fabs((double)y[i] - wanted[i]));
    }
    assert_true(worst <= bound);
    static float first[ROWS * D]; // of the backend that came first
    static bool known;
    if (!known) {
        memcpy(first, y, sizeof first);
        known = true;
    }
    assert_true(check_same_bits(y, first, ROWS * D));
    static const int64_t pieces[] = {1, 9, 64};
    for (int p = 0; p < 3; p++) {
        assert_int_equal(decoct_cache_truncate(ctx, cache, 0), DECOCT_OK);
        for (int64_t i = 0; i < ROWS; i += pieces[p]) {
            int64_t n = ROWS - i < pieces[p] ? ROWS - i : pieces[p];
            assert_int_equal(decoct_block_forward(ctx, block, cache, n, x + i * D, 0, z + i * D, 0),
                             DECOCT_OK);
        }
        assert_true(check_same_bits(y, z, ROWS * D));
    }
    decoct_cache_destroy(cache);
    decoct_block_destroy(block);
    decoct_context_close(ctx);
}

// The attention weights of a head are those of its group's keys.
static void test_weights(void **state) {
    static float x[ROWS * D], queries[ROWS * Q], weights[ROWS * ROWS];
    decoct_cache *cache;
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_block *block = make_block(ctx);
    check_fill(x, ROWS * D, 8, 1.0f);
    assert_int_equal(decoct_cache_create(ctx, block, ROWS, &cache), DECOCT_OK);
    assert_true(dct_cache_reserve(cache, ROWS));
    dct_block_extra extra = {.queries = queries};
    assert_int_equal(dct_block_run(ctx, block, cache, ROWS, x, &extra), DECOCT_OK);
    for (int h = 0; h < HEADS; h++) {
        assert_int_equal(dct_block_weights(ctx, block, cache, h, 0, ROWS, queries, NULL, weights),
                         DECOCT_OK);
        int kv = h / (HEADS / KV);
        for (int i = 0; i < ROWS; i++) {
            // The second key against the first, from what the cache holds.
            double s[2] = {0, 0};
            for (int j = 0; j < 2; j++) {
                for (int c = 0; c < DIM; c++) {
                    s[j] +=
                        (double)queries[i * Q + h * DIM + c] *
                        (double)
                            cache->keys[kv * cache->keys_head_stride + c * DECOCT_KEY_BLOCK + j];
                }
            }
            double ratio = i < 1 ? 0 : exp((s[1] - s[0]) / sqrt(DIM));
            double got = (double)weights[i * ROWS + 1] / (double)weights[i * ROWS];
            assert_true(fabs(got - ratio) <= 1e-4 * ratio);
        }
    }
    decoct_cache_destroy(cache);
    decoct_block_destroy(block);
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"recipe", test_recipe}, {"recipe, weights", test_weights}};
    return check_all_backends("recipe", tests, sizeof tests / sizeof *tests);
}
