// SPDX-License-Identifier: BSD-2-Clause
// Decoder blocks inside the library.
#ifndef DCT_DECODER_H
#define DCT_DECODER_H

#include "cache.h"

decoct_status dct_block_create(decoct_context *ctx, const decoct_block_args *args,
                               decoct_block **out);
decoct_status dct_block_cache(decoct_context *ctx, const decoct_block *block, int64_t max_len,
                              decoct_cache **out);

// What a session adds to a run of a block.
typedef struct dct_block_extra {
    const float *mask; // (rows, length after the run), added to every head's scores; NULL: none
    float *queries;    // (rows, d_model): receives the queries; NULL: not wanted
} dct_block_extra;

// Runs the block over x (rows, d_model), dense, to y, which may be x. There must be room in the
// cache.
decoct_status dct_block_run(decoct_context *ctx, const decoct_block *block, decoct_cache *cache,
                            int64_t rows, const float *x, float *y, const dct_block_extra *extra);
// The attention weights (rows, length) of one head, for queries (rows, d_model) that stand at the
// positions from `first` on; mask like above.
decoct_status dct_block_weights(decoct_context *ctx, const decoct_block *block,
                                const decoct_cache *cache, int64_t head, int64_t first,
                                int64_t rows, const float *queries, const float *mask,
                                float *weights);

#endif
