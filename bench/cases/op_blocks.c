// SPDX-License-Identifier: BSD-2-Clause
// Decoder blocks: one, hashed with all its arrays, and blocks in a row, of a GPT or of a model that
// has a name; behind those of a model the part of the head that belongs to them.
#include "block_make.h"
#include "rows_call.h"
#include "stored.h"

#include <stdlib.h>
#include <string.h>

enum { D_MODEL, HEADS, D_FFN, ROWS, PIECE };
enum { LLAMA_D, LLAMA_HEADS, LLAMA_KV, LLAMA_DIM, LLAMA_FFN, LLAMA_ROWS, LLAMA_PIECE, LLAMA_KIND };

// ---- Sizes ----

// seq new positions.
static void shape_blocks(const work_case *c, int64_t dims[WORK_DIMS]) {
    int64_t d = op_d_model(c);
    const int64_t all[] = {d, c->heads, 4 * d, c->seq, c->seq};
    memcpy(dims, all, sizeof all);
}

// One by one.
static void shape_generate(const work_case *c, int64_t dims[WORK_DIMS]) {
    shape_blocks(c, dims);
    dims[PIECE] = 1;
}

static void describe_gpt(bench_work *w) {
    int64_t d = w->dims[D_MODEL], heads = w->dims[HEADS];
    w->rows = w->dims[ROWS];
    w->piece = w->dims[PIECE];
    if (!block_shape_find(w->c.block, &w->block)) {
        w->block = (block_shape){.kind = w->op.form == DECOCT_POST_NORM ? BLOCK_POST : 0,
                                 .d_model = d,
                                 .heads = heads,
                                 .kv_heads = heads,
                                 .head_dim = heads > 0 ? d / heads : 0,
                                 .d_ffn = w->dims[D_FFN]};
        return;
    }
    w->c.layers = w->c.layers ? w->c.layers : w->block.layers;
    w->c.heads = w->block.heads;
    w->c.head_dim = w->block.head_dim;
    w->vocabulary = block_shape_head(&w->block, w->c.layers);
}

static void describe_llama(bench_work *w) {
    const int64_t *dims = w->dims;
    w->rows = dims[LLAMA_ROWS];
    w->piece = dims[LLAMA_PIECE];
    w->block = (block_shape){.kind = BLOCK_LLAMA | (int)dims[LLAMA_KIND],
                             .d_model = dims[LLAMA_D],
                             .heads = dims[LLAMA_HEADS],
                             .kv_heads = dims[LLAMA_KV],
                             .head_dim = dims[LLAMA_DIM],
                             .d_ffn = dims[LLAMA_FFN],
                             .theta = 1000.0f};
}

// ---- A run ----

// The scores that follow row `at`: the last norm, and the head.
static decoct_status score(bench_work *w, int64_t at) {
    int64_t d = w->block.d_model;
    float *y = w->operand[ROLE_Y], *normed = w->operand[ROLE_UP];
    decoct_rows_args norm = {.struct_size = sizeof norm,
                             .op = w->block.kind & BLOCK_LLAMA ? DECOCT_OP_RMS_NORM
                                                               : DECOCT_OP_LAYER_NORM,
                             .rows = 1,
                             .cols = d,
                             .x = y + at * d,
                             .y = normed,
                             .eps = 1e-5f};
    decoct_matmul_args head = {.struct_size = sizeof head,
                               .m = 1,
                               .n = w->vocabulary,
                               .k = d,
                               .x = normed,
                               .weights = w->weights,
                               .y = y + w->rows * d};
    decoct_status status = rows_call(w->ctx, &norm);
    return status ? status : decoct_matmul(w->ctx, &head);
}

// `rows` positions in pieces, x (rows, d) through all blocks to y; after each piece its scores.
static decoct_status forward(bench_work *w, int64_t rows) {
    decoct_status status = DECOCT_OK;
    int64_t d = w->block.d_model, piece = w->piece;
    for (int64_t at = 0; at < rows && !status; at += piece) {
        int64_t count = rows - at < piece ? rows - at : piece;
        for (int64_t i = 0; i < block_layers(w) && !status; i++) {
            const float *x = w->operand[i == 0 ? ROLE_X : ROLE_Y] + at * d;
            status = decoct_block_forward(w->ctx, w->blocks[i], w->caches[i], count, x, 0,
                                          w->operand[ROLE_Y] + at * d, 0);
        }
        if (!status && w->weights) {
            status = score(w, at + count - 1);
        }
    }
    return status;
}

static decoct_status open_caches(bench_work *w) {
    decoct_status status = DECOCT_OK;
    w->caches = calloc((size_t)block_layers(w), sizeof *w->caches);
    for (int64_t i = 0; w->caches && i < block_layers(w) && !status; i++) {
        status = decoct_cache_create(w->ctx, w->blocks[i], w->rows + 1, &w->caches[i]);
    }
    return w->caches ? status : DECOCT_E_MEMORY;
}

void op_close_blocks(bench_work *w) {
    for (int64_t i = 0; w->caches && i < block_layers(w); i++) {
        decoct_cache_destroy(w->caches[i]);
    }
    for (int64_t i = 0; w->blocks && i < block_layers(w); i++) {
        decoct_block_destroy(w->blocks[i]);
    }
    free(w->blocks);
    free(w->caches);
}

static bool fill_rows(bench_work *w) {
    int64_t d = w->block.d_model, count = w->rows * d;
    bool made = op_fill(w, ROLE_X, count, 1.0f, 1.0f) &&
                op_fill(w, ROLE_Y, count + w->vocabulary, 1.0f, 1.0f);
    return made && (!w->weights || op_fill(w, ROLE_UP, d, 1.0f, 1.0f));
}

static decoct_status open_blocks(bench_work *w) {
    decoct_status status = block_make(w);
    status = status ? status : open_caches(w);
    status = status || fill_rows(w) ? status : DECOCT_E_MEMORY;
    return !status && w->op.is_decode ? forward(w, w->rows) : status;
}

static decoct_status truncate(bench_work *w, int64_t rows) {
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < block_layers(w) && !status; i++) {
        status = decoct_cache_truncate(w->ctx, w->caches[i], rows);
    }
    return status;
}

static decoct_status run_blocks(bench_work *w) {
    decoct_status status = truncate(w, w->op.is_decode ? w->rows : 0);
    return status ? status : forward(w, w->op.is_decode ? 1 : w->rows);
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
        memcpy(out, w->operand[ROLE_Y], (size_t)(number * w->block.d_model) * sizeof *out);
    }
    return status;
}

static int64_t width_blocks(const bench_work *w) {
    return w->block.d_model;
}

// With the scores behind the last row.
static int64_t count_blocks(const bench_work *w) {
    return w->model          ? w->vocabulary
           : w->op.is_decode ? width_blocks(w)
                             : w->rows * width_blocks(w) + w->vocabulary;
}

// ---- Cost ----

// Weights that a token meets in all blocks, and in the head, which only some tokens meet.
static double block_weights(const bench_work *w) {
    return (double)block_layers(w) * block_shape_layer(&w->block);
}

static double head_weights(const bench_work *w) {
    return (double)w->vocabulary * (double)w->block.d_model;
}

// How much of the model is timed: tokens/s are those of all of it.
static double part_of(const bench_work *w) {
    bool part = w->c.block && block_layers(w) < w->block.layers;
    return part ? (double)block_layers(w) / (double)w->block.layers : 1.0;
}

// New positions through all blocks after others, in pieces: the weights are read once for each. 4
// operations a column of a head for each pair of query and key that see each other in each layer,
// and the rest that is not a matrix product.
static work_cost cost_blocks(const bench_work *w, double rows, double after, double pieces) {
    const block_shape *b = &w->block;
    double d = (double)b->d_model, d_ffn = (double)b->d_ffn, layers = (double)block_layers(w);
    double q = (double)(b->heads * b->head_dim), kv = (double)(b->kv_heads * b->head_dim);
    double pairs = rows * after + rows * (rows + 1.0) / 2.0;
    double flops =
        2.0 * (block_weights(w) * rows + head_weights(w) * pieces) + layers * 4.0 * q * pairs;
    double act = b->kind & BLOCK_LLAMA ? EXP_FLOP + 4.0 : GELU_FLOP;
    double rest = rows * (2.0 * d * (NORM_FLOP + ADD_FLOP) + act * d_ffn) +
                  SOFTMAX_FLOP * (double)b->heads * pairs;
    double constant = pieces * stored_bytes(w->c.dtype, block_weights(w) + head_weights(w));
    // Keys and values that are read, once a piece, or written, and x and y; beside those of earlier
    // positions the few of a single one do not count.
    double cached = layers * 2.0 * kv * (after > 0.0 ? after : rows * (pieces + 1.0) / 2.0);
    double activations = after > 0.0 ? 0.0 : 2.0 * rows * d;
    return (work_cost){.flops = flops,
                       .arithmetic = flops + layers * rest,
                       .bytes = constant + 4.0 * (cached + activations),
                       .constant = constant,
                       .tokens = rows * part_of(w)};
}

static work_cost cost_prefill(const bench_work *w) {
    return cost_blocks(w, (double)w->rows, 0.0, 1.0);
}

static work_cost cost_generate(const bench_work *w) {
    work_cost c = cost_blocks(w, (double)w->rows, 0.0, (double)w->rows);
    c.streams = true;
    return c;
}

static work_cost cost_decode(const bench_work *w) {
    work_cost c = cost_blocks(w, 1.0, (double)w->rows, 1.0);
    c.streams = true;
    return c;
}

// Weights packed, and those of a layer or of the head as they were; caches; x, y, and the scratch
// of a block.
static double need_blocks(const bench_work *w) {
    const block_shape *b = &w->block;
    double s = (double)w->rows, d = (double)b->d_model, layer = block_shape_layer(b);
    double kv = (double)(b->kv_heads * b->head_dim), head = head_weights(w);
    return stored_bytes(w->c.dtype, block_weights(w) + head + (head > layer ? head : layer)) +
           sizeof(float) * (2.0 * s * kv * (double)block_layers(w) + 10.0 * s * d);
}

// ---- The operations ----

const work_op op_block_pre = {
    .name = "block_pre",
    .dims = "d_model heads d_ffn rows piece",
    .kernels = OP_BLOCK_KERNELS,
    .outputs = {"block_pre"},
    .form = DECOCT_PRE_NORM,
    .describe = describe_gpt,
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
    .describe = describe_gpt,
    .need = need_blocks,
    .open = open_blocks,
    .run = run_blocks,
    .cost = cost_prefill,
    .count = count_blocks,
};

// kind: BLOCK_ bits beside BLOCK_LLAMA.
const work_op op_block_llama = {
    .name = "block_llama",
    .dims = "d_model heads kv_heads head_dim d_ffn rows piece kind",
    .kernels = OP_BLOCK_KERNELS,
    .outputs = {"block_llama"},
    .has_dtype = true,
    .describe = describe_llama,
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
    .has_dtype = true,
    .shape = shape_blocks,
    .describe = describe_gpt,
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
    .has_dtype = true,
    .shape = shape_blocks,
    .describe = describe_gpt,
    .need = need_blocks,
    .open = open_either,
    .run = run_either,
    .cost = cost_prefill,
    .count = count_blocks,
    .rows = rows_blocks,
    .width = width_blocks,
};

// seq new positions one by one, from empty caches on: text that is generated.
const work_op op_generate = {
    .name = "generate",
    .kernels = OP_BLOCK_KERNELS,
    .has_head_dim = true,
    .has_layers = true,
    .has_dtype = true,
    .is_generate = true,
    .shape = shape_generate,
    .describe = describe_gpt,
    .need = need_blocks,
    .open = open_either,
    .run = run_either,
    .cost = cost_generate,
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
    .has_dtype = true,
    .is_decode = true,
    .shape = shape_blocks,
    .describe = describe_gpt,
    .need = need_blocks,
    .open = open_either,
    .run = run_either,
    .cost = cost_decode,
    .count = count_blocks,
};
