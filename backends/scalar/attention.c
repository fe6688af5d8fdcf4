// SPDX-License-Identifier: BSD-2-Clause
// Attention, by definition: blocks of keys in parts, a running maximum, parts merged in order.
#include "scalar.h"

#include <float.h>

static int64_t visible_keys(const decoct_attention_piece *a, int64_t row) {
    int64_t visible = a->visible + row * a->visible_step;
    return visible < 0 ? 0 : visible > a->kv_len ? a->kv_len : visible;
}

// Before the window, or masked: even a NaN does not show.
static bool is_hidden(const decoct_attention_piece *a, int64_t row, int64_t key) {
    bool before = a->window && key < a->visible + row * a->visible_step - a->window;
    return before || (a->mask && a->mask[row * a->mask_stride + key] == -INFINITY);
}

// -inf means hidden. A score that overflows is the least finite number instead, so that only a mask
// or a window hides; NaN passes through.
static float score(const decoct_attention_piece *a, int64_t row, int64_t key) {
    if (is_hidden(a, row, key)) {
        return -INFINITY;
    }
    const float *q = a->q + row * a->q_stride;
    const float *k =
        (const float *)a->keys + key / KEYS * a->key_block_stride + key % KEYS; // step KEYS
    float sum = 0.0f;
    for (int64_t d = 0; d < a->head_dim; d++) {
        sum = fmaf(q[d], k[d * KEYS], sum);
    }
    sum *= a->scale;
    if (a->softcap != 0.0f) {
        sum = a->softcap * decoct_reference_tanh(sum / a->softcap);
    }
    if (a->slopes) {
        sum = fmaf(*a->slopes, (float)(key - (a->position + row)), sum);
    }
    if (a->mask) {
        sum += a->mask[row * a->mask_stride + key];
    }
    return sum < -FLT_MAX ? -FLT_MAX : sum;
}

// The state of a query row in one part of the keys. `out` is not divided by the sum yet.
typedef struct row_state {
    float max;
    decoct_reference_lanes sum;
    float *out; // (value_dim)
} row_state;

// Keys [first, last) of one block.
static void attend_block(const decoct_attention_piece *a, int64_t row, int64_t first, int64_t last,
                         row_state *state) {
    float *out = state->out;
    float s[KEYS];
    float max = state->max;
    bool seen = false; // a key that is not hidden; its score may be NaN, which the maximum forgets
    for (int64_t j = first; j < last; j++) {
        s[j - first] = score(a, row, j);
        seen = seen || s[j - first] != -INFINITY;
        max = max > s[j - first] ? max : s[j - first];
    }
    if (!seen) {
        return;
    }
    float rescale = decoct_reference_exp(state->max - max);
    state->max = max;
    for (int i = 0; i < LANES; i++) {
        state->sum.total[i] *= rescale;
    }
    for (int64_t c = 0; c < a->value_dim; c++) {
        out[c] *= rescale;
    }
    for (int64_t j = first; j < last; j++) {
        if (s[j - first] == -INFINITY) {
            continue;
        }
        const float *v = (const float *)a->v + j * a->v_stride;
        float p = decoct_reference_exp(s[j - first] - max);
        state->sum.part[j % LANES] += p;
        for (int64_t c = 0; c < a->value_dim; c++) {
            out[c] = fmaf(p, v[c], out[c]);
        }
    }
    decoct_reference_close_chunk(&state->sum);
}

// Keys [first, last) of one part, by themselves; out (value_dim).
static decoct_reference_part attend_part(const decoct_attention_piece *a, int64_t row,
                                         int64_t first, int64_t last, float *out) {
    row_state state = {.max = -INFINITY, .out = out};
    for (int64_t c = 0; c < a->value_dim; c++) {
        out[c] = 0.0f;
    }
    for (; first < last; first += KEYS) {
        attend_block(a, row, first, first + KEYS < last ? first + KEYS : last, &state);
    }
    return (decoct_reference_part){state.max, decoct_reference_fold(&state.sum)};
}

// One more score, without a value.
static void merge_sink(const decoct_attention_piece *a, decoct_reference_part *all, float *out) {
    float *nothing = a->scratch;
    for (int64_t c = 0; c < a->value_dim; c++) {
        nothing[c] = 0.0f;
    }
    decoct_reference_merge(a->value_dim, (decoct_reference_part){*a->sinks, 1.0f}, nothing, all,
                           out);
}

static int64_t attention_scratch(const decoct_attention_piece *a) {
    return a->value_dim * (int64_t)sizeof(float); // the outputs of one part
}

// All parts, and the sink; out (value_dim) is not divided by the sum yet.
static decoct_reference_part attend_row(const decoct_attention_piece *a, int64_t row, float *out) {
    int64_t visible = visible_keys(a, row);
    decoct_reference_part all = attend_part(a, row, 0, visible < PART ? visible : PART, out);
    for (int64_t first = PART; first < visible; first += PART) {
        int64_t last = first + PART < visible ? first + PART : visible;
        decoct_reference_part next = attend_part(a, row, first, last, a->scratch);
        decoct_reference_merge(a->value_dim, next, a->scratch, &all, out);
    }
    if (a->sinks && *a->sinks != -INFINITY) {
        merge_sink(a, &all, out);
    }
    return all;
}

static void attention_run(const decoct_attention_piece *a) {
    for (int64_t row = 0; row < a->rows; row++) {
        float *out = a->out + row * a->out_stride;
        decoct_reference_part all = attend_row(a, row, out);
        if (a->state) { // a part ends here
            memcpy(a->state + 2 * row, (float[]){all.max, all.sum}, 2 * sizeof *a->state);
            continue;
        }
        float inverse = all.sum == 0.0f ? 0.0f : 1.0f / all.sum;
        for (int64_t c = 0; c < a->value_dim; c++) {
            out[c] *= inverse;
        }
        for (int64_t j = 0; a->weights && j < a->kv_len; j++) {
            float s = j < visible_keys(a, row) ? score(a, row, j) : -INFINITY;
            float w = s == -INFINITY ? 0.0f : decoct_reference_exp(s - all.max) * inverse;
            a->weights[row * a->weights_stride + j] = w;
        }
    }
}

void backend_pack_keys(const decoct_keys_piece *a) {
    const float *k = a->k.data;
    float *block = a->block;
    for (int64_t d = 0; d < a->head_dim; d++) {
        for (int64_t j = 0; j < KEYS; j++) {
            block[d * KEYS + j] = j < a->count ? k[j * a->k.stride + d] : 0.0f;
        }
    }
}

enum {
    EVERY_FEATURE = DECOCT_ATTENTION_WINDOW | DECOCT_ATTENTION_SOFTCAP | DECOCT_ATTENTION_SLOPES |
                    DECOCT_ATTENTION_SINKS | DECOCT_ATTENTION_PARTS
};
static const decoct_attention_kernel attention_list[] = {{.kv_dtypes = 1u << DECOCT_F32,
                                                          .features = EVERY_FEATURE,
                                                          .tile_rows = 8,
                                                          .scratch_bytes = attention_scratch,
                                                          .run = attention_run}};
const decoct_attention_kernels backend_attention = DECOCT_KERNELS(attention_list);
