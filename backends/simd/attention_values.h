// SPDX-License-Identifier: BSD-2-Clause
// The outputs of a group: out += exp(z - max) v, key by key in increasing order.
#ifndef SIMD_ATTENTION_VALUES_H
#define SIMD_ATTENTION_VALUES_H

#include "attention_state.h"

TILE_FUNCTION tiles_ragged(int rows, const tile_args *a) {
    tile_rows(rows, PANEL_VECS, RAGGED, 0, a);
}

TILE_FUNCTION tiles_ragged_narrow(int rows, const tile_args *a) {
    tile_rows(rows, 1, RAGGED, 0, a);
}

// Some keys of a block: `all` see the first ones, which is one run; then row by row, by the bits of
// `seen`, up to the last one that any row sees.
typedef struct value_keys {
    const float *v; // of the first one
    int64_t from;   // its place in the block
    uint64_t all, any;
    const uint64_t *seen;
} value_keys;

// out += weight v for rows [r, r + rows) and these keys.
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
                   .accumulate = 1,
                   .seen = keys->seen,
                   .k_most = KEYS - __builtin_clzll(keys->any)};
    if (rows == 1) { // several panels at once, as far as they go
        const int64_t wide = TILE_VECS_MAX * LANES;
        o.cols = o.w_next = o.y_next = wide;
        o.count = g->width / wide;
        if (g->a->keys) {
            tiles(1, TILE_VECS_MAX, RAGGED, 0, &o);
        } else {
            tiles(1, TILE_VECS_MAX, RAGGED | W_AHEAD, 0, &o);
        }
        o.w = tile_w_move(0, o.w, o.count * wide);
        o.y += o.count * wide;
    }
    int64_t left = g->out + r * g->width + g->width - o.y;
    o.cols = o.w_next = o.y_next = PANEL;
    o.count = left / PANEL;
    tiles_ragged(rows, &o);
    if (left % PANEL) { // one vector of two
        o.w = tile_w_move(0, o.w, o.count * PANEL);
        o.y += o.count * PANEL;
        o.cols = LANES;
        o.count = 1;
        tiles_ragged_narrow(rows, &o);
    }
}

// out += weight v for rows [r, r + rows). Where a window begins, some rows see the first keys and
// some do not: those keys are computed separately, and the run starts after them.
static void attend_values(const attend_group *g, int r, int rows, const float *v,
                          int64_t v_stride) {
    value_keys keys = {.v = v, .all = ~UINT64_C(0), .seen = g->seen + r};
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
        }
        for (int i = 0; i < rows; i++) {
            later[i] = g->seen[r + i] >> from;
        }
        keys = (value_keys){v + from * v_stride, from, keys.all >> from, keys.any >> from, later};
    }
    if (keys.any) {
        attend_some_values(g, r, rows, &keys, v_stride);
    }
}

#endif
