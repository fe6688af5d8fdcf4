// SPDX-License-Identifier: BSD-2-Clause
// The state of a group of queries, and where its arrays are in the scratch.
#ifndef SIMD_ATTENTION_STATE_H
#define SIMD_ATTENTION_STATE_H

#include "tile.h"

#include <decoct/backend.h>

#include <stdbool.h>

enum { KEYS = DECOCT_KEY_BLOCK, PART = DECOCT_KEY_PART };
// Queries of a tile, whose maxima fit one vector, and of a group.
enum {
    ATTEND_TILE = TILE_ROWS < LANES ? TILE_ROWS : LANES,
    ATTEND_ROWS = ATTEND_TILES * ATTEND_TILE
};
// From one row of exp(z - max) to the next: not a multiple of the cache's banks, as for tile_pack.
enum { WEIGHT_STRIDE = KEYS + 4 };

// A group of queries and its running state. All pointers are into the scratch; those of `q`, `out`,
// `lane` and `max` last from one block to the next, the last three to the end, the others are for
// one block.
typedef struct attend_group {
    const decoct_attention_piece *a;
    int64_t row; // first query of the group
    int rows;
    int64_t width;  // value_dim in whole vectors
    float *q;       // packed tile by tile
    float *out;     // (rows, width)
    float *weight;  // (rows, WEIGHT_STRIDE): raw scores, then exp(z - max), of one block
    float *lane;    // (rows, 16): sums of exp
    float *values;  // (KEYS, width): a block of v, dense
    float *keys;    // (head_dim, KEYS): a block of k, packed here when the caller did not
    float *max;     // (rows + LANES), read by whole vectors
    float *all_out; // as `out`, `max` and the folded `lane`, of all parts that have ended; only
    float *all_max; // (rows) where there are several parts
    float *all_sum; // (rows)
    uint64_t seen[ATTEND_ROWS]; // bit j: the row sees key j of the present block
    // Of the present block: what the row's sum and outputs are multiplied by, because its maximum
    // has grown. Written by whole vectors, tile by tile.
    float factor[ATTEND_ROWS + LANES];
} attend_group;

// Row j of the keys, where they are unpacked, and of the values.
static const float *attend_k(const decoct_attention_piece *a, int64_t j) {
    return (const float *)a->k + j * a->k_stride;
}

static const float *attend_v(const decoct_attention_piece *a, int64_t j) {
    return (const float *)a->v + j * a->v_stride;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

static int64_t round_up(int64_t x, int64_t step) {
    return (x + step - 1) / step * step;
}

// How many keys the r-th query of the group sees.
static int64_t attend_visible(const attend_group *g, int r) {
    return clamp(g->a->visible + (g->row + r) * g->a->visible_step, 0, g->a->kv_len);
}

// The first key that the r-th query of the group sees.
static int64_t attend_begin(const attend_group *g, int r) {
    const decoct_attention_piece *a = g->a;
    int64_t before = a->visible + (g->row + r) * a->visible_step - a->window;
    return a->window ? clamp(before, 0, a->kv_len) : 0;
}

// The first key that any of the rows [r, r + rows) sees: the number grows or falls with the row.
static int64_t attend_first(const attend_group *g, int r, int rows) {
    int64_t a = attend_begin(g, r), b = attend_begin(g, r + rows - 1);
    return a < b ? a : b;
}

// The beginning of the first block of which any row of the group may see a key.
static int64_t attend_first_block(const attend_group *g) {
    return attend_first(g, 0, g->rows) / KEYS * KEYS;
}

// One after the last key that any of the rows [r, r + rows) sees: the number grows or falls with
// the row.
static int64_t attend_last(const attend_group *g, int r, int rows) {
    int64_t a = attend_visible(g, r), b = attend_visible(g, r + rows - 1);
    return a > b ? a : b;
}

// How many keys of the block that starts at `first` are needed for any of the rows to see theirs.
static int64_t attend_most(const attend_group *g, int r, int rows, int64_t first) {
    bool before = g->a->window && attend_first(g, r, rows) >= first + KEYS;
    return before ? 0 : clamp(attend_last(g, r, rows) - first, 0, KEYS);
}

// Keys are more than one part.
static bool attend_long(const decoct_attention_piece *a) {
    return a->kv_len > PART;
}

static int64_t attend_heads(const decoct_attention_piece *a) {
    return a->heads > 1 ? a->heads : 1;
}

// ---- Scratch ----

// Places the arrays of each head; returns the floats of all heads. NULL: only counts.
static int64_t attend_places(const decoct_attention_piece *a, int64_t head, float *scratch,
                             attend_group *g) {
    int64_t rows = clamp(a->rows, 1, ATTEND_ROWS), width = round_up(a->value_dim, LANES);
    int64_t kept = attend_long(a) ? rows : 0;
    const struct {
        float **place;
        int64_t floats, copies;
    } arrays[] = {
        {&g->q, rows * a->head_dim + TILE_PACK_SPILL, attend_heads(a)},
        {&g->out, rows * width, attend_heads(a)},
        {&g->lane, rows * LANES, attend_heads(a)},
        {&g->max, rows + LANES, attend_heads(a)},
        {&g->all_out, kept * width, attend_heads(a)},
        {&g->all_max, kept, attend_heads(a)},
        {&g->all_sum, kept, attend_heads(a)},
        {&g->weight, rows * WEIGHT_STRIDE, 1},
        {&g->values, KEYS * width, 1},
        {&g->keys, a->keys ? 0 : KEYS * a->head_dim, 1},
    };
    int64_t used = 0;
    for (unsigned i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        int64_t floats = round_up(arrays[i].floats, LANES);
        *arrays[i].place =
            scratch ? scratch + used + (arrays[i].copies > 1 ? head : 0) * floats : 0;
        used += floats * arrays[i].copies;
    }
    g->width = width;
    return used;
}

static int64_t attention_scratch(const decoct_attention_piece *a) {
    attend_group g;
    return attend_places(a, 0, 0, &g) * (int64_t)sizeof(float);
}

#endif
