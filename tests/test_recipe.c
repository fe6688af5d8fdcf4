// SPDX-License-Identifier: BSD-2-Clause
// Recipes of no family: grouped keys, heads whose size is not d_model / heads, separate query, key
// and value matrices, a gated activation, rotary positions. They compute what float64 does, and
// pieces of them give the same bits.
#include "check.h"

#include "core/context.h"
#include "machine/memory.h"
#include "model/block.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { D = 16, HEADS = 6, KV = 2, DIM = 5, FFN = 24, ROWS = 70, Q = HEADS * DIM, K = KV * DIM };
enum { TURNED = 4, THETA = 100 }; // columns of a head, of the rotary embedding
enum { WIDEST = 2 * FFN + Q };    // of all places

static const dct_step grouped[] = {
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
static const dct_step gated[] = {
    {DCT_NORM, "norm 1", DCT_X, DCT_H, DCT_PART_NORM_1, .op = DECOCT_OP_RMS_NORM},
    {DCT_LINEAR, "q projection", DCT_H, DCT_Q, .part = DCT_PART_Q},
    {DCT_LINEAR, "k projection", DCT_H, DCT_K, .part = DCT_PART_K},
    {DCT_LINEAR, "v projection", DCT_H, DCT_V, .part = DCT_PART_V},
    {DCT_ROTARY, "rotary", DCT_QK, DCT_QK, .op = DECOCT_OP_ROTARY},
    {DCT_CACHE, "cache", .from = DCT_QKV},
    {DCT_ATTEND, "attention", DCT_QKV, .to = DCT_MIX},
    {DCT_LINEAR, "output projection", DCT_MIX, DCT_H, .part = DCT_PART_OUTPUT},
    {DCT_ADD, "residual", DCT_H, DCT_X, .op = DECOCT_OP_ADD},
    {DCT_NORM, "norm 2", DCT_X, DCT_H, DCT_PART_NORM_2, .op = DECOCT_OP_RMS_NORM},
    {DCT_LINEAR, "gate", DCT_H, DCT_WIDE, .part = DCT_PART_GATE},
    {DCT_LINEAR, "up", DCT_H, DCT_UP, .part = DCT_PART_UP},
    {DCT_ACT, "silu", DCT_WIDE, DCT_WIDE, .op = DECOCT_OP_SILU, .up = DCT_UP},
    {DCT_LINEAR, "down", DCT_WIDE, DCT_H, .part = DCT_PART_DOWN},
    {DCT_ADD, "residual", DCT_H, DCT_X, .op = DECOCT_OP_ADD},
};

// Biases belong to the layer norms' recipe only, as in the families that are like these two.
static const struct {
    dct_recipe recipe;
    int32_t form; // of its activation
    bool biases;
} models[] = {{{grouped, sizeof grouped / sizeof *grouped}, DECOCT_GELU_ERF, true},
              {{gated, sizeof gated / sizeof *gated}, 0, false}};
enum { MODELS = sizeof models / sizeof *models };

static float main_of[DCT_PARTS][D * Q], bias_of[DCT_PARTS][Q];

static float *copy(const float *from, int64_t count) {
    float *to = dct_alloc(NULL, count, sizeof *to);
    assert_non_null(to);
    return memcpy(to, from, (size_t)count * sizeof *to);
}

static decoct_block *make_block(decoct_context *ctx, int m) {
    dct_sizes sizes = {.d_model = D,
                       .heads = HEADS,
                       .kv_heads = KV,
                       .head_dim = DIM,
                       .d_ffn = FFN,
                       .rotary_dim = models[m].biases ? 0 : TURNED,
                       .rotary_theta = (float)THETA,
                       .rotary_form = DECOCT_ROTARY_HALVES,
                       .eps = 1e-5f,
                       .act_form = models[m].form};
    decoct_block *block = dct_block_new(NULL, &models[m].recipe, &sizes);
    assert_non_null(block);
    for (int i = 0; i < models[m].recipe.count; i++) {
        const dct_step *s = &models[m].recipe.steps[i];
        dct_parameters *part = &block->stage.parts[s->part];
        int64_t rows, cols;
        if (!s->part) {
            continue;
        }
        dct_stage_shape(&block->stage, s, &rows, &cols);
        check_fill(main_of[s->part], D * Q, (uint64_t)i + 1, 0.4f);
        check_fill(bias_of[s->part], Q, (uint64_t)i + 100, models[m].biases ? 0.3f : 0.0f);
        part->bias = models[m].biases ? copy(bias_of[s->part], cols) : NULL;
        if (rows == 0) {
            part->table = copy(main_of[s->part], cols);
        } else {
            assert_int_equal(
                dct_stage_pack(ctx, &block->stage, s, main_of[s->part], DECOCT_F32, false),
                DECOCT_OK);
        }
    }
    return block;
}

// ---- The same in float64 ----

static void norm64(const dct_step *s, const double *x, double *y) {
    double mean = 0, square = 0;
    for (int i = 0; i < D; i++) {
        mean += s->op == DECOCT_OP_RMS_NORM ? 0 : x[i] / D;
    }
    for (int i = 0; i < D; i++) {
        square += (x[i] - mean) * (x[i] - mean) / D;
    }
    for (int i = 0; i < D; i++) {
        y[i] = (x[i] - mean) / sqrt(square + (double)1e-5f) * (double)main_of[s->part][i] +
               (double)bias_of[s->part][i];
    }
}

static void linear64(dct_part part, int64_t k, int64_t n, const double *x, double *y) {
    for (int64_t j = 0; j < n; j++) {
        y[j] = (double)bias_of[part][j];
        for (int64_t i = 0; i < k; i++) {
            y[j] += x[i] * (double)main_of[part][i * n + j];
        }
    }
}

static void act64(const dct_step *s, const double *x, const double *up, double *y) {
    for (int i = 0; i < FFN; i++) {
        y[i] = s->op == DECOCT_OP_SILU ? x[i] / (1 + exp(-x[i])) * up[i]
                                       : x[i] * 0.5 * (1 + erf(x[i] / sqrt(2)));
    }
}

static void rotary64(int row, int64_t heads, double *x) {
    for (int64_t h = 0; h < heads; h++, x += DIM) {
        for (int i = 0; i < TURNED / 2; i++) {
            double angle = row * pow(THETA, -2.0 * i / TURNED), a = x[i], b = x[TURNED / 2 + i];
            x[i] = a * cos(angle) - b * sin(angle);
            x[TURNED / 2 + i] = b * cos(angle) + a * sin(angle);
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

// One row through the steps: each place has memory of its own here.
static void row64(const dct_recipe *recipe, const dct_stage *stage, int row, double at[][WIDEST]) {
    static double keys[ROWS][K], values[ROWS][K];
    for (int i = 0; i < recipe->count; i++) {
        const dct_step *s = &recipe->steps[i];
        switch (s->kind) {
        case DCT_NORM:
            norm64(s, at[s->from], at[s->to]);
            break;
        case DCT_LINEAR:
            linear64(s->part, stage->places[s->from].count, stage->places[s->to].count, at[s->from],
                     at[s->to]);
            break;
        case DCT_ROTARY:
            rotary64(row, HEADS, at[DCT_Q]);
            rotary64(row, KV, at[DCT_K]);
            break;
        case DCT_CACHE:
            memcpy(keys[row], at[DCT_K], sizeof keys[row]);
            memcpy(values[row], at[DCT_V], sizeof values[row]);
            break;
        case DCT_ATTEND:
            attend64(row, at[DCT_Q], keys, values, at[s->to]);
            break;
        case DCT_ACT:
            act64(s, at[s->from], at[s->up], at[s->to]);
            break;
        default: // DCT_ADD
            for (int c = 0; c < D; c++) {
                at[s->to][c] += at[s->from][c];
            }
        }
    }
}

static void block64(const decoct_block *block, const float *x, double *y) {
    double at[DCT_PLACES][WIDEST] = {{0}};
    for (int row = 0; row < ROWS; row++) {
        for (int i = 0; i < D; i++) {
            at[DCT_X][i] = (double)x[row * D + i];
        }
        row64(block->stage.recipe, &block->stage, row, at);
        memcpy(y + row * D, at[DCT_X], D * sizeof *y);
    }
}

// ---- Tests ----

static void forward(decoct_context *ctx, const decoct_block *block, decoct_cache *cache,
                    int64_t piece, const float *x, float *y) {
    assert_int_equal(decoct_cache_truncate(ctx, cache, 0), DECOCT_OK);
    for (int64_t i = 0; i < ROWS; i += piece) {
        int64_t n = ROWS - i < piece ? ROWS - i : piece;
        assert_int_equal(decoct_block_forward(ctx, block, cache, n, x + i * D, 0, y + i * D, 0),
                         DECOCT_OK);
    }
}

static void test_recipes(void **state) {
    static float x[ROWS * D], y[ROWS * D], z[ROWS * D];
    static double wanted[ROWS * D];
    static float first[MODELS][ROWS * D]; // of the backend that came first
    static bool known[MODELS];
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    check_fill(x, ROWS * D, 7, 1.0f);
    for (int m = 0; m < MODELS; m++) {
        decoct_cache *cache;
        decoct_block *block = make_block(ctx, m);
        assert_int_equal(decoct_cache_create(ctx, block, ROWS, &cache), DECOCT_OK);
        forward(ctx, block, cache, ROWS, x, y);
        block64(block, x, wanted);
        // Roundings on the way of one element: the products' sums, and 40 for the rest; each is at
        // most u of a number that is no larger than 64, and what follows makes it no more than 4
        // times as large.
        double bound = 4 * 64 * (2 * D + Q + FFN + 40) * CHECK_U, worst = 0;
        for (int i = 0; i < ROWS * D; i++) {
            worst = check_worse(worst, fabs((double)y[i] - wanted[i]));
        }
        assert_true(worst <= bound);
        memcpy(known[m] ? z : first[m], y, sizeof y);
        known[m] = true;
        assert_true(check_same_bits(y, first[m], ROWS * D));
        static const int64_t pieces[] = {1, 9, 64};
        for (int p = 0; p < 3; p++) {
            forward(ctx, block, cache, pieces[p], x, z);
            assert_true(check_same_bits(y, z, ROWS * D));
        }
        decoct_cache_destroy(cache);
        decoct_block_destroy(block);
    }
    decoct_context_close(ctx);
}

// More rows than go through a block at once, against fewer: the positions continue.
static void test_long(void **state) {
    enum { LONG = DCT_CHUNK_ROWS + 40 };
    static float x[LONG * D], y[LONG * D], z[LONG * D];
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    check_fill(x, LONG * D, 9, 1.0f);
    for (int m = 0; m < MODELS; m++) {
        decoct_cache *cache;
        decoct_block *block = make_block(ctx, m);
        assert_int_equal(decoct_cache_create(ctx, block, LONG, &cache), DECOCT_OK);
        assert_int_equal(decoct_block_forward(ctx, block, cache, LONG, x, 0, y, 0), DECOCT_OK);
        assert_int_equal(decoct_cache_truncate(ctx, cache, 0), DECOCT_OK);
        for (int64_t i = 0; i < LONG; i += LONG / 4) {
            assert_int_equal(
                decoct_block_forward(ctx, block, cache, LONG / 4, x + i * D, 0, z + i * D, 0),
                DECOCT_OK);
        }
        assert_true(check_same_bits(y, z, LONG * D));
        decoct_cache_destroy(cache);
        decoct_block_destroy(block);
    }
    decoct_context_close(ctx);
}

// The second key against the first, by what the cache holds.
static double ratio_of(const decoct_cache *cache, int kv, const float *q) {
    double s[2] = {0, 0};
    for (int j = 0; j < 2; j++) {
        for (int c = 0; c < DIM; c++) {
            s[j] += (double)q[c] *
                    (double)cache->keys[kv * cache->keys_head_stride + c * DECOCT_KEY_BLOCK + j];
        }
    }
    return exp((s[1] - s[0]) / sqrt(DIM));
}

// Keeps what the projections of queries and of values wrote.
typedef struct traced {
    float q[ROWS * Q], v[ROWS * K];
} traced;

static void keep_projections(void *user, const decoct_trace_step *step) {
    traced *kept = user;
    float *to = strcmp(step->name, "q projection") == 0   ? kept->q
                : strcmp(step->name, "v projection") == 0 ? kept->v
                                                          : NULL;
    assert_true(step->layer == 3 && step->index >= 50);
    for (int64_t i = 0; to && i < step->rows; i++) {
        memcpy(to + (step->first + i) * step->cols, step->values + i * step->stride,
               (size_t)step->cols * sizeof *to);
    }
}

// The attention weights of a head are those of its group's keys, and a trace of the projections
// shows the queries and what the cache holds.
static void test_weights(void **state) {
    static float x[ROWS * D], queries[ROWS * Q], weights[ROWS * ROWS];
    static traced kept;
    decoct_cache *cache;
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_block *block = make_block(ctx, 0);
    check_fill(x, ROWS * D, 8, 1.0f);
    assert_int_equal(decoct_cache_create(ctx, block, ROWS, &cache), DECOCT_OK);
    dct_block_extra extra = {
        .queries = queries,
        .watch = {.trace = keep_projections, .user = &kept, .layer = 3, .index = 50}};
    assert_int_equal(dct_block_run(ctx, block, cache, ROWS, x, &extra), DECOCT_OK);
    assert_true(check_same_bits(queries, kept.q, ROWS * Q));
    for (int64_t i = 0; i < ROWS * KV; i++) { // head by head in the cache
        const float *v = cache->values + (i % KV * cache->room + i / KV) * DIM;
        assert_true(check_same_bits(v, kept.v + i * DIM, DIM));
    }
    for (int h = 0; h < HEADS; h++) {
        dct_block_look look = {.head = h, .queries = queries, .weights = weights};
        assert_int_equal(dct_block_weights(ctx, block, cache, &look), DECOCT_OK);
        for (int i = 1; i < ROWS; i++) {
            double ratio = ratio_of(cache, h / (HEADS / KV), queries + i * Q + h * DIM);
            double got = (double)weights[i * ROWS + 1] / (double)weights[i * ROWS];
            assert_true(fabs(got - ratio) <= 1e-4 * ratio);
        }
    }
    decoct_cache_destroy(cache);
    decoct_block_destroy(block);
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {
        {"recipes", test_recipes}, {"recipes, long", test_long}, {"recipe, weights", test_weights}};
    return check_all_backends("recipe", tests, sizeof tests / sizeof *tests);
}
