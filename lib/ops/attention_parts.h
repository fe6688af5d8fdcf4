// SPDX-License-Identifier: BSD-2-Clause
// Parts of DECOCT_KEY_PART keys as pieces of their own, for calls whose pieces of whole sequences
// are too few for the threads, or do not come out even. The definition computes each part by itself
// and merges the parts in order, so this changes no bit.
#ifndef DCT_ATTENTION_PARTS_H
#define DCT_ATTENTION_PARTS_H

#include "core/context.h"

// The keys that the queries of a call see.
typedef struct dct_parts_keys {
    int64_t first, last;   // of all sequences: they are in [first, last)
    double longest, total; // keys of the longest sequence, and of all
    double parts;          // of all sequences; the rest of one counts from half a part on
    int64_t sequences;
} dct_parts_keys;

// Adds a sequence whose queries see keys in [first, last).
void dct_parts_add(dct_parts_keys *keys, int64_t first, int64_t last);

// A way to cut the heads and queries of a sequence into pieces.
typedef struct dct_parts_way {
    int64_t pieces; // of one sequence
    double cost;    // of a piece, for each key
} dct_parts_way;

// The time of the busiest thread, in costs of keys: with pieces of whole sequences, or of parts.
double dct_parts_time_whole(const dct_parts_keys *keys, dct_parts_way way, int32_t threads);
double dct_parts_time_cut(const dct_parts_keys *keys, dct_parts_way way, int32_t threads);

// The results of pieces of single parts.
typedef struct dct_parts {
    int64_t first, count; // which parts, from the first key of a sequence on; count 0: not cut
    int64_t rows;         // batch heads q_len
    float *out;           // (count, rows, value_dim), not divided yet
    float *state;         // (count, rows, 2): as in decoct_attention_piece
    float *zeros;         // (value_dim)
} dct_parts;

// Memory for the results of a call. Error: DECOCT_E_MEMORY.
decoct_status dct_parts_open(decoct_context *ctx, const decoct_attention_args *a,
                             const dct_parts_keys *keys, dct_parts *parts);
// A piece of whole sequences becomes a piece of one part, 0 <= part < count; `row` is that of its
// first query. False: its queries see no key of this part, which is noted, and no kernel need run.
bool dct_parts_cut(const dct_parts *parts, int64_t part, int64_t row,
                   decoct_attention_piece *piece);
// From the results of all parts to the outputs.
void dct_parts_merge(decoct_context *ctx, const decoct_attention_args *a, const dct_parts *parts);

#endif
