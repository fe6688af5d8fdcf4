// SPDX-License-Identifier: BSD-2-Clause
// Attention; with an added mask it also has its weights as an output; and with parameters.
#include "hidden_keys.h"
#include "op.h"

#include <math.h>
#include <string.h>

#define DIMS "batch heads kv_heads q_len kv_len head_dim value_dim causal"
#define KERNELS "attention pack_keys"
enum { BATCH, HEADS, KV_HEADS, Q_LEN, KV_LEN, HEAD_DIM, VALUE_DIM, CAUSAL };

// With parameters the value_dim is head_dim, and its place has a set of:
#define PARAMETER_DIMS "batch heads kv_heads q_len kv_len head_dim parameters causal"
enum { WINDOW = 1, SOFTCAP = 2, SLOPES = 4, SINKS = 8, LENGTHS = 16, SHARED = 32 };
enum { PARAMETERS = VALUE_DIM, MOST_HEADS = 4, MOST_BATCH = 3 };

static int64_t parameters_of(const bench_work *w) {
    return strcmp(w->op.name, "attention_parameters") == 0 ? w->dims[PARAMETERS] : 0;
}

static int64_t value_dim(const bench_work *w) {
    return w->dims[parameters_of(w) ? HEAD_DIM : VALUE_DIM];
}

static void set_parameters(const bench_work *w, decoct_attention_args *a) {
    static const float slopes[MOST_HEADS] = {0.5f, 0.25f, -0.125f, 0.0625f};
    static const float sinks[MOST_HEADS] = {1.0f, -INFINITY, -2.0f, 4.0f};
    static const int64_t kv_lens[MOST_BATCH] = {7, 0, 65};
    const int64_t set = parameters_of(w);
    a->window = set & WINDOW ? 70 : 0;
    a->softcap = set & SOFTCAP ? 3.0f : 0.0f;
    a->slopes = set & SLOPES ? slopes : NULL;
    a->sinks = set & SINKS ? sinks : NULL;
    a->kv_lens = set & LENGTHS ? kv_lens : NULL;
    a->kv_shared = set & SHARED ? 1 : 0;
}

// Causal self-attention.
static void shape_attention(const work_case *c, int64_t dims[WORK_DIMS]) {
    const int64_t all[] = {1, c->heads, c->heads, c->seq, c->seq, c->head_dim, c->head_dim, 1};
    memcpy(dims, all, sizeof all);
}

static bool has_mask(const bench_work *w) {
    return w->op.outputs[1] != NULL;
}

static int64_t rows_of(const bench_work *w) {
    return w->dims[BATCH] * w->dims[HEADS] * w->dims[Q_LEN];
}

static int64_t weights_of(const bench_work *w) {
    return rows_of(w) * w->dims[KV_LEN];
}

static decoct_status open_attention(bench_work *w) {
    const int64_t *d = w->dims, keys = d[BATCH] * d[KV_HEADS] * d[KV_LEN];
    if (parameters_of(w) && (d[HEADS] > MOST_HEADS || d[BATCH] > MOST_BATCH)) {
        return DECOCT_E_ARGUMENT;
    }
    bool made = op_fill(w, ROLE_X, rows_of(w) * d[HEAD_DIM], 4.0f, 2.0f) &&
                op_fill(w, ROLE_K, keys * d[HEAD_DIM], 1.0f, 2.0f) &&
                op_fill(w, ROLE_V, keys * value_dim(w), 1.0f, 2.0f) &&
                op_fill(w, ROLE_Y, rows_of(w) * value_dim(w), 1.0f, 2.0f);
    if (made && has_mask(w)) {
        int64_t count = d[HEADS] * d[Q_LEN] * d[KV_LEN];
        made = op_fill(w, ROLE_MASK, count, 2.0f, 2.0f);
        if (made) {
            hide_keys(w->operand[ROLE_MASK], d[HEADS], d[Q_LEN], d[KV_LEN]);
        }
        if (made && w->c.output && strcmp(w->c.output, w->op.outputs[1]) == 0) {
            w->result = ROLE_WEIGHTS;
            made = op_fill(w, ROLE_WEIGHTS, weights_of(w), 1.0f, 1.0f);
        }
    }
    return made ? DECOCT_OK : DECOCT_E_MEMORY;
}

// The last q_len of kv_len positions. Hashed operands are (heads, len, dim); the others are stored
// as a decoder has them: (len, heads * dim), but for keys and values that are asked for by head.
static decoct_attention_args arguments(const bench_work *w, int64_t q_len, int64_t kv_len) {
    const int64_t *d = w->dims;
    decoct_attention_args a = {.struct_size = sizeof a,
                               .causal = (int32_t)d[CAUSAL],
                               .batch = d[BATCH],
                               .heads = d[HEADS],
                               .kv_heads = d[KV_HEADS],
                               .q_len = q_len,
                               .kv_len = kv_len,
                               .head_dim = d[HEAD_DIM],
                               .value_dim = value_dim(w),
                               .q_offset = kv_len - q_len,
                               .q = w->operand[ROLE_X],
                               .k = w->operand[ROLE_K],
                               .v = w->operand[ROLE_V],
                               .mask = w->operand[ROLE_MASK],
                               .out = w->operand[ROLE_Y],
                               .weights = w->operand[ROLE_WEIGHTS]};
    if (!w->c.hashed) {
        a.q_head_stride = d[HEAD_DIM];
        a.q_stride = d[HEADS] * d[HEAD_DIM];
        a.out_head_stride = d[VALUE_DIM];
        a.out_stride = d[HEADS] * d[VALUE_DIM];
    }
    if (!w->c.hashed && !w->c.by_head) {
        a.k_head_stride = d[HEAD_DIM];
        a.k_stride = d[KV_HEADS] * d[HEAD_DIM];
        a.v_head_stride = d[VALUE_DIM];
        a.v_stride = d[KV_HEADS] * d[VALUE_DIM];
    }
    return a;
}

static decoct_status run_attention(bench_work *w) {
    decoct_attention_args a = arguments(w, w->dims[Q_LEN], w->dims[KV_LEN]);
    set_parameters(w, &a);
    return decoct_attention(w->ctx, &a);
}

static int64_t width_attention(const bench_work *w) {
    return w->dims[HEADS] * w->dims[VALUE_DIM];
}

static int64_t count_attention(const bench_work *w) {
    return w->result == ROLE_WEIGHTS ? weights_of(w) : rows_of(w) * value_dim(w);
}

// A query alone, with the keys up to it.
static decoct_status rows_attention(bench_work *w, const int64_t *which, int64_t number,
                                    float *out) {
    decoct_status status = DECOCT_OK;
    int64_t before = w->dims[KV_LEN] - w->dims[Q_LEN];
    for (int64_t i = 0; i < number && !status; i++) {
        decoct_attention_args a = arguments(w, 1, before + which[i] + 1);
        a.q += which[i] * a.q_stride;
        a.out = out + i * width_attention(w);
        status = decoct_attention(w->ctx, &a);
    }
    return status;
}

// Over pairs of query and key that see each other: 2 d for the score, 2 d for the value.
static work_cost cost_attention(const bench_work *w) {
    const int64_t *dims = w->dims;
    double q = (double)dims[Q_LEN], kv = (double)dims[KV_LEN], batch = (double)dims[BATCH];
    double heads = batch * (double)dims[HEADS], kv_heads = batch * (double)dims[KV_HEADS];
    double dim = (double)(dims[HEAD_DIM] + value_dim(w));
    double pairs = heads * (dims[CAUSAL] ? q * (kv - q) + q * (q + 1.0) / 2.0 : q * kv);
    return (work_cost){.flops = 2.0 * dim * pairs,
                       .arithmetic = (2.0 * dim + SOFTMAX_FLOP) * pairs,
                       .bytes = 4.0 * dim * (heads * q + kv_heads * kv),
                       .constant = 4.0 * dim * kv_heads * kv};
}

static double need_attention(const bench_work *w) {
    return cost_attention(w).bytes;
}

const work_op op_attention = {
    .name = "attention",
    .dims = DIMS,
    .kernels = KERNELS,
    .outputs = {"attention"},
    .has_head_dim = true,
    .shape = shape_attention,
    .need = need_attention,
    .open = open_attention,
    .run = run_attention,
    .cost = cost_attention,
    .count = count_attention,
    .rows = rows_attention,
    .width = width_attention,
};

// The mask differs by head and is the same for all batch elements.
const work_op op_attention_mask = {
    .name = "attention_mask",
    .dims = DIMS,
    .kernels = KERNELS,
    .outputs = {"attention_mask", "attention_weights"},
    .need = need_attention,
    .open = open_attention,
    .run = run_attention,
    .cost = cost_attention,
    .count = count_attention,
};

const work_op op_attention_parameters = {
    .name = "attention_parameters",
    .dims = PARAMETER_DIMS,
    .kernels = KERNELS,
    .outputs = {"attention_parameters"},
    .need = need_attention,
    .open = open_attention,
    .run = run_attention,
    .count = count_attention,
};
