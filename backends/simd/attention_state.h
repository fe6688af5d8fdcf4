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
// Queries whose sums fit in registers beside what is turned: their keys are turned as they are
// read.
#ifndef TURNED_ROWS
#define TURNED_ROWS 4
#endif
// Beside as many sums a whole square fits.
enum { TURNED_FEW = 4 };
// From one row of exp(z - max) to the next: not a multiple of the cache's banks, as for tile_pack;
// but whole lines where one register is a line (docs/tuning.md).
enum { WEIGHT_STRIDE = KEYS + (VEC_SLICES == 1 ? 16 : 4) };

// Rows of raw scores of few queries: some blocks of keys come before the first values, so that
// memory is read in long runs.
enum { RUN_ROWS = 16 };

// What is prefetched while one block of keys or values is worked on: KEYS rows, even if they do not
// exist. 0: nothing.
typedef struct attend_ahead {
    uintptr_t from, stride; // bytes
    uintptr_t lead;         // dense keys: what is as many bytes before goes into L1
    uintptr_t column;       // keys: bytes from LANES columns of all rows to the next ones
} attend_ahead;

// A group of queries and its running state. All pointers are into the scratch; those of `q`, `out`,
// `lane` and `max` last from one block to the next, the last three to the end, the others are for
// one block.
typedef struct attend_group {
    const decoct_attention_piece *a;
    int64_t row; // first query of the group
    int rows;
    bool late;     // queries are packed with the first block, each tile before its scores
    int heads;     // with more than one: all queries of each, head by head
    int64_t width; // value_dim in whole vectors
    float *q;      // packed tile by tile
    float *out;    // (rows, width)
    float *weight; // (rows, WEIGHT_STRIDE): raw scores, then exp(z - max), of the present block
    float *run;    // the same of the blocks of [run_first, run_end), whose keys have been read
    int64_t run_first, run_end;
    float *lane;    // (rows, 16): sums of exp
    float *values;  // (KEYS, width): a block of v, dense
    float *keys;    // (head_dim, KEYS): a block of k, packed here when the caller did not
    float *max;     // (rows + LANES), read by whole vectors
    float *all_out; // as `out`, `max` and the folded `lane`, of all parts that have ended; only
    float *all_max; // (rows) where there are several parts
    float *all_sum; // (rows)
    attend_ahead k_ahead, v_ahead;
    uint64_t seen[ATTEND_ROWS]; // bit j: the row sees key j of the present block
    // Of the present block: what the row's sum and outputs are multiplied by, because its maximum
    // has grown. Written by whole vectors, tile by tile.
    float factor[ATTEND_ROWS + LANES];
} attend_group;

// Rows from the one that is worked on to the one that is prefetched (docs/tuning.md).
enum { ROWS_AHEAD = 32 };
// The same for values where the rows of one head are end to end, up to DENSE_DIM. Their keys are
// asked for in the order of memory: those of the next step into L1, and those DENSE_AHEAD floats
// further on into L2, for one query ONE_AHEAD (docs/tuning.md).
enum { DENSE_ROWS_AHEAD = 16, DENSE_AHEAD = 3072, DENSE_DIM = 64 };
#ifndef ONE_AHEAD
#define ONE_AHEAD DENSE_AHEAD
#endif

// Where a row is, even if it does not exist: the stride of rows that do not exist may be any
// number.
static uintptr_t attend_far(const void *from, int64_t row, int64_t stride) {
    return (uintptr_t)from + (uintptr_t)row * (uintptr_t)stride * sizeof(float);
}

static const float *attend_row(const float *from, int64_t row, int64_t stride) {
    return (const float *)attend_far(from, row, stride);
}

static attend_ahead attend_ahead_at(const void *from, int64_t row, int64_t stride) {
    return (attend_ahead){.from = attend_far(from, row, stride),
                          .stride = (uintptr_t)stride * sizeof(float),
                          .column = LANES * sizeof(float)};
}

// Into L2. A request into L1 keeps one of its few buffers until memory answers, and when all of
// them wait, memory is asked for less than it could give.
INLINE void attend_prefetch(uintptr_t at) {
    __builtin_prefetch((const void *)at, 0, 2);
}

// Into L1: what is in L2 or on its way there, and needed next.
INLINE void attend_prefetch_near(uintptr_t at) {
    __builtin_prefetch((const void *)at);
}

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

// The head of the r-th row of the group, and the query of this head.
static int64_t attend_head(const attend_group *g, int r) {
    return g->heads > 1 ? r / (int)g->a->rows : 0;
}

static int64_t attend_query(const attend_group *g, int r) {
    return g->heads > 1 ? r % (int)g->a->rows : g->row + r;
}

// How many keys the r-th row of the group sees.
static int64_t attend_visible(const attend_group *g, int r) {
    int64_t visible = g->a->visible + attend_query(g, r) * g->a->visible_step;
    return clamp(visible, 0, g->a->kv_len);
}

// The first key that the r-th row of the group sees.
static int64_t attend_begin(const attend_group *g, int r) {
    const decoct_attention_piece *a = g->a;
    int64_t before = a->visible + attend_query(g, r) * a->visible_step - a->window;
    return a->window ? clamp(before, 0, a->kv_len) : 0;
}

// The first key that any of the rows [r, r + rows) sees, of all rows if there are several heads:
// the number grows or falls with the query.
static int64_t attend_first(const attend_group *g, int r, int rows) {
    const bool all = g->heads > 1;
    int64_t a = attend_begin(g, all ? 0 : r), b = attend_begin(g, (all ? g->rows : r + rows) - 1);
    return a < b ? a : b;
}

// The beginning of the first block of which any row of the group may see a key.
static int64_t attend_first_block(const attend_group *g) {
    return attend_first(g, 0, g->rows) / KEYS * KEYS;
}

// One after the last key that any of these rows sees.
static int64_t attend_last(const attend_group *g, int r, int rows) {
    const bool all = g->heads > 1;
    int64_t a = attend_visible(g, all ? 0 : r);
    int64_t b = attend_visible(g, (all ? g->rows : r + rows) - 1);
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

// ---- Scratch ----

// Rows of all groups that are worked on side by side: of a group, or of all heads.
static int64_t attend_all_rows(const decoct_attention_piece *a) {
    return a->heads > 1 ? a->heads * a->rows : clamp(a->rows, 1, ATTEND_ROWS);
}

// Blocks of keys whose scores are there at a time.
static int64_t attend_run_blocks(const decoct_attention_piece *a) {
    return RUN_ROWS / clamp(attend_all_rows(a), 1, RUN_ROWS);
}

// Floats from the scores of one block to those of the next one.
static int64_t attend_run_stride(const decoct_attention_piece *a) {
    return attend_all_rows(a) * WEIGHT_STRIDE;
}

// Places the arrays of the group whose first row is `row` of these; returns the floats of all
// groups. NULL: only counts. What is behind the rows of one group belongs to the next one, which
// starts later.
static int64_t attend_places(const decoct_attention_piece *a, int64_t row, float *scratch,
                             attend_group *g) {
    int64_t rows = attend_all_rows(a), width = round_up(a->value_dim, LANES);
    int64_t kept = attend_long(a) ? 1 : 0;
    // Of few queries the weights of all heads are there at a time, of two blocks.
    const bool beside = a->heads > 1 && a->rows <= TURNED_ROWS;
    // At least RUN_ROWS, so that a piece of fewer rows never needs more.
    const int64_t runs = clamp(rows, 1, ATTEND_ROWS), spare = clamp(RUN_ROWS - rows, 0, RUN_ROWS);
    const struct {
        float **place;
        int64_t of_row, of_all;
    } arrays[] = {
        {&g->q, a->head_dim, TILE_PACK_SPILL},
        {&g->out, width, 0},
        {&g->lane, LANES, 0},
        {&g->max, 1, LANES},
        {&g->all_out, kept * width, 0},
        {&g->all_max, kept, 0},
        {&g->all_sum, kept, 0},
        {&g->run, beside ? WEIGHT_STRIDE : 0, ((beside ? rows : runs) + spare) * WEIGHT_STRIDE},
        {&g->values, 0, KEYS * width},
        {&g->keys, 0, a->keys ? 0 : KEYS * a->head_dim},
    };
    int64_t used = 0;
    for (unsigned i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i].place = scratch ? scratch + used + row * arrays[i].of_row : 0;
        used += round_up(rows * arrays[i].of_row + arrays[i].of_all, LANES);
    }
    g->width = width;
    g->weight = g->run;
    return used;
}

// A group of the queries of some heads that share their keys, at the start of the scratch.
typedef struct attend_bundle {
    attend_group g;
    decoct_attention_piece piece; // of the first head
} attend_bundle;

// Bytes of the bundles, before the arrays.
static int64_t attend_bundles_size(const decoct_attention_piece *a) {
    return a->heads > 1 ? round_up(a->heads * (int64_t)sizeof(attend_bundle), 64) : 0;
}

static int64_t attention_scratch(const decoct_attention_piece *a) {
    attend_group g;
    return attend_bundles_size(a) + attend_places(a, 0, 0, &g) * (int64_t)sizeof(float);
}

#endif
