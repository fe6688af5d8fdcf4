// SPDX-License-Identifier: BSD-2-Clause
// A recipe: a part of a model as a table of steps on a few registers. A stage is a recipe with its
// sizes and its parameters; a pass sends the rows of one chunk through a stage.
#ifndef DCT_RECIPE_H
#define DCT_RECIPE_H

#include "cache.h"

// What a step does.
typedef enum dct_step_kind {
    DCT_EMBED,     // to = op of a table's rows, by token ids
    DCT_POSITIONS, // to = op of a table's rows, by positions
    DCT_NORM,      // to = op of `from`, with a gain, perhaps a bias, and eps
    DCT_HEAD_NORM, // the same of each head of `from`
    DCT_LINEAR,    // to = from times a matrix, plus bias
    DCT_ROTARY,    // to = op of `from`, head by head, by the angles of the positions
    DCT_CACHE,     // keys and values of `from` go to the cache
    DCT_ATTEND,    // to = attention of the queries of `from` to the cache
    DCT_ACT,       // to = op of `from` and, if it is gated, of `up`
    DCT_ADD        // to = op of `from` and `to`
} dct_step_kind;

// Columns of the activations. Places of one register are beside each other in its rows.
typedef enum dct_place {
    DCT_NOWHERE,
    DCT_X,      // (d_model): the residual stream
    DCT_H,      // (d_model): what goes into a branch, and what comes out of it
    DCT_QKV,    // queries, keys and values side by side
    DCT_QK,     // ((heads + kv_heads) * head_dim) of DCT_QKV
    DCT_Q,      // (heads * head_dim) of DCT_QKV
    DCT_K,      // (kv_heads * head_dim) of DCT_QKV
    DCT_V,      // (kv_heads * head_dim) of DCT_QKV
    DCT_MIX,    // (heads * head_dim): what attention gives
    DCT_WIDE,   // (d_ffn): inside the feed-forward
    DCT_UP,     // (d_ffn): beside it, the input that a gate is multiplied with
    DCT_LOGITS, // (vocabulary)
    DCT_PLACES
} dct_place;

// The parameters of a step, by their role: a matrix, a table or a gain, and perhaps a bias.
typedef enum dct_part {
    DCT_PART_NONE,
    DCT_PART_TOKENS,
    DCT_PART_POSITIONS,
    DCT_PART_NORM_1,
    DCT_PART_QKV,
    DCT_PART_Q,
    DCT_PART_K,
    DCT_PART_V,
    DCT_PART_Q_NORM,
    DCT_PART_K_NORM,
    DCT_PART_OUTPUT,
    DCT_PART_NORM_2,
    DCT_PART_GATE,
    DCT_PART_UP,
    DCT_PART_DOWN,
    DCT_PART_FINAL_NORM,
    DCT_PART_HEAD,
    DCT_PARTS
} dct_part;

typedef struct dct_step {
    dct_step_kind kind;
    const char *name; // in plain terms, as `decoct profile` prints it
    dct_place from, to;
    dct_part part; // DCT_PART_NONE: it has no parameters
    decoct_op op;  // of a step that is an operation on rows
    dct_place up;  // DCT_NOWHERE: not gated
} dct_step;

typedef struct dct_recipe {
    const dct_step *steps;
    int32_t count;
} dct_recipe;

// Sizes and constants that steps read. heads is a multiple of kv_heads.
typedef struct dct_sizes {
    int64_t d_model, heads, kv_heads, head_dim, d_ffn, context, vocabulary;
    float eps;          // of norms
    int64_t rotary_dim; // columns of a head that DCT_ROTARY turns, even; 0: it is not used
    float rotary_theta;
    const float *rotary_frequencies; // in place of rotary_theta; NULL: by it
    int32_t rotary_form;             // DECOCT_ROTARY_*
    int32_t act_form;                // of activations: DECOCT_GELU_*
} dct_sizes;

// ---- A stage ----

typedef enum dct_register {
    DCT_REGISTER_X,
    DCT_REGISTER_H,
    DCT_REGISTER_QKV,
    DCT_REGISTER_MIX,
    DCT_REGISTER_WIDE,
    DCT_REGISTER_LOGITS,
    DCT_REGISTERS
} dct_register;

// Where a place is.
typedef struct dct_columns {
    dct_register of;
    int64_t first, count;
} dct_columns;

// One part: what its step needs of it is there.
typedef struct dct_parameters {
    decoct_weights *matrix; // of DCT_LINEAR
    void *table;            // of DCT_EMBED and DCT_POSITIONS (rows, d_model); the gain of a norm
    decoct_dtype dtype;     // of the matrix or table; f32 but for DCT_LINEAR and DCT_EMBED
    float *bias;            // NULL: none
    bool borrowed;          // the table is the host's
} dct_parameters;

typedef struct dct_stage {
    const dct_recipe *recipe;
    dct_sizes sizes;
    dct_columns places[DCT_PLACES];
    int64_t stride[DCT_REGISTERS]; // of the registers that the steps use; 0: not used
    dct_parameters parts[DCT_PARTS];
} dct_stage;

// A stage without parameters: set them before it runs. Sizes were checked.
void dct_stage_begin(dct_stage *stage, const dct_recipe *recipe, const dct_sizes *sizes);
// The shape (rows, cols) of a step's matrix (in, out) or table; rows is 0 for a gain.
void dct_stage_shape(const dct_stage *stage, const dct_step *step, int64_t *rows, int64_t *cols);
// Packs the matrix of a step, and keeps its type: (in, out), or (out, in) when `transposed`.
decoct_status dct_stage_pack(decoct_context *ctx, dct_stage *stage, const dct_step *step,
                             const void *matrix, decoct_dtype dtype, bool transposed);
void dct_stage_end(dct_stage *stage); // frees the parameters

// ---- A pass ----

// Rows that go through a stage together: enough to amortise the weights, and scratch stays small.
// Cutting a prompt does not change the bits, so this is free to choose.
enum { DCT_CHUNK_ROWS = 512 };

// What one step did, in all its calls.
typedef struct dct_tally {
    int64_t calls;
    double seconds, flops, bytes;
} dct_tally;

// What observes the steps of a stage.
typedef struct dct_watch {
    dct_tally *tallies; // of each step of the recipe; NULL: steps are not timed
    double *idle;       // (workers): seconds of timed steps in which a worker had nothing to do
    int32_t workers;
    decoct_trace_fn trace; // is given what each step wrote; NULL: off
    void *user;
    int64_t layer, index; // of the stage's first step, as decoct_session_step counts
} dct_watch;

typedef struct dct_pass {
    decoct_context *ctx;
    const dct_stage *stage;
    int64_t rows, first;        // of this chunk, and the position of its first row
    float *x;                   // (rows, d_model)
    const int32_t *ids;         // (rows): for DCT_EMBED
    float *logits;              // (rows, vocabulary): for DCT_LOGITS
    decoct_cache *cache;        // for DCT_CACHE and DCT_ATTEND: has room
    const float *cosine, *sine; // (rows, rotary_dim / 2): for DCT_ROTARY
    const float *mask;          // (rows, first + rows), added to the scores; NULL: none
    int64_t mask_head_stride;   // to the mask of the next head; 0: the same for all
    float *queries;             // (rows, heads * head_dim): receives the queries; NULL: not needed
    bool sees_all;              // a query sees the keys behind it, too
    bool no_positions;          // DCT_POSITIONS and DCT_ROTARY are left out
    dct_watch watch;
    float *registers[DCT_REGISTERS]; // set by dct_stage_run
} dct_pass;

typedef decoct_status dct_run_step(dct_pass *pass, const dct_step *step);

// Sends the rows through all steps.
decoct_status dct_stage_run(dct_pass *pass);
// What attention is called with: queries (rows, heads * head_dim) at positions from `first` on, and
// the keys and values of a cache. The heads are beside each other in the rows of q, v and out.
decoct_attention_args dct_attention_of(const dct_stage *stage, const decoct_cache *cache,
                                       int64_t first, int64_t rows, const float *q,
                                       int64_t q_stride);

#endif
