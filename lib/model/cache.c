// SPDX-License-Identifier: BSD-2-Clause
// The keys and values of one block for one sequence, as attention reads them.
#include "cache.h"

#include "machine/memory.h"
#include "ops/attention.h"

#include <string.h>

enum { KEYS = DECOCT_KEY_BLOCK };
// Floats of keys: smaller caches are a few pages, not worth waking a thread for.
enum { WORTH_SHARING = 1 << 18 };

decoct_status dct_cache_create(decoct_context *ctx, int64_t kv_heads, int64_t head_dim,
                               int64_t max_len, decoct_cache **out) {
    int64_t keys, values;
    if (!out || max_len < 1) {
        return dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "cache: %s",
                        !out ? "out is NULL" : "max_len is less than 1");
    }
    // The memory comes with use, but a size that no machine has is refused now.
    bool fits = dct_keys_size(max_len, head_dim, &keys) && dct_mul(keys, kv_heads, &keys) &&
                dct_mul(max_len, kv_heads * head_dim, &values) &&
                dct_mul(keys, sizeof(float), &keys) && dct_mul(values, sizeof(float), &values);
    decoct_cache *cache = fits ? dct_zalloc(ctx->memory, 1, sizeof *cache) : NULL;
    if (!cache) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "cache: no memory for %lld positions",
                        (long long)max_len);
    }
    cache->kv_heads = kv_heads;
    cache->head_dim = head_dim;
    cache->max_len = max_len;
    *out = cache;
    return DECOCT_OK;
}

typedef struct move_job {
    const decoct_cache *from;
    float *keys, *values;
    int64_t keys_head_stride, room;
} move_job;

// Copies what one head has: its blocks and rows are further from the other heads' now. Blocks that
// are not full end with zeros.
static void move_head(void *data, int64_t head, int32_t worker) {
    const move_job *job = data;
    const decoct_cache *from = job->from;
    int64_t used = (from->length + KEYS - 1) / KEYS * KEYS * from->head_dim;
    int64_t rows = from->length * from->head_dim;
    float *keys = job->keys + head * job->keys_head_stride;
    (void)worker;
    if (from->length > 0) {
        memcpy(keys, from->keys + head * from->keys_head_stride, (size_t)used * sizeof *keys);
        memcpy(job->values + head * job->room * from->head_dim,
               from->values + head * from->room * from->head_dim, (size_t)rows * sizeof *keys);
    }
    memset(keys + used, 0, (size_t)(job->keys_head_stride - used) * sizeof *keys);
}

// On the threads that will read it. It is not a part of a call's work that progress counts.
static void move_heads(decoct_context *ctx, move_job *job) {
    const int64_t heads = job->from->kv_heads;
    if (heads * job->keys_head_stride >= WORTH_SHARING) {
        dct_run_all(ctx, heads, move_head, job);
        return;
    }
    for (int64_t head = 0; head < heads; head++) {
        move_head(job, head, 0);
    }
}

bool dct_cache_reserve(decoct_context *ctx, decoct_cache *cache, int64_t length) {
    if (length <= cache->room) {
        return true;
    }
    int64_t room = cache->room > cache->max_len / 2 ? cache->max_len : 2 * cache->room, stride;
    room = room < length ? length : room;
    room = room < KEYS && KEYS < cache->max_len ? KEYS : room;
    int64_t wide = cache->kv_heads * cache->head_dim;
    dct_keys_size(room, cache->head_dim, &stride); // fits: max_len did
    float *keys = dct_alloc(ctx->memory, stride * cache->kv_heads, sizeof *keys);
    float *values = dct_alloc(ctx->memory, room * wide, sizeof *values);
    if (!keys || !values) {
        dct_free(keys);
        dct_free(values);
        return false;
    }
    move_job job = {
        .from = cache, .keys = keys, .values = values, .keys_head_stride = stride, .room = room};
    move_heads(ctx, &job);
    if (ctx->ran) { // the host's threads did not move all of it
        dct_free(keys);
        dct_free(values);
        return false;
    }
    dct_free(cache->keys);
    dct_free(cache->values);
    cache->keys = keys;
    cache->values = values;
    cache->keys_head_stride = stride;
    cache->room = room;
    return true;
}

void dct_cache_free(decoct_cache *cache) {
    dct_free(cache->keys);
    dct_free(cache->values);
    dct_free(cache);
}

int64_t decoct_cache_length(const decoct_cache *cache) {
    return cache ? cache->length : 0;
}

void dct_cache_truncate(decoct_cache *cache, int64_t length) {
    cache->length = length;
}

decoct_status decoct_cache_truncate(decoct_context *ctx, decoct_cache *cache, int64_t length) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    if (!cache || length < 0 || length > cache->length) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "cache: cannot be cut to %lld of %lld",
                          (long long)length, (long long)decoct_cache_length(cache));
    } else {
        dct_cache_truncate(cache, length);
    }
    return dct_leave(ctx, status);
}

typedef struct append_job {
    decoct_cache *cache;
    const dct_choice *kernels;
    int64_t rows;
    const float *k, *v; // (rows, kv_heads * head_dim)
    int64_t stride;
} append_job;

// A block of keys that starts here is packed whole, one begun earlier gets single columns.
static void append_keys(const append_job *job, int64_t head) {
    decoct_cache *cache = job->cache;
    int64_t dim = cache->head_dim;
    for (int64_t i = 0; i < job->rows;) {
        int64_t position = cache->length + i, column = position % KEYS;
        const float *k = job->k + i * job->stride + head * dim;
        float *block = cache->keys + head * cache->keys_head_stride + position / KEYS * KEYS * dim;
        if (column == 0) {
            int64_t count = job->rows - i < KEYS ? job->rows - i : KEYS;
            dct_choice_here(job->kernels)
                ->pack_keys(&(decoct_keys_piece){.count = count,
                                                 .head_dim = dim,
                                                 .k = {.data = k, .stride = job->stride},
                                                 .block = block});
            i += count;
        } else {
            for (int64_t c = 0; c < dim; c++) {
                block[c * KEYS + column] = k[c];
            }
            i++;
        }
    }
}

static void append_values(const append_job *job, int64_t head) {
    const decoct_cache *cache = job->cache;
    const int64_t dim = cache->head_dim;
    float *to = cache->values + (head * cache->room + cache->length) * dim;
    for (int64_t i = 0; i < job->rows; i++) {
        memcpy(to + i * dim, job->v + i * job->stride + head * dim, (size_t)dim * sizeof *to);
    }
}

static void append_head(void *data, int64_t head, int32_t worker) {
    (void)worker;
    append_keys(data, head);
    append_values(data, head);
}

void dct_cache_append(decoct_context *ctx, decoct_cache *cache, int64_t rows, const float *k,
                      const float *v, int64_t stride) {
    int64_t wide = cache->kv_heads * cache->head_dim;
    append_job job = {
        .cache = cache, .kernels = ctx->kernels, .rows = rows, .k = k, .v = v, .stride = stride};
    dct_run(ctx, cache->kv_heads, (double)rows * (double)wide * 5.0, append_head, &job);
    cache->length += rows;
}
