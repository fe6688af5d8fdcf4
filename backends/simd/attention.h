// SPDX-License-Identifier: BSD-2-Clause
// Attention over blocks of keys with a running maximum. A group of queries goes through a block
// together: first the scores of every tile of queries and their exp, then, with the keys out of the
// cache's way, the values. Both are register tiles.
#ifndef SIMD_ATTENTION_H
#define SIMD_ATTENTION_H

#include "exp.h"
#include "tile.h"

#include <decoct/backend.h>

#include <stdbool.h>

enum { KEYS = DECOCT_KEY_BLOCK, ATTEND_ROWS = ATTEND_TILES * TILE_ROWS };
// From one row of exp(z - max) to the next: not a multiple of the cache's banks, as for tile_pack.
enum { WEIGHT_STRIDE = KEYS + 4 };

// A group of queries and its running state. All pointers are into the scratch.
typedef struct attend_group {
    const decoct_attention_piece *a;
    int64_t row; // first query of the group
    int rows;
    int64_t width; // value_dim in whole panels
    float *q;      // packed tile by tile
    float *out;    // (rows, width)
    float *weight; // (rows, WEIGHT_STRIDE): raw scores, then exp(z - max), of one block
    float *lane;   // (rows, 16): sums of exp
    float *values; // (KEYS, width): a block of v, dense
    float *keys;   // (head_dim, KEYS): a block of k, packed here when the caller did not
    float max[ATTEND_ROWS + LANES]; // read by whole vectors
    uint64_t seen[ATTEND_ROWS];     // bit j: the row sees key j of the present block
} attend_group;

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

// How many keys of the block that starts at `first` any of the rows [r, r + rows) may see: the
// number grows or falls with the row.
static int64_t attend_most(const attend_group *g, int r, int rows, int64_t first) {
    int64_t a = attend_visible(g, r), b = attend_visible(g, r + rows - 1);
    return clamp((a > b ? a : b) - first, 0, KEYS);
}

// ---- Keys ----

// Asks for 8 or 16 rows of k or v ahead of time: hardware does not guess short rows that lie far
// apart.
INLINE void attend_fetch(const float *rows, int64_t stride, int64_t count, int64_t dim) {
    for (int64_t j = 0; j < count; j++) {
        for (int64_t c = 0; c < dim; c += LANES) {
            __builtin_prefetch(rows + j * stride + c);
        }
    }
}

// The first `columns` columns of a block, of which `count` hold keys and the others zeros.
INLINE void pack_key_columns(int64_t columns, int64_t count, int64_t head_dim, const float *k,
                             int64_t k_stride, float *block) {
    for (int64_t j = 0; j < columns; j += SQUARE) {
        int64_t rows = clamp(count - j, 0, SQUARE), d = 0;
        for (; d + SQUARE <= head_dim; d += SQUARE) {
            vec_transpose(k + j * k_stride + d, k_stride, rows, block + d * KEYS + j, KEYS);
        }
        for (; d < head_dim; d++) {
            for (int64_t i = 0; i < SQUARE; i++) {
                block[d * KEYS + j + i] = i < rows ? k[(j + i) * k_stride + d] : 0.0f;
            }
        }
    }
}

static void pack_keys(int64_t count, int64_t head_dim, const float *k, int64_t k_stride,
                      float *block) {
    pack_key_columns(KEYS, count, head_dim, k, k_stride, block);
}

// ---- Scratch ----

// Gives each array its place; how many floats that takes. NULL: only counts.
static int64_t attend_places(const decoct_attention_piece *a, float *scratch, attend_group *g) {
    int64_t rows = clamp(a->rows, 1, ATTEND_ROWS), width = round_up(a->value_dim, PANEL);
    const struct {
        float **place;
        int64_t floats;
    } arrays[] = {
        {&g->q, rows * a->head_dim + TILE_PACK_SPILL},
        {&g->out, rows * width},
        {&g->weight, rows * WEIGHT_STRIDE},
        {&g->lane, rows * LANES},
        {&g->values, KEYS * width},
        {&g->keys, a->keys ? 0 : KEYS * a->head_dim},
    };
    int64_t used = 0;
    for (unsigned i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i].place = scratch ? scratch + used : 0;
        used += round_up(arrays[i].floats, LANES);
    }
    g->width = width;
    return used;
}

static int64_t attention_scratch(const decoct_attention_piece *a) {
    attend_group g;
    return attend_places(a, 0, &g);
}

// ---- Scores ----

// The raw scores of rows [r, r + rows) for the first `most` keys of a block: (rows, KEYS).
static void attend_scores(const attend_group *g, int r, int rows, const float *keys, int64_t most) {
    int64_t dim = g->a->head_dim;
    tile_args s = {.k = dim,
                   .x = g->q + r * dim,
                   .x_stride = dim,
                   .w = keys,
                   .w_stride = KEYS,
                   .panel_stride = PANEL,
                   .y = g->weight + (int64_t)r * WEIGHT_STRIDE,
                   .y_stride = WEIGHT_STRIDE};
    if (rows == 1) {
        const int64_t wide = TILE_VECS_MAX * LANES;
        s.cols = s.w_next = s.y_next = wide;
        s.count = (most + wide - 1) / wide;
        tiles(1, TILE_VECS_MAX, 1, 0, KEYS, &s);
        return;
    }
    s.cols = s.w_next = s.y_next = PANEL;
    s.count = (most + PANEL - 1) / PANEL;
    tile_rows_keys(rows, &s);
}

// z = scale * q k + mask of one vector of row r, -inf where it sees nothing; *hidden: lanes below
// the limit that are -inf.
INLINE vec attend_mask(const attend_group *g, int r, int64_t first, int64_t j, int64_t left,
                       uint64_t *hidden) {
    const decoct_attention_piece *a = g->a;
    const vec minus_inf = vec_set(-__builtin_inff());
    vec z = vec_mul(vec_load(g->weight + (int64_t)r * WEIGHT_STRIDE + j), vec_set(a->scale));
    if (a->mask) {
        vec m = tile_load(a->mask + (g->row + r) * a->mask_stride + first + j, left);
        z = vec_hide(vec_add(z, m), m);
    }
    uint64_t here = left < LANES ? (1u << left) - 1u : 0xffffu;
    *hidden |= (vec_hidden(z) & here) << j;
    return left < LANES ? vec_blend_first(z, minus_inf, left) : z;
}

// Scores of row r in place of the raw ones, -inf where a key is not seen; sets seen[r], returns the
// largest.
static float attend_masked_scores(attend_group *g, int r, int64_t first) {
    int64_t limit = clamp(attend_visible(g, r) - first, 0, KEYS);
    uint64_t hidden = 0;
    vec max = vec_set(-__builtin_inff());
    for (int64_t j = 0; j < KEYS; j += LANES) {
        vec z = vec_set(-__builtin_inff());
        if (limit > j) {
            z = attend_mask(g, r, first, j, limit - j, &hidden);
        }
        vec_store(g->weight + (int64_t)r * WEIGHT_STRIDE + j, z);
        max = vec_max(max, z);
    }
    g->seen[r] = limit == KEYS ? ~hidden : ((UINT64_C(1) << limit) - 1) & ~hidden;
    return vec_fold_max(max);
}

// The same where there is no mask and the row sees the whole block, unless a score is -inf. (A NaN
// may keep that from being seen, but makes the whole row NaN in any case.)
INLINE float attend_plain_scores(attend_group *g, int r, int64_t first) {
    float *weight = g->weight + (int64_t)r * WEIGHT_STRIDE;
    vec z[KEYS / LANES], max, min;
    UNROLL
    for (int i = 0; i < KEYS / LANES; i++) {
        z[i] = vec_mul(vec_load(weight + i * LANES), vec_set(g->a->scale));
        max = i ? vec_max(max, z[i]) : z[i];
        min = i ? vec_min(min, z[i]) : z[i];
    }
    if (__builtin_expect(vec_hidden(min) != 0, 0)) {
        return attend_masked_scores(g, r, first);
    }
    UNROLL
    for (int i = 0; i < KEYS / LANES; i++) {
        vec_store(weight + i * LANES, z[i]);
    }
    g->seen[r] = ~UINT64_C(0);
    return vec_fold_max(max);
}

// Scores and new maxima of rows [r, r + rows); true if a maximum has changed.
static bool attend_maxima(attend_group *g, int r, int rows, int64_t first, float *top) {
    bool changed = false;
    for (int i = 0; i < rows; i++) {
        bool plain = !g->a->mask && attend_visible(g, r + i) - first >= KEYS;
        float old = g->max[r + i];
        float max =
            plain ? attend_plain_scores(g, r + i, first) : attend_masked_scores(g, r + i, first);
        top[i] = old > max || !g->seen[r + i] ? old : max;
        changed |= top[i] != old;
    }
    return changed;
}

// Moves rows [r, r + rows) to their new maxima: sums and outputs shrink by exp(old - new). As long
// as a row has seen nothing these are 0 and stay so.
static void attend_rescale(attend_group *g, int r, int rows, const float *top) {
    float factor[LANES];
    vec_store(factor, vec_exp(vec_sub(vec_load(&g->max[r]), vec_load(top))));
    for (int i = 0; i < rows; i++) {
        float old = g->max[r + i];
        g->max[r + i] = top[i];
        if (old == top[i] || old == -__builtin_inff()) {
            continue;
        }
        float *out = g->out + (r + i) * g->width, *lane = g->lane + (r + i) * LANES;
        vec_store(lane, vec_mul(vec_load(lane), vec_set(factor[i])));
        for (int64_t c = 0; c < g->width; c += LANES) {
            vec_store(out + c, vec_mul(vec_load(out + c), vec_set(factor[i])));
        }
    }
}

// Row r's scores of the block become exp(z - max) and are added to its sum.
INLINE void attend_exp(attend_group *g, int r) {
    float *weight = g->weight + (int64_t)r * WEIGHT_STRIDE, *lane = g->lane + r * LANES;
    const vec max = vec_set(g->max[r]);
    vec block = vec_set(0.0f);
    UNROLL
    for (int i = 0; i < KEYS / LANES; i += EXP_VECS) {
        if (!(g->seen[r] >> i * LANES)) {
            break; // it sees nothing from here on
        }
        vec e[EXP_VECS];
        UNROLL
        for (int v = 0; v < EXP_VECS; v++) {
            e[v] = vec_sub(vec_load(weight + (i + v) * LANES), max);
        }
        vec_exp_all(EXP_VECS, e);
        UNROLL
        for (int v = 0; v < EXP_VECS; v++) {
            vec_store(weight + (i + v) * LANES, e[v]);
            block = vec_add(block, e[v]);
        }
    }
    vec_store(lane, vec_add(vec_load(lane), block));
}

// The softmax of rows [r, r + rows) in one block, in three rounds so that the rows' chains of
// dependent steps overlap. A block of which a row sees nothing changes nothing in it.
static void attend_softmax(attend_group *g, int r, int rows, int64_t first) {
    float top[LANES] = {0.0f};
    if (attend_maxima(g, r, rows, first, top)) {
        attend_rescale(g, r, rows, top);
    }
    for (int i = r; i < r + rows; i++) {
        if (g->seen[i]) {
            attend_exp(g, i);
        }
    }
}

// ---- Values ----

// out += weight v for rows [r, r + rows): the keys that all see in one run, then row by row.
static void attend_values(const attend_group *g, int r, int rows, const float *v,
                          int64_t v_stride) {
    uint64_t all = ~UINT64_C(0), any = 0;
    for (int i = r; i < r + rows; i++) {
        all &= g->seen[i];
        any |= g->seen[i];
    }
    if (!any) {
        return;
    }
    tile_args o = {.k = all == ~UINT64_C(0) ? KEYS : __builtin_ctzll(~all),
                   .x = g->weight + (int64_t)r * WEIGHT_STRIDE,
                   .x_stride = WEIGHT_STRIDE,
                   .w = v,
                   .w_stride = v_stride,
                   .panel_stride = PANEL,
                   .y = g->out + r * g->width,
                   .y_stride = g->width,
                   .accumulate = 1,
                   .seen = g->seen + r,
                   .k_most = KEYS - __builtin_clzll(any)};
    if (rows == 1) { // several panels at once, as far as they go
        const int64_t wide = TILE_VECS_MAX * LANES;
        o.cols = o.w_next = o.y_next = wide;
        o.count = g->width / wide;
        tiles(1, TILE_VECS_MAX, 0, 1, 0, &o);
        o.w += o.count * wide;
        o.y += o.count * wide;
    }
    o.cols = o.w_next = o.y_next = PANEL;
    o.count = (g->out + r * g->width + g->width - o.y) / PANEL;
    tile_rows_ragged(rows, &o);
}

// A dense copy of a block of v, with zeros from value_dim to width: rows a power of two apart would
// drive each other out of the cache.
static void attend_copy_values(const attend_group *g, int64_t first, int64_t count) {
    const decoct_attention_piece *a = g->a;
    for (int64_t j = 0; j < count; j++) {
        const float *from = a->v + (first + j) * a->v_stride;
        for (int64_t c = 0; c < g->width; c += LANES) {
            vec_store(g->values + j * g->width + c, tile_load(from + c, a->value_dim - c));
        }
    }
}

// ---- Blocks, groups, pieces ----

// Tile i of the group: as many tiles as needed, of nearly the same height.
static int attend_tile(const attend_group *g, int tiles, int i) {
    return g->rows * i / tiles;
}

// The packed keys of the block at `first`. When they are packed here, a few rows at a time, the
// same rows of the next block and of v are on their way meanwhile.
static const float *attend_keys(const attend_group *g, int64_t first, int64_t count) {
    const decoct_attention_piece *a = g->a;
    if (a->keys) {
        return a->keys + first / KEYS * a->key_block_stride;
    }
    // The scores of a tile cover whole vectors of several panels.
    int64_t columns = round_up(count, (g->rows == 1 ? TILE_VECS_MAX * LANES : PANEL));
    for (int64_t j = 0; j < columns; j += SQUARE) {
        const float *k = a->k + (first + j) * a->k_stride;
        attend_fetch(k + KEYS * a->k_stride, a->k_stride,
                     clamp(a->kv_len - first - KEYS - j, 0, SQUARE), a->head_dim);
        attend_fetch(a->v + (first + j) * a->v_stride, a->v_stride, clamp(count - j, 0, SQUARE),
                     a->value_dim);
        pack_key_columns(SQUARE, count - j, a->head_dim, k, a->k_stride, g->keys + j);
    }
    return g->keys;
}

static void attend_block(attend_group *g, int tiles, int64_t first, int64_t count) {
    const decoct_attention_piece *a = g->a;
    const float *keys = attend_keys(g, first, count);
    for (int i = 0; i < tiles; i++) {
        int r = attend_tile(g, tiles, i), rows = attend_tile(g, tiles, i + 1) - r;
        attend_scores(g, r, rows, keys, attend_most(g, r, rows, first));
        if (a->keys) {
            int64_t from = count * i / tiles, to = count * (i + 1) / tiles;
            attend_fetch(a->v + (first + from) * a->v_stride, a->v_stride, to - from, a->value_dim);
        }
        attend_softmax(g, r, rows, first);
    }
    // One tile reads v as it lies, if its columns come in whole panels.
    bool dense = tiles > 1 || a->value_dim != g->width;
    if (dense) {
        attend_copy_values(g, first, count);
    }
    const float *v = dense ? g->values : a->v + first * a->v_stride;
    for (int i = 0; i < tiles; i++) {
        int r = attend_tile(g, tiles, i), rows = attend_tile(g, tiles, i + 1) - r;
        attend_values(g, r, rows, v, dense ? g->width : a->v_stride);
    }
}

// The softmax itself, for looking at: the scores once more, now that maximum and sum are known.
static void attend_weights(attend_group *g, int tiles, const float inverse[ATTEND_ROWS]) {
    const decoct_attention_piece *a = g->a;
    for (int64_t first = 0; first < a->kv_len; first += KEYS) {
        int64_t count = clamp(a->kv_len - first, 0, KEYS);
        const float *keys = attend_keys(g, first, count);
        for (int i = 0; i < tiles; i++) {
            int r = attend_tile(g, tiles, i), rows = attend_tile(g, tiles, i + 1) - r;
            attend_scores(g, r, rows, keys, attend_most(g, r, rows, first));
        }
        for (int r = 0; r < g->rows; r++) {
            float *weights = a->weights + (g->row + r) * a->weights_stride + first;
            const float *z = g->weight + (int64_t)r * WEIGHT_STRIDE;
            attend_masked_scores(g, r, first);
            for (int64_t j = 0; j < count; j++) {
                bool seen = g->seen[r] >> j & 1;
                weights[j] = seen ? exp_one(z[j] - g->max[r]) * inverse[r] : 0.0f;
            }
        }
    }
}

// out = out / sum, for each row.
static void attend_finish(const attend_group *g, float inverse[ATTEND_ROWS]) {
    const decoct_attention_piece *a = g->a;
    for (int r = 0; r < g->rows; r++) {
        float sum = vec_fold(vec_load(g->lane + r * LANES));
        inverse[r] = sum == 0.0f ? 0.0f : 1.0f / sum;
        float *out = a->out + (g->row + r) * a->out_stride;
        for (int64_t c = 0; c < a->value_dim; c += LANES) {
            vec y = vec_mul(vec_load(g->out + r * g->width + c), vec_set(inverse[r]));
            tile_store(out + c, y, a->value_dim - c);
        }
    }
}

static void attend(attend_group *g) {
    const decoct_attention_piece *a = g->a;
    int tiles = (g->rows + TILE_ROWS - 1) / TILE_ROWS;
    float inverse[ATTEND_ROWS];
    for (int i = 0; i < tiles; i++) {
        int r = attend_tile(g, tiles, i), rows = attend_tile(g, tiles, i + 1) - r;
        tile_pack_rows(rows, a->head_dim, a->q + (g->row + r) * a->q_stride, a->q_stride,
                       g->q + r * a->head_dim);
    }
    for (int r = 0; r < g->rows; r++) {
        g->max[r] = -__builtin_inff();
        vec_store(g->lane + r * LANES, vec_set(0.0f));
        for (int64_t c = 0; c < g->width; c += LANES) {
            vec_store(g->out + r * g->width + c, vec_set(0.0f));
        }
    }
    for (int64_t first = 0; first < a->kv_len; first += KEYS) {
        if (attend_most(g, 0, g->rows, first) > 0) {
            attend_block(g, tiles, first, clamp(a->kv_len - first, 0, KEYS));
        }
    }
    attend_finish(g, inverse);
    if (a->weights) {
        attend_weights(g, tiles, inverse);
    }
}

static void attention_run(const decoct_attention_piece *a) {
    attend_group g;
    g.a = a;
    attend_places(a, a->scratch, &g);
    for (int i = 0; i < ATTEND_ROWS + LANES; i++) {
        g.max[i] = 0.0f;
    }
    for (g.row = 0; g.row < a->rows; g.row += ATTEND_ROWS) {
        g.rows = (int)clamp(a->rows - g.row, 0, ATTEND_ROWS);
        attend(&g);
    }
}

#endif
