// SPDX-License-Identifier: BSD-2-Clause
// The operations that are one call of one kernel, and the ceilings of the machine.
#include "work_inside.h"

#include "operands.h"

enum { FMA_ROUNDS = 20000 }; // some 0.1 to 1 ms

// ---- Matrix product: x (seq, d) times packed weights (d, 3 d) ----

static decoct_status open_matmul(work *w) {
    int64_t d = work_d_model(&w->c);
    if (!work_fill(w, 0, d * 3 * d, 0.05f) || !work_fill(w, 1, w->c.seq * d, 1.0f) ||
        !work_fill(w, 2, w->c.seq * 3 * d, 1.0f)) {
        return DECOCT_E_MEMORY;
    }
    return decoct_weights_create(w->ctx, d, 3 * d, w->buffer[0], 0, 0, &w->weights);
}

static decoct_status run_matmul(work *w) {
    int64_t d = work_d_model(&w->c);
    decoct_matmul_args a = {.struct_size = sizeof a,
                            .m = w->c.seq,
                            .n = 3 * d,
                            .k = d,
                            .x = w->buffer[1],
                            .weights = w->weights,
                            .y = w->buffer[2]};
    return decoct_matmul(w->ctx, &a);
}

static int64_t width_matmul(const work_case *c) {
    return 3 * work_d_model(c);
}

static decoct_status rows_matmul(work *w, const int64_t *rows, int64_t count, float *out) {
    int64_t d = work_d_model(&w->c);
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < count && !status; i++) {
        decoct_matmul_args a = {.struct_size = sizeof a,
                                .m = 1,
                                .n = 3 * d,
                                .k = d,
                                .x = w->buffer[1] + rows[i] * d,
                                .weights = w->weights,
                                .y = out + i * 3 * d};
        status = decoct_matmul(w->ctx, &a);
    }
    return status;
}

static work_cost cost_matmul(const work *w) {
    double s = (double)w->c.seq, d = (double)work_d_model(&w->c);
    return (work_cost){.flops = 6.0 * s * d * d,
                       .arithmetic = 6.0 * s * d * d,
                       .bytes = 4.0 * (3.0 * d * d + 4.0 * s * d)};
}

static int64_t count_matmul(const work_case *c) {
    return c->seq * 3 * work_d_model(c);
}

const work_op work_matmul = {
    "matmul",
    "x (seq, d) times packed weights (d, 3 d): the q, k, v projection; d = heads head_dim",
    "matmul",
    open_matmul,
    run_matmul,
    cost_matmul,
    2,
    count_matmul,
    rows_matmul,
    width_matmul,
};

// ---- Softmax of the scores of all heads: heads seq rows of seq columns ----

static int64_t count_softmax(const work_case *c) {
    return c->heads * c->seq * c->seq;
}

static decoct_status open_softmax(work *w) {
    int64_t count = count_softmax(&w->c);
    return work_fill(w, 0, count, 2.0f) && work_fill(w, 1, count, 2.0f) ? DECOCT_OK
                                                                        : DECOCT_E_MEMORY;
}

static decoct_status run_softmax(work *w) {
    return decoct_softmax(w->ctx, w->c.heads * w->c.seq, w->c.seq, 0.0f, w->buffer[0], 0,
                          w->buffer[1], 0);
}

static int64_t width_softmax(const work_case *c) {
    return c->seq;
}

static decoct_status rows_softmax(work *w, const int64_t *rows, int64_t count, float *out) {
    int64_t cols = w->c.seq;
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < count && !status; i++) {
        status = decoct_softmax(w->ctx, 1, cols, 0.0f, w->buffer[0] + rows[i] * cols, 0,
                                out + i * cols, 0);
    }
    return status;
}

static work_cost cost_softmax(const work *w) {
    double count = (double)count_softmax(&w->c);
    return (work_cost){
        .arithmetic = SOFTMAX_FLOP * count, .bytes = 8.0 * count, .streams = true, .copies = true};
}

const work_op work_softmax = {
    "softmax",
    "of the scores of all heads: heads seq rows of seq columns",
    "softmax",
    open_softmax,
    run_softmax,
    cost_softmax,
    1,
    count_softmax,
    rows_softmax,
    width_softmax,
};

// ---- Attention ----

static int64_t count_attention(const work_case *c) {
    return c->seq * work_d_model(c);
}

static decoct_status open_attention(work *w) {
    for (int i = 0; i < 4; i++) {
        if (!work_fill(w, i, count_attention(&w->c), 2.0f)) {
            return DECOCT_E_MEMORY;
        }
    }
    return DECOCT_OK;
}

static decoct_status run_attention(work *w) {
    const work_case *c = &w->c;
    decoct_attention_args a = operand_attention(c->heads, c->head_dim, c->seq, c->seq, w->buffer[0],
                                                w->buffer[1], w->buffer[2], w->buffer[3]);
    return decoct_attention(w->ctx, &a);
}

// A query alone, with the keys up to it.
static decoct_status rows_attention(work *w, const int64_t *rows, int64_t count, float *out) {
    const work_case *c = &w->c;
    int64_t d = work_d_model(c);
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < count && !status; i++) {
        decoct_attention_args a =
            operand_attention(c->heads, c->head_dim, 1, rows[i] + 1, w->buffer[0] + rows[i] * d,
                              w->buffer[1], w->buffer[2], out + i * d);
        status = decoct_attention(w->ctx, &a);
    }
    return status;
}

// Over pairs of query and key that see each other: 2 d for the score, 2 d for the value.
static work_cost cost_attention(const work *w) {
    double s = (double)w->c.seq, d = (double)work_d_model(&w->c);
    double pairs = s * (s + 1.0) / 2.0, flops = 4.0 * d * pairs;
    return (work_cost){.flops = flops,
                       .arithmetic = flops + SOFTMAX_FLOP * (double)w->c.heads * pairs,
                       .bytes = 16.0 * s * d};
}

const work_op work_attention = {
    "attention",
    "causal self-attention, all heads; FLOP counts the visible half only",
    "attention pack_keys",
    open_attention,
    run_attention,
    cost_attention,
    3,
    count_attention,
    rows_attention,
    work_d_model,
};

// ---- Nothing ----

static decoct_status run_barrier(work *w) {
    return decoct_probe(w->ctx, DECOCT_PROBE_FMA, 0, NULL, NULL, &w->amount);
}

static work_cost cost_nothing(const work *w) {
    (void)w;
    return (work_cost){0};
}

const work_op work_barrier = {
    "barrier",   "nothing at all, on all threads: what sharing work costs",
    "probe",     NULL,
    run_barrier, cost_nothing,
    -1,          NULL,
    NULL,        NULL,
};

// ---- Ceilings ----

static decoct_status run_fma(work *w) {
    return decoct_probe(w->ctx, DECOCT_PROBE_FMA, FMA_ROUNDS, NULL, NULL, &w->amount);
}

static work_cost cost_fma(const work *w) {
    return (work_cost){.flops = w->amount, .arithmetic = w->amount};
}

const work_op work_fma = {
    "fma",   "fused multiply-adds on registers: the most GFLOP/s there are",
    "probe", NULL,
    run_fma, cost_fma,
    -1,      NULL,
    NULL,    NULL,
};

// A buffer smaller than this is gone over several times a run, or the call itself would be timed.
static const int64_t READ_LEAST = 1 << 22;

static int64_t passes(const work_case *c) {
    return c->bytes >= READ_LEAST ? 1 : (READ_LEAST + c->bytes - 1) / c->bytes;
}

static decoct_status open_read(work *w) {
    return work_fill(w, 0, w->c.bytes / 4 * w->c.threads, 1.0f) ? DECOCT_OK : DECOCT_E_MEMORY;
}

static decoct_status run_read(work *w) {
    return decoct_probe_cache(w->ctx, DECOCT_PROBE_READ, w->c.bytes / 4, passes(&w->c),
                              w->buffer[0], NULL, &w->amount);
}

static work_cost cost_read(const work *w) {
    return (work_cost){.bytes = w->amount, .streams = true};
}

const work_op work_read = {
    "read",   "reading a buffer of each thread's own",
    "probe",  open_read,
    run_read, cost_read,
    -1,       NULL,
    NULL,     NULL,
};

static decoct_status open_copy(work *w) {
    int64_t half = w->c.bytes / 8 * w->c.threads;
    return work_fill(w, 0, half, 1.0f) && work_fill(w, 1, half, 1.0f) ? DECOCT_OK : DECOCT_E_MEMORY;
}

static decoct_status run_copy(work *w) {
    return decoct_probe_cache(w->ctx, DECOCT_PROBE_COPY, w->c.bytes / 8, passes(&w->c),
                              w->buffer[0], w->buffer[1], &w->amount);
}

static work_cost cost_copy(const work *w) {
    return (work_cost){.bytes = w->amount, .streams = true, .copies = true};
}

const work_op work_copy = {
    "copy",   "copying one half of such a buffer to the other",
    "probe",  open_copy,
    run_copy, cost_copy,
    -1,       NULL,
    NULL,     NULL,
};
