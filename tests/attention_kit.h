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
} shape;

enum { OPERANDS = 6, ROOM = 1 << 19, PART = 2048, MOST_KEYS = 3 * PART + 100 };
enum { Q, K, V, MASK, OUT, WEIGHTS };

typedef struct operands {
    check_arena arena[OPERANDS];
    float *p[OPERANDS];
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
    a->k_batch_stride = s->kv_len * a->k_stride;
    a->v_head_stride = s->value_dim;
    a->v_stride = s->kv_heads * s->value_dim;
    a->v_batch_stride = s->kv_len * a->v_stride;
    a->out_head_stride = s->value_dim;
    a->out_stride = s->heads * s->value_dim;
    a->out_batch_stride = s->q_len * a->out_stride;
}

// Places all operands flush against the forbidden page behind (or before) them.
static void place(operands *o, const shape *s, bool end) {
    int64_t sizes[OPERANDS] = {s->batch * s->heads * s->q_len * s->head_dim,
                               s->batch * s->kv_heads * s->kv_len * s->head_dim,
                               s->batch * s->kv_heads * s->kv_len * s->value_dim,
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
}

static const float *row_of(const shape *s, const float *p, int64_t b, int64_t h, int64_t i,
                           int64_t heads, int64_t len, int64_t dim) {
    return s->interleaved ? p + ((b * len + i) * heads + h) * dim
                          : p + ((b * heads + h) * len + i) * dim;
}

static int64_t visible(const shape *s, int64_t row) {
    int64_t keys = s->causal ? s->q_offset + row + 1 : s->kv_len;
    return keys < 0 ? 0 : min64(keys, s->kv_len);
}

// The weights of one row in float64, 0 where a key is hidden; false if all are.
static bool exact_weights(const operands *o, const shape *s, int64_t b, int64_t h, int64_t i,
                          double *z) {
    const float *q = row_of(s, o->p[Q], b, h, i, s->heads, s->q_len, s->head_dim);
    double max = -INFINITY;
    for (int64_t j = 0; j < s->kv_len; j++) {
        const float *k = row_of(s, o->p[K], b, h * s->kv_heads / s->heads, j, s->kv_heads,
                                s->kv_len, s->head_dim);
        z[j] = 0.0;
        for (int64_t d = 0; d < s->head_dim; d++) {
            z[j] += (double)q[d] * (double)k[d];
        }
        z[j] *= s->scale != 0.0f ? (double)s->scale
                                 : 1.0 / sqrt((double)(s->head_dim ? s->head_dim : 1));
        z[j] += s->mask ? (double)o->p[MASK][(h * s->q_len + i) * s->kv_len + j] : 0.0;
        z[j] = j < visible(s, i) ? z[j] : -INFINITY;
        max = fmax(max, z[j]);
    }
    double sum = 0.0;
    for (int64_t j = 0; j < s->kv_len; j++) {
        z[j] = max == -INFINITY ? 0.0 : exp(z[j] - max);
        sum += z[j];
    }
    for (int64_t j = 0; j < s->kv_len && sum > 0.0; j++) {
        z[j] /= sum;
    }
    return sum > 0.0;
}

// Scores are at most some tens: their error is (head_dim + 3) u sum |q k| / sqrt(head_dim); exp
// turns it into a relative one. With all operands in [-2, 2): |z| <= 4 sqrt(head_dim) + 3. A sum
// has one rounding a key of its part, and few for each further part.
static double bound(const shape *s, double size) {
    double d = (double)(s->head_dim ? s->head_dim : 1);
    double score = CHECK_U * (d + 3.0) * (4.0 * sqrt(d) + 3.0);
    double steps = (double)min64(s->kv_len, PART) + 6.0 * (double)(s->kv_len / PART);
    return size * (2.0 * score + CHECK_U * (10.0 + 8.0 * sqrt(d) + 2.0 * steps)) + 0x1p-140;
}

static double row_error(const operands *o, const shape *s, int64_t b, int64_t h, int64_t i) {
    static double p[MOST_KEYS];
    double worst = 0.0, total = 0.0;
    bool seen = exact_weights(o, s, b, h, i, p);
    const float *out = row_of(s, o->p[OUT], b, h, i, s->heads, s->q_len, s->value_dim);
    for (int64_t c = 0; c < s->value_dim; c++) {
        double exact = 0.0, size = 0.0;
        for (int64_t j = 0; j < s->kv_len; j++) {
            const float *v = row_of(s, o->p[V], b, h * s->kv_heads / s->heads, j, s->kv_heads,
                                    s->kv_len, s->value_dim);
            exact += p[j] > 0.0 ? p[j] * (double)v[c] : 0.0;
            size += p[j] > 0.0 ? p[j] * fabs((double)v[c]) : 0.0;
        }
        worst = check_worse(worst, fabs((double)out[c] - exact) / bound(s, size));
    }
    for (int64_t j = 0; s->weights && j < s->kv_len; j++) {
        double w = (double)o->p[WEIGHTS][((b * s->heads + h) * s->q_len + i) * s->kv_len + j];
        worst = check_worse(worst,
                            p[j] == 0.0 ? (w == 0.0 ? 0.0 : 2.0) : fabs(w - p[j]) / bound(s, p[j]));
        total += w;
    }
    if (s->weights && s->kv_len > 0) {
        worst = check_worse(worst, fabs(total - (seen ? 1.0 : 0.0)) / 0x1p-19);
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
        print_error(
            "q %lld kv %lld dim %lld/%lld offset %lld causal %d mask %d: %.3g of the bound\n",
            (long long)s->q_len, (long long)s->kv_len, (long long)s->head_dim,
            (long long)s->value_dim, (long long)s->q_offset, s->causal, s->mask, worst);
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
