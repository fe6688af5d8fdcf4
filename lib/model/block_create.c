// SPDX-License-Identifier: BSD-2-Clause
// Decoder blocks with the caller's weights: checks, sizes, and the parameters of each step.
#include "block.h"

#include "core/border.h"
#include "core/context.h"
#include "machine/memory.h"
#include "model/families/family.h"
#include "ops/rotary.h"

#include <decoct/lists.h>

#include <math.h>
#include <string.h>

// ---- Checks ----

static decoct_status refuse(dct_error *error, const char *why) {
    return dct_fail(error, DECOCT_E_ARGUMENT, "block: %s", why);
}

static decoct_status check_sizes(dct_error *error, const decoct_block_from_args *a) {
    if (a->d_model <= 0 || a->heads <= 0 || a->d_ffn <= 0 || a->d_model > INT32_MAX ||
        a->heads > INT32_MAX || a->d_ffn > INT32_MAX || (!a->head_dim && a->d_model % a->heads)) {
        return dct_fail(
            error, DECOCT_E_ARGUMENT,
            "block: d_model %lld, heads %lld, d_ffn %lld: all must be positive, and heads "
            "divide d_model",
            (long long)a->d_model, (long long)a->heads, (long long)a->d_ffn);
    }
    if (a->kv_heads < 0 || a->kv_heads > a->heads || (a->kv_heads && a->heads % a->kv_heads)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "block: kv_heads %lld: they must divide the %lld heads",
                        (long long)a->kv_heads, (long long)a->heads);
    }
    if (a->head_dim < 0 || a->head_dim > INT32_MAX / (3 * a->heads)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "block: head_dim %lld with %lld heads",
                        (long long)a->head_dim, (long long)a->heads);
    }
    return DECOCT_OK;
}

static bool is_switch(int32_t value) {
    return value == 0 || value == 1;
}

static decoct_status check_kind(dct_error *error, const decoct_block_from_args *a) {
    bool gelu = a->act == DECOCT_OP_GELU;
    if (!dct_family_block(a->norm_order)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "block: there is no norm_order %d",
                        a->norm_order);
    }
    if (a->norm != DECOCT_OP_LAYER_NORM && a->norm != DECOCT_OP_RMS_NORM) {
        return refuse(error, "norm is neither DECOCT_OP_LAYER_NORM nor DECOCT_OP_RMS_NORM");
    }
    if (!gelu && a->act != DECOCT_OP_SILU) {
        return refuse(error, "act is neither DECOCT_OP_GELU nor DECOCT_OP_SILU");
    }
    if (gelu ? !is_switch(a->act_form) : a->act_form != 0) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        gelu ? "block: there is no gelu %d"
                             : "block: act_form is %d, but DECOCT_OP_SILU has one form only, 0",
                        a->act_form);
    }
    if (!(a->eps >= 0.0f) || isinf(a->eps)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "block: eps %g is not a finite number of at least 0", (double)a->eps);
    }
    if (a->dtype < 0 || a->dtype >= DCT_DTYPES || !is_switch(a->transposed)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "block: dtype %d, transposed %d: there is no such", a->dtype,
                        a->transposed);
    }
    return DECOCT_OK;
}

static decoct_status check_rotary(dct_error *error, const decoct_block_from_args *a,
                                  int64_t head_dim) {
    if (a->rotary_dim < 0 || a->rotary_dim > head_dim || !is_switch(a->rotary_form)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "block: rotary_dim %lld of %lld columns of a head, rotary_form %d",
                        (long long)a->rotary_dim, (long long)head_dim, a->rotary_form);
    }
    if (a->rotary_dim == 0 &&
        (a->rotary_form || a->rotary_theta != 0.0f || a->rotary_frequencies)) {
        return refuse(error, "rotary_dim is 0: rotary_form, rotary_theta and rotary_frequencies "
                             "have no use");
    }
    decoct_rotary_args angles = {.rotary_dim = a->rotary_dim,
                                 .theta = a->rotary_theta,
                                 .frequencies = a->rotary_frequencies};
    return dct_rotary_check(error, "block", &angles);
}

static decoct_status check_given(dct_error *error, const decoct_block_from_args *a) {
    const struct {
        const char *name;
        const void *matrix;
        const float *bias;
        bool needed;
    } all[] = {
        {"qkv", a->qkv, a->qkv_bias, !a->q && !a->k && !a->v},
        {"q", a->q, a->q_bias, !a->qkv},
        {"k", a->k, a->k_bias, !a->qkv},
        {"v", a->v, a->v_bias, !a->qkv},
        {"proj", a->proj, a->proj_bias, true},
        {"gate", a->gate, a->gate_bias, false},
        {"up", a->up, a->up_bias, true},
        {"down", a->down, a->down_bias, true},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i].matrix && (all[i].needed || all[i].bias)) {
            return dct_fail(error, DECOCT_E_ARGUMENT, "block: %s is NULL%s", all[i].name,
                            all[i].needed ? "" : ", but not its bias");
        }
    }
    if (a->qkv && (a->q || a->k || a->v)) {
        return refuse(error, "qkv has queries, keys and values: q, k and v must be NULL");
    }
    if (a->norm == DECOCT_OP_RMS_NORM && (a->norm1_bias || a->norm2_bias)) {
        return refuse(error, "an RMS norm has no bias: norm1_bias and norm2_bias must be NULL");
    }
    if (a->gate && a->act != DECOCT_OP_SILU) {
        return refuse(error, "gate is for DECOCT_OP_SILU only");
    }
    return DECOCT_OK;
}

// ---- Parameters ----

// What the caller gave for one part.
typedef struct given {
    const void *main; // a matrix of the args' type, or the f32 gain of a norm
    const float *bias;
} given;

static float *copy_of(decoct_context *ctx, const float *from, int64_t count) {
    float *copy = dct_alloc(ctx->memory, count, sizeof *copy);
    return copy ? memcpy(copy, from, (size_t)count * sizeof *copy) : NULL;
}

static decoct_status no_memory(decoct_context *ctx) {
    return dct_fail(&ctx->error, DECOCT_E_MEMORY, "block: out of memory");
}

static decoct_status fill_part(decoct_context *ctx, decoct_block *block, const dct_step *step,
                               const decoct_block_from_args *a, const given *part) {
    dct_stage *stage = &block->stage;
    dct_parameters *to = &stage->parts[step->part];
    int64_t rows, cols;
    dct_stage_shape(stage, step, &rows, &cols);
    bool fine = !part->bias || (to->bias = copy_of(ctx, part->bias, cols));
    if (rows == 0 && part->main) {
        fine = fine && (to->table = copy_of(ctx, part->main, cols));
    }
    return !fine      ? no_memory(ctx)
           : rows > 0 ? dct_stage_pack(ctx, stage, step, part->main, a->dtype, a->transposed != 0)
                      : DECOCT_OK;
}

static decoct_status fill_block(decoct_context *ctx, decoct_block *block,
                                const decoct_block_from_args *a) {
    const given parts[DCT_PARTS] = {
        [DCT_PART_NORM_1] = {a->norm1_gain, a->norm1_bias},
        [DCT_PART_QKV] = {a->qkv, a->qkv_bias},
        [DCT_PART_Q] = {a->q, a->q_bias},
        [DCT_PART_K] = {a->k, a->k_bias},
        [DCT_PART_V] = {a->v, a->v_bias},
        [DCT_PART_Q_NORM] = {a->q_norm, NULL},
        [DCT_PART_K_NORM] = {a->k_norm, NULL},
        [DCT_PART_OUTPUT] = {a->proj, a->proj_bias},
        [DCT_PART_NORM_2] = {a->norm2_gain, a->norm2_bias},
        [DCT_PART_GATE] = {a->gate, a->gate_bias},
        [DCT_PART_UP] = {a->up, a->up_bias},
        [DCT_PART_DOWN] = {a->down, a->down_bias},
    };
    decoct_status status = DECOCT_OK;
    for (int32_t i = 0; i < block->recipe.count && !status; i++) {
        const dct_step *step = &block->steps[i];
        if (step->part) {
            status = fill_part(ctx, block, step, a, &parts[step->part]);
        }
    }
    return status;
}

// ---- Creation ----

static dct_sizes sizes_of(const decoct_block_from_args *a, const float *frequencies) {
    return (dct_sizes){.d_model = a->d_model,
                       .heads = a->heads,
                       .kv_heads = a->kv_heads,
                       .head_dim = a->head_dim,
                       .d_ffn = a->d_ffn,
                       .eps = a->eps,
                       .rotary_dim = a->rotary_dim,
                       .rotary_theta = a->rotary_theta,
                       .rotary_frequencies = frequencies,
                       .rotary_form = a->rotary_form,
                       .act_form = a->act_form};
}

static decoct_status make(decoct_context *ctx, const decoct_block_from_args *a,
                          decoct_block **out) {
    decoct_block *block = dct_block_room(ctx->memory);
    bool made = block != NULL;
    if (made && a->rotary_frequencies) {
        block->frequencies = copy_of(ctx, a->rotary_frequencies, a->rotary_dim / 2);
        made = block->frequencies != NULL;
    }
    decoct_status status = made ? DECOCT_OK : no_memory(ctx);
    if (made) {
        dct_sizes sizes = sizes_of(a, block->frequencies);
        dct_block_vary(block, a);
        dct_stage_begin(&block->stage, &block->recipe, &sizes);
        status = fill_block(ctx, block, a);
    }
    if (status) {
        decoct_block_destroy(block);
        return status;
    }
    *out = block;
    return DECOCT_OK;
}

// Checks what was given and sets what 0 means.
static decoct_status create(decoct_context *ctx, decoct_block_from_args *a, decoct_block **out) {
    a->eps = a->eps != 0.0f ? a->eps : 1e-5f;
    decoct_status status = out ? check_sizes(&ctx->error, a) : refuse(&ctx->error, "out is NULL");
    status = status ? status : check_kind(&ctx->error, a);
    if (status) {
        return status;
    }
    a->kv_heads = a->kv_heads ? a->kv_heads : a->heads;
    a->head_dim = a->head_dim ? a->head_dim : a->d_model / a->heads;
    status = check_rotary(&ctx->error, a, a->head_dim);
    status = status ? status : check_given(&ctx->error, a);
    if (!status && a->rotary_dim && !a->rotary_frequencies && a->rotary_theta == 0.0f) {
        a->rotary_theta = 10000.0f;
    }
    return status ? status : make(ctx, a, out);
}

static decoct_status create_gpt(decoct_context *ctx, const decoct_block_args *args,
                                decoct_block **out) {
    decoct_block_args a;
    decoct_status status =
        dct_take_struct(&ctx->error, "block", &a, sizeof a, DCT_FIRST_BLOCK, args);
    decoct_block_from_args all = {.norm_order = a.norm_order,
                                  .norm = DECOCT_OP_LAYER_NORM,
                                  .act = DECOCT_OP_GELU,
                                  .act_form = a.gelu,
                                  .eps = a.eps,
                                  .d_model = a.d_model,
                                  .heads = a.heads,
                                  .d_ffn = a.d_ffn,
                                  .norm1_gain = a.norm1_gain,
                                  .norm1_bias = a.norm1_bias,
                                  .qkv = a.qkv,
                                  .qkv_bias = a.qkv_bias,
                                  .proj = a.proj,
                                  .proj_bias = a.proj_bias,
                                  .norm2_gain = a.norm2_gain,
                                  .norm2_bias = a.norm2_bias,
                                  .up = a.up,
                                  .up_bias = a.up_bias,
                                  .down = a.down,
                                  .down_bias = a.down_bias};
    return status ? status : create(ctx, &all, out);
}

decoct_status decoct_block_create(decoct_context *ctx, const decoct_block_args *args,
                                  decoct_block **out) {
    decoct_status status = dct_enter(ctx);
    return status ? status : dct_leave(ctx, create_gpt(ctx, args, out));
}

static decoct_status create_from(decoct_context *ctx, const decoct_block_from_args *args,
                                 decoct_block **out) {
    decoct_block_from_args a;
    decoct_status status =
        dct_take_struct(&ctx->error, "block", &a, sizeof a, DCT_FIRST_BLOCK_FROM, args);
    return status ? status : create(ctx, &a, out);
}

decoct_status decoct_block_create_from(decoct_context *ctx, const decoct_block_from_args *args,
                                       decoct_block **out) {
    decoct_status status = dct_enter(ctx);
    return status ? status : dct_leave(ctx, create_from(ctx, args, out));
}
