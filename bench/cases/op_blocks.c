// SPDX-License-Identifier: BSD-2-Clause
// Decoder blocks: one of a GPT, hashed with all its arrays, and blocks in a row.
#include "op.h"
#include "stored.h"

#include <stdlib.h>
#include <string.h>

enum { D_MODEL, HEADS, D_FFN, ROWS, PIECE, BLOCK_ARRAYS = 12 };

// seq new positions.
static void shape_blocks(const work_case *c, int64_t dims[WORK_DIMS]) {
    int64_t d = op_d_model(c);
    const int64_t all[] = {d, c->heads, 4 * d, c->seq, c->seq};
    memcpy(dims, all, sizeof all);
}

static int64_t layers_of(const bench_work *w) {
    return w->c.layers > 0 ? w->c.layers : 1;
}

// `rows` positions in pieces, x (rows, d) through all blocks to y.
static decoct_status forward(bench_work *w, int64_t rows) {
    decoct_status status = DECOCT_OK;
    int64_t d = w->dims[D_MODEL], piece = w->dims[PIECE];
    for (int64_t at = 0; at < rows && !status; at += piece) {
        int64_t count = rows - at < piece ? rows - at : piece;
        for (int64_t i = 0; i < layers_of(w) && !status; i++) {
            const float *x = w->operand[i == 0 ? ROLE_X : ROLE_Y] + at * d;
            status = decoct_block_forward(w->ctx, w->blocks[i], w->caches[i], count, x, 0,
                                          w->operand[ROLE_Y] + at * d, 0);
        }
    }
    return status;
}

// The arrays of a block; timed ones have only the four matrices.
static bool fill_arrays(bench_work *w, decoct_block_args *a) {
    int64_t d = w->dims[D_MODEL], ffn = w->dims[D_FFN];
    float scale = op_scale(d);
    const struct {
        const float **at;
        int64_t count;
        float hashed, timed;
    } arrays[BLOCK_ARRAYS] = {
        {&a->norm1_gain, d, 2.0f, 0.0f},          {&a->norm1_bias, d, 0.5f, 0.0f},
        {&a->qkv, 3 * d * d, 2 * scale, .05f},    {&a->qkv_bias, 3 * d, 0.5f, 0.0f},
        {&a->proj, d * d, scale, .05f},           {&a->proj_bias, d, 0.5f, 0.0f},
        {&a->norm2_gain, d, 2.0f, 0.0f},          {&a->norm2_bias, d, 0.5f, 0.0f},
        {&a->up, d * ffn, scale, .05f},           {&a->up_bias, ffn, 0.5f, 0.0f},
        {&a->down, ffn * d, op_scale(ffn), .05f}, {&a->down_bias, d, 0.5f, 0.0f},
    };
    for (int i = 0; i < BLOCK_ARRAYS; i++) {
        if (w->c.hashed || arrays[i].timed > 0.0f) {
            *arrays[i].at =
                op_fill(w, ROLE_BLOCK + i, arrays[i].count, arrays[i].hashed, arrays[i].timed);
            if (!*arrays[i].at) {
                return false;
            }
        }
    }
    return true;
}

static decoct_block_args arguments(const bench_work *w) {
    decoct_block_args a = {.struct_size = sizeof a,
                           .d_model = w->dims[D_MODEL],
                           .heads = w->dims[HEADS],
                           .d_ffn = w->dims[D_FFN]};
    if (w->c.hashed) {
        a.norm_order = w->op.form;
        a.gelu = w->op.form == DECOCT_POST_NORM ? DECOCT_GELU_ERF : DECOCT_GELU_TANH;
        a.eps = 0x1p-17f;
    }
    return a;
}

// The same numbers for every layer, packed once for each: they are at different places.
static decoct_status open_layers(bench_work *w) {
    int64_t layers = layers_of(w);
    decoct_block_args a = arguments(w);
    w->blocks = calloc((size_t)layers, sizeof *w->blocks);
    w->caches = calloc((size_t)layers, sizeof *w->caches);
    if (!w->blocks || !w->caches || !fill_arrays(w, &a)) {
        return DECOCT_E_MEMORY;
    }
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < layers && !status; i++) {
        status = decoct_block_create(w->ctx, &a, &w->blocks[i]);
        if (!status) {
            status = decoct_cache_create(w->ctx, w->blocks[i], w->dims[ROWS] + 1, &w->caches[i]);
        }
    }
    for (int i = 0; i < BLOCK_ARRAYS; i++) {
        op_drop(w, ROLE_BLOCK + i); // a block has copies
    }
    return status;
}

void op_close_blocks(bench_work *w) {
    for (int64_t i = 0; w->blocks && w->caches && i < layers_of(w); i++) {
        decoct_cache_destroy(w->caches[i]);
        decoct_block_destroy(w->blocks[i]);
    }
    free(w->blocks);
    free(w->caches);
}

static decoct_status open_blocks(bench_work *w) {
    int64_t count = w->dims[ROWS] * w->dims[D_MODEL];
    decoct_status status = open_layers(w);
    if (!status &&
        (!op_fill(w, ROLE_X, count, 1.0f, 1.0f) || !op_fill(w, ROLE_Y, count, 1.0f, 1.0f))) {
        status = DECOCT_E_MEMORY;
    }
    return !status && w->op.is_decode ? forward(w, w->dims[ROWS]) : status;
}

static decoct_status truncate(bench_work *w, int64_t rows) {
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < layers_of(w) && !status; i++) {
        status = decoct_cache_truncate(w->ctx, w->caches[i], rows);
    }
    return status;
}

static decoct_status run_blocks(bench_work *w) {
    int64_t rows = w->dims[ROWS];
    decoct_status status = truncate(w, w->op.is_decode ? rows : 0);
    return status ? status : forward(w, w->op.is_decode ? 1 : rows);
}

static decoct_status open_either(bench_work *w) {
    return w->c.model ? op_open_model(w) : open_blocks(w);
}

static decoct_status run_either(bench_work *w) {
    return w->model ? op_run_model(w) : run_blocks(w);
}

// The first rows of all.
static decoct_status rows_blocks(bench_work *w, const int64_t *which, int64_t number, float *out) {
    (void)which; // 0, 1, ... number - 1
    decoct_status status = truncate(w, 0);
    status = status ? status : forward(w, number);
    if (!status) {
        memcpy(out, w->operand[ROLE_Y], (size_t)(number * w->dims[D_MODEL]) * sizeof *out);
    }
    return status;
}

static int64_t width_blocks(const bench_work *w) {
    return w->dims[D_MODEL];
}

static int64_t count_blocks(const bench_work *w) {
    return w->model          ? w->vocabulary
           : w->op.is_decode ? width_blocks(w)
                             : w->dims[ROWS] * width_blocks(w);
}

// ---- Cost ----

// Weights that a token meets in all blocks, and in the head, which only the last token meets.
static double block_weights(const bench_work *w) {
    double d = (double)w->dims[D_MODEL], d_ffn = (double)w->dims[D_FFN];
    return (double)layers_of(w) * (4.0 * d * d + 2.0 * d * d_ffn);
}

static double head_weights(const bench_work *w) {
    return (double)w->vocabulary * (double)w->dims[D_MODEL];
}

// New positions through all blocks after others, with `pairs` pairs of query and key that see each
// other in each head of each layer: 4 d for a pair, and the rest that is not a matrix product.
static work_cost cost_blocks(const bench_work *w, double rows, double after, double bytes) {
    double d = (double)w->dims[D_MODEL], d_ffn = (double)w->dims[D_FFN];
    double layers = (double)layers_of(w), head = head_weights(w);
    double pairs = rows * after + rows * (rows + 1.0) / 2.0;
    double flops = 2.0 * (block_weights(w) * rows + head) + layers * 4.0 * d * pairs;
    double rest = rows * (2.0 * d * (NORM_FLOP + ADD_FLOP) + GELU_FLOP * d_ffn) +
                  SOFTMAX_FLOP * (double)w->dims[HEADS] * pairs;
    double constant = stored_bytes(w->c.dtype, block_weights(w) + head);
    return (work_cost){.flops = flops,
                       .arithmetic = flops + layers * rest,
                       .bytes = constant + 4.0 * bytes,
                       .constant = constant,
                       .tokens = rows};
}

static work_cost cost_prefill(const bench_work *w) {
    double s = (double)w->dims[ROWS], d = (double)w->dims[D_MODEL];
    return cost_blocks(w, s, 0.0, (double)layers_of(w) * 2.0 * s * d + 2.0 * s * d);
}

static work_cost cost_decode(const bench_work *w) {
    double s = (double)w->dims[ROWS], d = (double)w->dims[D_MODEL];
    work_cost c = cost_blocks(w, 1.0, s, (double)layers_of(w) * 2.0 * s * d);
    c.streams = true;
    return c;
}

// Weights unpacked, once, and packed; caches; x, y, and the scratch of a block.
static double need_blocks(const bench_work *w) {
    double s = (double)w->dims[ROWS], d = (double)w->dims[D_MODEL], layers = (double)layers_of(w);
    return sizeof(float) *
           (block_weights(w) * (layers + 1.0) / layers + 2.0 * s * d * layers + 10.0 * s * d);
}

// ---- The operations ----

const work_op op_block_pre = {
    .name = "block_pre",
    .dims = "d_model heads d_ffn rows piece",
    .kernels = OP_BLOCK_KERNELS,
    .outputs = {"block_pre"},
    .form = DECOCT_PRE_NORM,
    .need = need_blocks,
    .open = open_blocks,
    .run = run_blocks,
    .cost = cost_prefill,
    .count = count_blocks,
};

const work_op op_block_post = {
    .name = "block_post",
    .dims = "d_model heads d_ffn rows piece",
    .kernels = OP_BLOCK_KERNELS,
    .outputs = {"block_post"},
    .form = DECOCT_POST_NORM,
    .need = need_blocks,
    .open = open_blocks,
    .run = run_blocks,
    .cost = cost_prefill,
    .count = count_blocks,
};

// seq new positions through one block, empty cache.
const work_op op_block = {
    .name = "block",
    .kernels = OP_BLOCK_KERNELS,
    .has_head_dim = true,
    .shape = shape_blocks,
    .need = need_blocks,
    .open = open_blocks,
    .run = run_blocks,
    .cost = cost_prefill,
    .count = count_blocks,
    .rows = rows_blocks,
    .width = width_blocks,
};

// The same through `layers` blocks, or through a whole model to the next token's scores.
const work_op op_prefill = {
    .name = "prefill",
    .kernels = OP_BLOCK_KERNELS,
    .has_head_dim = true,
    .has_layers = true,
    .shape = shape_blocks,
    .need = need_blocks,
    .open = open_either,
    .run = run_either,
    .cost = cost_prefill,
    .count = count_blocks,
    .rows = rows_blocks,
    .width = width_blocks,
};

// One new position through them, with seq positions in the caches.
const work_op op_decode = {
    .name = "decode",
    .kernels = OP_BLOCK_KERNELS,
    .has_head_dim = true,
    .has_layers = true,
    .is_decode = true,
    .shape = shape_blocks,
    .need = need_blocks,
    .open = open_either,
    .run = run_either,
    .cost = cost_decode,
    .count = count_blocks,
};
