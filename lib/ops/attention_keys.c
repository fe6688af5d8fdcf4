// SPDX-License-Identifier: BSD-2-Clause
// Packs keys: head by head by the worker that reads them, or all of them on all threads.
#include "attention_keys.h"

#include "attention.h"
#include "core/sizes.h"

#include <stdbool.h>

enum { KEYS = DECOCT_KEY_BLOCK };

bool dct_keys_size(int64_t kv_len, int64_t head_dim, int64_t *count) {
    return dct_mul(dct_ceil_div(kv_len, KEYS), KEYS, count) && dct_mul(*count, head_dim, count);
}

int64_t dct_kv_len_of(const decoct_attention_args *a, int64_t b) {
    return a->kv_lens ? a->kv_lens[b] : a->kv_len;
}

dct_keys_span dct_keys_seen(const decoct_attention_args *a, int64_t b) {
    dct_keys_span span = {0, dct_kv_len_of(a, b)};
    int64_t end = a->q_offset + a->q_len - 1;
    if (a->causal || a->window) {
        span.last = dct_smaller(span.last, a->causal ? end + 1 : end + a->window);
    }
    if (a->window) {
        span.first = a->q_offset - a->window + 1;
    }
    return span;
}

// True if a query sees a key in [first, last) of k number `kv` of all.
static bool is_needed(const decoct_attention_args *a, int64_t kv, int64_t first, int64_t last) {
    int64_t b = kv / a->kv_heads, end = a->kv_shared ? a->batch : b + 1;
    bool needed = false;
    for (; b < end && !needed; b++) {
        dct_keys_span seen = dct_keys_seen(a, b);
        needed = first < seen.last && seen.first < last;
    }
    return needed;
}

// The block of head `kv` that starts at key `first`, to its place among the head's keys.
static void pack_block(const dct_keys *keys, int64_t kv, int64_t first, float *head) {
    const decoct_attention_args *a = keys->a;
    int64_t count = dct_smaller(a->kv_len - first, KEYS);
    const float *k = a->k + kv / a->kv_heads * a->k_batch_stride +
                     kv % a->kv_heads * a->k_head_stride + first * a->k_stride;
    if (is_needed(a, kv, first, first + count)) {
        dct_choice_here(keys->kernels)
            ->pack_keys(&(decoct_keys_piece){.count = count,
                                             .head_dim = a->head_dim,
                                             .k = {.data = k, .stride = a->k_stride},
                                             .block = head + first * a->head_dim});
    }
}

static void pack_one(void *data, int64_t index, int32_t worker) {
    const dct_keys *keys = data;
    int64_t kv = index / keys->blocks;
    (void)worker;
    pack_block(keys, kv, index % keys->blocks * KEYS, keys->room + kv * keys->head_stride);
}

// Packing a head twice, for the two workers that share its queries, costs about what it saves to
// have the keys in the worker's own cache; with two heads for each worker few heads are shared.
static bool by_worker(const decoct_context *ctx, int64_t heads) {
    int32_t threads = dct_pool_threads(ctx->pool);
    return threads == 1 || heads / 2 >= threads;
}

decoct_status dct_keys_open(decoct_context *ctx, const decoct_attention_args *a, dct_keys *keys) {
    *keys = (dct_keys){.a = a, .kernels = ctx->kernels, .blocks = dct_ceil_div(a->kv_len, KEYS)};
    int64_t heads = 0, size = 0, workers = dct_pool_threads(ctx->pool);
    bool fits = dct_keys_size(a->kv_len, a->head_dim, &keys->head_stride) &&
                dct_mul(a->kv_shared ? 1 : a->batch, a->kv_heads, &heads);
    const bool own = fits && by_worker(ctx, heads);
    fits = fits && dct_mul(own ? workers : heads, keys->head_stride, &size) &&
           dct_mul(size, sizeof(float), &size);
    const int64_t marks = own ? workers * (int64_t)sizeof *keys->held : 0, floats = size;
    char *room =
        fits && dct_add(size, marks, &size) ? dct_scratch_bytes(ctx, DCT_SCRATCH_KEYS, size) : NULL;
    if (!room) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "attention: no memory to pack the keys");
    }
    keys->packed = keys->room = (float *)(void *)room;
    if (!own) {
        dct_run(ctx, heads * keys->blocks, (double)heads * (double)keys->head_stride * 4.0,
                pack_one, keys);
        return DECOCT_OK;
    }
    keys->held = (int64_t *)(void *)(room + floats);
    for (int64_t i = 0; i < workers; i++) {
        keys->held[i] = -1;
    }
    return DECOCT_OK;
}

const float *dct_keys_of(const dct_keys *keys, int64_t kv, int32_t worker) {
    if (!keys->held) {
        return keys->packed + kv * keys->head_stride;
    }
    float *head = keys->room + worker * keys->head_stride;
    for (int64_t block = 0; keys->held[worker] != kv && block < keys->blocks; block++) {
        pack_block(keys, kv, block * KEYS, head);
    }
    keys->held[worker] = kv;
    return head;
}
