// SPDX-License-Identifier: BSD-2-Clause
// A whole model: from a folder, timed in place of blocks; or an open one, whose scores of all
// positions are hashed.
#include "op.h"
#include "seeded.h"
#include "stored.h"

#include <stdio.h>
#include <stdlib.h>

enum { TOKENS, PIECE };

// A session, the ids of `tokens` tokens, and room for `rows` rows of scores.
static decoct_status open_session(bench_work *w, int64_t tokens, int64_t rows) {
    decoct_model_info info = {.struct_size = sizeof info};
    decoct_status status = decoct_model_describe(w->ctx, w->model, &info);
    if (!status) {
        status = decoct_session_create(w->ctx, w->model, tokens, &w->session);
    }
    if (status) {
        return status;
    }
    w->c.layers = info.layers;
    w->c.heads = info.heads;
    w->c.head_dim = info.d_model / info.heads;
    w->c.dtype = info.dtype;
    if (info.dtype != DECOCT_F32) { // its matrices have kernels of their own
        snprintf(w->kernels, sizeof w->kernels, OP_MODEL_KERNELS_OF("matmul_%s"),
                 stored_name(info.dtype));
    }
    w->block = (block_shape){.layers = info.layers,
                             .d_model = info.d_model,
                             .heads = info.heads,
                             .kv_heads = info.heads,
                             .head_dim = info.d_model / info.heads,
                             .d_ffn = info.d_ffn};
    w->vocabulary = info.vocabulary;
    w->ids = malloc((size_t)tokens * sizeof *w->ids);
    bool made = w->ids && op_fill(w, ROLE_Y, rows * info.vocabulary, 1.0f, 1.0f);
    return made ? DECOCT_OK : DECOCT_E_MEMORY;
}

// ---- Timed ----

// With seq tokens in it for decode.
decoct_status op_open_model(bench_work *w) {
    int64_t seq = w->c.seq;
    decoct_status status = decoct_model_open(w->ctx, w->c.model, &w->own_model);
    w->model = w->own_model;
    if (!status) {
        status = open_session(w, seq + 1, 1);
    }
    if (status) {
        return status;
    }
    for (int64_t i = 0; i <= seq; i++) {
        w->ids[i] = (int32_t)((i * 7919 + 13) % w->vocabulary);
    }
    float *scores = w->operand[ROLE_Y];
    return w->op.is_decode ? decoct_session_eval(w->ctx, w->session, w->ids, seq, 0, scores)
                           : DECOCT_OK;
}

// Prefill: all tokens from an empty cache. Generate: one after the other. Decode: one more.
decoct_status op_run_model(bench_work *w) {
    int64_t seq = w->c.seq, first = w->op.is_decode ? seq : 0;
    int64_t last = w->op.is_decode ? seq + 1 : seq, step = w->op.is_generate ? 1 : last - first;
    decoct_status status = decoct_session_truncate(w->ctx, w->session, first);
    for (int64_t i = first; i < last && !status; i += step) {
        status = decoct_session_eval(w->ctx, w->session, w->ids + i, step, 0, w->operand[ROLE_Y]);
    }
    return status;
}

// ---- Hashed ----

static decoct_status open_model(bench_work *w) {
    int64_t tokens = w->dims[TOKENS];
    decoct_status status = w->model ? open_session(w, tokens, tokens) : DECOCT_E_ARGUMENT;
    if (!status) {
        seeded_ids(ROLE_IDS, w->vocabulary, w->ids, tokens);
    }
    return status;
}

// The logits of every position, fed in pieces.
static decoct_status run_model(bench_work *w) {
    int64_t tokens = w->dims[TOKENS], piece = w->dims[PIECE];
    decoct_status status = decoct_session_truncate(w->ctx, w->session, 0);
    for (int64_t i = 0; i < tokens && !status; i += piece) {
        int64_t count = tokens - i < piece ? tokens - i : piece;
        status = decoct_session_eval(w->ctx, w->session, w->ids + i, count, 1,
                                     w->operand[ROLE_Y] + i * w->vocabulary);
    }
    return status;
}

static int64_t count_model(const bench_work *w) {
    return w->dims[TOKENS] * w->vocabulary;
}

const work_op op_model = {
    .name = "model",
    .dims = "tokens piece",
    .kernels = OP_MODEL_KERNELS,
    .outputs = {"model"},
    .needs_model = true,
    .open = open_model,
    .run = run_model,
    .count = count_model,
};
