// SPDX-License-Identifier: BSD-2-Clause
// The cache of one decoder block.
#ifndef DCT_CACHE_H
#define DCT_CACHE_H

#include "core/context.h"

// Keys are stored transposed in blocks, values as rows, both head by head: each in the order in
// which attention reads them. The thread that works on a head touches its memory first, so that it
// is on this thread's NUMA node.
struct decoct_cache {
    decoct_block *block; // whose keys and values these are; kept
    int64_t kv_heads, head_dim, length, max_len;
    int64_t room; // positions that there is memory for; it grows up to max_len
    int64_t keys_head_stride;
    float *keys;   // (kv_heads, blocks, head_dim, KEYS)
    float *values; // (kv_heads, room, head_dim)
};

decoct_status dct_cache_create(decoct_context *ctx, int64_t kv_heads, int64_t head_dim,
                               int64_t max_len, decoct_cache **out);
void dct_cache_free(decoct_cache *cache); // without its block
// Memory for `length` positions, at most max_len. False: no memory, and the cache is unchanged.
bool dct_cache_reserve(decoct_context *ctx, decoct_cache *cache, int64_t length);
void dct_cache_truncate(decoct_cache *cache, int64_t length);
// Adds the keys and values of new positions, each (rows, kv_heads * head_dim). There must be room.
void dct_cache_append(decoct_context *ctx, decoct_cache *cache, int64_t rows, const float *k,
                      const float *v, int64_t stride);

#endif
