// SPDX-License-Identifier: BSD-2-Clause
// Cases of attention. Scalar accepts packed keys of one head only: its result for unpacked keys or
// several heads is composed of such pieces.
#include "exam.h"
#include "sound.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    BLOCK = DECOCT_KEY_BLOCK,
    V = EXAM_EXTRA / 2,
    WEIGHTS = 1 << 12,
    HEADS = 3,
    GROUP = 2,
    PHASE = 1
};
typedef enum mask_kind { NO_MASK, FINITE, HIDING } mask_kind;

typedef struct attention_case {
    const char *what;
    int64_t rows, kv_len, head_dim, value_dim;
    int64_t visible, step; // visible 0: all keys
    mask_kind mask;
    bool weights;
    int64_t heads;        // 0: packed keys; else the heads of a piece with unpacked ones
    bool odd_hidden, odd; // NaN and infinities in hidden keys and values; in visible ones
    float scale;
    // DECOCT_ATTENTION_ bits; a kernel gets those that it claims, and no case of which it claims
    // nothing. Keys before the window of row 0 are NaN. With PARTS the case is a part.
    uint32_t features;
    int64_t position;
} attention_case;

enum {
    WINDOW = DECOCT_ATTENTION_WINDOW,
    SOFTCAP = DECOCT_ATTENTION_SOFTCAP,
    SLOPES = DECOCT_ATTENTION_SLOPES,
    SINKS = DECOCT_ATTENTION_SINKS,
    PARTS = DECOCT_ATTENTION_PARTS,
    ALL = WINDOW | SOFTCAP | SLOPES | SINKS,
    KEYS_IN_WINDOW = 70,
    FAR = 1 << 24 // from here on not every distance is an f32
};
static const float slopes[HEADS] = {0.25f, -0.0625f, 0.7f};
static const float sinks[HEADS] = {1.5f, -INFINITY, -3.0f};
static const float softcap = 1.7f;

static const attention_case attention_cases[] = {
    {"1 key", 1, 1, 1, 1, 0, 0, NO_MASK, false, 0, false, false, 1.0f, 0, 0},
    {"causal", 5, 150, 7, 9, 146, 1, NO_MASK, false, 0, false, false, 0.5f, 0, 0},
    {"causal, wide heads", 3, 100, 64, 65, 97, 1, NO_MASK, false, 0, false, false, 0.125f, 0, 0},
    {"no key to see in the first rows", 5, 3, 16, 16, -1, 1, NO_MASK, true, 0, false, false, 1.0f,
     0, 0},
    {"more rows than a tile", 41, 66, 8, 5, 60, 1, NO_MASK, false, 0, false, false, 0.5f, 0, 0},
    {"wide scores", 3, 130, 33, 17, 0, 0, NO_MASK, true, 0, false, false, 60.0f, 0, 0},
    {"mask", 3, 70, 9, 4, 0, 0, FINITE, false, 0, false, false, 0.5f, 0, 0},
    {"weights", 3, 70, 9, 4, 68, 1, NO_MASK, true, 0, false, false, -0.5f, 0, 0},
    {"mask that hides, and weights", 4, 150, 7, 9, 0, 0, HIDING, true, 0, false, false, 0.5f, 0, 0},
    {"mask that hides, causal", 4, 150, 7, 9, 140, 3, HIDING, false, 0, false, false, 0.5f, 0, 0},
    {"NaN in hidden keys", 3, 90, 6, 5, 80, 1, HIDING, true, 0, true, false, 0.5f, 0, 0},
    {"NaN and infinities", 4, 90, 6, 5, 0, 0, NO_MASK, true, 0, false, true, 0.5f, 0, 0},
    {"2100 keys", 1, 2100, 2, 3, 0, 0, NO_MASK, false, 0, false, false, 3.0f, 0, 0},
    {"unpacked keys, 1 row", 1, 150, 7, 9, 0, 0, NO_MASK, false, 1, false, false, 0.5f, 0, 0},
    {"unpacked keys, masked", 3, 70, 17, 9, 66, 1, HIDING, true, 1, true, false, 0.5f, 0, 0},
    {"several heads", 1, 150, 8, 8, 0, 0, NO_MASK, false, HEADS, false, false, 0.5f, 0, 0},
    {"several heads, masked", 2, 70, 7, 9, 66, 1, HIDING, true, HEADS, true, false, 0.5f, 0, 0},
    {"window", 9, 200, 7, 9, 150, 1, NO_MASK, true, 0, false, false, 0.5f, WINDOW, 0},
    {"window, masked", 4, 150, 7, 9, 140, 1, HIDING, false, 0, false, false, 0.5f, WINDOW, 0},
    {"window behind the keys", 3, 90, 7, 9, 159, 1, NO_MASK, true, 0, false, false, 0.5f, WINDOW,
     0},
    {"window, 1 row", 1, 150, 7, 9, 0, 0, NO_MASK, true, 1, false, false, 0.5f, WINDOW, 0},
    {"softcap", 4, 90, 6, 5, 0, 0, NO_MASK, true, 0, false, false, 3.0f, SOFTCAP, 0},
    {"softcap, causal", 5, 150, 7, 9, 146, 1, FINITE, true, 0, false, false, 0.5f, SOFTCAP, 0},
    {"softcap, infinities", 4, 90, 6, 5, 0, 0, NO_MASK, true, 0, false, true, 0.5f, SOFTCAP, 0},
    {"slopes", 5, 150, 7, 9, 146, 1, NO_MASK, true, 0, false, false, 0.5f, SLOPES, 145},
    {"slopes, masked", 3, 70, 9, 4, 0, 0, HIDING, true, 0, false, false, 0.5f, SLOPES, -20},
    {"slopes, far away", 2, 70, 9, 4, 0, 0, NO_MASK, true, 0, false, false, 0.5f, SLOPES, FAR + 31},
    {"sink", 3, 70, 9, 4, 0, 0, NO_MASK, true, 0, false, false, 0.5f, SINKS, 0},
    {"sink, no key to see", 5, 3, 16, 16, -1, 1, NO_MASK, true, 0, false, false, 1.0f, SINKS, 0},
    {"sink, 2100 keys", 2, 2100, 2, 3, 2099, 1, NO_MASK, false, 0, false, false, 3.0f, SINKS, 0},
    {"all parameters", 9, 150, 7, 9, 142, 1, HIDING, true, 0, false, false, 0.5f, ALL, 141},
    {"all, many rows", 130, 150, 7, 9, 20, 1, NO_MASK, false, 0, false, false, 0.5f, ALL, 19},
    {"all, unpacked keys", 3, 150, 7, 9, 148, 1, NO_MASK, true, 1, false, false, 0.5f, ALL, 147},
    {"all, several heads", 2, 70, 7, 9, 69, 1, HIDING, true, HEADS, true, false, 0.5f, ALL, 68},
    {"part", 3, 150, 7, 9, 0, 0, NO_MASK, false, 0, false, false, 0.5f, PARTS, 0},
    {"part, no key to see in the first rows", 5, 3, 16, 16, -1, 1, NO_MASK, false, 0, false, false,
     1.0f, PARTS, 0},
    {"part, masked", 4, 150, 7, 9, 140, 1, HIDING, false, 0, true, false, 0.5f, PARTS, 0},
    {"part, parameters", 9, 150, 7, 9, 142, 1, NO_MASK, false, 0, false, false, 0.5f,
     PARTS | WINDOW | SOFTCAP | SLOPES, -2048},
    {"part, NaN and infinities", 4, 90, 6, 5, 0, 0, NO_MASK, false, 0, false, true, 0.5f, PARTS, 0},
    {"part, unpacked keys", 3, 150, 7, 9, 148, 1, NO_MASK, false, 1, false, false, 0.5f, PARTS, 0},
    {"part, several heads", 2, 70, 7, 9, 66, 1, HIDING, false, HEADS, true, false, 0.5f, PARTS, 0},
};

static bool is_hidden(const attention_case *c, int64_t row, int64_t key) {
    return c->mask == HIDING && (row == 1 || (row == 0 && key < BLOCK) || key % 7 == 3);
}

// ---- Operands ----

static void fill_mask(exam *e, const attention_case *c, int64_t heads) {
    int64_t stride = c->kv_len + 1;
    for (int64_t i = 0; c->mask != NO_MASK && i < heads * c->rows * stride; i++) {
        bool hidden = is_hidden(c, i / stride % c->rows, i % stride);
        e->mask[i] = hidden ? -INFINITY : 4.0f * e->input[i + 5000];
    }
}

static void fill_keys(exam *e, const attention_case *c, const decoct_attention_piece *p) {
    memcpy(e->extra, e->input, sizeof e->extra);
    for (int64_t j = 0; j < c->kv_len; j++) {
        float *k = e->extra + j * p->k_stride, *v = e->extra + V + j * p->v_stride;
        bool before = c->features & WINDOW && j < p->visible - KEYS_IN_WINDOW;
        if (before || (c->odd_hidden && j % 7 == 3)) {
            k[0] = j % 2 ? NAN : INFINITY;
            v[0] = j % 2 ? INFINITY : NAN;
        }
        if (c->odd && j % 40 == 11) {
            k[0] = j == 11 ? INFINITY : -INFINITY;
            v[c->value_dim - 1] = j == 51 ? -INFINITY : -0.0f;
        }
    }
}

// Heads side by side: head h of a row follows head h - 1.
static decoct_attention_piece attention_piece(exam *e, const attention_case *c) {
    int64_t heads = c->heads ? c->heads : 1, kv_heads = (PHASE + heads - 1) / GROUP + 1;
    decoct_attention_piece p = {.rows = c->rows,
                                .kv_len = c->kv_len,
                                .head_dim = c->head_dim,
                                .value_dim = c->value_dim,
                                .q = e->input + 1,
                                .q_stride = heads * c->head_dim + 2,
                                .v = e->extra + V,
                                .v_stride = kv_heads * c->value_dim + 1,
                                .out_stride = heads * c->value_dim + 2,
                                .mask = c->mask == NO_MASK ? NULL : e->mask,
                                .mask_stride = c->kv_len + 1,
                                .weights_stride = c->kv_len + 3,
                                .visible = c->visible ? c->visible : c->kv_len,
                                .visible_step = c->step,
                                .scale = c->scale,
                                .k = e->extra,
                                .k_stride = kv_heads * c->head_dim + 1,
                                .heads = heads,
                                .kv_group = GROUP,
                                .kv_phase = PHASE,
                                .q_head_stride = c->head_dim,
                                .k_head_stride = c->head_dim,
                                .v_head_stride = c->value_dim,
                                .out_head_stride = c->value_dim,
                                .mask_head_stride = c->rows * (c->kv_len + 1),
                                .weights_head_stride = c->rows * (c->kv_len + 3),
                                .window = c->features & WINDOW ? KEYS_IN_WINDOW : 0,
                                .softcap = c->features & SOFTCAP ? softcap : 0.0f,
                                .position = c->position,
                                .slopes = c->features & SLOPES ? slopes : NULL,
                                .sinks = c->features & SINKS ? sinks : NULL};
    fill_keys(e, c, &p);
    fill_mask(e, c, heads);
    return p;
}

static bool is_part(const attention_case *c) {
    return c->features & PARTS;
}

// Weights and the state are at the same place: a part has no weights.
static void place_outputs(decoct_attention_piece *p, const attention_case *c, float *out) {
    p->out = out + EXAM_START;
    p->weights = c->weights ? out + WEIGHTS : NULL;
    p->state = is_part(c) ? out + WEIGHTS : NULL;
}

// Where it may be any number, the largest score is 0, and so is -0.
static void settle_state(float *state, int64_t rows) {
    for (int64_t i = 0; i < rows; i++, state += 2) {
        state[0] = state[1] == 0.0f || isnan(state[1]) || state[0] == 0.0f ? 0.0f : state[0];
    }
}

static void pack_keys(exam *e, decoct_attention_piece *p, const float *k) {
    p->keys = e->panels;
    p->key_block_stride = p->head_dim * BLOCK;
    for (int64_t j = 0; j < p->kv_len; j += BLOCK) {
        int64_t count = p->kv_len - j < BLOCK ? p->kv_len - j : BLOCK;
        e->scalar->pack_keys(
            &(decoct_keys_piece){.count = count,
                                 .head_dim = p->head_dim,
                                 .k = {.data = k + j * p->k_stride, .stride = p->k_stride},
                                 .block = e->panels + j * p->head_dim});
    }
}

// ---- The two runs ----

// False without memory.
static bool run_attention(exam *e, const decoct_attention_kernel *kernel,
                          decoct_attention_piece *p) {
    int64_t size = kernel->scratch_bytes ? kernel->scratch_bytes(p) : 0;
    if (size < 0 || size > DCT_SCRATCH_MAX) {
        return exam_fail(e, "scratch_bytes() asks for %lld bytes", (long long)size);
    }
    p->scratch = exam_scratch(e, size);
    if (size > 0 && !p->scratch) {
        return false;
    }
    kernel->run(p);
    return true;
}

// Scalar, head by head.
static bool run_definition(exam *e, const decoct_attention_piece *whole) {
    for (int64_t h = 0; h < whole->heads; h++) {
        decoct_attention_piece p = *whole;
        int64_t kv = whole->heads == 1 ? 0 : (whole->kv_phase + h) / whole->kv_group;
        p.heads = 0;
        p.q += h * whole->q_head_stride;
        p.v = (const float *)whole->v + kv * whole->v_head_stride;
        p.out += h * whole->out_head_stride;
        p.mask = p.mask ? p.mask + h * whole->mask_head_stride : NULL;
        p.weights = p.weights ? p.weights + h * whole->weights_head_stride : NULL;
        p.slopes = p.slopes ? p.slopes + h : NULL;
        p.sinks = p.sinks ? p.sinks + h : NULL;
        p.state = p.state ? p.state + 2 * h * whole->rows : NULL;
        pack_keys(e, &p, (const float *)whole->k + kv * whole->k_head_stride);
        if (!run_attention(e, &e->scalar->attention[0], &p)) {
            return false;
        }
    }
    return true;
}

static bool examine_case(exam *e, const decoct_attention_kernel *kernel, const attention_case *c) {
    decoct_attention_piece p = attention_piece(e, c);
    int64_t all_rows = p.heads * c->rows;
    int64_t more = c->weights ? all_rows * p.weights_stride : is_part(c) ? 2 * all_rows : 0;
    exam_begin(e, NULL, more ? WEIGHTS - EXAM_START + more : c->rows * p.out_stride);
    place_outputs(&p, c, e->right);
    if (!run_definition(e, &p)) {
        return false;
    }
    place_outputs(&p, c, e->given);
    if (!c->heads) {
        pack_keys(e, &p, p.k);
        p.k = NULL;
        p.heads = 0;
    }
    if (!run_attention(e, kernel, &p)) {
        return false;
    }
    if (is_part(c)) {
        settle_state(e->right + WEIGHTS, all_rows);
        settle_state(e->given + WEIGHTS, all_rows);
    }
    exam_matrix outputs[] = {
        {"", EXAM_START, c->rows, p.out_stride - 2, p.out_stride},
        is_part(c) ? (exam_matrix){"state: ", WEIGHTS, all_rows, 2, 2}
                   : (exam_matrix){"weights: ", WEIGHTS, all_rows, c->kv_len, p.weights_stride},
    };
    return exam_same(e, c->what, outputs, more ? 2 : 1);
}

bool exam_attention(exam *e, const decoct_attention_kernel *kernel) {
    int64_t tile = kernel->tile_rows;
    for (size_t i = 0; i < sizeof attention_cases / sizeof *attention_cases; i++) {
        attention_case c = attention_cases[i];
        if ((c.heads && !kernel->packs_keys) ||
            (c.heads > 1 && kernel->packs_keys < DECOCT_PACKS_HEADS)) {
            continue;
        }
        c.features &= kernel->features;
        if (attention_cases[i].features && !c.features) {
            continue;
        }
        c.rows = c.heads && c.rows > tile ? tile : c.rows;
        if (!examine_case(e, kernel, &c)) {
            return false;
        }
    }
    return true;
}
