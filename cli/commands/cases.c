// SPDX-License-Identifier: BSD-2-Clause
// Runs the shared cases on seeded inputs. Everything is allocated again for each case.
#include "cases.h"

#include "seeded.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>

const cli_case cli_cases[] = {
#define CASE(op, name, ...) {#op, name, false, {__VA_ARGS__}},
#define LARGE(op, name, ...) {#op, name, true, {__VA_ARGS__}},
#include "bench/cases/cases.def"
};
const int cli_case_count = (int)(sizeof cli_cases / sizeof *cli_cases);

// What a run works with; `in` holds the inputs until its end.
typedef struct work {
    decoct_context *ctx;
    const decoct_model *model;
    const cli_case *c;
    const char *output;
    float *in[16];
    int in_count;
    float *out;
    int64_t out_count;
} work;

const char *cli_case_output(const cli_case *c, int index) {
    if (index == 0) {
        return c->op;
    }
    if (index == 1 && strcmp(c->op, "matmul") == 0) {
        return "matmul_packed";
    }
    return index == 1 && strcmp(c->op, "attention_mask") == 0 ? "attention_weights" : NULL;
}

// A power of two at most 1 / sqrt(k), so that sums of k products stay near 1. Integers only.
static float scale_for(int64_t k) {
    float scale = 1;
    for (int64_t square = 1; square < k; square *= 4) {
        scale *= 0.5f;
    }
    return scale;
}

static float *input(work *w, uint64_t seed, float scale, int64_t count) {
    float *data = cli_alloc(count, sizeof *data);
    w->in[w->in_count++] = data;
    seeded_fill(seed, scale, data, count);
    return data;
}

static float *output(work *w, int64_t count) {
    w->out_count = count;
    return w->out = cli_alloc(count, sizeof *w->out);
}

static decoct_status run_matmul(work *w) {
    int64_t m = w->c->dims[0], n = w->c->dims[1], k = w->c->dims[2];
    const float *b = input(w, SEED_W, scale_for(k), k * n);
    decoct_matmul_args args = {.struct_size = sizeof args, .m = m, .n = n, .k = k};
    args.x = input(w, SEED_X, 1, m * k);
    args.bias = input(w, SEED_BIAS, 1, n);
    args.y = output(w, m * n);
    if (strcmp(w->output, "matmul") == 0) {
        args.b = b;
        return decoct_matmul(w->ctx, &args);
    }
    float *turned = input(w, SEED_W, 1, k * n); // the same b, stored (n, k)
    for (int64_t p = 0; p < k; p++) {
        for (int64_t j = 0; j < n; j++) {
            turned[j * k + p] = b[p * n + j];
        }
    }
    decoct_weights *packed = NULL;
    decoct_status status = decoct_weights_create(w->ctx, k, n, turned, 0, 1, &packed);
    args.weights = packed;
    if (status == DECOCT_OK) {
        status = decoct_matmul(w->ctx, &args);
    }
    decoct_weights_destroy(packed);
    return status;
}

static decoct_status run_softmax(work *w) {
    int64_t rows = w->c->dims[0], cols = w->c->dims[1];
    const float *x = input(w, SEED_X, 16, rows * cols);
    return decoct_softmax(w->ctx, rows, cols, 0.5f, x, 0, output(w, rows * cols), 0);
}

// Kinds of rows that are hard to normalise, one after the other.
static void fill_hard(float *x, int64_t rows, int64_t cols) {
    static const struct {
        float offset, scale;
    } kinds[] = {
        {12345.678f, 0},      // constant
        {0, 0x1p66f},         // squares overflow
        {0x1p20f, 1},         // far from zero
        {0x1p45f, 0x1p25f},   // both
        {0, 0x1p-130f},       // denormal
        {-1000.1f, 0x1p-12f}, // a few different values
        {0, 0x1.fffffep127f}, // up to the largest number
        {1, 0x1p-20f},
    };
    for (int64_t i = 0; i < rows * cols; i++) {
        int64_t kind = i / cols % (int64_t)(sizeof kinds / sizeof *kinds);
        x[i] = kinds[kind].offset + x[i] * kinds[kind].scale;
    }
}

static decoct_status run_layer_norm(work *w) {
    int64_t rows = w->c->dims[0], cols = w->c->dims[1];
    bool hard = strcmp(w->c->op, "layer_norm_hard") == 0;
    float *x = input(w, SEED_X, hard ? 1 : 4, rows * cols);
    if (hard) {
        fill_hard(x, rows, cols);
    }
    const float *gain = input(w, SEED_GAIN, 2, cols);
    const float *bias = input(w, SEED_BIAS, 1, cols);
    return decoct_layer_norm(w->ctx, rows, cols, 0x1p-17f, gain, bias, x, 0, output(w, rows * cols),
                             0);
}

static decoct_status run_gelu(work *w) {
    int64_t rows = w->c->dims[0], cols = w->c->dims[1];
    const float *x = input(w, SEED_X, 8, rows * cols);
    int32_t form = strcmp(w->output, "gelu_erf") == 0 ? DECOCT_GELU_ERF : DECOCT_GELU_TANH;
    return decoct_gelu(w->ctx, form, rows, cols, x, 0, output(w, rows * cols), 0);
}

static decoct_status run_add(work *w) {
    int64_t rows = w->c->dims[0], cols = w->c->dims[1];
    const float *x = input(w, SEED_X, 1, rows * cols);
    float *y = output(w, rows * cols);
    seeded_fill(SEED_Y, 1, y, rows * cols);
    return decoct_add(w->ctx, rows, cols, x, 0, y, 0);
}

static decoct_status run_bias(work *w) {
    int64_t rows = w->c->dims[0], cols = w->c->dims[1];
    const float *bias = input(w, SEED_BIAS, 1, cols);
    float *y = output(w, rows * cols);
    seeded_fill(SEED_Y, 1, y, rows * cols);
    return decoct_bias(w->ctx, rows, cols, bias, y, 0);
}

static int32_t *seeded_ids(int64_t count, int64_t below) {
    int32_t *ids = cli_alloc(count, sizeof *ids);
    for (int64_t i = 0; i < count; i++) {
        ids[i] = (int32_t)(seeded_bits(SEED_IDS, (uint64_t)i) % (uint64_t)below);
    }
    return ids;
}

static decoct_status run_embedding(work *w) {
    int64_t rows = w->c->dims[0], cols = w->c->dims[1], table_rows = w->c->dims[2];
    const float *table = input(w, SEED_W, 1, table_rows * cols);
    int32_t *ids = seeded_ids(rows, table_rows);
    decoct_status status =
        decoct_embedding(w->ctx, rows, cols, ids, table, table_rows, 0, output(w, rows * cols), 0);
    free(ids);
    return status;
}

// A quarter of the mask hides its key; two whole rows of each head see nothing at all.
static void hide_a_quarter(float *mask, int64_t heads, int64_t q_len, int64_t kv_len) {
    for (int64_t i = 0; i < heads * q_len * kv_len; i++) {
        int64_t row = i / kv_len % q_len;
        if (row == 1 || row == q_len - 1 || seeded_bits(SEED_MASK, (uint64_t)i) % 4 == 0) {
            mask[i] = -INFINITY;
        }
    }
}

static decoct_status run_attention(work *w) {
    const int64_t *d = w->c->dims;
    decoct_attention_args a = {.struct_size = sizeof a,
                               .causal = (int32_t)d[7],
                               .batch = d[0],
                               .heads = d[1],
                               .kv_heads = d[2],
                               .q_len = d[3],
                               .kv_len = d[4],
                               .head_dim = d[5],
                               .value_dim = d[6],
                               .q_offset = d[4] - d[3]};
    int64_t rows = a.batch * a.heads * a.q_len, keys = a.batch * a.kv_heads * a.kv_len;
    a.q = input(w, SEED_X, 4, rows * a.head_dim);
    a.k = input(w, SEED_K, 1, keys * a.head_dim);
    a.v = input(w, SEED_V, 1, keys * a.value_dim);
    if (strcmp(w->c->op, "attention_mask") == 0) {
        int64_t count = a.heads * a.q_len * a.kv_len;
        float *mask = input(w, SEED_MASK, 2, count);
        hide_a_quarter(mask, a.heads, a.q_len, a.kv_len);
        a.mask = mask;
    }
    if (strcmp(w->output, "attention_weights") == 0) {
        a.out = input(w, SEED_Y, 1, rows * a.value_dim);
        a.weights = output(w, rows * a.kv_len);
    } else {
        a.out = output(w, rows * a.value_dim);
    }
    return decoct_attention(w->ctx, &a);
}

static decoct_block_args block_args(work *w) {
    int64_t d = w->c->dims[0], ffn = w->c->dims[2];
    uint64_t seed = SEED_BLOCK;
    decoct_block_args a = {.struct_size = sizeof a, .d_model = d, .d_ffn = ffn};
    bool post = strcmp(w->c->op, "block_post") == 0;
    a.norm_order = post ? DECOCT_POST_NORM : DECOCT_PRE_NORM;
    a.gelu = post ? DECOCT_GELU_ERF : DECOCT_GELU_TANH;
    a.eps = 0x1p-17f;
    a.heads = w->c->dims[1];
    a.norm1_gain = input(w, seed++, 2, d);
    a.norm1_bias = input(w, seed++, 0.5f, d);
    a.qkv = input(w, seed++, 2 * scale_for(d), 3 * d * d);
    a.qkv_bias = input(w, seed++, 0.5f, 3 * d);
    a.proj = input(w, seed++, scale_for(d), d * d);
    a.proj_bias = input(w, seed++, 0.5f, d);
    a.norm2_gain = input(w, seed++, 2, d);
    a.norm2_bias = input(w, seed++, 0.5f, d);
    a.up = input(w, seed++, scale_for(d), d * ffn);
    a.up_bias = input(w, seed++, 0.5f, ffn);
    a.down = input(w, seed++, scale_for(ffn), ffn * d);
    a.down_bias = input(w, seed++, 0.5f, d);
    return a;
}

static decoct_status run_block(work *w) {
    int64_t d = w->c->dims[0], rows = w->c->dims[3], piece = w->c->dims[4];
    decoct_block_args args = block_args(w);
    const float *x = input(w, SEED_X, 1, rows * d);
    float *y = output(w, rows * d);
    decoct_block *block = NULL;
    decoct_cache *cache = NULL;
    decoct_status status = decoct_block_create(w->ctx, &args, &block);
    if (status == DECOCT_OK) {
        status = decoct_cache_create(w->ctx, block, rows, &cache);
    }
    for (int64_t i = 0; i < rows && status == DECOCT_OK; i += piece) {
        int64_t count = rows - i < piece ? rows - i : piece;
        status = decoct_block_forward(w->ctx, block, cache, count, x + i * d, 0, y + i * d, 0);
    }
    decoct_cache_destroy(cache);
    decoct_block_destroy(block);
    return status;
}

// The logits of every position, fed in pieces.
static decoct_status run_model(work *w) {
    int64_t tokens = w->c->dims[0], piece = w->c->dims[1];
    decoct_model_info info = {.struct_size = sizeof info};
    decoct_session *session = NULL;
    decoct_status status = decoct_model_describe(w->ctx, w->model, &info);
    if (status == DECOCT_OK) {
        status = decoct_session_create(w->ctx, w->model, tokens, &session);
    }
    if (status != DECOCT_OK) {
        return status;
    }
    int32_t *ids = seeded_ids(tokens, info.vocabulary);
    float *logits = output(w, tokens * info.vocabulary);
    for (int64_t i = 0; i < tokens && status == DECOCT_OK; i += piece) {
        int64_t count = tokens - i < piece ? tokens - i : piece;
        status =
            decoct_session_eval(w->ctx, session, ids + i, count, 1, logits + i * info.vocabulary);
    }
    free(ids);
    decoct_session_destroy(session);
    return status;
}

static decoct_status run_op(work *w) {
    static const struct {
        const char *op;
        decoct_status (*run)(work *w);
    } ops[] = {
        {"matmul", run_matmul},
        {"softmax", run_softmax},
        {"layer_norm", run_layer_norm},
        {"layer_norm_hard", run_layer_norm},
        {"gelu_tanh", run_gelu},
        {"gelu_erf", run_gelu},
        {"add", run_add},
        {"bias", run_bias},
        {"embedding", run_embedding},
        {"attention", run_attention},
        {"attention_mask", run_attention},
        {"block_pre", run_block},
        {"block_post", run_block},
        {"model", run_model},
    };
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (strcmp(w->c->op, ops[i].op) == 0) {
            return ops[i].run(w);
        }
    }
    return DECOCT_E_ARGUMENT; // an op in cases.def that is not known here
}

decoct_status cli_case_run(decoct_context *ctx, const decoct_model *model, const cli_case *c,
                           const char *output, float **out, int64_t *count) {
    work w = {.ctx = ctx, .model = model, .c = c, .output = output};
    decoct_status status = run_op(&w);
    for (int i = 0; i < w.in_count; i++) {
        free(w.in[i]);
    }
    if (status != DECOCT_OK) {
        free(w.out);
        w = (work){0};
    }
    *out = w.out;
    *count = w.out_count;
    return status;
}
