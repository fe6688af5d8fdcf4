// SPDX-License-Identifier: BSD-2-Clause
// Packed keys of a call that has unpacked ones: blocks of DECOCT_KEY_BLOCK keys, each transposed.
#ifndef DCT_ATTENTION_KEYS_H
#define DCT_ATTENTION_KEYS_H

#include "core/context.h"

// Keys [first, last) of one batch element that any of its queries sees.
typedef struct dct_keys_span {
    int64_t first, last;
} dct_keys_span;

dct_keys_span dct_keys_seen(const decoct_attention_args *a, int64_t b);

// Keys of batch element b.
int64_t dct_kv_len_of(const decoct_attention_args *a, int64_t b);

// Each worker has a head at a time (`held`), whose keys stay in its cache, or all heads are packed
// before any query is worked on.
typedef struct dct_keys {
    const decoct_attention_args *a;
    const dct_choice *kernels;
    const float *packed; // of all heads, or of as many as there are workers
    int64_t head_stride, blocks;
    float *room;   // the same, while they are packed
    int64_t *held; // (workers): which head, of all batch elements, or -1; NULL: all are packed
} dct_keys;

// Memory, and the keys of all heads if workers would share them. Error: DECOCT_E_MEMORY.
decoct_status dct_keys_open(decoct_context *ctx, const decoct_attention_args *a, dct_keys *keys);

// The keys of head `kv` of all batch elements, for this worker.
const float *dct_keys_of(const dct_keys *keys, int64_t kv, int32_t worker);

#endif
