// SPDX-License-Identifier: BSD-2-Clause
#include "block_make.h"

#include "operands.h"
#include "seeded.h"
#include "sizes.h"
#include "stored.h"

#include <stdio.h>
#include <stdlib.h>

// A library that is compared with this one may lack them.
#pragma weak decoct_block_create_from
#pragma weak decoct_weights_create_from

enum { ARRAYS = 12 };
static const float TIMED = 0.05f, EPS = 0x1p-17f;

// ---- GPT blocks of f32: the operands of the golden hashes ----

// Timed ones have only the four matrices.
static bool fill_gpt(bench_work *w, decoct_block_args *a) {
    int64_t d = a->d_model, ffn = a->d_ffn;
    float scale = op_scale(d);
    const struct {
        const float **at;
        int64_t count;
        float hashed, timed;
    } arrays[ARRAYS] = {
        {&a->norm1_gain, d, 2.0f, 0.0f},           {&a->norm1_bias, d, 0.5f, 0.0f},
        {&a->qkv, 3 * d * d, 2 * scale, TIMED},    {&a->qkv_bias, 3 * d, 0.5f, 0.0f},
        {&a->proj, d * d, scale, TIMED},           {&a->proj_bias, d, 0.5f, 0.0f},
        {&a->norm2_gain, d, 2.0f, 0.0f},           {&a->norm2_bias, d, 0.5f, 0.0f},
        {&a->up, d * ffn, scale, TIMED},           {&a->up_bias, ffn, 0.5f, 0.0f},
        {&a->down, ffn * d, op_scale(ffn), TIMED}, {&a->down_bias, d, 0.5f, 0.0f},
    };
    for (int i = 0; i < ARRAYS; i++) {
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

static decoct_status make_gpt(bench_work *w) {
    decoct_block_args a = {.struct_size = sizeof a,
                           .d_model = w->block.d_model,
                           .heads = w->block.heads,
                           .d_ffn = w->block.d_ffn};
    if (w->c.hashed) {
        a.norm_order = w->block.kind & BLOCK_POST ? DECOCT_POST_NORM : DECOCT_PRE_NORM;
        a.gelu = w->block.kind & BLOCK_POST ? DECOCT_GELU_ERF : DECOCT_GELU_TANH;
        a.eps = EPS;
    }
    decoct_status status = fill_gpt(w, &a) ? DECOCT_OK : DECOCT_E_MEMORY;
    for (int64_t i = 0; i < block_layers(w) && !status; i++) {
        status = decoct_block_create(w->ctx, &a, &w->blocks[i]);
    }
    for (int i = 0; i < ARRAYS; i++) {
        op_drop(w, ROLE_BLOCK + i); // a block has copies
    }
    return status;
}

// ---- Blocks of every kind and type ----

typedef struct arrays {
    void *items[ARRAYS];
    int count;
    bool failed;
} arrays;

// A vector, or a matrix of the case's type: hashed numbers are those of a seed of their own, below
// the given scale.
static const void *fill_array(bench_work *w, arrays *all, int64_t count, float hashed,
                              bool matrix) {
    int role = ROLE_BLOCK + all->count;
    void **at = &all->items[all->count++];
    decoct_dtype dtype = matrix ? w->c.dtype : DECOCT_F32;
    if (!w->c.hashed) {
        uint64_t seed = w->c.seed * ARRAYS + (uint64_t)role;
        all->failed |= stored_random(w->ctx, dtype, TIMED, seed, count, at) != DECOCT_OK;
        return *at;
    }
    float *numbers = operand_room(count);
    if (numbers) {
        seeded_fill((uint64_t)role, hashed, numbers, count);
    }
    if (numbers && dtype != DECOCT_F32) {
        all->failed |= stored_new(w->ctx, dtype, numbers, count, at) != DECOCT_OK;
        free(numbers);
    } else {
        *at = numbers;
        all->failed |= !numbers;
    }
    return *at;
}

static const void *matrix(bench_work *w, arrays *all, int64_t k, int64_t n) {
    return fill_array(w, all, k * n, op_scale(k), true);
}

// The gain of a norm; a timed norm has no gain.
static const float *gain(bench_work *w, arrays *all, int64_t count) {
    return w->c.hashed ? fill_array(w, all, count, 2.0f, false) : NULL;
}

static void fill_llama(bench_work *w, arrays *all, decoct_block_from_args *a) {
    const block_shape *b = &w->block;
    bool norms = b->kind & BLOCK_HEAD_NORMS;
    int64_t q = b->heads * b->head_dim, kv = b->kv_heads * b->head_dim;
    a->norm = DECOCT_OP_RMS_NORM;
    a->act = DECOCT_OP_SILU;
    a->rotary_dim = b->head_dim - b->head_dim % 2;
    a->rotary_form = b->kind & BLOCK_PAIRS ? DECOCT_ROTARY_PAIRS : DECOCT_ROTARY_HALVES;
    a->rotary_theta = b->theta;
    a->q = matrix(w, all, b->d_model, q);
    a->k = matrix(w, all, b->d_model, kv);
    a->v = matrix(w, all, b->d_model, kv);
    a->gate = matrix(w, all, b->d_model, b->d_ffn);
    a->q_norm = norms ? fill_array(w, all, b->head_dim, 2.0f, false) : NULL;
    a->k_norm = norms ? fill_array(w, all, b->head_dim, 2.0f, false) : NULL;
}

static void fill_any(bench_work *w, arrays *all, decoct_block_from_args *a) {
    const block_shape *b = &w->block;
    int64_t d = b->d_model;
    if (b->kind & BLOCK_LLAMA) {
        fill_llama(w, all, a);
    } else {
        a->norm = DECOCT_OP_LAYER_NORM;
        a->act = DECOCT_OP_GELU;
        a->qkv = matrix(w, all, d, (b->heads + 2 * b->kv_heads) * b->head_dim);
    }
    a->proj = matrix(w, all, b->heads * b->head_dim, d);
    a->up = matrix(w, all, d, b->d_ffn);
    a->down = matrix(w, all, b->d_ffn, d);
    a->norm1_gain = gain(w, all, d);
    a->norm2_gain = gain(w, all, d);
}

static decoct_status make_any(bench_work *w) {
    const block_shape *b = &w->block;
    arrays all = {.count = 0};
    decoct_block_from_args a = {.struct_size = sizeof a,
                                .eps = w->c.hashed ? EPS : 0.0f,
                                .d_model = b->d_model,
                                .heads = b->heads,
                                .kv_heads = b->kv_heads,
                                .head_dim = b->head_dim,
                                .d_ffn = b->d_ffn,
                                .dtype = w->c.dtype};
    if (!decoct_block_create_from || !decoct_weights_create_from) {
        return DECOCT_E_UNSUPPORTED;
    }
    fill_any(w, &all, &a);
    decoct_status status = all.failed ? DECOCT_E_MEMORY : DECOCT_OK;
    for (int64_t i = 0; i < block_layers(w) && !status; i++) {
        status = decoct_block_create_from(w->ctx, &a, &w->blocks[i]);
    }
    for (int i = 0; i < all.count; i++) {
        free(all.items[i]);
    }
    return status;
}

static decoct_status make_head(bench_work *w) {
    decoct_weights_args a = {
        .struct_size = sizeof a, .dtype = w->c.dtype, .k = w->block.d_model, .n = w->vocabulary};
    void *stored = NULL;
    decoct_status status = stored_random(w->ctx, a.dtype, TIMED, w->c.seed, a.k * a.n, &stored);
    a.w = stored;
    status = status ? status : decoct_weights_create_from(w->ctx, &a, &w->weights);
    free(stored);
    return status;
}

static void name_kernels(bench_work *w) {
    char typed[WORK_NAME] = "matmul";
    bool llama = w->block.kind & BLOCK_LLAMA;
    if (w->c.dtype != DECOCT_F32) {
        snprintf(typed, sizeof typed, "matmul_%s", stored_name(w->c.dtype));
    }
    snprintf(w->kernels, sizeof w->kernels, "%s %s attention pack_keys %s add",
             llama ? "rms_norm rotary" : "layer_norm", typed, llama ? "silu" : "gelu");
}

decoct_status block_make(bench_work *w) {
    bool any = w->block.kind & BLOCK_LLAMA || w->vocabulary || w->c.dtype != DECOCT_F32;
    w->blocks = calloc((size_t)block_layers(w), sizeof *w->blocks);
    name_kernels(w);
    decoct_status status = !w->blocks ? DECOCT_E_MEMORY : any ? make_any(w) : make_gpt(w);
    return status || !w->vocabulary ? status : make_head(w);
}
