// SPDX-License-Identifier: BSD-2-Clause
// Runs a recipe: one function for each kind of step, and a loop over the table.
#include "recipe.h"

#include "core/progress.h"
#include "machine/memory.h"
#include "ops/attention.h"
#include "ops/matmul.h"
#include "ops/rowops.h"
#include "profile.h"
#include "trace.h"

#include <string.h>

// A place of the chunk: its first element, and the distance of its rows.
typedef struct view {
    float *data;
    int64_t stride, cols;
} view;

static view look_at(const dct_pass *p, dct_place place) {
    const dct_columns *c = &p->stage->places[place];
    return (view){p->registers[c->of] + c->first, p->stage->stride[c->of], c->count};
}

// ---- Operations on rows ----

static decoct_rows_piece piece_of(const dct_pass *p, const dct_step *s) {
    const dct_parameters *given = &p->stage->parts[s->part];
    view from = look_at(p, s->from), to = look_at(p, s->to);
    view up = s->up ? look_at(p, s->up) : (view){0};
    return (decoct_rows_piece){
        .rows = p->rows,
        .cols = to.cols,
        .x = {.data = from.data, .stride = from.stride},
        .up = {.data = up.data, .stride = up.stride},
        .y = {.data = to.data, .stride = to.stride},
        .gain = given->table,
        .bias = given->bias,
    };
}

static decoct_status step_embed(dct_pass *p, const dct_step *s) {
    const dct_parameters *given = &p->stage->parts[s->part];
    decoct_rows_piece piece = piece_of(p, s);
    piece.gain = NULL;
    piece.x = (decoct_operand){.data = given->table, .stride = piece.cols, .dtype = given->dtype};
    piece.ids = p->ids;
    dct_rows(p->ctx, s->op, &piece);
    return DECOCT_OK;
}

static decoct_status step_positions(dct_pass *p, const dct_step *s) {
    const float *table = p->stage->parts[s->part].table;
    decoct_rows_piece piece = piece_of(p, s);
    piece.gain = NULL;
    piece.x = (decoct_operand){.data = table + p->first * piece.cols, .stride = piece.cols};
    dct_rows(p->ctx, s->op, &piece);
    return DECOCT_OK;
}

static decoct_status step_norm(dct_pass *p, const dct_step *s) {
    decoct_rows_piece piece = piece_of(p, s);
    piece.scale = p->stage->sizes.eps;
    dct_rows(p->ctx, s->op, &piece);
    return DECOCT_OK;
}

// Row by row where that is fewer pieces than head by head, as for a single token.
static decoct_status step_head_norm(dct_pass *p, const dct_step *s) {
    decoct_rows_piece piece = piece_of(p, s);
    int64_t dim = p->stage->sizes.head_dim, heads = piece.cols / dim, stride = piece.x.stride;
    bool by_row = piece.rows < heads;
    int64_t pieces = by_row ? piece.rows : heads, next = by_row ? stride : dim;
    float *x = look_at(p, s->from).data, *y = look_at(p, s->to).data;
    piece.scale = p->stage->sizes.eps;
    piece.cols = dim;
    piece.rows = by_row ? heads : piece.rows;
    piece.x.stride = piece.y.stride = by_row ? dim : stride;
    for (int64_t i = 0; i < pieces; i++) {
        piece.x.data = x + i * next;
        piece.y.data = y + i * next;
        dct_rows(p->ctx, s->op, &piece);
    }
    return DECOCT_OK;
}

static decoct_status step_rotary(dct_pass *p, const dct_step *s) {
    const dct_sizes *z = &p->stage->sizes;
    decoct_rows_piece piece = piece_of(p, s);
    piece.cosine = p->cosine;
    piece.sine = p->sine;
    piece.angle_stride = z->rotary_dim / 2;
    piece.head_dim = z->head_dim;
    piece.rotary_dim = z->rotary_dim;
    piece.form = z->rotary_form;
    dct_rows(p->ctx, s->op, &piece);
    return DECOCT_OK;
}

static decoct_status step_act(dct_pass *p, const dct_step *s) {
    decoct_rows_piece piece = piece_of(p, s);
    piece.form = p->stage->sizes.act_form;
    dct_rows(p->ctx, s->op, &piece);
    return DECOCT_OK;
}

static decoct_status step_add(dct_pass *p, const dct_step *s) {
    decoct_rows_piece piece = piece_of(p, s);
    dct_rows(p->ctx, s->op, &piece);
    return DECOCT_OK;
}

// ---- Matrices and attention ----

static decoct_status step_linear(dct_pass *p, const dct_step *s) {
    const dct_parameters *given = &p->stage->parts[s->part];
    view from = look_at(p, s->from), to = look_at(p, s->to);
    dct_linear(p->ctx, given->matrix, given->bias, p->rows, from.data, from.stride, to.data,
               to.stride);
    return DECOCT_OK;
}

static decoct_status step_cache(dct_pass *p, const dct_step *s) {
    view k = look_at(p, DCT_K), v = look_at(p, DCT_V);
    (void)s;
    dct_cache_append(p->ctx, p->cache, p->rows, k.data, v.data, k.stride);
    return DECOCT_OK;
}

decoct_attention_args dct_attention_of(const dct_stage *stage, const decoct_cache *cache,
                                       int64_t first, int64_t rows, const float *q,
                                       int64_t q_stride) {
    int64_t dim = cache->head_dim;
    return (decoct_attention_args){
        .causal = 1,
        .batch = 1,
        .heads = stage->sizes.heads,
        .kv_heads = cache->kv_heads,
        .q_len = rows,
        .kv_len = cache->length,
        .head_dim = dim,
        .value_dim = dim,
        .q_offset = first,
        .scale = 1.0f / __builtin_sqrtf((float)dim),
        .q = q,
        .q_head_stride = dim,
        .q_stride = q_stride,
        .v = cache->values,
        .v_head_stride = cache->room * dim,
        .v_stride = dim,
        .out_head_stride = dim,
        .out_stride = stage->sizes.heads * dim,
        .mask_stride = cache->length,
    };
}

static decoct_status step_attend(dct_pass *p, const dct_step *s) {
    view q = look_at(p, DCT_Q), to = look_at(p, s->to);
    decoct_attention_args a =
        dct_attention_of(p->stage, p->cache, p->first, p->rows, q.data, q.stride);
    a.out = to.data;
    a.out_stride = to.stride;
    a.causal = !p->sees_all;
    a.mask = p->mask;
    a.mask_head_stride = p->mask_head_stride;
    decoct_status status = dct_attend(p->ctx, &a, p->cache->keys, p->cache->keys_head_stride);
    for (int64_t i = 0; p->queries && i < p->rows && !status; i++) {
        memcpy(p->queries + i * q.cols, q.data + i * q.stride, (size_t)q.cols * sizeof(float));
    }
    return status;
}

// ---- All of them ----

// Activations that live only as long as the chunk, in one block of scratch.
static bool place_registers(dct_pass *p) {
    static const dct_register inner[] = {DCT_REGISTER_H, DCT_REGISTER_MIX, DCT_REGISTER_QKV,
                                         DCT_REGISTER_WIDE};
    enum { INNER = sizeof inner / sizeof *inner };
    int64_t one = 0, count;
    for (int i = 0; i < INNER; i++) {
        one += p->stage->stride[inner[i]];
    }
    p->registers[DCT_REGISTER_X] = p->x;
    p->registers[DCT_REGISTER_LOGITS] = p->logits;
    if (one == 0) {
        return true;
    }
    float *next =
        dct_mul(p->rows, one, &count) ? dct_scratch(p->ctx, DCT_SCRATCH_BLOCK, count) : NULL;
    for (int i = 0; next && i < INNER; i++) {
        p->registers[inner[i]] = next;
        next += p->rows * p->stage->stride[inner[i]];
    }
    return next != NULL;
}

decoct_status dct_stage_run(dct_pass *p) {
    static dct_run_step *const kinds[] = {
        [DCT_EMBED] = step_embed,   [DCT_POSITIONS] = step_positions,
        [DCT_NORM] = step_norm,     [DCT_LINEAR] = step_linear,
        [DCT_CACHE] = step_cache,   [DCT_ATTEND] = step_attend,
        [DCT_ACT] = step_act,       [DCT_ADD] = step_add,
        [DCT_ROTARY] = step_rotary, [DCT_HEAD_NORM] = step_head_norm,
    };
    const dct_recipe *recipe = p->stage->recipe;
    if (!place_registers(p)) {
        return dct_fail(&p->ctx->error, DECOCT_E_MEMORY, "block: no memory for %lld rows",
                        (long long)p->rows);
    }
    decoct_status status = DECOCT_OK;
    for (int32_t i = 0; i < recipe->count && !status && !p->ctx->ran; i++) {
        const dct_step *step = &recipe->steps[i];
        dct_progress_add(p->ctx, p->rows);
        if (p->no_positions && (step->kind == DCT_POSITIONS || step->kind == DCT_ROTARY)) {
            continue;
        }
        dct_run_step *run = kinds[step->kind];
        dct_tally *tally = p->watch.tallies ? &p->watch.tallies[i] : NULL;
        status = tally ? dct_profile_step(p, step, run, tally) : run(p, step);
        if (p->watch.trace && !status && !p->ctx->ran) {
            dct_trace_step(p, step, p->watch.index + i);
        }
    }
    return status ? status : p->ctx->ran;
}
