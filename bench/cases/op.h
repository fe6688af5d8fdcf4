// SPDX-License-Identifier: BSD-2-Clause
// What the files op_*.c share: how an operation is described, and an open case.
#ifndef BENCH_OP_H
#define BENCH_OP_H

#include "block_shape.h"
#include "case.h"
#include "roles.h"

// OP_KERNELS: characters of the kernels that a run calls, with the end.
enum { WORK_OUTPUTS = 2, OP_KERNELS = 2 * WORK_NAME };

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
    char name[WORK_NAME];
    const char *dims;    // their names, between blanks: "m n k"
    const char *kernels; // of the library, that a run calls
    // Names of the outputs that are hashed, of each shape; all NULL: it is not hashed.
    const char *outputs[WORK_OUTPUTS];
    bool is_ceiling;   // of the machine, rather than an operation of a decoder
    bool has_head_dim; // as a decoder's operation
    bool has_layers;
    bool is_decode;   // one position, after others
    bool is_generate; // positions one by one
    bool needs_model; // that is open already
    bool adds;        // y is an input, too
    bool has_dtype;   // its weights may have any type
    // The dims that follow from a decoder's shape; NULL: it is hashed only.
    void (*shape)(const work_case *c, int64_t dims[WORK_DIMS]);
    void (*describe)(bench_work *w);      // what follows from the dims; NULL: nothing
    double (*need)(const bench_work *w);  // bytes of its operands, about; NULL: none
    decoct_status (*open)(bench_work *w); // NULL: no operands
    decoct_status (*run)(bench_work *w);
    work_cost (*cost)(const bench_work *w); // NULL: unknown
    int64_t (*count)(const bench_work *w);  // floats of the output; NULL: no output
    // Some rows of the output alone; NULL: rows cannot be computed alone.
    decoct_status (*rows)(bench_work *w, const int64_t *rows, int64_t count, float *out);
    int64_t (*width)(const bench_work *w); // floats of such a row
    // An operation on rows: its line in the list, its form and its kind of input.
    int line, form;
    uint32_t needs;
    bool hard;
} work_op;

struct bench_work {
    work_case c;
    work_op op;
    int64_t dims[WORK_DIMS];
    decoct_context *ctx;
    bool owns_context;
    float *operand[ROLES];
    bool borrowed[ROLES];
    int filled;               // operands so far
    int result;               // the role of the output
    char kernels[OP_KERNELS]; // in place of the operation's; "": not known yet
    int32_t *ids;
    void *stored; // an operand of another type than f32
    decoct_weights *weights;
    // blocks with a cache each, through which `rows` rows go in pieces
    block_shape block;
    int64_t rows, piece;
    decoct_block **blocks;
    decoct_cache **caches;
    // or a whole model
    decoct_model *own_model;
    const decoct_model *model;
    decoct_session *session;
    int64_t vocabulary;   // scores of a token
    double amount;        // what the last probe did
    decoct_status status; // of the last run
};

// ---- The operations: op_NAME.c ----

extern const work_op op_matmul, op_attention, op_attention_mask, op_attention_parameters,
    op_block_pre, op_block_post, op_block_llama, op_block, op_prefill, op_generate, op_decode,
    op_model, op_barrier, op_fma, op_read, op_copy;
// Operations on rows, one after the other; false: there are no more.
bool op_rows_at(int index, work_op *out);
// By name; false: there is none.
bool op_find(const char *name, work_op *out);

// What a decoder block calls, and what a model calls.
#define OP_BLOCK_KERNELS_OF(matmul) "layer_norm " matmul " attention pack_keys gelu add"
#define OP_BLOCK_KERNELS OP_BLOCK_KERNELS_OF("matmul")
#define OP_MODEL_KERNELS_OF(matmul) "embedding " OP_BLOCK_KERNELS_OF(matmul)
#define OP_MODEL_KERNELS OP_MODEL_KERNELS_OF("matmul")

void op_close_blocks(bench_work *w);
// A model from a folder in place of blocks.
decoct_status op_open_model(bench_work *w);
decoct_status op_run_model(bench_work *w);

// ---- Operands ----

// An operand of `count` numbers: in [-hashed, hashed) of a hashed case, [-timed, timed) of others,
// whose numbers depend on how many operands were made before. NULL: no memory.
float *op_fill(bench_work *w, int role, int64_t count, float hashed, float timed);
// Frees an operand that is no longer needed.
void op_drop(bench_work *w, int role);

static inline int64_t op_d_model(const work_case *c) {
    return c->heads * c->head_dim;
}

// A power of two at most 1 / sqrt(k), so that sums of k products stay near 1. Integers only.
static inline float op_scale(int64_t k) {
    float scale = 1;
    for (int64_t square = 1; square < k; square *= 4) {
        scale *= 0.5f;
    }
    return scale;
}

#endif
