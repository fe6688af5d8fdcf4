// SPDX-License-Identifier: BSD-2-Clause
// Attention over blocks of keys with a running maximum. A group of queries is computed on a block
// together: first the scores of every tile of queries and their exp, then, when the keys are no
// longer needed in the cache, the values. Both are register tiles.
#include "sheet.h" // of the ISA that this is compiled for

#include "attention_parts.h"
#include "attention_scores.h"
#include "attention_turned.h"
#include "attention_values.h"
#include "kernels.h"

// ---- Keys ----

// Prefetches rows: hardware does not predict short rows that are far apart.
INLINE void attend_fetch(const float *rows, int64_t stride, int64_t count, int64_t dim) {
    for (int64_t j = 0; j < count; j++) {
        for (int64_t c = 0; c < dim; c += LANES) {
            __builtin_prefetch(rows + j * stride + c);
        }
    }
}

// The first `columns` columns of a block, of which `count` hold keys and the others zeros.
INLINE void pack_key_columns(int64_t columns, int64_t count, int64_t head_dim, const float *k,
                             int64_t k_stride, attend_ahead ahead, float *block) {
    for (int64_t j = 0; j < columns; j += SQUARE) {
        int64_t rows = clamp(count - j, 0, SQUARE), d = 0;
        for (; d + SQUARE <= head_dim; d += SQUARE) {
            vec_transpose(attend_row(k, j, k_stride) + d, k_stride, rows, block + d * KEYS + j,
                          KEYS);
            if (ahead.from) {
                attend_ask(ahead, false, SQUARE, j / SQUARE, d);
            }
        }
        for (; d < head_dim; d++) {
            for (int64_t i = 0; i < SQUARE; i++) {
                block[d * KEYS + j + i] = i < rows ? k[(j + i) * k_stride + d] : 0.0f;
            }
        }
    }
}

void backend_pack_keys(const decoct_keys_piece *a) {
    const attend_ahead ahead = attend_ahead_at(a->k.data, ROWS_AHEAD, a->k.stride);
    pack_key_columns(KEYS, a->count, a->head_dim, a->k.data, a->k.stride, ahead, a->block);
}

// ---- Blocks, groups, pieces ----

// A dense copy of a block of v, with zeros from value_dim to width: tiles read whole vectors.
static void attend_copy_values(const attend_group *g, int64_t first, int64_t count) {
    const decoct_attention_piece *a = g->a;
    for (int64_t j = 0; j < count; j++) {
        const float *from = attend_v(a, first + j);
        for (int64_t c = 0; c < g->width; c += LANES) {
            vec_store(g->values + j * g->width + c, tile_load(from + c, a->value_dim - c));
        }
    }
}

// Tile i of the group: as many tiles as needed, of nearly the same height.
static int attend_tile(const attend_group *g, int tiles, int i) {
    return g->rows * i / tiles;
}

// The packed keys of the block at `first`; NULL: attend_turned reads them.
static const float *attend_keys(const attend_group *g, int64_t first, int64_t count) {
    const decoct_attention_piece *a = g->a;
    if (a->keys) {
        return (const float *)a->keys + first / KEYS * a->key_block_stride;
    }
    if (attend_turns(g)) {
        return 0;
    }
    // The scores of a tile cover whole vectors of several panels.
    int64_t columns = round_up(count, (g->rows == 1 ? TILE_VECS_MAX * LANES : PANEL));
    pack_key_columns(columns, count, a->head_dim, attend_k(a, first), a->k_stride, g->k_ahead,
                     g->keys);
    return g->keys;
}

// The raw scores of rows [r, r + rows); `keys` from attend_keys.
static void attend_raw_scores(attend_group *g, int r, int rows, const float *keys, int64_t first) {
    if (keys) {
        attend_scores(g, r, rows, keys, attend_most(g, r, rows, first));
    } else {
        attend_turned_run(g, first);
    }
}

TILE_FUNCTION pack_queries(int rows, int64_t dim, const float *q, int64_t q_stride, float *packed) {
    tile_pack_rows(rows, dim, q, q_stride, packed);
}

// Rows [r, r + rows) of q, packed. Of several heads they are first copied to the room for keys.
static void attend_pack_queries(const attend_group *g, int r, int rows) {
    const decoct_attention_piece *a = g->a;
    float *packed = g->q + r * a->head_dim;
    if (g->heads == 1) {
        pack_queries(rows, a->head_dim, a->q + (g->row + r) * a->q_stride, a->q_stride, packed);
        return;
    }
    for (int i = 0; i < rows; i++) {
        const float *q =
            a->q + attend_head(g, r + i) * a->q_head_stride + attend_query(g, r + i) * a->q_stride;
        __builtin_memcpy(g->keys + i * a->head_dim, q, (size_t)a->head_dim * sizeof *q);
    }
    pack_queries(rows, a->head_dim, g->keys, a->head_dim, packed);
}

// Packs the queries of tile i, and prefetches those of the next one: they are there after the
// scores of this tile.
static void attend_pack_tile(const attend_group *g, int tiles, int i) {
    const decoct_attention_piece *a = g->a;
    const int r = attend_tile(g, tiles, i), next = attend_tile(g, tiles, i + 1);
    attend_pack_queries(g, r, next - r);
    if (i + 1 < tiles) {
        attend_fetch(a->q + (g->row + next) * a->q_stride, a->q_stride,
                     attend_tile(g, tiles, i + 2) - next, a->head_dim);
    }
}

// Scores and maxima of a tile, as attend_tops. Values of many queries are not prefetched: the group
// reads them from L2 again and again.
static int attend_tile_tops(attend_group *g, int r, int rows, const float *keys, int64_t first,
                            int64_t count) {
    const decoct_attention_piece *a = g->a;
    if (attend_most(g, r, rows, first) == 0) {
        attend_see_nothing(g, r, rows);
        return 0;
    }
    attend_raw_scores(g, r, rows, keys, first);
    if (a->keys && rows == g->rows) {
        attend_fetch(attend_v(a, first), a->v_stride, count, a->value_dim);
    }
    return attend_tops(g, r, rows, first);
}

// Scores, and exp of them: of a tile when the scores of the next one are there, since it must wait
// for the maxima, which takes long.
static void attend_softmax(attend_group *g, int tiles, int64_t first, int64_t count) {
    const float *keys = attend_keys(g, first, count);
    int r = 0, rows = 0, within = 0; // of the tile before
    for (int i = 0; i < tiles; i++) {
        int before = r, rows_before = rows, within_before = within;
        r = attend_tile(g, tiles, i);
        rows = attend_tile(g, tiles, i + 1) - r;
        if (g->late) {
            attend_pack_tile(g, tiles, i);
        }
        within = attend_tile_tops(g, r, rows, keys, first, count);
        attend_exps(g, before, rows_before, within_before);
    }
    attend_exps(g, r, rows, within);
    g->late = false;
}

static void attend_block(attend_group *g, int tiles, int64_t first, int64_t count) {
    const decoct_attention_piece *a = g->a;
    attend_softmax(g, tiles, first, count);
    // v is read where it is if its columns come in whole vectors, and the lines that one panel of
    // one vector reads for each key are not all in the same set of the cache.
    const bool same_set = PANEL_VECS == 1 && a->v_stride % (4096 / (int64_t)sizeof(float)) == 0;
    const bool dense = a->value_dim != g->width || (tiles > 1 && same_set);
    if (dense) {
        attend_copy_values(g, first, count);
    }
    const float *v = dense ? g->values : attend_v(a, first);
    const bool last = tiles > 1 && g->heads == 1 && attend_last(g, 0, g->rows) <= first + KEYS;
    for (int i = 0; i < tiles; i++) {
        int r = attend_tile(g, tiles, i), rows = attend_tile(g, tiles, i + 1) - r;
        if (last) { // outputs follow
            attend_fetch(a->out + (g->row + r) * a->out_stride, a->out_stride, rows, a->value_dim);
        }
        attend_values(g, r, rows, v, dense ? g->width : a->v_stride);
    }
}

// The softmax as an output: the scores again, now that maximum and sum are known.
static void attend_weights(attend_group *g, int tiles, const float inverse[ATTEND_ROWS]) {
    const decoct_attention_piece *a = g->a;
    g->run_end = 0; // what was raw is exp now
    for (int64_t first = 0; first < a->kv_len; first += KEYS) {
        int64_t count = clamp(a->kv_len - first, 0, KEYS);
        const float *keys = attend_keys(g, first, count);
        for (int i = 0; i < tiles; i++) {
            int r = attend_tile(g, tiles, i), rows = attend_tile(g, tiles, i + 1) - r;
            attend_raw_scores(g, r, rows, keys, first);
        }
        for (int r = 0; r < g->rows; r++) {
            float *weights = a->weights + attend_head(g, r) * a->weights_head_stride +
                             attend_query(g, r) * a->weights_stride + first;
            const float *z = g->weight + (int64_t)r * WEIGHT_STRIDE;
            attend_row_scores(g, r, first, attend_altered(a));
            for (int64_t j = 0; j < count; j++) {
                bool seen = g->seen[r] >> j & 1;
                weights[j] = seen ? exp_one(z[j] - g->max[r]) * inverse[r] : 0.0f;
            }
        }
    }
}

// out = out / sum, for each row; of a part the outputs as they are, and the state.
static void attend_finish(const attend_group *g, float inverse[ATTEND_ROWS]) {
    const decoct_attention_piece *a = g->a;
    for (int r = 0; r < g->rows; r++) {
        float sum = vec_fold(vec_load(g->lane + r * LANES));
        inverse[r] = sum == 0.0f ? 0.0f : 1.0f / sum;
        if (a->state) {
            float *state = a->state + 2 * (attend_head(g, r) * a->rows + attend_query(g, r));
            state[0] = g->max[r];
            state[1] = sum;
            inverse[r] = 1.0f;
        }
        float *out =
            a->out + attend_head(g, r) * a->out_head_stride + attend_query(g, r) * a->out_stride;
        for (int64_t c = 0; c < a->value_dim; c += LANES) {
            vec y = vec_mul(vec_load(g->out + r * g->width + c), vec_set(inverse[r]));
            tile_store(out + c, y, a->value_dim - c);
        }
    }
}

static int attend_tiles(const attend_group *g) {
    return (g->rows + ATTEND_TILE - 1) / ATTEND_TILE;
}

static void attend_start(attend_group *g) {
    int tiles = attend_tiles(g);
    g->run_end = 0;
    for (int i = 0; i < tiles && !g->late; i++) {
        int r = attend_tile(g, tiles, i), rows = attend_tile(g, tiles, i + 1) - r;
        attend_pack_queries(g, r, rows);
    }
    for (int r = 0; r < g->rows; r++) {
        attend_clear(g, r);
        if (attend_long(g->a)) {
            g->all_sum[r] = 0.0f;
        }
    }
    for (int r = g->rows; r < g->rows + LANES; r++) {
        g->max[r] = 0.0f;
    }
}

static void attend_enter(attend_group *g, int64_t first) {
    if (first > 0 && first % PART == 0) {
        attend_close_part(g);
    }
}

// The block of keys that starts at `first`.
static void attend_next(attend_group *g, int64_t first) {
    attend_enter(g, first);
    attend_block(g, attend_tiles(g), first, clamp(g->a->kv_len - first, 0, KEYS));
}

// Unpacked keys and values of one group: it prefetches the rows that follow.
static void attend_ask_next(attend_group *g, int64_t first) {
    const decoct_attention_piece *a = g->a;
    if (!a->keys) {
        const bool dense = attend_turns(g) && turned_dense(g);
        g->k_ahead = attend_ahead_at(a->k, first + (dense ? TURNED_KEYS : ROWS_AHEAD), a->k_stride);
        g->k_ahead.lead = (g->rows == 1 ? ONE_AHEAD : DENSE_AHEAD) * sizeof(float);
        g->k_ahead.from += dense ? g->k_ahead.lead : 0;
        // Several rows read the values panel by panel: so each pass asks for that of the next
        // block.
        const int64_t ahead = dense ? DENSE_ROWS_AHEAD : ROWS_AHEAD;
        g->v_ahead = attend_ahead_at(a->v, first + (g->rows == 1 ? ahead : KEYS), a->v_stride);
    }
}

static void attend_end(attend_group *g) {
    float inverse[ATTEND_ROWS];
    if (attend_long(g->a)) {
        attend_close_part(g);
        attend_take_all(g);
    }
    if (g->a->sinks) {
        attend_sinks(g);
    }
    attend_finish(g, inverse);
    if (g->a->weights) {
        attend_weights(g, attend_tiles(g), inverse);
    }
}

#include "attention_heads.h"

static void attention_run(const decoct_attention_piece *a) {
    if (a->heads > 1) {
        attend_side_by_side(a);
        return;
    }
    attend_group g;
    g.a = a;
    g.heads = 1;
    g.k_ahead = g.v_ahead = (attend_ahead){0};
    attend_places(a, 0, a->scratch, &g);
    for (g.row = 0; g.row < a->rows; g.row += ATTEND_ROWS) {
        g.rows = (int)clamp(a->rows - g.row, 0, ATTEND_ROWS);
        g.late = attend_tiles(&g) > 1; // fewer are there too soon to be prefetched
        attend_start(&g);
        const int64_t end = attend_last(&g, 0, g.rows);
        for (int64_t first = attend_first_block(&g); first < end; first += KEYS) {
            attend_ask_next(&g, first);
            attend_next(&g, first);
        }
        attend_end(&g);
    }
}

enum {
    EVERY_FEATURE = DECOCT_ATTENTION_WINDOW | DECOCT_ATTENTION_SOFTCAP | DECOCT_ATTENTION_SLOPES |
                    DECOCT_ATTENTION_SINKS | DECOCT_ATTENTION_PARTS
};
static const decoct_attention_kernel attention_list[] = {{.kv_dtypes = 1u << DECOCT_F32,
                                                          .features = EVERY_FEATURE,
                                                          .tile_rows = ATTEND_ROWS,
                                                          .packs_keys = DECOCT_PACKS_HEADS,
                                                          .scratch_bytes = attention_scratch,
                                                          .run = attention_run}};
const decoct_attention_kernels backend_attention = DECOCT_KERNELS(attention_list);
