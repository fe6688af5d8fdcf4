// SPDX-License-Identifier: BSD-2-Clause
// A model: opens its folder, describes it, and turns text into its tokens.
#include "model.h"

#include "core/border.h"
#include "core/overlap.h"
#include "ends.h"
#include "machine/memory.h"
#include "search.h"

#include <stdatomic.h>

// Which tokens end a text: those that the files name, as far as the vocabulary has them; without
// any, the usual one of byte-level vocabularies.
static void keep_ends(decoct_model *m) {
    dct_ends *ends = &m->config.ends;
    int32_t count = 0;
    for (int32_t i = 0; i < ends->count; i++) {
        if (ends->ids[i] >= 0 && ends->ids[i] < m->config.size.vocabulary) {
            ends->ids[count++] = ends->ids[i];
        }
    }
    int32_t usual = dct_tokenizer_find(m->tokenizer, "<|endoftext|>");
    if (count == 0 && usual >= 0) {
        ends->ids[count++] = usual;
    }
    ends->count = count;
}

static decoct_status read_model(decoct_context *ctx, const dct_folder *folder, decoct_model *m) {
    decoct_status status = dct_config_read(folder, &m->config, &ctx->error);
    status = status ? status : dct_ends_read(&m->config.ends, folder, &ctx->error);
    status = status ? status : dct_model_read_weights(ctx, folder, m);
    if (status) {
        return status;
    }
    status = dct_tokenizer_open(folder, m->config.family->tokenizer, &m->tokenizer, &ctx->error);
    if (!status && dct_tokenizer_size(m->tokenizer) > m->config.size.vocabulary) {
        status =
            dct_fail(&ctx->error, DECOCT_E_FORMAT,
                     "%s: the tokenizer has ids up to %lld, but the vocabulary of config.json %lld",
                     folder->name, (long long)dct_tokenizer_size(m->tokenizer) - 1,
                     (long long)m->config.size.vocabulary);
    }
    if (!status && *dct_tokenizer_note(m->tokenizer)) {
        status = dct_model_note(ctx, m, "%s", dct_tokenizer_note(m->tokenizer));
    }
    if (!status) {
        keep_ends(m);
    }
    return status;
}

decoct_status dct_model_open(decoct_context *ctx, const dct_folder *folder, decoct_model **out) {
    decoct_model *m = dct_zalloc(ctx->memory, 1, sizeof *m);
    if (!m) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "model: out of memory");
    }
    m->references = 1;
    int32_t cancel = dct_cancel_off();
    decoct_status status = read_model(ctx, folder, m);
    dct_cancel_restore(cancel);
    if (status) {
        decoct_model_close(m);
    } else {
        *out = m;
    }
    return status;
}

static decoct_status find_and_open(decoct_context *ctx, const char *given, decoct_model **out) {
    char *name = NULL;
    int32_t cancel = dct_cancel_off();
    decoct_status status = dct_model_folder(ctx->memory, given, &name, &ctx->error);
    dct_folder folder = {.name = name, .memory = ctx->memory};
    status = status ? status : dct_model_open(ctx, &folder, out);
    dct_free(name);
    dct_cancel_restore(cancel);
    return status;
}

decoct_status decoct_model_open(decoct_context *ctx, const char *folder, decoct_model **out) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    if (!folder || !out) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "model: %s is NULL",
                          folder ? "out" : "folder");
    } else if (!*folder) { // "/config.json" would be read
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "model: the name of the folder is empty");
    } else {
        status = find_and_open(ctx, folder, out);
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
    dct_stage_end(&model->entry);
    dct_stage_end(&model->exit);
    dct_free(model->blocks);
    dct_free(model->notes);
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
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "model info: model is NULL");
    } else {
        const dct_config *c = &model->config;
        decoct_model_info mine = {
            .norm_order = c->family->norm_order,
            .layers = c->layers,
            .heads = c->size.heads,
            .d_model = c->size.d_model,
            .d_ffn = c->size.d_ffn,
            .context = c->size.context,
            .vocabulary = c->size.vocabulary,
            .parameters = model->parameters,
            .type = c->family->type,
            .notes = model->notes ? model->notes : "",
            .space_after_words = c->family->tokenizer == DCT_TOKENIZER_WORDS,
            .dtype = model->entry.parts[DCT_PART_TOKENS].dtype,
        };
        status = dct_give_struct(&ctx->error, "model info", info, DCT_FIRST_MODEL_INFO, &mine,
                                 sizeof mine);
    }
    return dct_leave(ctx, status);
}

int64_t decoct_model_vocabulary(const decoct_model *model) {
    return model ? model->config.size.vocabulary : 0;
}

int32_t decoct_model_is_end(const decoct_model *model, int32_t id) {
    for (int32_t i = 0; model && i < model->config.ends.count; i++) {
        if (model->config.ends.ids[i] == id) {
            return 1;
        }
    }
    return 0;
}

static uint64_t bytes_of_ids(int64_t count) {
    return count > INT64_MAX / 4 ? INT64_MAX : (uint64_t)count * sizeof(int32_t);
}

// The text and the ids of a call, of which one is read and the other written: `bytes` and `count`
// are how many there are, or how many there is room for.
static decoct_status check_tokens(dct_error *error, const char *op, const decoct_model *model,
                                  const char *text, uint64_t bytes, const int32_t *ids,
                                  int64_t count) {
    decoct_status status = dct_check_given(error, op, "model", model, 1);
    status = status ? status : dct_check_given(error, op, "text", text, bytes);
    status = status ? status : dct_check_size(error, op, *op == 'e' ? "room" : "count", count);
    status = status ? status : dct_check_given(error, op, "ids", ids, (uint64_t)count);
    if (!status && !dct_bytes_apart(text, bytes, ids, bytes_of_ids(count))) {
        status = dct_fail(error, DECOCT_E_ARGUMENT, "%s: ids overlap the text", op);
    }
    return status;
}

decoct_status decoct_encode(decoct_context *ctx, const decoct_model *model, const char *text,
                            uint64_t length, int32_t *ids, int64_t room, int64_t *count) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    status = check_tokens(&ctx->error, "encode", model, text, length, ids, room);
    status = status ? status : dct_check_given(&ctx->error, "encode", "count", count, 1);
    status = status ? status
                    : dct_tokenizer_encode(ctx->memory, model->tokenizer, text, length, ids, room,
                                           count, &ctx->error);
    return dct_leave(ctx, status);
}

decoct_status decoct_decode(decoct_context *ctx, const decoct_model *model, const int32_t *ids,
                            int64_t count, char *text, uint64_t room, uint64_t *length) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    status = check_tokens(&ctx->error, "decode", model, text, room, ids, count);
    status = status ? status : dct_check_given(&ctx->error, "decode", "length", length, 1);
    status = status ? status
                    : dct_tokenizer_decode(model->tokenizer, ids, count, text, room, length,
                                           &ctx->error);
    return dct_leave(ctx, status);
}
