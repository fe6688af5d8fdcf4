// SPDX-License-Identifier: BSD-2-Clause
// Opens a model folder: reads the tensors of GPT-1 and GPT-2 by their names on disk, packs the
// weights.
#include "model.h"

#include "border.h"
#include "memory.h"
#include "safetensors.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { PATH_ROOM = 4096, NAME_ROOM = 128 };

// What is at hand while a model is being read.
typedef struct reader {
    decoct_context *ctx;
    dct_safetensors *file;
    const char *path;
    decoct_model *model;
} reader;

// ---- Tensors ----

// Finds a tensor, with or without "transformer." before its name.
static bool find(const reader *r, const char *name, dct_tensor *tensor) {
    char longer[NAME_ROOM];
    snprintf(longer, sizeof longer, "transformer.%s", name);
    return dct_safetensors_find(r->file, name, tensor) ||
           dct_safetensors_find(r->file, longer, tensor);
}

// Reads a tensor of the shape (rows, cols), or (cols) when rows is 0. dct_free the result.
static decoct_status read_tensor(reader *r, const char *name, int64_t rows, int64_t cols,
                                 float **out) {
    dct_tensor t;
    int32_t rank = rows ? 2 : 1;
    if (!find(r, name, &t)) {
        return dct_fail(&r->ctx->error, DECOCT_E_FORMAT, "%s: there is no tensor %s", r->path,
                        name);
    }
    if (t.rank != rank || t.shape[rank - 1] != cols || (rows && t.shape[0] != rows)) {
        char shape[64] = "", wanted[64];
        int used = 0;
        for (int32_t i = 0; i < t.rank && i < 2; i++) {
            used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%lld", i ? ", " : "",
                             (long long)t.shape[i]);
        }
        snprintf(wanted, sizeof wanted, rows ? "%lld, %lld" : "%lld",
                 (long long)(rows ? rows : cols), (long long)cols);
        return dct_fail(&r->ctx->error, DECOCT_E_FORMAT,
                        "%s: tensor %s has the shape (%s%s), but config.json asks for (%s)",
                        r->path, name, shape, t.rank > 2 ? ", ..." : "", wanted);
    }
    float *values = dct_alloc(t.count, sizeof(float));
    if (!values) {
        return dct_fail(&r->ctx->error, DECOCT_E_MEMORY, "%s: no memory for tensor %s", r->path,
                        name);
    }
    dct_tensor_read(&t, 0, t.count, values);
    r->model->parameters += t.count;
    *out = values;
    return DECOCT_OK;
}

// ---- Blocks ----

enum { BLOCK_TENSORS = 12 };

static decoct_status read_block(reader *r, int64_t layer, decoct_block **out) {
    const dct_config *c = &r->model->config;
    int64_t d = c->d_model, f = c->d_ffn;
    const struct {
        const char *name;
        int64_t rows, cols;
    } parts[BLOCK_TENSORS] = {
        {"ln_1.weight", 0, d},
        {"ln_1.bias", 0, d},
        {"attn.c_attn.weight", d, 3 * d},
        {"attn.c_attn.bias", 0, 3 * d},
        {"attn.c_proj.weight", d, d},
        {"attn.c_proj.bias", 0, d},
        {"ln_2.weight", 0, d},
        {"ln_2.bias", 0, d},
        {"mlp.c_fc.weight", d, f},
        {"mlp.c_fc.bias", 0, f},
        {"mlp.c_proj.weight", f, d},
        {"mlp.c_proj.bias", 0, d},
    };
    float *t[BLOCK_TENSORS] = {NULL};
    decoct_status status = DECOCT_OK;
    for (int i = 0; i < BLOCK_TENSORS && !status; i++) {
        char name[NAME_ROOM];
        snprintf(name, sizeof name, "h.%lld.%s", (long long)layer, parts[i].name);
        status = read_tensor(r, name, parts[i].rows, parts[i].cols, &t[i]);
    }
    if (!status) {
        decoct_block_args args = {
            .struct_size = sizeof args,
            .norm_order = c->gpt1 ? DECOCT_POST_NORM : DECOCT_PRE_NORM,
            .gelu = c->gelu,
            .eps = c->eps,
            .d_model = d,
            .heads = c->heads,
            .d_ffn = f,
            .norm1_gain = t[0],
            .norm1_bias = t[1],
            .qkv = t[2],
            .qkv_bias = t[3],
            .proj = t[4],
            .proj_bias = t[5],
            .norm2_gain = t[6],
            .norm2_bias = t[7],
            .up = t[8],
            .up_bias = t[9],
            .down = t[10],
            .down_bias = t[11],
        };
        status = dct_block_create(r->ctx, &args, out);
    }
    for (int i = 0; i < BLOCK_TENSORS; i++) {
        dct_free(t[i]);
    }
    return status;
}

// ---- The whole ----

// The output matrix: the token matrix itself, unless config.json says that it stands alone.
static decoct_status read_head(reader *r) {
    decoct_model *m = r->model;
    float *own = NULL;
    if (!m->config.tied) {
        decoct_status status =
            read_tensor(r, "lm_head.weight", m->config.vocabulary, m->config.d_model, &own);
        if (status) {
            return status;
        }
    }
    decoct_status status = dct_weights_create(r->ctx, m->config.d_model, m->config.vocabulary,
                                              own ? own : m->tokens, 0, true, &m->head);
    dct_free(own);
    return status;
}

static decoct_status read_weights(reader *r) {
    decoct_model *m = r->model;
    const dct_config *c = &m->config;
    decoct_status status = read_tensor(r, c->gpt1 ? "tokens_embed.weight" : "wte.weight",
                                       c->vocabulary, c->d_model, &m->tokens);
    if (!status) {
        status = read_tensor(r, c->gpt1 ? "positions_embed.weight" : "wpe.weight", c->context,
                             c->d_model, &m->positions);
    }
    if (!status && !c->gpt1) {
        status = read_tensor(r, "ln_f.weight", 0, c->d_model, &m->norm_gain);
    }
    if (!status && !c->gpt1) {
        status = read_tensor(r, "ln_f.bias", 0, c->d_model, &m->norm_bias);
    }
    for (int64_t i = 0; i < c->layers && !status; i++) {
        status = read_block(r, i, &m->blocks[i]);
    }
    return status ? status : read_head(r);
}

static decoct_status read_model(decoct_context *ctx, const char *folder, decoct_model *m) {
    char path[PATH_ROOM];
    int length = snprintf(path, sizeof path, "%s/model.safetensors", folder);
    if (length < 0 || (size_t)length >= sizeof path) {
        return dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "the name of the model folder is too long");
    }
    decoct_status status = dct_config_read(folder, &m->config, &ctx->error);
    if (status) {
        return status;
    }
    m->blocks = dct_zalloc(m->config.layers, sizeof *m->blocks);
    if (!m->blocks) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "%s: out of memory", folder);
    }
    reader r = {.ctx = ctx, .path = path, .model = m};
    status = dct_safetensors_open(path, &r.file, &ctx->error);
    if (!status) {
        status = read_weights(&r);
    }
    dct_safetensors_close(r.file);
    if (!status) {
        dct_tokenizer_kind kind = m->config.gpt1 ? DCT_TOKENIZER_GPT1 : DCT_TOKENIZER_GPT2;
        status = dct_tokenizer_open(folder, kind, &m->tokenizer, &ctx->error);
    }
    if (!status && dct_tokenizer_size(m->tokenizer) > m->config.vocabulary) {
        status = dct_fail(
            &ctx->error, DECOCT_E_FORMAT,
            "%s: the tokenizer has ids up to %lld, but the vocabulary of config.json %lld", folder,
            (long long)dct_tokenizer_size(m->tokenizer) - 1, (long long)m->config.vocabulary);
    }
    return status;
}

decoct_status decoct_model_open(decoct_context *ctx, const char *folder, decoct_model **out) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    decoct_model *m = folder && out ? dct_zalloc(1, sizeof *m) : NULL;
    if (!folder || !out) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "model: folder or out is NULL");
    } else if (!m) {
        status = dct_fail(&ctx->error, DECOCT_E_MEMORY, "model: out of memory");
    } else {
        m->references = 1;
        int32_t cancel = dct_cancel_off();
        status = read_model(ctx, folder, m);
        dct_cancel_restore(cancel);
    }
    if (status) {
        decoct_model_close(m);
    } else {
        *out = m;
    }
    return dct_leave(ctx, status);
}

decoct_model *dct_model_share(const decoct_model *model) {
    decoct_model *shared = (decoct_model *)(uintptr_t)model;
    atomic_fetch_add(&shared->references, 1);
    return shared;
}

void decoct_model_close(decoct_model *model) {
    if (!model || atomic_fetch_sub(&model->references, 1) != 1) {
        return;
    }
    for (int64_t i = 0; model->blocks && i < model->config.layers; i++) {
        decoct_block_destroy(model->blocks[i]);
    }
    int32_t cancel = dct_cancel_off();
    dct_tokenizer_close(model->tokenizer);
    decoct_weights_destroy(model->head);
    dct_free(model->blocks);
    dct_free(model->tokens);
    dct_free(model->positions);
    dct_free(model->norm_gain);
    dct_free(model->norm_bias);
    dct_free(model);
    dct_cancel_restore(cancel);
}

decoct_status decoct_model_describe(decoct_context *ctx, const decoct_model *model,
                                    decoct_model_info *info) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    if (!model) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "model is NULL");
    } else {
        const dct_config *c = &model->config;
        decoct_model_info mine = {.norm_order = c->gpt1 ? DECOCT_POST_NORM : DECOCT_PRE_NORM,
                                  .layers = c->layers,
                                  .heads = c->heads,
                                  .d_model = c->d_model,
                                  .d_ffn = c->d_ffn,
                                  .context = c->context,
                                  .vocabulary = c->vocabulary,
                                  .parameters = model->parameters,
                                  .type = c->gpt1 ? "openai-gpt" : "gpt2"};
        status = dct_give_struct(&ctx->error, "model info", info, DCT_FIRST_MODEL_INFO, &mine,
                                 sizeof mine);
    }
    return dct_leave(ctx, status);
}

decoct_status decoct_encode(decoct_context *ctx, const decoct_model *model, const char *text,
                            uint64_t length, int32_t *ids, int64_t room, int64_t *count) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    if (!model || (!text && length) || (!ids && room) || room < 0 || !count) {
        status =
            dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "encode: an argument is NULL or negative");
    } else {
        status =
            dct_tokenizer_encode(model->tokenizer, text, length, ids, room, count, &ctx->error);
    }
    return dct_leave(ctx, status);
}

decoct_status decoct_decode(decoct_context *ctx, const decoct_model *model, const int32_t *ids,
                            int64_t count, char *text, uint64_t room, uint64_t *length) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    if (!model || (!ids && count) || count < 0 || (!text && room) || !length) {
        status =
            dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "decode: an argument is NULL or negative");
    } else {
        status =
            dct_tokenizer_decode(model->tokenizer, ids, count, text, room, length, &ctx->error);
    }
    return dct_leave(ctx, status);
}
