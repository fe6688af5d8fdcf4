// SPDX-License-Identifier: BSD-2-Clause
// Shapes of attention: operands between forbidden pages, a float64 reference, a backend's bits
// compared with scalar's.
#ifndef ATTENTION_KIT_H
#define ATTENTION_KIT_H

#include "exact_kit.h"

#include "bench/cases/hidden_keys.h"

#include <math.h>
#include <string.h>

typedef struct shape {
    int64_t batch, heads, kv_heads, q_len, kv_len, head_dim, value_dim, q_offset;
    float scale; // 0: the default
    bool causal, mask, weights,
        interleaved; // interleaved: (len, heads, dim), the layout of a model
    float softcap;   // 0: none
    int64_t window;  // 0: none
    bool slopes, sinks, lengths, shared;
} shape;

enum { OPERANDS = 6, ROOM = 1 << 19, PART = 2048, MOST_KEYS = 3 * PART + 100 };
enum { MOST_HEADS = 16, MOST_BATCH = 4 };
enum { Q, K, V, MASK, OUT, WEIGHTS };

typedef struct operands {
    check_arena arena[OPERANDS];
    float *p[OPERANDS];
    float slopes[MOST_HEADS], sinks[MOST_HEADS];
    int64_t kv_lens[MOST_BATCH];
    decoct_attention_args args;
} operands;

static int64_t min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// Strides of operands (len, heads, dim).
static void interleave(const shape *s, decoct_attention_args *a) {
    a->q_head_stride = s->head_dim;
    a->q_stride = s->heads * s->head_dim;
    a->q_batch_stride = s->q_len * a->q_stride;
    a->k_head_stride = s->head_dim;
    a->k_stride = s->kv_heads * s->head_dim;
    a->k_batch_stride = s->shared ? 0 : s->kv_len * a->k_stride;
    a->v_head_stride = s->value_dim;
    a->v_stride = s->kv_heads * s->value_dim;
    a->v_batch_stride = s->shared ? 0 : s->kv_len * a->v_stride;
    a->out_head_stride = s->value_dim;
    a->out_stride = s->heads * s->value_dim;
    a->out_batch_stride = s->q_len * a->out_stride;
}

// Keys of batch element b that are there.
static int64_t length(const shape *s, int64_t b) {
    return !s->lengths || b % 3 == 1 ? s->kv_len : b % 3 == 0 ? s->kv_len * 2 / 3 : 0;
}

static int64_t kv_batch(const shape *s) {
    return s->shared ? 1 : s->batch;
}

// Slopes of ALiBi, 2^-1, 2^-2, ..., and sinks from far below the scores to far above.
static void place_parameters(operands *o, const shape *s) {
    decoct_attention_args *a = &o->args;
    for (int h = 0; h < MOST_HEADS; h++) {
        o->slopes[h] = 0.5f / (float)(1 << h);
        o->sinks[h] = h % 4 == 3 ? -INFINITY : 3.5f * (float)(h % 5 - 1);
    }
    for (int64_t b = 0; b < MOST_BATCH; b++) {
        o->kv_lens[b] = length(s, b);
    }
    a->softcap = s->softcap;
    a->window = s->window;
    a->kv_shared = s->shared;
    a->slopes = s->slopes ? o->slopes : NULL;
    a->sinks = s->sinks ? o->sinks : NULL;
    a->kv_lens = s->lengths ? o->kv_lens : NULL;
}

// Places all operands flush against the forbidden page behind (or before) them.
static void place(operands *o, const shape *s, bool end) {
    int64_t sizes[OPERANDS] = {s->batch * s->heads * s->q_len * s->head_dim,
                               kv_batch(s) * s->kv_heads * s->kv_len * s->head_dim,
                               kv_batch(s) * s->kv_heads * s->kv_len * s->value_dim,
                               s->heads * s->q_len * s->kv_len,
                               s->batch * s->heads * s->q_len * s->value_dim,
                               s->batch * s->heads * s->q_len * s->kv_len};
    for (int i = 0; i < OPERANDS; i++) {
        o->p[i] = check_place(&o->arena[i], sizes[i], end);
        if (i <= MASK) {
            check_fill(o->p[i], sizes[i], (uint64_t)i + 1, 2.0f);
        }
    }
    hide_keys(o->p[MASK], s->heads, s->q_len, s->kv_len);
    decoct_attention_args *a = &o->args;
    *a = (decoct_attention_args){.struct_size = sizeof *a,
                                 .causal = s->causal,
                                 .batch = s->batch,
                                 .heads = s->heads,
                                 .kv_heads = s->kv_heads,
                                 .q_len = s->q_len,
                                 .kv_len = s->kv_len,
                                 .head_dim = s->head_dim,
                                 .value_dim = s->value_dim,
                                 .q_offset = s->q_offset,
                                 .scale = s->scale,
                                 .q = o->p[Q],
                                 .k = o->p[K],
                                 .v = o->p[V],
                                 .mask = s->mask ? o->p[MASK] : NULL,
                                 .out = o->p[OUT],
                                 .weights = s->weights ? o->p[WEIGHTS] : NULL,
                                 .mask_head_stride = s->q_len * s->kv_len};
    if (s->interleaved) {
        interleave(s, a);
    }
    place_parameters(o, s);
}

static const float *row_of(const shape *s, const float *p, int64_t b, int64_t h, int64_t i,
                           int64_t heads, int64_t len, int64_t dim) {
    return s->interleaved ? p + ((b * len + i) * heads + h) * dim
                          : p + ((b * heads + h) * len + i) * dim;
}

// The keys [first, last) that the query in row i of batch element b sees, as far as no mask is
// asked.
static int64_t first_key(const shape *s, int64_t i) {
    return s->window ? s->q_offset + i - s->window + 1 : 0;
}

static int64_t last_key(const shape *s, int64_t b, int64_t i) {
    int64_t p = s->q_offset + i;
    int64_t last = s->causal ? p + 1 : s->window ? p + s->window : s->kv_len;
    return min64(last, length(s, b));
}

static inline bool sees(const shape *s, int64_t b, int64_t i, int64_t j) {
    return j >= first_key(s, i) && j < last_key(s, b, i);
}

// The same query in float64.
static exact_query query_of(const operands *o, const shape *s, int64_t b, int64_t h, int64_t i) {
    int64_t p = s->q_offset + i, kv = h * s->kv_heads / s->heads, kv_b = s->shared ? 0 : b;
    double dim = (double)(s->head_dim ? s->head_dim : 1);
    return (exact_query){.head_dim = s->head_dim,
                         .value_dim = s->value_dim,
                         .kv_len = s->kv_len,
                         .first = first_key(s, i),
                         .last = last_key(s, b, i),
                         .q = row_of(s, o->p[Q], b, h, i, s->heads, s->q_len, s->head_dim),
                         .k = row_of(s, o->p[K], kv_b, kv, 0, s->kv_heads, s->kv_len, s->head_dim),
                         .v = row_of(s, o->p[V], kv_b, kv, 0, s->kv_heads, s->kv_len, s->value_dim),
                         .k_stride = (s->interleaved ? s->kv_heads : 1) * s->head_dim,
                         .v_stride = (s->interleaved ? s->kv_heads : 1) * s->value_dim,
                         .mask = s->mask ? o->p[MASK] + (h * s->q_len + i) * s->kv_len : NULL,
                         .scale = s->scale != 0.0f ? (double)s->scale : 1.0 / sqrt(dim),
                         .softcap = s->softcap,
                         .slope = s->slopes ? &o->slopes[h] : NULL,
                         .sink = s->sinks ? &o->sinks[h] : NULL,
                         .position = p};
}

static double row_error(const operands *o, const shape *s, int64_t b, int64_t h, int64_t i) {
    static double p[MOST_KEYS], p_bound[MOST_KEYS];
    exact_result weights = {p, p_bound}, right = exact_room();
    const exact_query query = query_of(o, s, b, h, i);
    exact_attend(&query, weights, right);
    const float *out = row_of(s, o->p[OUT], b, h, i, s->heads, s->q_len, s->value_dim);
    double worst = exact_worst(out, s->value_dim, right), total = 0.0, seen = 0.0;
    const float *given = o->p[WEIGHTS] + ((b * s->heads + h) * s->q_len + i) * s->kv_len;
    if (s->weights) {
        worst = check_worse(worst, exact_worst(given, s->kv_len, weights));
    }
    for (int64_t j = 0; s->weights && j < s->kv_len; j++) {
        total += (double)given[j];
        seen += p[j];
    }
    if (s->weights && s->kv_len > 0 && !s->sinks) {
        worst = check_worse(worst, fabs(total - (seen > 0.0 ? 1.0 : 0.0)) / 0x1p-19);
    }
    return worst;
}

static inline void check_shape(decoct_context *ctx, decoct_context *scalar, operands *mine,
                               operands *theirs, const shape *s, bool end) {
    place(mine, s, end);
    place(theirs, s, end);
    assert_int_equal(decoct_attention(ctx, &mine->args), DECOCT_OK);
    assert_int_equal(decoct_attention(scalar, &theirs->args), DECOCT_OK);
    int64_t rows = s->batch * s->heads * s->q_len;
    assert_true(check_same_bits(mine->p[OUT], theirs->p[OUT], rows * s->value_dim));
    assert_true(!s->weights ||
                check_same_bits(mine->p[WEIGHTS], theirs->p[WEIGHTS], rows * s->kv_len));
    double worst = 0.0;
    for (int64_t r = 0; r < rows; r++) {
        worst = check_worse(worst, row_error(mine, s, r / (s->heads * s->q_len),
                                             r / s->q_len % s->heads, r % s->q_len));
    }
    if (!(worst <= 1.0)) {
        print_error("q %lld kv %lld dim %lld/%lld offset %lld causal %d mask %d softcap %g window "
                    "%lld slopes %d sinks %d: %.3g of the bound\n",
                    (long long)s->q_len, (long long)s->kv_len, (long long)s->head_dim,
                    (long long)s->value_dim, (long long)s->q_offset, s->causal, s->mask,
                    (double)s->softcap, (long long)s->window, s->slopes, s->sinks, worst);
    }
    assert_true(worst <= 1.0);
}

typedef struct pair {
    decoct_context *ctx, *scalar;
    operands mine, theirs;
} pair;

static inline bool open_pair(pair *p, const char *backend, int32_t threads) {
    p->ctx = check_open(backend, threads);
    if (!p->ctx) {
        return false;
    }
    p->scalar = check_open("scalar", 1);
    for (int i = 0; i < OPERANDS; i++) {
        p->mine.arena[i] = check_arena_open(ROOM);
        p->theirs.arena[i] = check_arena_open(ROOM);
    }
    return true;
}

static inline void close_pair(pair *p) {
    for (int i = 0; i < OPERANDS; i++) {
        check_arena_close(&p->mine.arena[i]);
        check_arena_close(&p->theirs.arena[i]);
    }
    decoct_context_close(p->ctx);
    decoct_context_close(p->scalar);
}

#endif
