// SPDX-License-Identifier: BSD-2-Clause
// The operations on decoder blocks: one block, blocks in a row, or a whole model from a folder.
#include "work_inside.h"

#include <stdlib.h>
#include <string.h>

static int64_t layers_of(const work_case *c) {
    return c->layers > 0 ? c->layers : 1;
}

static bool is_decode(const work *w) {
    return w->op == &work_decode;
}

// ---- Blocks in a row ----

// x (rows, d) in buffer 4 through all blocks to buffer 5.
static decoct_status forward(work *w, int64_t rows) {
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < layers_of(&w->c) && !status; i++) {
        const float *x = w->buffer[i == 0 ? 4 : 5];
        status =
            decoct_block_forward(w->ctx, w->blocks[i], w->caches[i], rows, x, 0, w->buffer[5], 0);
    }
    return status;
}

// The same numbers for every layer, packed once for each: they lie in different places.
static decoct_status open_layers(work *w, int64_t rows) {
    int64_t d = work_d_model(&w->c), layers = layers_of(&w->c);
    decoct_block_args a = {
        .struct_size = sizeof a, .d_model = d, .heads = w->c.heads, .d_ffn = 4 * d};
    a.qkv = work_fill(w, 0, d * 3 * d, 0.05f);
    a.proj = work_fill(w, 1, d * d, 0.05f);
    a.up = work_fill(w, 2, d * 4 * d, 0.05f);
    a.down = work_fill(w, 3, d * 4 * d, 0.05f);
    w->blocks = calloc((size_t)layers, sizeof *w->blocks);
    w->caches = calloc((size_t)layers, sizeof *w->caches);
    if (!a.qkv || !a.proj || !a.up || !a.down || !w->blocks || !w->caches) {
        return DECOCT_E_MEMORY;
    }
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < layers && !status; i++) {
        status = decoct_block_create(w->ctx, &a, &w->blocks[i]);
        if (!status) {
            status = decoct_cache_create(w->ctx, w->blocks[i], rows + 1, &w->caches[i]);
        }
    }
    for (int i = 0; i < 4; i++) { // packed: no longer needed
        free(w->buffer[i]);
        w->buffer[i] = NULL;
    }
    return status;
}

void work_close_blocks(work *w) {
    for (int64_t i = 0; w->blocks && w->caches && i < layers_of(&w->c); i++) {
        decoct_cache_destroy(w->caches[i]);
        decoct_block_destroy(w->blocks[i]);
    }
    free(w->blocks);
    free(w->caches);
}

static decoct_status open_blocks(work *w) {
    int64_t d = work_d_model(&w->c), rows = w->c.seq;
    decoct_status status = open_layers(w, rows);
    if (!status && (!work_fill(w, 4, rows * d, 1.0f) || !work_fill(w, 5, rows * d, 1.0f))) {
        status = DECOCT_E_MEMORY;
    }
    return !status && is_decode(w) ? forward(w, rows) : status;
}

static decoct_status run_blocks(work *w) {
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < layers_of(&w->c) && !status; i++) {
        status = decoct_cache_truncate(w->ctx, w->caches[i], is_decode(w) ? w->c.seq : 0);
    }
    return status ? status : forward(w, is_decode(w) ? 1 : w->c.seq);
}

// The first rows of all.
static decoct_status rows_blocks(work *w, const int64_t *rows, int64_t count, float *out) {
    decoct_status status = DECOCT_OK;
    (void)rows; // 0, 1, ... count - 1
    for (int64_t i = 0; i < layers_of(&w->c) && !status; i++) {
        status = decoct_cache_truncate(w->ctx, w->caches[i], 0);
    }
    status = status ? status : forward(w, count);
    if (!status) {
        memcpy(out, w->buffer[5], (size_t)(count * work_d_model(&w->c)) * sizeof *out);
    }
    return status;
}

// ---- A whole model ----

// A session, with seq tokens in it for decode.
static decoct_status open_model(work *w) {
    work_case *c = &w->c;
    decoct_model_info info = {.struct_size = sizeof info};
    decoct_status status = decoct_model_open(w->ctx, c->model, &w->model);
    if (!status) {
        status = decoct_model_describe(w->ctx, w->model, &info);
    }
    if (!status) {
        status = decoct_session_create(w->ctx, w->model, c->seq + 1, &w->session);
    }
    if (status) {
        return status;
    }
    c->layers = info.layers;
    c->heads = info.heads;
    c->head_dim = info.d_model / info.heads;
    w->d_ffn = info.d_ffn;
    w->vocabulary = info.vocabulary;
    w->ids = malloc((size_t)(c->seq + 1) * sizeof *w->ids);
    if (!w->ids || !work_fill(w, 0, info.vocabulary, 1.0f)) {
        return DECOCT_E_MEMORY;
    }
    for (int64_t i = 0; i <= c->seq; i++) {
        w->ids[i] = (int32_t)((i * 7919 + 13) % info.vocabulary);
    }
    return is_decode(w) ? decoct_session_eval(w->ctx, w->session, w->ids, c->seq, 0, w->buffer[0])
                        : DECOCT_OK;
}

// Prefill: all tokens from an empty cache. Decode: one more.
static decoct_status run_model(work *w) {
    int64_t seq = w->c.seq, keep = is_decode(w) ? seq : 0;
    decoct_status status = decoct_session_truncate(w->ctx, w->session, keep);
    return status ? status
                  : decoct_session_eval(w->ctx, w->session, w->ids + keep, keep ? 1 : seq, 0,
                                        w->buffer[0]);
}

// ---- Either ----

static decoct_status open_either(work *w) {
    return w->c.model ? open_model(w) : open_blocks(w);
}

static decoct_status run_either(work *w) {
    return w->model ? run_model(w) : run_blocks(w);
}

// Weights that a token meets in all blocks, and in the head, which only the last token meets.
static double block_weights(const work *w) {
    double d = (double)work_d_model(&w->c), d_ffn = w->d_ffn ? (double)w->d_ffn : 4.0 * d;
    return (double)layers_of(&w->c) * (4.0 * d * d + 2.0 * d * d_ffn);
}

static double head_weights(const work *w) {
    return (double)w->vocabulary * (double)work_d_model(&w->c);
}

// Rows through all blocks, with so many pairs of query and key that see each other in each head of
// each layer: 4 d for a pair, and what is no matrix product.
static work_cost cost_rows(const work *w, double rows, double pairs) {
    double d = (double)work_d_model(&w->c), d_ffn = w->d_ffn ? (double)w->d_ffn : 4.0 * d;
    double layers = (double)layers_of(&w->c), head = head_weights(w);
    double flops = 2.0 * (block_weights(w) * rows + head) + layers * 4.0 * d * pairs;
    double rest = rows * (2.0 * d * (NORM_FLOP + ADD_FLOP) + GELU_FLOP * d_ffn) +
                  SOFTMAX_FLOP * (double)w->c.heads * pairs;
    return (work_cost){.flops = flops, .arithmetic = flops + layers * rest};
}

static work_cost cost_prefill(const work *w) {
    double s = (double)w->c.seq, d = (double)work_d_model(&w->c), layers = (double)layers_of(&w->c);
    work_cost cost = cost_rows(w, s, s * (s + 1.0) / 2.0);
    cost.bytes = 4.0 * (block_weights(w) + head_weights(w) + layers * 2.0 * s * d + 2.0 * s * d);
    cost.tokens = s;
    return cost;
}

static work_cost cost_decode(const work *w) {
    double s = (double)w->c.seq, d = (double)work_d_model(&w->c), layers = (double)layers_of(&w->c);
    work_cost cost = cost_rows(w, 1.0, s + 1.0);
    cost.bytes = 4.0 * (block_weights(w) + head_weights(w) + layers * 2.0 * s * d);
    cost.tokens = 1.0;
    cost.streams = true;
    return cost;
}

static int64_t count_rows(const work_case *c) {
    return c->seq * work_d_model(c);
}

const work_op work_block = {
    "block",
    "seq new positions through one decoder block (d_ffn = 4 d), empty cache",
    WORK_BLOCK_KERNELS,
    open_blocks,
    run_blocks,
    cost_prefill,
    5,
    count_rows,
    rows_blocks,
    work_d_model,
};

const work_op work_prefill = {
    "prefill",
    "the same through --layers blocks, or through all of --model to the next token's scores",
    WORK_BLOCK_KERNELS,
    open_either,
    run_either,
    cost_prefill,
    5,
    count_rows,
    rows_blocks,
    work_d_model,
};

const work_op work_decode = {
    "decode",
    "one new position through them, with seq positions in the caches",
    WORK_BLOCK_KERNELS,
    open_either,
    run_either,
    cost_decode,
    5,
    work_d_model,
    NULL,
    NULL,
};
