// SPDX-License-Identifier: BSD-2-Clause
// Several heads in a piece. Those that share their keys are one group, a bundle, so that each key
// is read once; the bundles work side by side, on a few keys each, so that memory is read in its
// order. Included by attention.c after what works on one group.
#ifndef SIMD_ATTENTION_HEADS_H
#define SIMD_ATTENTION_HEADS_H

#include "attention_beside.h"

// One after the last head of the bundle that begins with `head`.
static int64_t bundle_end(const decoct_attention_piece *a, int64_t head) {
    int64_t shared = ((a->kv_phase + head) / a->kv_group + 1) * a->kv_group - a->kv_phase;
    int64_t most = clamp(ATTEND_ROWS / a->rows, 1, a->heads);
    int64_t end = shared < head + most ? shared : head + most;
    return end < a->heads ? end : a->heads;
}

// The bundle of heads [head, end).
static void bundle_start(const decoct_attention_piece *a, int64_t head, int64_t end,
                         attend_bundle *to) {
    decoct_attention_piece *one = &to->piece;
    int64_t kv = (a->kv_phase + head) / a->kv_group;
    *one = *a;
    one->q += head * a->q_head_stride;
    one->k = attend_k(a, 0) + kv * a->k_head_stride;
    one->v = attend_v(a, 0) + kv * a->v_head_stride;
    one->out += head * a->out_head_stride;
    one->mask = a->mask ? a->mask + head * a->mask_head_stride : 0;
    one->weights = a->weights ? a->weights + head * a->weights_head_stride : 0;
    one->slopes = a->slopes ? a->slopes + head : 0;
    one->sinks = a->sinks ? a->sinks + head : 0;
    one->state = a->state ? a->state + 2 * head * a->rows : 0;
    to->g.a = one;
    to->g.row = 0;
    to->g.heads = (int)(end - head);
    to->g.rows = to->g.heads * (int)a->rows;
    char *arrays = (char *)a->scratch + attend_bundles_size(a);
    attend_places(a, head * a->rows, (float *)(void *)arrays, &to->g);
    to->g.late = false; // the end of its queries is the beginning of the next one's
    to->g.k_ahead = to->g.v_ahead = (attend_ahead){0};
    attend_start(&to->g);
}

// What bundle b of them prefetches while it works on the block at `first`. Rows of all heads, end
// to end: its share of the next block, in the order of memory; otherwise its own columns of it.
static attend_ahead bundle_ahead(const decoct_attention_piece *a, int64_t b, const void *all,
                                 const void *own, int64_t first, int64_t stride,
                                 int64_t head_stride, int64_t dim) {
    const int64_t heads = (a->kv_phase + a->heads - 1) / a->kv_group + 1;
    if (head_stride == dim && stride == heads * dim) {
        const int64_t share = b * KEYS * dim;
        return (attend_ahead){.from = attend_far(all, first + KEYS, stride) +
                                      (uintptr_t)share * sizeof(float),
                              .stride = (uintptr_t)dim * sizeof(float),
                              .column = LANES * sizeof(float)};
    }
    return attend_ahead_at(own, first + KEYS, stride);
}

static void bundle_ask_next(const decoct_attention_piece *a, int64_t b, attend_bundle *bundle,
                            int64_t first) {
    attend_group *g = &bundle->g;
    g->k_ahead = bundle_ahead(a, b, a->k, bundle->piece.k, first, a->k_stride, a->k_head_stride,
                              a->head_dim);
    g->v_ahead = bundle_ahead(a, b, a->v, bundle->piece.v, first, a->v_stride, a->v_head_stride,
                              a->value_dim);
}

static void attend_side_by_side(const decoct_attention_piece *a) {
    attend_bundle *list = a->scratch;
    int64_t count = 0;
    for (int64_t h = 0; h < a->heads; h = bundle_end(a, h)) {
        bundle_start(a, h, bundle_end(a, h), &list[count++]);
    }
    const bool beside = attend_beside(a, list, count);
    beside_state state = beside_at(list, count);
    const int64_t end = attend_last(&list[0].g, 0, list[0].g.rows);
    for (int64_t first = attend_first_block(&list[0].g); first < end; first += KEYS) {
        if (beside && attend_sees_all(&list[0].g, 0, list[0].g.rows, first)) {
            beside_block(&state, first);
            continue;
        }
        beside_end(&state);
        for (int64_t b = 0; b < count; b++) {
            if (count > 1) {
                bundle_ask_next(a, b, &list[b], first);
            } else {
                attend_ask_next(&list[b].g, first);
            }
            attend_next(&list[b].g, first);
        }
    }
    beside_end(&state);
    for (int64_t b = 0; b < count; b++) {
        attend_end(&list[b].g);
    }
}

#endif
