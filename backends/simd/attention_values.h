// SPDX-License-Identifier: BSD-2-Clause
// The outputs of a group: out = factor out + exp(z - max) v, key by key in increasing order.
#ifndef SIMD_ATTENTION_VALUES_H
#define SIMD_ATTENTION_VALUES_H

#include "attention_state.h"

enum { VALUES = SCALED | RAGGED | WHOLE };

TILE_FUNCTION value_panels(int rows, const tile_args *a) {
    tile_rows(rows, PANEL_VECS, VALUES, 0, a);
}

TILE_FUNCTION value_panels_asking(int rows, const tile_args *a) {
    tile_rows(rows, PANEL_VECS, VALUES | W_ASK, 0, a);
}

TILE_FUNCTION value_narrow(int rows, const tile_args *a) {
    tile_rows(rows, 1, VALUES, 0, a);
}

// Of one row.
static void value_wide(const tile_args *a) {
    if (a->ask) {
        tiles(1, TILE_VECS_MAX, VALUES | W_ASK, 0, a);
    } else {
        tiles(1, TILE_VECS_MAX, VALUES, 0, a);
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
    tile_args o = {.k = ~keys->all ? __builtin_ctzll(~keys->all) : KEYS,
                   .x = g->weight + (int64_t)r * WEIGHT_STRIDE + keys->from,
                   .x_stride = WEIGHT_STRIDE,
                   .w = keys->v,
                   .w_stride = v_stride,
                   .panel_stride = PANEL,
                   .y = g->out + r * g->width,
                   .y_stride = g->width,
                   .factor = g->factor + r,
                   .seen = keys->seen,
                   .ask = keys->ask,
                   .ask_step = keys->ask_step,
                   .k_most = KEYS - __builtin_clzll(keys->any)};
    if (rows == 1) { // several panels at once, as far as they go
        const int64_t wide = TILE_VECS_MAX * LANES;
        o.cols = o.w_next = o.y_next = wide;
        o.count = g->width / wide;
        value_wide(&o);
        o.w = tile_w_move(0, o.w, o.count * wide);
        o.ask += o.ask ? (uintptr_t)(o.count * wide) * sizeof(float) : 0;
        o.y += o.count * wide;
    }
    int64_t left = g->out + r * g->width + g->width - o.y;
    o.cols = o.w_next = o.y_next = PANEL;
    o.count = left / PANEL;
    if (o.ask) {
        value_panels_asking(rows, &o);
    } else {
        value_panels(rows, &o);
    }
    if (left % PANEL) { // one vector of two
        o.w = tile_w_move(0, o.w, o.count * PANEL);
        o.y += o.count * PANEL;
        o.cols = LANES;
        o.count = 1;
        value_narrow(rows, &o);
    }
}

// out = factor out + weight v for rows [r, r + rows). Where a window begins, some rows see the
// first keys and some do not: those keys are computed separately, and the run starts after them.
static void attend_values(attend_group *g, int r, int rows, const float *v, int64_t v_stride) {
    value_keys keys = {.v = v,
                       .all = ~UINT64_C(0),
                       .seen = g->seen + r,
                       .ask = r == 0 ? g->v_ahead.from : 0,
                       .ask_step = (int64_t)g->v_ahead.stride};
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
