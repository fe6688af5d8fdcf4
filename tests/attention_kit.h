// SPDX-License-Identifier: BSD-2-Clause
// Shapes of attention: operands between forbidden pages, a float64 reference, a backend's bits
// compared with scalar's.
#ifndef ATTENTION_KIT_H
#define ATTENTION_KIT_H

#include "check.h"

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

// Does the query in row i of batch element b see key j, as far as no mask is asked?
static bool sees(const shape *s, int64_t b, int64_t i, int64_t j) {
    int64_t p = s->q_offset + i;
    bool inside = !s->window || (j > p - s->window && (s->causal || j < p + s->window));
    return j < length(s, b) && (!s->causal || j <= p) && inside;
}

// A row in float64.
typedef struct exact_row {
    bool seen;    // a key is
    double error; // D of decoct.h
    double range; // R: the largest difference between two scores
} exact_row;

// The score of key j, and how far f32 may be from it.
static double exact_score(const operands *o, const shape *s, int64_t b, int64_t h, int64_t i,
                          int64_t j, double *error) {
    const float *q = row_of(s, o->p[Q], b, h, i, s->heads, s->q_len, s->head_dim);
    const float *k = row_of(s, o->p[K], s->shared ? 0 : b, h * s->kv_heads / s->heads, j,
                            s->kv_heads, s->kv_len, s->head_dim);
    double dim = (double)(s->head_dim ? s->head_dim : 1), z = 0.0, size = 0.0;
    double scale = s->scale != 0.0f ? (double)s->scale : 1.0 / sqrt(dim);
    for (int64_t d = 0; d < s->head_dim; d++) {
        z += (double)q[d] * (double)k[d];
        size += fabs((double)q[d] * (double)k[d]);
    }
    z *= scale;
    *error = CHECK_U * (dim + 2.0) * fabs(scale) * size;
    if (s->softcap != 0.0f) {
        z = (double)s->softcap * tanh(z / (double)s->softcap);
        *error += 8.0 * CHECK_U * fabs(z) + 0x1p-147 * (1.0 + (double)s->softcap);
    }
    if (s->slopes) {
        double slope = (double)o->slopes[h] * (double)(j - (s->q_offset + i));
        z += slope;
        *error += CHECK_U * (fabs(z) + fabs(slope));
    }
    z += s->mask ? (double)o->p[MASK][(h * s->q_len + i) * s->kv_len + j] : 0.0;
    *error += 2.0 * CHECK_U * fabs(z);
    return z;
}

// The weights of one row, 0 where a key is hidden.
static exact_row exact_weights(const operands *o, const shape *s, int64_t b, int64_t h, int64_t i,
                               double *z) {
    exact_row row = {.seen = false};
    double sink = s->sinks ? (double)o->sinks[h] : -INFINITY, max = -INFINITY, min = INFINITY;
    for (int64_t j = 0; j < s->kv_len; j++) {
        double error = 0.0;
        z[j] = sees(s, b, i, j) ? exact_score(o, s, b, h, i, j, &error) : -INFINITY;
        row.seen = row.seen || z[j] > -INFINITY;
        row.error = z[j] > -INFINITY ? fmax(row.error, error) : row.error;
        max = fmax(max, z[j]);
        min = z[j] > -INFINITY ? fmin(min, z[j]) : min;
    }
    max = fmax(max, sink);
    row.range = row.seen ? max - (sink > -INFINITY ? fmin(min, sink) : min) : 0.0;
    double sum = row.seen ? exp(sink - max) : 0.0;
    for (int64_t j = 0; j < s->kv_len; j++) {
        z[j] = row.seen ? exp(z[j] - max) : 0.0;
        sum += z[j];
    }
    for (int64_t j = 0; j < s->kv_len && row.seen; j++) {
        z[j] /= sum;
    }
    return row;
}

// The bound of decoct.h for an output of the size sum p |v|, or for a weight.
static double bound(const shape *s, const exact_row *row, double size, double tiny) {
    double steps = (double)min64(s->kv_len, PART) + 6.0 * (double)(s->kv_len / PART);
    steps += s->sinks ? 6.0 : 0.0;
    return size * (2.0 * row->error + CHECK_U * (row->range + 2.0 * steps + 10.0)) + tiny;
}

static double row_error(const operands *o, const shape *s, int64_t b, int64_t h, int64_t i) {
    static double p[MOST_KEYS];
    double worst = 0.0, total = 0.0;
    exact_row row = exact_weights(o, s, b, h, i, p);
    const float *out = row_of(s, o->p[OUT], b, h, i, s->heads, s->q_len, s->value_dim);
    for (int64_t c = 0; c < s->value_dim; c++) {
        double exact = 0.0, size = 0.0, most = 0.0;
        for (int64_t j = 0; j < s->kv_len; j++) {
            const float *v = row_of(s, o->p[V], s->shared ? 0 : b, h * s->kv_heads / s->heads, j,
                                    s->kv_heads, s->kv_len, s->value_dim);
            exact += p[j] > 0.0 ? p[j] * (double)v[c] : 0.0;
            size += p[j] > 0.0 ? p[j] * fabs((double)v[c]) : 0.0;
            most = fmax(most, fabs((double)v[c]));
        }
        double tiny = fmax((double)s->kv_len, 1.0) * 0x1p-148 * (1.0 + most);
        worst = check_worse(worst, fabs((double)out[c] - exact) / bound(s, &row, size, tiny));
    }
    for (int64_t j = 0; s->weights && j < s->kv_len; j++) {
        double w = (double)o->p[WEIGHTS][((b * s->heads + h) * s->q_len + i) * s->kv_len + j];
        worst = check_worse(worst, p[j] == 0.0 ? (w == 0.0 ? 0.0 : 2.0)
                                               : fabs(w - p[j]) / bound(s, &row, p[j], 0x1p-148));
        total += w;
    }
    if (s->weights && s->kv_len > 0 && !s->sinks) {
        worst = check_worse(worst, fabs(total - (row.seen ? 1.0 : 0.0)) / 0x1p-19);
    }
    return worst;
}

static void check_shape(decoct_context *ctx, decoct_context *scalar, operands *mine,
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

static bool open_pair(pair *p, const char *backend, int32_t threads) {
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

static void close_pair(pair *p) {
    for (int i = 0; i < OPERANDS; i++) {
        check_arena_close(&p->mine.arena[i]);
        check_arena_close(&p->theirs.arena[i]);
    }
    decoct_context_close(p->ctx);
    decoct_context_close(p->scalar);
}

#endif
