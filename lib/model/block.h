// SPDX-License-Identifier: BSD-2-Clause
// Decoder blocks inside the library: the stage of one layer, shared by all that use it.
#ifndef DCT_BLOCK_H
#define DCT_BLOCK_H

#include "recipe.h"

// The longest recipe of a block with the caller's weights.
enum { DCT_BLOCK_STEPS = 20 };

struct decoct_block {
    _Atomic int32_t references; // the handle that its maker gave, and every cache
    dct_stage stage;
    // Of a block with the caller's weights; those of a model have their family's recipe.
    dct_recipe recipe;
    dct_step steps[DCT_BLOCK_STEPS];
    float *frequencies; // of the stage's sizes; NULL: by theta
};

// A block whose stage has not begun, and one whose stage has no parameters yet; NULL: no memory.
// decoct_block_destroy them.
decoct_block *dct_block_room(dct_memory *memory);
decoct_block *dct_block_new(dct_memory *memory, const dct_recipe *recipe, const dct_sizes *sizes);
// Its own recipe, of the kind that the args describe. They were checked.
void dct_block_vary(decoct_block *block, const decoct_block_from_args *args);
decoct_status dct_block_cache(decoct_context *ctx, const decoct_block *block, int64_t max_len,
                              decoct_cache **out);

// What a session adds to a run of a block.
typedef struct dct_block_extra {
    const float *cosine, *sine; // from dct_block_angles
    const float *mask;          // (rows, length after the run), added to the scores; NULL: none
    int64_t mask_head_stride;   // to the mask of the next head; 0: the same for all
    float *queries;             // (rows, heads * head_dim): receives the queries; NULL: not needed
    bool sees_all;              // a query sees the keys behind it, too
    bool no_positions;          // positions are left out
    dct_watch watch;
} dct_block_extra;

// The angles of `rows` positions from `first` on, for all blocks of these sizes: valid until the
// next call on this context. Nothing to do where no step needs them. DECOCT_E_MEMORY.
decoct_status dct_block_angles(decoct_context *ctx, const dct_sizes *sizes, int64_t first,
                               int64_t rows, dct_block_extra *extra);
// Runs the block over x (rows, d_model), dense, in place. There must be room in the cache.
decoct_status dct_block_run(decoct_context *ctx, const decoct_block *block, decoct_cache *cache,
                            int64_t rows, float *x, const dct_block_extra *extra);
// Which attention weights, of all positions of a cache.
typedef struct dct_block_look {
    int64_t head;
    const float *queries; // (length, heads * head_dim)
    const float *mask;    // (length, length) of this head; NULL: none
    bool sees_all;        // a query sees the keys behind it, too
    float *weights;       // (length, length): the result
} dct_block_look;

decoct_status dct_block_weights(decoct_context *ctx, const decoct_block *block,
                                const decoct_cache *cache, const dct_block_look *look);

#endif
