// SPDX-License-Identifier: BSD-2-Clause
// Attention inside the library: with keys that are packed already, as a cache keeps them.
#ifndef DCT_ATTENTION_H
#define DCT_ATTENTION_H

#include "core/context.h"

// Floats of one head's packed keys: blocks of DECOCT_KEY_BLOCK keys, each (head_dim,
// DECOCT_KEY_BLOCK).
bool dct_keys_size(int64_t kv_len, int64_t head_dim, int64_t *count);

// Sets every stride and default of the args. Errors: DECOCT_E_ARGUMENT.
decoct_status dct_attention_check(dct_error *error, decoct_attention_args *args);

// args with every stride set and checked; keys (batch, kv_heads), or (kv_heads) with kv_shared,
// each keys_head_stride apart. k of the args is not used.
decoct_status dct_attend(decoct_context *ctx, const decoct_attention_args *args, const float *keys,
                         int64_t keys_head_stride);

#endif
