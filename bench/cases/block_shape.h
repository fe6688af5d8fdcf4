// SPDX-License-Identifier: BSD-2-Clause
// The sizes of a decoder block: of a known model, or of the dims of a case.
#ifndef BENCH_BLOCK_SHAPE_H
#define BENCH_BLOCK_SHAPE_H

#include <decoct/decoct.h>

#include <stdbool.h>
#include <stddef.h>

// What is unlike GPT-2.
enum {
    BLOCK_LLAMA = 1 << 0,      // RMS norms, rotary embedding, gated SiLU; q, k and v of their own
    BLOCK_HEAD_NORMS = 1 << 1, // norms of the heads of q and k
    BLOCK_PAIRS = 1 << 2,      // the rotary embedding turns neighbours
    BLOCK_POST = 1 << 3        // norms after each branch, as GPT-1
};

typedef struct block_shape {
    const char *name; // NULL: no name
    int kind;
    int64_t layers; // of the whole model; 0: unknown
    int64_t d_model, heads, kv_heads, head_dim, d_ffn;
    int64_t vocabulary; // columns of the head; 0: no head
    float theta;
} block_shape;

// A model by its name; false: there is none.
bool block_shape_find(const char *name, block_shape *out);
// "gpt2, llama-3.2-1b": all of them, for messages.
void block_shape_names(char *text, size_t size);
// Weights of one layer, and of all that a token meets in `layers` layers and as large a part of the
// head.
double block_shape_layer(const block_shape *b);
double block_shape_weights(const block_shape *b, int64_t layers);
// Columns of the part of the head that belongs to `layers` of the layers.
int64_t block_shape_head(const block_shape *b, int64_t layers);
// How many layers are timed: all if they and the head need at most `room` bytes, else the fewest
// that have more than `least`.
int64_t block_shape_fit(const block_shape *b, decoct_dtype dtype, int64_t room, int64_t least);

#endif
