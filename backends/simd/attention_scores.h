// SPDX-License-Identifier: BSD-2-Clause
// From queries and a block of keys to exp(z - max): the scores, masks, running maxima and sums.
#ifndef SIMD_ATTENTION_SCORES_H
#define SIMD_ATTENTION_SCORES_H

#include "attention_state.h"
#include "exp.h"
#include "tanh.h"

#include <float.h>

// ---- Scores ----

TILE_FUNCTION tiles_keys(int rows, const tile_args *a) {
    tile_rows(rows, PANEL_VECS, X_PACKED, KEYS, a);
}

// One vector of a panel of two.
TILE_FUNCTION tiles_keys_narrow(int rows, const tile_args *a) {
    tile_rows(rows, 1, X_PACKED, KEYS, a);
}

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
        tiles(1, TILE_VECS_MAX, X_PACKED, KEYS, &s);
        return;
    }
    const int64_t last = most % PANEL; // keys of a panel of which one vector may be enough
    const bool half = last > 0 && last <= PANEL - LANES;
    s.cols = s.w_next = s.y_next = PANEL;
    s.count = most / PANEL + (last > 0 && !half);
    tiles_keys(rows, &s);
    if (half) {
        s.w = keys + s.count * PANEL;
        s.y += s.count * PANEL;
        s.cols = LANES;
        s.count = 1;
        tiles_keys_narrow(rows, &s);
    }
}

// ---- Softcap and slopes ----

// What changes scores between scale and mask.
static bool attend_altered(const decoct_attention_piece *a) {
    return a->softcap != 0.0f || a->slopes;
}

// d, d + 1, ..., each rounded. Beyond 2^24 a sum of floats would be rounded differently.
INLINE vec attend_distance(int64_t d) {
    float lane[LANES];
    if (d > -(1 << 24) && d < (1 << 24) - LANES) {
        static const float steps[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        return vec_add(vec_set((float)d), vec_load(steps));
    }
    for (int i = 0; i < LANES; i++) {
        lane[i] = (float)(d + i);
    }
    return vec_load(lane);
}

// The raw scores of row r that it may see become scaled, capped and sloped ones.
static void attend_alter(attend_group *g, int r, int64_t first) {
    const decoct_attention_piece *a = g->a;
    const int64_t position = a->position + attend_query(g, r);
    const int64_t from = clamp(attend_begin(g, r) - first, 0, KEYS) / LANES * LANES;
    const int64_t limit = clamp(attend_visible(g, r) - first, 0, KEYS);
    for (int64_t j = from; j < limit; j += LANES) {
        float *weight = g->weight + (int64_t)r * WEIGHT_STRIDE + j;
        vec z = vec_mul(vec_load(weight), vec_set(a->scale));
        if (a->softcap != 0.0f) {
            vec cap = vec_set(a->softcap);
            z = vec_mul(cap, vec_tanh(vec_div(z, cap)));
        }
        if (a->slopes) {
            z = vec_fma(vec_set(a->slopes[attend_head(g, r)]),
                        attend_distance(first + j - position), z);
        }
        vec_store(weight, z);
    }
}

// ---- Masks and maxima ----

// The least score of a key that is not hidden; NaN passes through.
INLINE vec attend_least(vec z) {
    return vec_max(vec_set(-FLT_MAX), z);
}

// z = scale * q k + mask of one vector of row r, -inf where it sees nothing; *hidden: lanes below
// the limit whose mask is -inf.
INLINE vec attend_mask(const attend_group *g, int r, int64_t first, int64_t j, int64_t left,
                       vec scale, uint64_t *hidden) {
    const decoct_attention_piece *a = g->a;
    const vec minus_inf = vec_set(-__builtin_inff());
    vec z = vec_mul(vec_load(g->weight + (int64_t)r * WEIGHT_STRIDE + j), scale);
    if (a->mask) {
        const float *mask =
            a->mask + attend_head(g, r) * a->mask_head_stride + attend_query(g, r) * a->mask_stride;
        vec m = tile_load(mask + first + j, left);
        z = vec_hide(attend_least(vec_add(z, m)), m);
        *hidden |= (uint64_t)vec_hidden(m) << j; // lanes beyond the limit have a mask of 0
    } else {
        z = attend_least(z);
    }
    return left < LANES ? vec_blend_first(z, minus_inf, left) : z;
}

// Scores of row r in place of the raw ones, -inf where a key is not seen; sets seen[r], returns the
// largest. `windowed`, a constant: keys may be hidden before the first one that it sees.
INLINE float attend_hidden_scores(attend_group *g, int r, int64_t first, float scale,
                                  int windowed) {
    const vec minus_inf = vec_set(-__builtin_inff());
    const int64_t begin = windowed ? clamp(attend_begin(g, r) - first, 0, KEYS) : 0;
    const int64_t limit = clamp(attend_visible(g, r) - first, 0, KEYS);
    uint64_t hidden = (UINT64_C(1) << begin % KEYS) - 1;
    vec max = minus_inf;
    for (int64_t j = 0; j < KEYS; j += LANES) {
        vec z = minus_inf;
        if (limit > j && begin < j + LANES) {
            z = attend_mask(g, r, first, j, limit - j, vec_set(scale), &hidden);
            z = begin > j ? vec_blend_first(minus_inf, z, begin - j) : z;
        }
        vec_store(g->weight + (int64_t)r * WEIGHT_STRIDE + j, z);
        max = vec_max(max, z);
    }
    g->seen[r] = limit == KEYS ? ~hidden : ((UINT64_C(1) << limit) - 1) & ~hidden;
    g->seen[r] = begin == KEYS ? 0 : g->seen[r];
    return vec_fold_max(max);
}

static float attend_masked_scores(attend_group *g, int r, int64_t first, float scale) {
    return attend_hidden_scores(g, r, first, scale, 0);
}

static float attend_windowed_scores(attend_group *g, int r, int64_t first, float scale) {
    return attend_hidden_scores(g, r, first, scale, 1);
}

// The same where there is no mask and the row sees the whole block. `least`, a constant: whether
// scores of -inf become the least ones. *within becomes 0 where a score is too large for
// vec_exp_within.
INLINE float attend_plain_scores(attend_group *g, int r, float scale, int least, int *within) {
    float *weight = g->weight + (int64_t)r * WEIGHT_STRIDE;
    vec z[KEYS / LANES], max;
    UNROLL
    for (int i = 0; i < KEYS / LANES; i++) {
        z[i] = vec_mul(vec_load(weight + i * LANES), vec_set(scale));
        z[i] = least ? attend_least(z[i]) : z[i];
        max = i ? vec_max(max, z[i]) : z[i];
        vec_store(weight + i * LANES, z[i]);
    }
    *within &= !EXP_TESTS || vec_all_within(KEYS / LANES, z, VEC_EXP_WITHIN / 2);
    g->seen[r] = ~UINT64_C(0);
    return vec_fold_max(max);
}

// From the raw scores of row r to those of its softmax; returns the largest.
INLINE float attend_row_scores(attend_group *g, int r, int64_t first, bool altered) {
    if (altered) {
        attend_alter(g, r, first);
    }
    const float scale = altered ? 1.0f : g->a->scale; // it is in the altered ones
    if (g->a->window) {
        return attend_windowed_scores(g, r, first, scale);
    }
    int within = 0;
    bool plain = !g->a->mask && attend_visible(g, r) - first >= KEYS;
    return plain ? attend_plain_scores(g, r, scale, 1, &within)
                 : attend_masked_scores(g, r, first, scale);
}

// ---- Tiles ----

// Each of the rows [r, r + rows), of several heads each row, sees the whole block that starts at
// `first`, unmasked.
static bool attend_sees_all(const attend_group *g, int r, int rows, int64_t first) {
    const int last = (g->heads > 1 ? g->rows : r + rows) - 1;
    r = g->heads > 1 ? 0 : r;
    return !g->a->mask && attend_visible(g, r) - first >= KEYS &&
           attend_visible(g, last) - first >= KEYS && attend_begin(g, r) <= first &&
           attend_begin(g, last) <= first;
}

// Scores and new maxima of rows [r, r + rows), row by row.
static void attend_maxima(attend_group *g, int r, int rows, int64_t first, float *top) {
    const bool altered = attend_altered(g->a);
    for (int i = 0; i < rows; i++) {
        float old = g->max[r + i], max = attend_row_scores(g, r + i, first, altered);
        top[i] = old > max || !g->seen[r + i] ? old : max;
    }
}

// New maxima of rows [r, r + rows), each of which sees the whole block; returns whether the block's
// scores are small enough for vec_exp_within.
INLINE int attend_largest(attend_group *g, int r, int rows, float scale, int least, float *top) {
    int within = 1;
    for (int i = 0; i < rows; i++) {
        top[i] = attend_plain_scores(g, r + i, scale, least, &within);
    }
    vec_store(top, vec_max(vec_load(&g->max[r]), vec_load(top)));
    return within;
}

// The same where each row sees the whole block: without a branch that depends on a score, unless
// one is huge. A score of -inf has the same exp as the least one, 0, if the maximum is larger than
// that: then no score needs to be replaced. Returns whether vec_exp_within is enough.
static int attend_all_maxima(attend_group *g, int r, int rows, int64_t first, float *top) {
    const bool altered = attend_altered(g->a);
    for (int i = 0; altered && i < rows; i++) {
        attend_alter(g, r + i, first);
    }
    const int within = attend_largest(g, r, rows, altered ? 1.0f : g->a->scale, 0, top);
    const vec max = vec_blend_first(vec_load(top), vec_set(0.0f), rows); // others may be anything
    const bool usual = EXP_TESTS ? within && vec_all_within(1, &max, VEC_EXP_WITHIN / 2)
                                 : !vec_hidden(vec_add(max, max));
    if (!usual) {
        attend_largest(g, r, rows, 1.0f, 1, top); // they are scaled already
    }
    return usual || !EXP_TESTS;
}

// Moves rows [r, r + rows) to their new maxima: sums and outputs will be multiplied by
// exp(old - new). As long as a row has seen no key these are 0 and stay so.
static void attend_move(attend_group *g, int r, int rows, const float top[LANES]) {
    float factor[LANES], *old = &g->max[r];
    vec_store(factor, vec_exp(vec_sub(vec_load(old), vec_load(top))));
    for (int i = 0; i < LANES; i++) {
        g->factor[r + i] = old[i] == top[i] ? 1.0f : factor[i]; // not the NaN of inf - inf
    }
    tile_store(old, vec_load(top), rows);
}

// Scores, maxima and factors of rows [r, r + rows) in one block; returns whether vec_exp_within is
// enough for them.
static int attend_tops(attend_group *g, int r, int rows, int64_t first) {
    float top[LANES] = {0.0f};
    int within = 0;
    if (attend_sees_all(g, r, rows, first)) {
        within = attend_all_maxima(g, r, rows, first, top);
    } else {
        attend_maxima(g, r, rows, first, top);
    }
    attend_move(g, r, rows, top);
    return within;
}

// None of the rows [r, r + rows) sees a key of this block.
static void attend_see_nothing(attend_group *g, int r, int rows) {
    for (int i = r; i < r + rows; i++) {
        g->seen[i] = 0;
    }
}

// Row r's scores of the block become exp(z - max) and are added to its sum. `within`, a constant.
INLINE void attend_exp(attend_group *g, int r, int within) {
    enum { SEEN_VECS = 2 }; // as many are computed where the row sees one of them
    const int count = within ? EXP_VECS : SEEN_VECS;
    float *weight = g->weight + (int64_t)r * WEIGHT_STRIDE, *lane = g->lane + r * LANES;
    const vec max = vec_set(g->max[r]);
    vec block = vec_set(0.0f);
    UNROLL
    for (int i = 0; i < KEYS / LANES; i += count) {
        if (!within && !(g->seen[r] >> i * LANES)) {
            break; // it sees nothing from here on
        }
        vec e[EXP_VECS];
        UNROLL
        for (int v = 0; v < count; v++) {
            e[v] = vec_sub(vec_load(weight + (i + v) * LANES), max);
        }
        if (within && EXP_TESTS) {
            vec_exp_within(count, e);
        } else {
            vec_exp_below(count, e);
        }
        UNROLL
        for (int v = 0; v < count; v++) {
            vec_store(weight + (i + v) * LANES, e[v]);
            block = vec_add(block, e[v]);
        }
    }
    vec_store(lane, vec_add(vec_mul(vec_load(lane), vec_set(g->factor[r])), block));
}

// The same for rows [r, r + rows). A block in which a row sees no key does not change the row.
static void attend_exps(attend_group *g, int r, int rows, int within) {
    for (int i = r; within && i < r + rows; i++) {
        attend_exp(g, i, 1);
    }
    for (int i = r; !within && i < r + rows; i++) {
        if (g->seen[i]) {
            attend_exp(g, i, 0);
        }
    }
}

#endif
