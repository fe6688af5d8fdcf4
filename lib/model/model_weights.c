// SPDX-License-Identifier: BSD-2-Clause
// The weights of a model folder: reads the tensors of GPT-1 and GPT-2 by their roles and packs
// them.
#include "machine/memory.h"
#include "model.h"
#include "roles.h"
#include "safetensors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_ROOM = 128, COMPARED_AT_ONCE = 1 << 14 };

// What is at hand while the weights are being read.
typedef struct reader {
    decoct_context *ctx;
    dct_safetensors *file;
    const char *folder;
    decoct_model *model;
} reader;

// ---- Tensors ----

// Finds a tensor of the shape (rows, cols), or (cols) when rows is 0, with values of a type that is
// read.
static decoct_status need(reader *r, const char *name, int64_t rows, int64_t cols,
                          dct_tensor **out) {
    dct_tensor *t = dct_safetensors_find(r->file, name);
    int32_t rank = rows ? 2 : 1;
    if (!t) {
        return dct_fail(&r->ctx->error, DECOCT_E_FORMAT, "%s: there is no tensor %s", r->folder,
                        name);
    }
    const char *path = dct_safetensors_path(r->file, t);
    if (!dct_tensor_readable(t)) {
        return dct_fail(&r->ctx->error, DECOCT_E_UNSUPPORTED,
                        "%s: tensor %.100s has the type %s; this library reads F32, F16 and BF16",
                        path, t->name, t->type);
    }
    if (t->rank != rank || t->shape[rank - 1] != cols || (rows && t->shape[0] != rows)) {
        char shape[64] = "", wanted[64];
        int used = 0;
        for (int32_t i = 0; i < t->rank && i < 2; i++) {
            used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%lld", i ? ", " : "",
                             (long long)t->shape[i]);
        }
        snprintf(wanted, sizeof wanted, rows ? "%lld, %lld" : "%lld",
                 (long long)(rows ? rows : cols), (long long)cols);
        return dct_fail(&r->ctx->error, DECOCT_E_FORMAT,
                        "%s: tensor %.100s has the shape (%s%s), but config.json asks for (%s)",
                        path, t->name, shape, t->rank > 2 ? ", ..." : "", wanted);
    }
    t->used = true;
    *out = t;
    return DECOCT_OK;
}

// Reads a tensor of that shape. dct_free the result.
static decoct_status read_tensor(reader *r, const char *name, int64_t rows, int64_t cols,
                                 float **out) {
    dct_tensor *t;
    decoct_status status = need(r, name, rows, cols, &t);
    if (status) {
        return status;
    }
    float *values = dct_alloc(t->count, sizeof(float));
    if (!values) {
        return dct_fail(&r->ctx->error, DECOCT_E_MEMORY, "%s: no memory for tensor %s", r->folder,
                        name);
    }
    status = dct_tensor_read(r->file, t, 0, t->count, values, &r->ctx->error);
    if (status) {
        dct_free(values);
        return status;
    }
    r->model->parameters += t->count;
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

#define HEAD "lm_head.weight"

// The output matrix: the token matrix itself, unless config.json says that it stands alone.
static decoct_status read_head(reader *r) {
    decoct_model *m = r->model;
    float *own = NULL;
    if (!m->config.tied) {
        decoct_status status = read_tensor(r, HEAD, m->config.vocabulary, m->config.d_model, &own);
        if (status) {
            return status;
        }
    }
    decoct_status status = dct_weights_create(r->ctx,
                                              &(decoct_weights_args){.k = m->config.d_model,
                                                                     .n = m->config.vocabulary,
                                                                     .w = own ? own : m->tokens,
                                                                     .transposed = 1},
                                              &m->head);
    dct_free(own);
    return status;
}

// A head in the file of a model that says its head is the token matrix: it must be the same then.
static decoct_status check_head(reader *r, const char *tokens) {
    const dct_config *c = &r->model->config;
    dct_tensor *t;
    if (!c->tied || strcmp(tokens, HEAD) == 0 || !dct_safetensors_find(r->file, HEAD)) {
        return DECOCT_OK;
    }
    decoct_status status = need(r, HEAD, c->vocabulary, c->d_model, &t);
    float *some = status ? NULL : dct_alloc(COMPARED_AT_ONCE, sizeof *some);
    if (!status && !some) {
        status = dct_fail(&r->ctx->error, DECOCT_E_MEMORY, "%s: out of memory", r->folder);
    }
    for (int64_t i = 0, n; !status && i < t->count; i += n) {
        n = t->count - i < COMPARED_AT_ONCE ? t->count - i : COMPARED_AT_ONCE;
        status = dct_tensor_read(r->file, t, i, n, some, &r->ctx->error);
        if (!status && memcmp(some, r->model->tokens + i, (size_t)n * sizeof *some) != 0) {
            status = dct_fail(&r->ctx->error, DECOCT_E_FORMAT,
                              "%s: tensor %.60s is not the same as %s, but by config.json they are "
                              "one: set \"tie_word_embeddings\" there to false to use both",
                              dct_safetensors_path(r->file, t), t->name, tokens);
        }
    }
    dct_free(some);
    return status;
}

static const char *positions_name(const dct_config *c) {
    return c->gpt1 ? "positions_embed.weight" : "wpe.weight";
}

static decoct_status read_parts(reader *r) {
    decoct_model *m = r->model;
    const dct_config *c = &m->config;
    const char *tokens = c->gpt1 ? "tokens_embed.weight" : "wte.weight";
    if (c->tied && !dct_safetensors_find(r->file, tokens) && dct_safetensors_find(r->file, HEAD)) {
        tokens = HEAD; // a writer that stores a tied matrix once keeps either of its names
    }
    decoct_status status = read_tensor(r, tokens, c->vocabulary, c->d_model, &m->tokens);
    status = status ? status : check_head(r, tokens);
    if (!status) {
        status = read_tensor(r, positions_name(c), c->context, c->d_model, &m->positions);
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

// True if the name of a tensor begins as that of a part of the model does: "transformer.drop" is a
// part of what holds "transformer.wpe.weight", "score" is not.
static bool is_beside(const dct_tensor *t, const dct_tensor *part) {
    size_t length = strlen(part->name), role = strlen(part->role);
    size_t prefix =
        length > role && strcmp(part->name + length - role, part->role) == 0 ? length - role : 0;
    return prefix > 0 && strncmp(t->name, part->name, prefix) == 0;
}

// What is left in the files: masks are computed here; parts of a model that this one does not have
// would change its answer; the rest is told.
static decoct_status check_rest(reader *r) {
    const dct_config *c = &r->model->config;
    const dct_tensor *positions = dct_safetensors_find(r->file, positions_name(c));
    const dct_tensor *first = NULL;
    int64_t others = 0;
    for (int64_t i = 0; i < dct_safetensors_count(r->file); i++) {
        const dct_tensor *t = dct_safetensors_at(r->file, i);
        dct_role_kind kind = dct_role_kind_of(t->role);
        if (t->used || kind == DCT_ROLE_BUFFER) {
            continue;
        }
        if (kind == DCT_ROLE_MODEL || is_beside(t, positions)) {
            const char *path = dct_safetensors_path(r->file, t);
            return dct_role_layer(t->role) >= c->layers
                       ? dct_fail(&r->ctx->error, DECOCT_E_FORMAT,
                                  "%s: tensor %.100s is of a block beyond the %lld that "
                                  "config.json asks for (n_layer)",
                                  path, t->name, (long long)c->layers)
                       : dct_fail(&r->ctx->error, DECOCT_E_UNSUPPORTED,
                                  "%s: tensor %.100s is not part of a model of type %s: without "
                                  "it the answer would be another one",
                                  path, t->name, c->gpt1 ? "openai-gpt" : "gpt2");
        }
        first = first ? first : t;
        others++;
    }
    return !first ? DECOCT_OK
                  : dct_model_note(r->model, &r->ctx->error,
                                   "%lld tensor(s) are not used for the next token: %.100s%s",
                                   (long long)others, first->name, others > 1 ? ", ..." : "");
}

// Readers of a folder with an adapter add it to the weights.
static decoct_status check_adapter(reader *r) {
    char *path = dct_path(r->folder, "adapter_config.json");
    decoct_status status =
        !path ? dct_fail(&r->ctx->error, DECOCT_E_MEMORY, "%s: out of memory", r->folder)
        : dct_file_exists(path)
            ? dct_fail(&r->ctx->error, DECOCT_E_UNSUPPORTED,
                       "%s: this library applies no adapters: merge it into the weights", path)
            : DECOCT_OK;
    dct_free(path);
    return status;
}

decoct_status dct_model_note(decoct_model *model, dct_error *error, const char *format, ...) {
    dct_error line;
    va_list args;
    va_start(args, format);
    vsnprintf(line.text, sizeof line.text, format, args);
    va_end(args);
    size_t before = model->notes ? strlen(model->notes) : 0, more = strlen(line.text);
    char *notes = dct_alloc((int64_t)(before + more) + 2, 1);
    if (!notes) {
        return dct_fail(error, DECOCT_E_MEMORY, "model: out of memory");
    }
    memcpy(notes, model->notes ? model->notes : "", before);
    notes[before] = '\n';
    memcpy(notes + before + (before > 0), line.text, more + 1);
    dct_free(model->notes);
    model->notes = notes;
    return DECOCT_OK;
}

decoct_status dct_model_read_weights(decoct_context *ctx, const char *folder, decoct_model *model) {
    reader r = {.ctx = ctx, .folder = folder, .model = model};
    model->blocks = dct_zalloc(model->config.layers, sizeof *model->blocks);
    if (!model->blocks) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "%s: out of memory", folder);
    }
    decoct_status status = dct_safetensors_open_folder(folder, &r.file, &ctx->error);
    status = status ? status : check_adapter(&r);
    status = status ? status : read_parts(&r);
    status = status ? status : check_rest(&r);
    dct_safetensors_close(r.file);
    return status;
}
