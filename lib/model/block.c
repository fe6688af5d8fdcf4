// SPDX-License-Identifier: BSD-2-Clause
// Decoder blocks: their beginning and end, their cache, and a run in chunks.
#include "block.h"

#include "core/border.h"
#include "core/overlap.h"
#include "core/progress.h"
#include "machine/memory.h"
#include "ops/attention.h"
#include "ops/rotary.h"

#include <stdatomic.h>
#include <string.h>

// ---- Beginning and end ----

decoct_block *dct_block_room(dct_memory *memory) {
    decoct_block *block = dct_zalloc(memory, 1, sizeof *block);
    if (block) {
        block->references = 1;
    }
    return block;
}

decoct_block *dct_block_new(dct_memory *memory, const dct_recipe *recipe, const dct_sizes *sizes) {
    decoct_block *block = dct_block_room(memory);
    if (block) {
        dct_stage_begin(&block->stage, recipe, sizes);
    }
    return block;
}

// The count is all that changes in a block.
static decoct_block *share(const decoct_block *block) {
    decoct_block *shared = (decoct_block *)(uintptr_t)block;
    atomic_fetch_add(&shared->references, 1);
    return shared;
}

void decoct_block_destroy(decoct_block *block) {
    if (block && atomic_fetch_sub(&block->references, 1) == 1) {
        dct_stage_end(&block->stage);
        dct_free(block->frequencies);
        dct_free(block);
    }
}

void decoct_cache_destroy(decoct_cache *cache) {
    if (cache) {
        decoct_block_destroy(cache->block);
        dct_cache_free(cache);
    }
}

// ---- Its cache ----

decoct_status dct_block_cache(decoct_context *ctx, const decoct_block *block, int64_t max_len,
                              decoct_cache **out) {
    if (!block) {
        return dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "cache: block is NULL");
    }
    const dct_sizes *s = &block->stage.sizes;
    decoct_status status = dct_cache_create(ctx, s->kv_heads, s->head_dim, max_len, out);
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

// ---- A run ----

decoct_status dct_block_angles(decoct_context *ctx, const dct_sizes *sizes, int64_t first,
                               int64_t rows, dct_block_extra *extra) {
    int64_t half = sizes->rotary_dim / 2, count;
    if (half == 0) {
        return DECOCT_OK;
    }
    float *angles =
        dct_mul(2 * half, rows, &count) ? dct_scratch(ctx, DCT_SCRATCH_ANGLES, count) : NULL;
    if (!angles) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "block: no memory for %lld rows",
                        (long long)rows);
    }
    decoct_rotary_args args = {.rows = rows,
                               .rotary_dim = sizes->rotary_dim,
                               .first_position = first,
                               .frequencies = sizes->rotary_frequencies,
                               .theta = sizes->rotary_theta,
                               .scale = 1.0f,
                               .cosine = angles,
                               .sine = angles + half * rows,
                               .stride = half};
    dct_rotary_angles(ctx, &args);
    extra->cosine = args.cosine;
    extra->sine = args.sine;
    return ctx->ran;
}

decoct_status dct_block_run(decoct_context *ctx, const decoct_block *block, decoct_cache *cache,
                            int64_t rows, float *x, const dct_block_extra *extra) {
    const dct_sizes *s = &block->stage.sizes;
    int64_t start = cache->length;
    dct_pass pass = {.ctx = ctx,
                     .stage = &block->stage,
                     .cache = cache,
                     .mask = extra->mask,
                     .mask_head_stride = extra->mask_head_stride,
                     .sees_all = extra->sees_all,
                     .no_positions = extra->no_positions,
                     .watch = extra->watch};
    // A mask is as wide as the cache will be after the whole run, and all keys must be there before
    // a query sees them all: then there is one chunk only.
    int64_t step = extra->mask || extra->sees_all || rows < DCT_CHUNK_ROWS ? rows : DCT_CHUNK_ROWS;
    decoct_status status = DECOCT_OK;
    if (!dct_cache_reserve(ctx, cache, start + rows)) {
        return ctx->ran ? ctx->ran
                        : dct_fail(&ctx->error, DECOCT_E_MEMORY, "block: no memory for %lld rows",
                                   (long long)rows);
    }
    for (int64_t i = 0; i < rows && !status; i += step) {
        pass.rows = rows - i < step ? rows - i : step;
        pass.first = start + i;
        pass.x = x + i * s->d_model;
        pass.cosine = extra->cosine ? extra->cosine + i * (s->rotary_dim / 2) : NULL;
        pass.sine = extra->sine ? extra->sine + i * (s->rotary_dim / 2) : NULL;
        pass.queries = extra->queries ? extra->queries + i * s->heads * s->head_dim : NULL;
        status = dct_stage_run(&pass);
    }
    if (status) {
        cache->length = start;
    }
    return status;
}

decoct_status dct_block_weights(decoct_context *ctx, const decoct_block *block,
                                const decoct_cache *cache, const dct_block_look *look) {
    const dct_sizes *s = &block->stage.sizes;
    int64_t dim = s->head_dim, kv = look->head / (s->heads / s->kv_heads), count;
    float *out =
        dct_mul(cache->length, dim, &count) ? dct_scratch(ctx, DCT_SCRATCH_BLOCK, count) : NULL;
    if (!out) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "attention weights: out of memory");
    }
    decoct_attention_args a = dct_attention_of(&block->stage, cache, 0, cache->length,
                                               look->queries + look->head * dim, s->heads * dim);
    a.causal = !look->sees_all;
    a.heads = a.kv_heads = 1;
    a.v += kv * dim;
    a.out = out;
    a.out_stride = dim;
    a.mask = look->mask;
    a.weights = look->weights;
    return dct_attend(ctx, &a, cache->keys + kv * cache->keys_head_stride, cache->keys_head_stride);
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
    int64_t d = block->stage.sizes.d_model;
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
    int64_t d = block->stage.sizes.d_model;
    dct_progress_begin(ctx, rows * block->stage.recipe->count);
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
    dct_block_extra extra = {0};
    status = dct_block_angles(ctx, &block->stage.sizes, cache->length, rows, &extra);
    status = status ? status : dct_block_run(ctx, block, cache, rows, dense, &extra);
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
