// SPDX-License-Identifier: BSD-2-Clause
// Operands and calls of the operations that are timed; only the public header.
#include "work.h"

#include "operands.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const work_op work_ops[] = {
    {"matmul",
     "x (seq, d) times packed weights (d, 3 d): the q, k, v projection; d = heads head_dim"},
    {"softmax", "seq rows of seq columns"},
    {"attention", "causal self-attention, all heads; FLOP counts the visible half only"},
    {"prefill", "seq new positions through one decoder block (d_ffn = 4 d), empty cache"},
    {"decode", "one new position through one decoder block with seq positions in the cache"},
    // with --model: the same through all of it, and the scores of the next token
    {"barrier", "nothing at all, on all threads: what sharing work costs"},
    {NULL, NULL},
};

enum { BUFFERS = 6 };

struct work {
    work_case c;
    decoct_context *ctx;
    decoct_weights *weights;
    decoct_block *block;
    decoct_cache *cache;
    decoct_model *model;
    decoct_session *session;
    int32_t *ids; // seq + 1 tokens
    float *buffer[BUFFERS];
};

// A reproducible buffer of numbers in [-scale, scale).
static float *filled(work *w, int slot, int64_t count, float scale) {
    free(w->buffer[slot]);
    w->buffer[slot] = operand_new(count, scale, (uint64_t)slot);
    return w->buffer[slot];
}

static int64_t d_model(const work_case *c) {
    return c->heads * c->head_dim;
}

static decoct_status open_matmul(work *w) {
    int64_t d = d_model(&w->c);
    if (!filled(w, 0, d * 3 * d, 0.05f) || !filled(w, 1, w->c.seq * d, 1.0f) ||
        !filled(w, 2, w->c.seq * 3 * d, 1.0f)) {
        return DECOCT_E_MEMORY;
    }
    return decoct_weights_create(w->ctx, d, 3 * d, w->buffer[0], 0, 0, &w->weights);
}

static decoct_status open_block(work *w, int64_t cached) {
    int64_t d = d_model(&w->c), rows = cached > 0 ? cached : w->c.seq;
    decoct_block_args a = {
        .struct_size = sizeof a, .d_model = d, .heads = w->c.heads, .d_ffn = 4 * d};
    a.qkv = filled(w, 0, d * 3 * d, 0.05f);
    a.proj = filled(w, 1, d * d, 0.05f);
    a.up = filled(w, 2, d * 4 * d, 0.05f);
    a.down = filled(w, 3, d * 4 * d, 0.05f);
    const float *x = filled(w, 4, rows * d, 1.0f);
    if (!x || !filled(w, 5, rows * d, 1.0f)) {
        return DECOCT_E_MEMORY;
    }
    decoct_status status = decoct_block_create(w->ctx, &a, &w->block);
    if (!status) {
        status = decoct_cache_create(w->ctx, w->block, rows + 1, &w->cache);
    }
    if (!status && cached > 0) {
        status = decoct_block_forward(w->ctx, w->block, w->cache, cached, x, 0, w->buffer[5], 0);
    }
    return status;
}

// A session of the whole model, with seq tokens in it for decode.
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
    c->d_ffn = info.d_ffn;
    c->vocabulary = info.vocabulary;
    c->heads = info.heads;
    c->head_dim = info.d_model / info.heads;
    w->ids = malloc((size_t)(c->seq + 1) * sizeof *w->ids);
    if (!w->ids || !filled(w, 0, info.vocabulary, 1.0f)) {
        return DECOCT_E_MEMORY;
    }
    for (int64_t i = 0; i <= c->seq; i++) {
        w->ids[i] = (int32_t)((i * 7919 + 13) % info.vocabulary);
    }
    return c->op[0] == 'd' && c->seq > 0
               ? decoct_session_eval(w->ctx, w->session, w->ids, c->seq, 0, w->buffer[0])
               : DECOCT_OK;
}

// Prefill: all tokens anew. Decode: one more.
static decoct_status run_model(work *w) {
    int64_t seq = w->c.seq, keep = w->c.op[0] == 'd' ? seq : 0;
    decoct_status status = decoct_session_truncate(w->ctx, w->session, keep);
    return status ? status
                  : decoct_session_eval(w->ctx, w->session, w->ids + keep, keep ? 1 : seq, 0,
                                        w->buffer[0]);
}

static decoct_status open_operands(work *w) {
    int64_t all = w->c.seq * d_model(&w->c);
    if (strcmp(w->c.op, "matmul") == 0) {
        return open_matmul(w);
    }
    if (w->c.model) {
        return open_model(w);
    }
    if (strcmp(w->c.op, "prefill") == 0 || strcmp(w->c.op, "decode") == 0) {
        return open_block(w, w->c.op[0] == 'd' ? w->c.seq : 0);
    }
    if (strcmp(w->c.op, "barrier") == 0) {
        return DECOCT_OK;
    }
    bool softmax = strcmp(w->c.op, "softmax") == 0;
    for (int i = 0; i < (softmax ? 2 : 4); i++) {
        if (!filled(w, i, softmax ? w->c.seq * w->c.seq : all, 2.0f)) {
            return DECOCT_E_MEMORY;
        }
    }
    return DECOCT_OK;
}

decoct_status work_open(const work_case *c, work **out, char *error, uint64_t error_size) {
    work *w = calloc(1, sizeof *w);
    if (!w) {
        snprintf(error, error_size, "out of memory");
        return DECOCT_E_MEMORY;
    }
    w->c = *c;
    decoct_options options = {.struct_size = sizeof options,
                              .threads = c->threads,
                              .backend = c->backend,
                              .pin = c->pin,
                              .error = error,
                              .error_size = error_size};
    decoct_status status = decoct_context_open(&options, &w->ctx);
    if (!status) {
        status = open_operands(w);
        if (status) {
            const char *words = decoct_last_error(w->ctx);
            snprintf(error, error_size, "%s", *words ? words : decoct_status_string(status));
        }
    }
    if (status) {
        work_close(w);
        return status;
    }
    *out = w;
    return DECOCT_OK;
}

void work_close(work *w) {
    if (!w) {
        return;
    }
    decoct_session_destroy(w->session);
    decoct_model_close(w->model);
    free(w->ids);
    decoct_weights_destroy(w->weights);
    decoct_cache_destroy(w->cache);
    decoct_block_destroy(w->block);
    decoct_context_close(w->ctx);
    for (int i = 0; i < BUFFERS; i++) {
        free(w->buffer[i]);
    }
    free(w);
}

static decoct_status run_attention(work *w) {
    const work_case *c = &w->c;
    decoct_attention_args a = operand_attention(c->heads, c->head_dim, c->seq, c->seq, w->buffer[0],
                                                w->buffer[1], w->buffer[2], w->buffer[3]);
    return decoct_attention(w->ctx, &a);
}

decoct_status work_run(work *w) {
    int64_t d = d_model(&w->c), seq = w->c.seq;
    decoct_status status;
    double nothing;
    if (w->model) {
        return run_model(w);
    }
    switch (w->c.op[0]) {
    case 'b':
        return decoct_probe(w->ctx, DECOCT_PROBE_FMA, 0, NULL, NULL, &nothing);
    case 'm': {
        decoct_matmul_args a = {.struct_size = sizeof a,
                                .m = seq,
                                .n = 3 * d,
                                .k = d,
                                .x = w->buffer[1],
                                .weights = w->weights,
                                .y = w->buffer[2]};
        return decoct_matmul(w->ctx, &a);
    }
    case 's':
        return decoct_softmax(w->ctx, seq, seq, 0.0f, w->buffer[0], 0, w->buffer[1], 0);
    case 'a':
        return run_attention(w);
    case 'p':
        status = decoct_cache_truncate(w->ctx, w->cache, 0);
        return status ? status
                      : decoct_block_forward(w->ctx, w->block, w->cache, seq, w->buffer[4], 0,
                                             w->buffer[5], 0);
    default:
        status = decoct_cache_truncate(w->ctx, w->cache, seq);
        return status ? status
                      : decoct_block_forward(w->ctx, w->block, w->cache, 1, w->buffer[4], 0,
                                             w->buffer[5], 0);
    }
}

// Attention over pairs of query and key that see each other: 2 for the score, 2 for the value.
static double attention_flops(double pairs, double d) {
    return 4.0 * pairs * d;
}

// Weights that a token meets in all blocks, and in the head, which only the last token meets.
static double block_weights(const work_case *c) {
    double d = (double)d_model(c), layers = c->layers ? (double)c->layers : 1.0;
    double d_ffn = c->d_ffn ? (double)c->d_ffn : 4.0 * d;
    return layers * (4.0 * d * d + 2.0 * d * d_ffn);
}

static double head_weights(const work_case *c) {
    return (double)c->vocabulary * (double)d_model(c);
}

double work_flops(const work_case *c) {
    double s = (double)c->seq, d = (double)d_model(c), layers = c->layers ? (double)c->layers : 1.0;
    switch (c->op[0]) {
    case 'm':
        return 6.0 * s * d * d;
    case 'a':
        return attention_flops(s * (s + 1.0) / 2.0, d);
    case 'p':
        return 2.0 * (block_weights(c) * s + head_weights(c)) +
               layers * attention_flops(s * (s + 1.0) / 2.0, d);
    case 'd':
        return 2.0 * (block_weights(c) + head_weights(c)) + layers * attention_flops(s + 1.0, d);
    default:
        return 0.0;
    }
}

double work_bytes(const work_case *c) {
    double s = (double)c->seq, d = (double)d_model(c), layers = c->layers ? (double)c->layers : 1.0;
    return c->op[0] == 's'   ? 8.0 * s * s
           : c->op[0] == 'd' ? 4.0 * (block_weights(c) + head_weights(c) + layers * 2.0 * s * d)
                             : 0.0;
}

double work_tokens(const work_case *c) {
    return c->op[0] == 'p' ? (double)c->seq : c->op[0] == 'd' ? 1.0 : 0.0;
}

const work_case *work_what(const work *w) {
    return &w->c;
}

const char *work_backend(const work *w) {
    return decoct_context_backend(w->ctx);
}

const char *work_error(const work *w) {
    return decoct_last_error(w->ctx);
}
