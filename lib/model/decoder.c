// SPDX-License-Identifier: BSD-2-Clause
// One decoder block: its packed weights, the cache of its keys and values, and the driver that runs
// it.
#include "decoder.h"

#include "core/border.h"
#include "core/overlap.h"
#include "machine/memory.h"
#include "ops/attention.h"
#include "ops/matmul.h"
#include "ops/rowops.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

// Rows that go through the block together: enough to amortise the weights, and scratch stays small.
// Cutting a prompt does not change the bits, so this is free to choose.
enum { CHUNK_ROWS = 512 };

// Vectors of the block, copied one after the other.
typedef enum vector {
    NORM1_GAIN,
    NORM1_BIAS,
    NORM2_GAIN,
    NORM2_BIAS,
    QKV_BIAS,
    PROJ_BIAS,
    UP_BIAS,
    DOWN_BIAS,
    VECTORS
} vector;

struct decoct_block {
    _Atomic int32_t references; // the handle that decoct_block_create gave, and every cache
    decoct_block_args args; // sizes and switches; the pointers are the caller's and not used again
    decoct_weights *qkv, *proj, *up, *down;
    float *vectors[VECTORS]; // NULL: not given
};

// ---- The block ----

// The count is all that changes in a block.
static decoct_block *share(const decoct_block *block) {
    decoct_block *shared = (decoct_block *)(uintptr_t)block;
    atomic_fetch_add(&shared->references, 1);
    return shared;
}

void decoct_block_destroy(decoct_block *block) {
    if (!block || atomic_fetch_sub(&block->references, 1) != 1) {
        return;
    }
    decoct_weights_destroy(block->qkv);
    decoct_weights_destroy(block->proj);
    decoct_weights_destroy(block->up);
    decoct_weights_destroy(block->down);
    for (int i = 0; i < VECTORS; i++) {
        dct_free(block->vectors[i]);
    }
    dct_free(block);
}

static decoct_status check_block(dct_error *error, const decoct_block_args *a) {
    if (a->d_model <= 0 || a->heads <= 0 || a->d_ffn <= 0 || a->d_model % a->heads ||
        a->d_model > INT32_MAX || a->d_ffn > INT32_MAX) {
        return dct_fail(
            error, DECOCT_E_ARGUMENT,
            "block: d_model %lld, heads %lld, d_ffn %lld: all must be positive, and heads "
            "divide d_model",
            (long long)a->d_model, (long long)a->heads, (long long)a->d_ffn);
    }
    if (a->norm_order != DECOCT_PRE_NORM && a->norm_order != DECOCT_POST_NORM) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "block: there is no norm_order %d",
                        a->norm_order);
    }
    if (a->gelu != DECOCT_GELU_TANH && a->gelu != DECOCT_GELU_ERF) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "block: there is no gelu %d", a->gelu);
    }
    if (!(a->eps >= 0.0f) || isinf(a->eps)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "block: eps %g is not a finite number of at least 0", (double)a->eps);
    }
    if (!a->qkv || !a->proj || !a->up || !a->down) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "block: %s is NULL",
                        !a->qkv    ? "qkv"
                        : !a->proj ? "proj"
                        : !a->up   ? "up"
                                   : "down");
    }
    return DECOCT_OK;
}

static bool copy_vectors(decoct_block *block, const decoct_block_args *a) {
    const struct {
        const float *from;
        int64_t count;
    } given[VECTORS] = {
        [NORM1_GAIN] = {a->norm1_gain, a->d_model}, [NORM1_BIAS] = {a->norm1_bias, a->d_model},
        [NORM2_GAIN] = {a->norm2_gain, a->d_model}, [NORM2_BIAS] = {a->norm2_bias, a->d_model},
        [QKV_BIAS] = {a->qkv_bias, 3 * a->d_model}, [PROJ_BIAS] = {a->proj_bias, a->d_model},
        [UP_BIAS] = {a->up_bias, a->d_ffn},         [DOWN_BIAS] = {a->down_bias, a->d_model},
    };
    for (int i = 0; i < VECTORS; i++) {
        if (given[i].from) {
            block->vectors[i] = dct_alloc(given[i].count, sizeof(float));
            if (!block->vectors[i]) {
                return false;
            }
            memcpy(block->vectors[i], given[i].from, (size_t)given[i].count * sizeof(float));
        }
    }
    return true;
}

decoct_status dct_block_create(decoct_context *ctx, const decoct_block_args *args,
                               decoct_block **out) {
    decoct_block_args a;
    decoct_status status =
        dct_take_struct(&ctx->error, "block", &a, sizeof a, DCT_FIRST_BLOCK, args);
    if (!status && !out) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "block: out is NULL");
    }
    a.eps = a.eps != 0.0f ? a.eps : 1e-5f;
    status = status ? status : check_block(&ctx->error, &a);
    if (status) {
        return status;
    }
    decoct_block *block = dct_zalloc(1, sizeof *block);
    if (block) {
        block->references = 1;
    }
    if (!block || !copy_vectors(block, &a)) {
        decoct_block_destroy(block);
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "block: out of memory");
    }
    block->args = a;
    const struct {
        const float *from;
        int64_t k, n;
        decoct_weights **to;
    } matrices[] = {
        {a.qkv, a.d_model, 3 * a.d_model, &block->qkv},
        {a.proj, a.d_model, a.d_model, &block->proj},
        {a.up, a.d_model, a.d_ffn, &block->up},
        {a.down, a.d_ffn, a.d_model, &block->down},
    };
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices && !status; i++) {
        decoct_weights_args w = {.k = matrices[i].k, .n = matrices[i].n, .w = matrices[i].from};
        status = dct_weights_create(ctx, &w, matrices[i].to);
    }
    if (status) {
        decoct_block_destroy(block);
        return status;
    }
    *out = block;
    return DECOCT_OK;
}

decoct_status decoct_block_create(decoct_context *ctx, const decoct_block_args *args,
                                  decoct_block **out) {
    decoct_status status = dct_enter(ctx);
    return status ? status : dct_leave(ctx, dct_block_create(ctx, args, out));
}

// ---- Its cache ----

decoct_status dct_block_cache(decoct_context *ctx, const decoct_block *block, int64_t max_len,
                              decoct_cache **out) {
    if (!block) {
        return dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "cache: block is NULL");
    }
    decoct_status status =
        dct_cache_create(ctx, block->args.d_model, block->args.heads, max_len, out);
    if (!status) {
        (*out)->block = share(block);
    }
    return status;
}

decoct_status decoct_cache_create(decoct_context *ctx, const decoct_block *block, int64_t max_len,
                                  decoct_cache **out) {
    decoct_status status = dct_enter(ctx);
    return status ? status : dct_leave(ctx, dct_block_cache(ctx, block, max_len, out));
}

// ---- The driver ----

// Activations of one chunk.
typedef struct workspace {
    float *norm; // (rows, d_model)
    float *qkv;  // (rows, 3 d_model)
    float *mix;  // (rows, d_model): attention's output
    float *wide; // (rows, d_ffn)
} workspace;

static bool get_workspace(decoct_context *ctx, const decoct_block_args *a, int64_t rows,
                          workspace *w) {
    int64_t one = 5 * a->d_model + a->d_ffn, count;
    float *block = dct_mul(rows, one, &count) ? dct_scratch(ctx, DCT_SCRATCH_BLOCK, count) : NULL;
    w->norm = block;
    w->mix = block ? w->norm + rows * a->d_model : NULL;
    w->qkv = block ? w->mix + rows * a->d_model : NULL;
    w->wide = block ? w->qkv + rows * 3 * a->d_model : NULL;
    return block != NULL;
}

// What attention is called with: the heads stand side by side in the rows of q, v and out.
static decoct_attention_args cache_args(const decoct_cache *cache, int64_t first, int64_t rows,
                                        const float *q, int64_t q_stride) {
    int64_t d = cache->d_model, dim = d / cache->heads;
    return (decoct_attention_args){
        .causal = 1,
        .batch = 1,
        .heads = cache->heads,
        .kv_heads = cache->heads,
        .q_len = rows,
        .kv_len = cache->length,
        .head_dim = dim,
        .value_dim = dim,
        .q_offset = first,
        .scale = 1.0f / __builtin_sqrtf((float)dim),
        .q = q,
        .q_head_stride = dim,
        .q_stride = q_stride,
        .v = cache->values,
        .v_head_stride = dim,
        .v_stride = d,
        .out_head_stride = dim,
        .out_stride = d,
        .mask_stride = cache->length,
    };
}

// out (rows, d_model) in w->norm: projection(attention(x)).
static decoct_status attend(decoct_context *ctx, const decoct_block *block, decoct_cache *cache,
                            int64_t rows, const float *x, const workspace *w,
                            const dct_block_extra *extra) {
    int64_t d = block->args.d_model, first = cache->length;
    dct_linear(ctx, block->qkv, block->vectors[QKV_BIAS], rows, x, d, w->qkv, 3 * d);
    dct_cache_append(ctx, cache, rows, w->qkv);
    decoct_attention_args a = cache_args(cache, first, rows, w->qkv, 3 * d);
    a.out = w->mix;
    a.mask = extra ? extra->mask : NULL;
    decoct_status status = dct_attend(ctx, &a, cache->keys, cache->keys_head_stride);
    if (status) {
        return status;
    }
    for (int64_t i = 0; extra && extra->queries && i < rows; i++) {
        memcpy(extra->queries + i * d, w->qkv + i * 3 * d, (size_t)d * sizeof(float));
    }
    dct_linear(ctx, block->proj, block->vectors[PROJ_BIAS], rows, w->mix, d, w->norm, d);
    return DECOCT_OK;
}

// out (rows, d_model) in w->norm: down(gelu(up(x))).
static void feed_forward(decoct_context *ctx, const decoct_block *block, int64_t rows,
                         const float *x, const workspace *w) {
    const decoct_block_args *a = &block->args;
    dct_linear(ctx, block->up, block->vectors[UP_BIAS], rows, x, a->d_model, w->wide, a->d_ffn);
    dct_gelu(ctx, a->gelu, rows, a->d_ffn, w->wide);
    dct_linear(ctx, block->down, block->vectors[DOWN_BIAS], rows, w->wide, a->d_ffn, w->norm,
               a->d_model);
}

static decoct_status run_chunk(decoct_context *ctx, const decoct_block *block, decoct_cache *cache,
                               int64_t rows, float *y, const workspace *w,
                               const dct_block_extra *extra) {
    const decoct_block_args *a = &block->args;
    int64_t d = a->d_model;
    bool pre = a->norm_order == DECOCT_PRE_NORM;
    float *const *v = block->vectors;
    if (pre) {
        dct_layer_norm(ctx, rows, d, a->eps, v[NORM1_GAIN], v[NORM1_BIAS], y, w->norm);
    }
    decoct_status status = attend(ctx, block, cache, rows, pre ? w->norm : y, w, extra);
    if (status) {
        return status;
    }
    dct_residual(ctx, rows, d, w->norm, y);
    if (pre) {
        dct_layer_norm(ctx, rows, d, a->eps, v[NORM2_GAIN], v[NORM2_BIAS], y, w->norm);
    } else {
        dct_layer_norm(ctx, rows, d, a->eps, v[NORM1_GAIN], v[NORM1_BIAS], y, y);
    }
    feed_forward(ctx, block, rows, pre ? w->norm : y, w);
    dct_residual(ctx, rows, d, w->norm, y);
    if (!pre) {
        dct_layer_norm(ctx, rows, d, a->eps, v[NORM2_GAIN], v[NORM2_BIAS], y, y);
    }
    return DECOCT_OK;
}

decoct_status dct_block_run(decoct_context *ctx, const decoct_block *block, decoct_cache *cache,
                            int64_t rows, const float *x, float *y, const dct_block_extra *extra) {
    int64_t d = block->args.d_model, start = cache->length;
    workspace w;
    // A mask is as wide as the cache will be after the whole run: then there is one chunk only.
    int64_t step = (extra && extra->mask) || rows < CHUNK_ROWS ? rows : CHUNK_ROWS;
    if (!get_workspace(ctx, &block->args, step, &w) || !dct_cache_reserve(cache, start + rows)) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "block: no memory for %lld rows",
                        (long long)rows);
    }
    if (x != y) {
        memcpy(y, x, (size_t)(rows * d) * sizeof(float));
    }
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < rows && !status; i += step) {
        int64_t n = rows - i < step ? rows - i : step;
        dct_block_extra part = {0};
        if (extra) {
            part.mask = extra->mask;
            part.queries = extra->queries ? extra->queries + i * d : NULL;
        }
        status = run_chunk(ctx, block, cache, n, y + i * d, &w, &part);
        status = status ? status : ctx->ran;
    }
    if (status) {
        cache->length = start;
    }
    return status;
}

decoct_status dct_block_weights(decoct_context *ctx, const decoct_block *block,
                                const decoct_cache *cache, int64_t head, int64_t first,
                                int64_t rows, const float *queries, const float *mask,
                                float *weights) {
    int64_t d = block->args.d_model, dim = d / block->args.heads, count;
    float *out = dct_mul(rows, dim, &count) ? dct_scratch(ctx, DCT_SCRATCH_BLOCK, count) : NULL;
    if (!out) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "attention weights: out of memory");
    }
    decoct_attention_args a = cache_args(cache, first, rows, queries + head * dim, d);
    a.heads = a.kv_heads = 1;
    a.v += head * dim;
    a.out = out;
    a.out_stride = dim;
    a.mask = mask;
    a.weights = weights;
    return dct_attend(ctx, &a, cache->keys + head * cache->keys_head_stride,
                      cache->keys_head_stride);
}

// ---- The front door ----

static decoct_status check_forward(dct_error *error, const decoct_block *block,
                                   const decoct_cache *cache, int64_t rows, const float *x,
                                   int64_t x_stride, const float *y, int64_t y_stride) {
    decoct_status status = dct_check_given(error, "block", "block", block, 1);
    status = status ? status : dct_check_given(error, "block", "cache", cache, 1);
    status = status ? status : dct_check_size(error, "block", "rows", rows);
    if (status) {
        return status;
    }
    if (cache->block != block) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "block: the cache was made for another block");
    }
    int64_t d = block->args.d_model;
    status = dct_check_rows(error, "block", "x", rows, d, &x_stride, x);
    status = status ? status : dct_check_rows(error, "block", "y", rows, d, &y_stride, y);
    if (!status && (x != y || (x_stride != y_stride && rows > 1))) {
        dct_view from = dct_view_of_rows(x, rows, d, x_stride);
        dct_view to = dct_view_of_rows(y, rows, d, y_stride);
        status = dct_check_apart(error, "block", "y", &to, "x without being x", &from);
    }
    if (status) {
        return status;
    }
    if (rows > cache->max_len - cache->length) {
        return dct_fail(error, DECOCT_E_FULL, "block: %lld rows do not fit, %lld of %lld are used",
                        (long long)rows, (long long)cache->length, (long long)cache->max_len);
    }
    return DECOCT_OK;
}

static decoct_status forward(decoct_context *ctx, const decoct_block *block, decoct_cache *cache,
                             int64_t rows, const float *x, int64_t x_stride, float *y,
                             int64_t y_stride) {
    decoct_status status = check_forward(&ctx->error, block, cache, rows, x, x_stride, y, y_stride);
    if (status || rows == 0) {
        return status;
    }
    int64_t d = block->args.d_model;
    float *dense = dct_scratch(ctx, DCT_SCRATCH_TOKENS, rows * d);
    if (!dense) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "block: no memory for %lld rows",
                        (long long)rows);
    }
    x_stride = x_stride ? x_stride : d;
    y_stride = y_stride ? y_stride : d;
    for (int64_t i = 0; i < rows; i++) {
        memcpy(dense + i * d, x + i * x_stride, (size_t)d * sizeof(float));
    }
    status = dct_block_run(ctx, block, cache, rows, dense, dense, NULL);
    for (int64_t i = 0; i < rows && !status; i++) {
        memcpy(y + i * y_stride, dense + i * d, (size_t)d * sizeof(float));
    }
    return status;
}

decoct_status decoct_block_forward(decoct_context *ctx, const decoct_block *block,
                                   decoct_cache *cache, int64_t rows, const float *x,
                                   int64_t x_stride, float *y, int64_t y_stride) {
    decoct_status status = dct_enter(ctx);
    return status ? status
                  : dct_leave(ctx, forward(ctx, block, cache, rows, x, x_stride, y, y_stride));
}
