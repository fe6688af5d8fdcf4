// SPDX-License-Identifier: BSD-2-Clause
// What the files of work*.c share: an open case, and the table of operations.
#ifndef BENCH_WORK_INSIDE_H
#define BENCH_WORK_INSIDE_H

#include "work.h"

enum { WORK_BUFFERS = 6 };

// What a decoder block calls.
#define WORK_BLOCK_KERNELS "layer_norm matmul attention pack_keys gelu add"

// Operations of the definition (backends/scalar) for one element; a fused multiply-add is two. exp:
// two bounds, 9 fused, 1 difference, 2 products. Softmax and attention, for each score: maximum,
// difference, exp, sum, product. Layer norm: maximum, sum, difference, sum of the differences, sum
// of squares (2), difference, product. GELU: square, fused, product, exp, sum, quotient.
enum {
    EXP_FLOP = 2 + 2 * 9 + 1 + 2,
    SOFTMAX_FLOP = 4 + EXP_FLOP,
    NORM_FLOP = 8,
    GELU_FLOP = 5 + EXP_FLOP,
    ADD_FLOP = 1
};

typedef struct work_op {
    const char *name, *words;
    const char *kernels;            // of the library, that a run calls
    decoct_status (*open)(work *w); // NULL: no operands
    decoct_status (*run)(work *w);
    work_cost (*cost)(const work *w);
    int output; // which buffer; -1: none
    int64_t (*output_count)(const work_case *c);
    // Some rows of the output alone; NULL: it has no rows that can be had alone.
    decoct_status (*rows)(work *w, const int64_t *rows, int64_t count, float *out);
    int64_t (*row_width)(const work_case *c);
} work_op;

struct work {
    work_case c;
    const work_op *op;
    decoct_context *ctx;
    float *buffer[WORK_BUFFERS];
    decoct_weights *weights;
    // c.layers blocks with a cache each
    decoct_block **blocks;
    decoct_cache **caches;
    // or a whole model
    decoct_model *model;
    decoct_session *session;
    int32_t *ids; // seq + 1 tokens
    int64_t d_ffn, vocabulary;
    double amount; // what the last probe did
};

// Operations of one kernel: work_kernels.c. Of decoder blocks and models: work_blocks.c.
extern const work_op work_matmul, work_softmax, work_attention, work_barrier, work_fma, work_read,
    work_copy, work_block, work_prefill, work_decode;

// A reproducible buffer of numbers in [-scale, scale).
float *work_fill(work *w, int slot, int64_t count, float scale);
void work_close_blocks(work *w);

static inline int64_t work_d_model(const work_case *c) {
    return c->heads * c->head_dim;
}

#endif
