// SPDX-License-Identifier: BSD-2-Clause
// Parts of DECOCT_KEY_PART keys: each is worked on by itself, and merged with those before it.
#ifndef SIMD_ATTENTION_PARTS_H
#define SIMD_ATTENTION_PARTS_H

#include "attention_state.h"
#include "exp.h"

#include <stddef.h>

// A part begins with row r at 0 keys.
static void attend_clear(attend_group *g, int r) {
    g->max[r] = -__builtin_inff();
    vec_store(g->lane + r * LANES, vec_set(0.0f));
    for (int64_t c = 0; c < g->width; c += LANES) {
        vec_store(g->out + r * g->width + c, vec_set(0.0f));
    }
}

// out = part B + out A, for the outputs of one row.
INLINE void attend_merge_out(int64_t width, const float *part, float b, float a, float *out) {
    for (int64_t c = 0; c < width; c += LANES) {
        vec before = vec_mul(vec_load(out + c), vec_set(a));
        vec_store(out + c, vec_fma(vec_load(part + c), vec_set(b), before));
    }
}

// Row r at the end of a part, with its sum: the first part that saw a key is copied.
static void attend_merge(attend_group *g, int r, float sum) {
    float *out = g->all_out + r * g->width, *all = &g->all_sum[r], *max = &g->all_max[r];
    const float *part = g->out + r * g->width;
    if (*all == 0.0f) {
        *all = sum;
        *max = g->max[r];
        __builtin_memcpy(out, part, (size_t)g->width * sizeof *out);
        return;
    }
    float top = *max > g->max[r] ? *max : g->max[r];
    float a = exp_one(*max - top), b = exp_one(g->max[r] - top);
    *max = top;
    *all = __builtin_fmaf(sum, b, *all * a);
    attend_merge_out(g->width, part, b, a, out);
}

// Merges the part that ends here, and begins the next one. A row that saw no key in it keeps its
// state.
static void attend_close_part(attend_group *g) {
    for (int r = 0; r < g->rows; r++) {
        float sum = vec_fold(vec_load(g->lane + r * LANES));
        if (sum != 0.0f) {
            attend_merge(g, r, sum);
            attend_clear(g, r);
        }
    }
}

// All parts as one: the end of the piece does not depend on them.
static void attend_take_all(attend_group *g) {
    for (int r = 0; r < g->rows; r++) {
        if (g->all_sum[r] != 0.0f) {
            g->max[r] = g->all_max[r];
            g->lane[r * LANES] = g->all_sum[r];
            __builtin_memcpy(g->out + r * g->width, g->all_out + r * g->width,
                             (size_t)g->width * sizeof *g->out);
        }
    }
}

// The sink, one more part of which the sum is 1 and the outputs are 0, in each row that saw a key.
static void attend_sinks(attend_group *g) {
    for (int r = 0; r < g->rows; r++) {
        float *lane = g->lane + r * LANES, *out = g->out + r * g->width;
        float sum = vec_fold(vec_load(lane)), sink = g->a->sinks[attend_head(g, r)];
        if (sum == 0.0f || sink == -__builtin_inff()) {
            continue;
        }
        float top = g->max[r] > sink ? g->max[r] : sink;
        float a = exp_one(g->max[r] - top), b = exp_one(sink - top);
        g->max[r] = top;
        vec_store(lane, vec_set(0.0f));
        lane[0] = __builtin_fmaf(1.0f, b, sum * a);
        for (int64_t c = 0; c < g->width; c += LANES) {
            vec before = vec_mul(vec_load(out + c), vec_set(a));
            vec_store(out + c, vec_fma(vec_set(0.0f), vec_set(b), before));
        }
    }
}

#endif
