// SPDX-License-Identifier: BSD-2-Clause
// Attention over blocks of keys with a running maximum: TILE_ROWS queries share the loads of each
// block. Scores and outputs are register tiles; between them the exp of 64 scores a row.
#ifndef SIMD_ATTENTION_H
#define SIMD_ATTENTION_H

#include "exp.h"
#include "tile.h"

#include <decoct/backend.h>

#include <stdbool.h>

enum { KEYS = DECOCT_KEY_BLOCK };

// One tile of queries and its running state.
typedef struct attend_tile {
    const decoct_attention_piece *a;
    int64_t row; // first query of the tile
    int rows;
    float score[TILE_ROWS][KEYS]; // z = scale * q k + mask, then exp(z - max)
    float lane[TILE_ROWS][LANES]; // sums of exp
    float max[TILE_ROWS];
    int64_t limit[TILE_ROWS];   // keys of the present block that the row sees
    uint64_t hidden[TILE_ROWS]; // bit j: key j is below the limit but has the score -inf
} attend_tile;

static int64_t clamp(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

// How many keys the r-th query of the tile sees.
static int64_t attend_visible(const attend_tile *t, int r) {
    return clamp(t->a->visible + (t->row + r) * t->a->visible_step, 0, t->a->kv_len);
}

// The raw scores of the block that starts at key `first`: (rows, 64).
static void attend_scores(attend_tile *t, int64_t first) {
    const decoct_attention_piece *a = t->a;
    int64_t most = 0;
    for (int r = 0; r < t->rows; r++) {
        t->limit[r] = clamp(attend_visible(t, r) - first, 0, KEYS);
        most = t->limit[r] > most ? t->limit[r] : most;
    }
    for (int64_t j = 0; j < most; j += PANEL) {
        tile_args s = {.k = a->head_dim,
                       .x = a->q + t->row * a->q_stride,
                       .x_stride = a->q_stride,
                       .w = a->keys + first / KEYS * a->key_block_stride + j,
                       .w_stride = KEYS,
                       .vec_stride = LANES,
                       .y = &t->score[0][j],
                       .y_stride = KEYS,
                       .cols = PANEL};
        tile_rows(t->rows, &s);
    }
}

// Scale, mask and limit one row's scores; its largest one. What the row does not see becomes -inf.
static float attend_mask(attend_tile *t, int r, int64_t first) {
    const decoct_attention_piece *a = t->a;
    const vec scale = vec_set(a->scale), minus_inf = vec_set(-__builtin_inff());
    vec max = minus_inf;
    t->hidden[r] = 0;
    for (int64_t j = 0; j < KEYS; j += LANES) {
        int64_t seen = t->limit[r] - j;
        vec z = minus_inf;
        if (seen > 0) {
            z = vec_mul(vec_load(&t->score[r][j]), scale);
            if (a->mask) {
                const float *mask = a->mask + (t->row + r) * a->mask_stride + first + j;
                vec m = tile_load(mask, seen);
                z = vec_hide(vec_add(z, m), m);
            }
            uint64_t here = seen < LANES ? (1u << seen) - 1u : 0xffffu;
            t->hidden[r] |= (vec_hidden(z) & here) << j;
            z = seen < LANES ? vec_blend_first(z, minus_inf, seen) : z;
        }
        vec_store(&t->score[r][j], z);
        max = vec_max(max, z);
    }
    return vec_fold_max(max);
}

// Multiplies row r of the output by x.
static void attend_rescale(const attend_tile *t, int r, float x) {
    float *out = t->a->out + (t->row + r) * t->a->out_stride;
    for (int64_t c = 0; c < t->a->value_dim; c += LANES) {
        int64_t left = t->a->value_dim - c;
        tile_store(out + c, vec_mul(tile_load(out + c, left), vec_set(x)), left);
    }
}

// Moves row r to the new maximum and turns its scores into exp(z - max).
static void attend_exp(attend_tile *t, int r, float max) {
    vec lane = vec_load(t->lane[r]), block = vec_set(0.0f);
    if (max != t->max[r]) {
        float rescale = exp_one(t->max[r] - max);
        t->max[r] = max;
        lane = vec_mul(lane, vec_set(rescale));
        attend_rescale(t, r, rescale);
    }
    for (int64_t j = 0; j < KEYS; j += LANES) {
        vec p = vec_exp(vec_sub(vec_load(&t->score[r][j]), vec_set(max)));
        vec_store(&t->score[r][j], p);
        block = vec_add(block, p);
    }
    vec_store(t->lane[r], vec_add(lane, block));
}

// out += p v for the keys [from, to) of the block, `rows` queries from the r-th on.
static void attend_values(const attend_tile *t, int r, int rows, int64_t first, int64_t from,
                          int64_t to) {
    const decoct_attention_piece *a = t->a;
    for (int64_t c = 0; c < a->value_dim && from < to; c += PANEL) {
        tile_args o = {.k = to - from,
                       .x = &t->score[r][from],
                       .x_stride = KEYS,
                       .w = a->v + (first + from) * a->v_stride + c,
                       .w_stride = a->v_stride,
                       .vec_stride = LANES,
                       .y = a->out + (t->row + r) * a->out_stride + c,
                       .y_stride = a->out_stride,
                       .cols = clamp(a->value_dim - c, 0, PANEL),
                       .accumulate = 1};
        if (o.cols == PANEL) {
            tile_rows(rows, &o);
        } else {
            tile_rows_tail(rows, &o);
        }
    }
}

// Row r's own keys from `from` on, in runs between the hidden ones.
static void attend_runs(const attend_tile *t, int r, int64_t first, int64_t from) {
    while (from < t->limit[r]) {
        uint64_t hidden = t->hidden[r] >> from;
        int64_t to = hidden ? from + __builtin_ctzll(hidden) : t->limit[r];
        attend_values(t, r, 1, first, from, to);
        from = to + 1;
    }
}

static void attend_block(attend_tile *t, int64_t first) {
    int64_t shared = KEYS; // keys that all rows see
    attend_scores(t, first);
    for (int r = 0; r < t->rows; r++) {
        float max = attend_mask(t, r, first);
        max = t->max[r] > max ? t->max[r] : max;
        if (__builtin_popcountll(t->hidden[r]) == t->limit[r]) { // no key is seen
            t->limit[r] = 0;
            t->hidden[r] = 0;
        } else {
            attend_exp(t, r, max);
        }
        int64_t run = t->hidden[r] ? __builtin_ctzll(t->hidden[r]) : t->limit[r];
        shared = run < shared ? run : shared;
    }
    attend_values(t, 0, t->rows, first, 0, shared);
    for (int r = 0; r < t->rows; r++) {
        attend_runs(t, r, first, shared);
    }
}

// The softmax itself, for looking at: the scores once more, now that maximum and sum are known.
static void attend_weights(attend_tile *t, const float inverse[TILE_ROWS]) {
    const decoct_attention_piece *a = t->a;
    for (int64_t first = 0; first < a->kv_len; first += KEYS) {
        int64_t keys = clamp(a->kv_len - first, 0, KEYS);
        attend_scores(t, first);
        for (int r = 0; r < t->rows; r++) {
            float *weights = a->weights + (t->row + r) * a->weights_stride + first;
            attend_mask(t, r, first);
            for (int64_t j = 0; j < keys; j++) {
                bool seen = j < t->limit[r] && !(t->hidden[r] >> j & 1);
                weights[j] = seen ? exp_one(t->score[r][j] - t->max[r]) * inverse[r] : 0.0f;
            }
        }
    }
}

static void attend(attend_tile *t) {
    const decoct_attention_piece *a = t->a;
    int64_t most = attend_visible(t, 0), last = attend_visible(t, t->rows - 1);
    float inverse[TILE_ROWS];
    most = last > most ? last : most;
    for (int r = 0; r < t->rows; r++) {
        t->max[r] = -__builtin_inff();
        vec_store(t->lane[r], vec_set(0.0f));
        for (int64_t c = 0; c < a->value_dim; c++) {
            a->out[(t->row + r) * a->out_stride + c] = 0.0f;
        }
    }
    for (int64_t first = 0; first < most; first += KEYS) {
        attend_block(t, first);
    }
    for (int r = 0; r < t->rows; r++) {
        float sum = vec_fold(vec_load(t->lane[r]));
        inverse[r] = sum == 0.0f ? 0.0f : 1.0f / sum;
        attend_rescale(t, r, inverse[r]);
    }
    if (a->weights) {
        attend_weights(t, inverse);
    }
}

static void attention_run(const decoct_attention_piece *a) {
    for (int64_t row = 0; row < a->rows; row += TILE_ROWS) {
        attend_tile t = {.a = a, .row = row, .rows = (int)clamp(a->rows - row, 0, TILE_ROWS)};
        attend(&t);
    }
}

static void pack_keys(int64_t count, int64_t head_dim, const float *k, int64_t k_stride,
                      float *block) {
    for (int64_t j = 0; j < KEYS; j += SQUARE) {
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

#endif
