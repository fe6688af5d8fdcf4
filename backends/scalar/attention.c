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
        sum = a->softcap * tanh_canonical(sum / a->softcap);
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
    lanes sum;
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
    float rescale = exp_canonical(state->max - max);
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
        float p = exp_canonical(s[j - first] - max);
        state->sum.part[j % LANES] += p;
        for (int64_t c = 0; c < a->value_dim; c++) {
            out[c] = fmaf(p, v[c], out[c]);
        }
    }
    close_chunk(&state->sum);
}

// The result of one part, or of all parts so far. A sum of 0: no key was seen.
typedef struct row_result {
    float max, sum;
} row_result;

// Keys [first, last) of one part, by themselves; out (value_dim).
static row_result attend_part(const decoct_attention_piece *a, int64_t row, int64_t first,
                              int64_t last, float *out) {
    row_state state = {.max = -INFINITY, .out = out};
    for (int64_t c = 0; c < a->value_dim; c++) {
        out[c] = 0.0f;
    }
    for (; first < last; first += KEYS) {
        attend_block(a, row, first, first + KEYS < last ? first + KEYS : last, &state);
    }
    return (row_result){state.max, fold(&state.sum)};
}

// Adds the next part to those before it. The first part that saw a key is copied.
static void merge_part(int64_t value_dim, row_result next, const float *next_out, row_result *all,
                       float *out) {
    if (next.sum == 0.0f) {
        return;
    }
    if (all->sum == 0.0f) {
        *all = next;
        memcpy(out, next_out, (size_t)value_dim * sizeof *out);
        return;
    }
    float max = all->max > next.max ? all->max : next.max;
    float before = exp_canonical(all->max - max), here = exp_canonical(next.max - max);
    all->max = max;
    all->sum = fmaf(next.sum, here, all->sum * before);
    for (int64_t c = 0; c < value_dim; c++) {
        out[c] = fmaf(next_out[c], here, out[c] * before);
    }
}

// One more score, without a value.
static void merge_sink(const decoct_attention_piece *a, row_result *all, float *out) {
    float *nothing = a->scratch;
    for (int64_t c = 0; c < a->value_dim; c++) {
        nothing[c] = 0.0f;
    }
    merge_part(a->value_dim, (row_result){*a->sinks, 1.0f}, nothing, all, out);
}

static int64_t attention_scratch(const decoct_attention_piece *a) {
    return a->value_dim * (int64_t)sizeof(float); // the outputs of one part
}

// All parts, and the sink; out (value_dim) is not divided by the sum yet.
static row_result attend_row(const decoct_attention_piece *a, int64_t row, float *out) {
    int64_t visible = visible_keys(a, row);
    row_result all = attend_part(a, row, 0, visible < PART ? visible : PART, out);
    for (int64_t first = PART; first < visible; first += PART) {
        int64_t last = first + PART < visible ? first + PART : visible;
        row_result next = attend_part(a, row, first, last, a->scratch);
        merge_part(a->value_dim, next, a->scratch, &all, out);
    }
    if (a->sinks && *a->sinks != -INFINITY) {
        merge_sink(a, &all, out);
    }
    return all;
}

static void attention_run(const decoct_attention_piece *a) {
    for (int64_t row = 0; row < a->rows; row++) {
        float *out = a->out + row * a->out_stride;
        row_result all = attend_row(a, row, out);
        float inverse = all.sum == 0.0f ? 0.0f : 1.0f / all.sum;
        for (int64_t c = 0; c < a->value_dim; c++) {
            out[c] *= inverse;
        }
        for (int64_t j = 0; a->weights && j < a->kv_len; j++) {
            float s = j < visible_keys(a, row) ? score(a, row, j) : -INFINITY;
            float w = s == -INFINITY ? 0.0f : exp_canonical(s - all.max) * inverse;
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
                    DECOCT_ATTENTION_SINKS
};
static const decoct_attention_kernel attention_list[] = {{.kv_dtypes = 1u << DECOCT_F32,
                                                          .features = EVERY_FEATURE,
                                                          .tile_rows = 8,
                                                          .scratch_bytes = attention_scratch,
                                                          .run = attention_run}};
const decoct_attention_kernels backend_attention = DECOCT_KERNELS(attention_list);
