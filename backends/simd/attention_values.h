// SPDX-License-Identifier: BSD-2-Clause
// The outputs of a group: out = factor out + exp(z - max) v, key by key in increasing order.
#ifndef SIMD_ATTENTION_VALUES_H
#define SIMD_ATTENTION_VALUES_H

#include "attention_state.h"

// A tile whose outputs are multiplied by a factor of their row before anything is added to them.
INLINE void value_tile(int rows, int vecs, int kind, const tile_args *a, const float *factor) {
    vec acc[TALL_ROWS][TILE_VECS_MAX];
    int64_t y_stride = a->y_stride;
    AFRESH(y_stride);
    UNROLL
    for (int r = 0; r < TILE_ROWS; r++) {
        UNROLL
        for (int v = 0; v < TILE_VECS_MAX; v++) {
            acc[r][v] = vec_set(0.0f);
            if (r < rows && v < vecs) {
                acc[r][v] = vec_mul(vec_load(a->y + r * y_stride + v * LANES), vec_set(factor[r]));
            }
        }
    }
    const void *w = a->w;
    uintptr_t ask = a->ask;
    tile_x x = tile_x_at(rows, 0, a->x, a->x_stride);
    for (int64_t p = 0; p < a->k; p++) {
        if (kind & W_ASK) {
            tile_ask_row(vecs, ask);
            ask += (uintptr_t)a->ask_step;
        }
        tile_step(rows, vecs, kind, a, w, &x, acc);
        w = tile_w_move(0, w, a->w_stride);
        tile_x_move(&x, 1);
    }
    tile_ragged(rows, vecs, a, w, x.row[0], acc);
    tile_put(rows, vecs, true, a, acc);
}

// All `count` tiles.
INLINE void value_tiles(int rows, int vecs, int kind, const tile_args *a, const float *factor) {
    tile_args t = *a;
    for (int64_t i = 0; i < a->count; i++) {
        value_tile(rows, vecs, kind, &t, factor);
        t.w = tile_w_move(0, t.w, t.w_next);
        t.ask += (uintptr_t)t.w_next * sizeof(float);
        t.y += t.y_next;
    }
}

INLINE void value_rows(int rows, int vecs, int kind, const tile_args *a, const float *factor) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        value_tiles(n, vecs, kind, a, factor);                                                     \
        break;
    switch (rows) {
        TILE_ROWS_LIST(CASE)
    default:
        break;
    }
#undef CASE
}

TILE_FUNCTION value_panels(int rows, const tile_args *a, const float *factor) {
    value_rows(rows, PANEL_VECS, 0, a, factor);
}

TILE_FUNCTION value_panels_asking(int rows, const tile_args *a, const float *factor) {
    value_rows(rows, PANEL_VECS, W_ASK, a, factor);
}

TILE_FUNCTION value_narrow(int rows, const tile_args *a, const float *factor) {
    value_rows(rows, 1, 0, a, factor);
}

// Of one row.
static void value_wide(const tile_args *a, const float *factor) {
    if (a->ask) {
        value_tiles(1, TILE_VECS_MAX, W_ASK, a, factor);
    } else {
        value_tiles(1, TILE_VECS_MAX, 0, a, factor);
    }
}

// Some keys of a block: `all` see the first ones, which is one run; then row by row, by the bits of
// `seen`, up to the last one that any row sees.
typedef struct value_keys {
    const float *v; // of the first one
    int64_t from;   // its place in the block
    uint64_t all, any;
    const uint64_t *seen;
    uintptr_t ask; // what the first one prefetches; 0: nothing
    int64_t ask_step;
} value_keys;

// out = factor out + weight v for rows [r, r + rows) and these keys.
static void attend_some_values(const attend_group *g, int r, int rows, const value_keys *keys,
                               int64_t v_stride) {
    const float *factor = g->factor + r;
    tile_args o = {.k = ~keys->all ? __builtin_ctzll(~keys->all) : KEYS,
                   .x = g->weight + (int64_t)r * WEIGHT_STRIDE + keys->from,
                   .x_stride = WEIGHT_STRIDE,
                   .w = keys->v,
                   .w_stride = v_stride,
                   .panel_stride = PANEL,
                   .y = g->out + r * g->width,
                   .y_stride = g->width,
                   .seen = keys->seen,
                   .ask = keys->ask,
                   .ask_step = keys->ask_step,
                   .k_most = KEYS - __builtin_clzll(keys->any)};
    if (rows == 1) { // several panels at once, as far as they go
        const int64_t wide = TILE_VECS_MAX * LANES;
        o.cols = o.w_next = o.y_next = wide;
        o.count = g->width / wide;
        value_wide(&o, factor);
        o.w = tile_w_move(0, o.w, o.count * wide);
        o.ask += o.ask ? (uintptr_t)(o.count * wide) * sizeof(float) : 0;
        o.y += o.count * wide;
    }
    int64_t left = g->out + r * g->width + g->width - o.y;
    o.cols = o.w_next = o.y_next = PANEL;
    o.count = left / PANEL;
    if (o.ask) {
        value_panels_asking(rows, &o, factor);
    } else {
        value_panels(rows, &o, factor);
    }
    if (left % PANEL) { // one vector of two
        o.w = tile_w_move(0, o.w, o.count * PANEL);
        o.y += o.count * PANEL;
        o.cols = LANES;
        o.count = 1;
        value_narrow(rows, &o, factor);
    }
}

// out = factor out + weight v for rows [r, r + rows). Where a window begins, some rows see the
// first keys and some do not: those keys are computed separately, and the run starts after them.
static void attend_values(attend_group *g, int r, int rows, const float *v, int64_t v_stride) {
    value_keys keys = {.v = v,
                       .all = ~UINT64_C(0),
                       .seen = g->seen + r,
                       .ask = r == 0 ? g->v_ahead.from : 0,
                       .ask_step = g->v_ahead.stride * (int64_t)sizeof(float)};
    for (int i = r; i < r + rows; i++) {
        keys.all &= g->seen[i];
        keys.any |= g->seen[i];
    }
    uint64_t later[ATTEND_TILE];
    if (g->a->window && keys.all && !(keys.all & 1)) {
        int from = __builtin_ctzll(keys.all);
        value_keys edge = keys;
        edge.all = 0;
        edge.any &= (UINT64_C(1) << from) - 1;
        if (edge.any) {
            attend_some_values(g, r, rows, &edge, v_stride);
            tile_store(g->factor + r, vec_set(1.0f), rows); // it is in the outputs now
        }
        for (int i = 0; i < rows; i++) {
            later[i] = g->seen[r + i] >> from;
        }
        keys = (value_keys){.v = v + from * v_stride,
                            .from = from,
                            .all = keys.all >> from,
                            .any = keys.any >> from,
                            .seen = later};
    }
    if (keys.any) {
        attend_some_values(g, r, rows, &keys, v_stride);
    }
}

#endif
