// SPDX-License-Identifier: BSD-2-Clause
// The weights of a model folder: reads the tensors that the steps of its family's recipes need, and
// packs the matrices in the type in which they are stored.
#include "core/progress.h"
#include "machine/memory.h"
#include "model.h"
#include "roles.h"
#include "safetensors.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { NAME_ROOM = 128, COMPARED_AT_ONCE = 1 << 14, READ_AT_ONCE = 1 << 20 };
// Multiply-adds in the time that it takes to read a byte from a fast disk, for the progress.
static const double BYTE_COST = 4.0;

// What is at hand while the weights are being read.
typedef struct weights_reader {
    decoct_context *ctx;
    dct_safetensors *file;
    const dct_folder *folder;
    decoct_model *model;
    const dct_family *family;
} weights_reader;

// ---- Tensors ----

// Finds a tensor of the shape (rows, cols), or (cols) when rows is 0, with values of a type that is
// read.
static decoct_status need(weights_reader *r, const char *name, int64_t rows, int64_t cols,
                          dct_tensor **out) {
    dct_tensor *t = dct_safetensors_find(r->file, name);
    int32_t rank = rows ? 2 : 1;
    if (!t) {
        return dct_fail(&r->ctx->error, DECOCT_E_FORMAT, "%s: there is no tensor %s",
                        r->folder->name, name);
    }
    const char *path = dct_safetensors_path(r->file, t);
    decoct_dtype dtype;
    if (!dct_tensor_dtype(t, &dtype)) {
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

// Reads all values, in their own type or as f32, a part at a time: the host may cancel in between.
static decoct_status read_values(weights_reader *r, const dct_tensor *t, bool own, char *to) {
    decoct_context *ctx = r->ctx;
    int64_t bytes = t->count > 0 ? (int64_t)t->bytes / t->count : 0; // of a value in the file
    int64_t size = own ? bytes : (int64_t)sizeof(float);
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0, n; i < t->count && !status; i += n) {
        n = t->count - i < READ_AT_ONCE ? t->count - i : READ_AT_ONCE;
        status =
            own ? dct_tensor_copy(r->file, t, i, n, to + i * size, &ctx->error)
                : dct_tensor_read(r->file, t, i, n, (float *)(void *)(to + i * size), &ctx->error);
        dct_progress_add(ctx, n * bytes);
        if (!status && !dct_progress_work(ctx, BYTE_COST * (double)(n * bytes))) {
            status = ctx->ran;
        }
    }
    return status;
}

// The values of a tensor: a copy, or those of a file in memory.
typedef struct values {
    void *data;
    decoct_dtype dtype;
    bool borrowed; // not to be freed, nor changed
} values;

static void drop(const values *v) {
    if (!v->borrowed) {
        dct_free(v->data);
    }
}

static decoct_status copy_tensor(weights_reader *r, const dct_tensor *t, const char *name, bool own,
                                 values *out) {
    out->data = own ? dct_alloc(r->ctx->memory, (int64_t)t->bytes, 1)
                    : dct_alloc(r->ctx->memory, t->count, sizeof(float));
    if (!out->data) {
        return dct_fail(&r->ctx->error, DECOCT_E_MEMORY, "%s: no memory for tensor %s",
                        r->folder->name, name);
    }
    decoct_status status = read_values(r, t, own, out->data);
    if (status) {
        dct_free(out->data);
    }
    return status;
}

// Reads a tensor of that shape, in its `own` type or as f32; `borrow`: it may stay where it is.
// drop() the result.
static decoct_status read_tensor(weights_reader *r, const char *name, int64_t rows, int64_t cols,
                                 bool own, bool borrow, values *out) {
    dct_tensor *t;
    decoct_status status = need(r, name, rows, cols, &t);
    if (status) {
        return status;
    }
    *out = (values){0};
    dct_tensor_dtype(t, &out->dtype); // need() has seen that it is one
    own = own || out->dtype == DECOCT_F32;
    const void *there = own && borrow ? dct_tensor_data(r->file, t) : NULL;
    if (there) {
        out->data = (void *)(uintptr_t)there;
        out->borrowed = true;
        dct_progress_add(r->ctx, (int64_t)t->bytes);
    } else {
        status = copy_tensor(r, t, name, own, out);
    }
    out->dtype = own ? out->dtype : DECOCT_F32;
    r->model->parameters += status ? 0 : t->count;
    return status;
}

// Keeps the table of a part, where the host said that its bytes stay as a view of them.
static decoct_status read_table(weights_reader *r, dct_parameters *part, const char *name,
                                int64_t rows, int64_t cols, bool own) {
    bool stays = r->folder->given && r->folder->given->data_stays;
    values table;
    decoct_status status = read_tensor(r, name, rows, cols, own, stays, &table);
    if (!status) {
        part->table = table.data;
        part->dtype = table.dtype;
        part->borrowed = table.borrowed;
    }
    return status;
}

// ---- Parts ----

// "h.3.ln_1.weight"; the name alone for a part outside the blocks (layer -1).
static void full_name(const weights_reader *r, int64_t layer, const char *name, char *out) {
    if (layer < 0) {
        snprintf(out, NAME_ROOM, "%s", name);
    } else {
        snprintf(out, NAME_ROOM, "%s.%lld.%s", r->family->layers, (long long)layer, name);
    }
}

static decoct_status read_matrix(weights_reader *r, dct_stage *stage, const dct_step *step,
                                 const char *name, bool transposed) {
    int64_t k, n;
    values matrix;
    dct_stage_shape(stage, step, &k, &n);
    decoct_status status =
        read_tensor(r, name, transposed ? n : k, transposed ? k : n, true, true, &matrix);
    if (!status) {
        status = dct_stage_pack(r->ctx, stage, step, matrix.data, matrix.dtype, transposed);
        drop(&matrix);
    }
    return status;
}

static decoct_status read_part(weights_reader *r, dct_stage *stage, const dct_step *step,
                               int64_t layer) {
    const dct_tensor_names *names = &r->family->names[step->part];
    dct_parameters *part = &stage->parts[step->part];
    char name[NAME_ROOM];
    int64_t rows, cols;
    decoct_status status;
    dct_stage_shape(stage, step, &rows, &cols);
    full_name(r, layer, names->main, name);
    if (step->kind == DCT_LINEAR) {
        bool transposed = step->part == DCT_PART_HEAD || r->family->transposed;
        status = read_matrix(r, stage, step, name, transposed);
    } else {
        status = read_table(r, part, name, rows, cols, false);
    }
    if (!status && names->bias) {
        full_name(r, layer, names->bias, name);
        values bias;
        status = read_tensor(r, name, 0, cols, false, false, &bias);
        part->bias = status ? NULL : bias.data;
    }
    return status;
}

// ---- The whole ----

// The name of the token matrix in the files: a writer that stores a tied matrix once keeps either
// of its names.
static const char *tokens_name(weights_reader *r) {
    const char *own = r->family->names[DCT_PART_TOKENS].main;
    const char *head = r->family->names[DCT_PART_HEAD].main;
    bool other = r->model->config.tied && !dct_safetensors_find(r->file, own) &&
                 dct_safetensors_find(r->file, head);
    return other ? head : own;
}

// Whether two tensors of one shape hold the same numbers, whatever their types.
static decoct_status compare(weights_reader *r, const dct_tensor *a, const dct_tensor *b,
                             bool *same) {
    float *some = dct_alloc(r->ctx->memory, 2 * COMPARED_AT_ONCE, sizeof *some);
    decoct_status status =
        some ? DECOCT_OK
             : dct_fail(&r->ctx->error, DECOCT_E_MEMORY, "%s: out of memory", r->folder->name);
    *same = true;
    for (int64_t i = 0, n; !status && *same && i < a->count; i += n) {
        n = a->count - i < COMPARED_AT_ONCE ? a->count - i : COMPARED_AT_ONCE;
        status = dct_tensor_read(r->file, a, i, n, some, &r->ctx->error);
        status = status ? status : dct_tensor_read(r->file, b, i, n, some + n, &r->ctx->error);
        *same = !status && memcmp(some, some + n, (size_t)n * sizeof *some) == 0;
        dct_progress_work(r->ctx, BYTE_COST * 8.0 * (double)n);
        status = status ? status : r->ctx->ran;
    }
    dct_free(some);
    return status;
}

// A head in the file of a model that says its head is the token matrix: it must be the same then.
static decoct_status check_head(weights_reader *r, const char *tokens) {
    const dct_config *c = &r->model->config;
    const char *head = r->family->names[DCT_PART_HEAD].main;
    dct_tensor *t;
    bool same;
    if (!c->tied || strcmp(tokens, head) == 0 || !dct_safetensors_find(r->file, head)) {
        return DECOCT_OK;
    }
    decoct_status status = need(r, head, c->size.vocabulary, c->size.d_model, &t);
    status = status ? status : compare(r, dct_safetensors_find(r->file, tokens), t, &same);
    return status || same
               ? status
               : dct_fail(&r->ctx->error, DECOCT_E_FORMAT,
                          "%s: tensor %.60s is not the same as %s, but by config.json they are "
                          "one: set \"tie_word_embeddings\" there to false to use both",
                          dct_safetensors_path(r->file, t), t->name, tokens);
}

// Reads the parts of the steps that have any. `layer` -1: outside the blocks.
static decoct_status read_stage(weights_reader *r, dct_stage *stage, int64_t layer) {
    decoct_model *m = r->model;
    decoct_status status = DECOCT_OK;
    for (int32_t i = 0; i < stage->recipe->count && !status; i++) {
        const dct_step *step = &stage->recipe->steps[i];
        if (step->part == DCT_PART_TOKENS) {
            const char *name = tokens_name(r);
            dct_parameters *tokens = &stage->parts[step->part];
            status = read_table(r, tokens, name, m->config.size.vocabulary, m->config.size.d_model,
                                true);
            status = status ? status : check_head(r, name);
        } else if (step->part == DCT_PART_HEAD && m->config.tied) {
            const dct_parameters *tokens = &m->entry.parts[DCT_PART_TOKENS];
            status = dct_stage_pack(r->ctx, stage, step, tokens->table, tokens->dtype, true);
        } else if (step->part != DCT_PART_NONE) {
            status = read_part(r, stage, step, layer);
        }
    }
    return status;
}

static decoct_status read_stages(weights_reader *r) {
    decoct_model *m = r->model;
    dct_stage_begin(&m->entry, &r->family->entry, &m->config.size);
    dct_stage_begin(&m->exit, &r->family->exit, &m->config.size);
    decoct_status status = read_stage(r, &m->entry, -1);
    for (int64_t i = 0; i < m->config.layers && !status; i++) {
        m->blocks[i] = dct_block_new(r->ctx->memory, &r->family->block, &m->config.size);
        status = m->blocks[i] ? read_stage(r, &m->blocks[i]->stage, i)
                              : dct_fail(&r->ctx->error, DECOCT_E_MEMORY, "block: out of memory");
    }
    return status ? status : read_stage(r, &m->exit, -1);
}

// True if the name of a tensor begins as that of a part of the model does: "transformer.drop" is a
// part of what holds "transformer.wpe.weight", "score" is not.
static bool is_beside(const dct_tensor *t, const dct_tensor *part) {
    size_t length = strlen(part->name), role = strlen(part->role);
    size_t prefix =
        length > role && strcmp(part->name + length - role, part->role) == 0 ? length - role : 0;
    return prefix > 0 && strncmp(t->name, part->name, prefix) == 0;
}

static decoct_status refuse_rest(weights_reader *r, const dct_tensor *t) {
    const dct_config *c = &r->model->config;
    const char *path = dct_safetensors_path(r->file, t);
    if (dct_role_layer(r->family, t->role) >= c->layers) {
        return dct_fail(&r->ctx->error, DECOCT_E_FORMAT,
                        "%s: tensor %.100s is of a block beyond the %lld that config.json asks for "
                        "(%s)",
                        path, t->name, (long long)c->layers,
                        dct_config_key(c, offsetof(dct_config, layers)));
    }
    return dct_fail(&r->ctx->error, DECOCT_E_UNSUPPORTED,
                    "%s: tensor %.100s is not part of a model of type %s: without it the answer "
                    "would be another one",
                    path, t->name, r->family->type);
}

// What is left in the files: masks are computed here; parts of a model that this one does not have
// would change its answer; the rest is noted.
static decoct_status check_rest(weights_reader *r) {
    const char *positions = r->family->names[DCT_PART_POSITIONS].main;
    const dct_tensor *part = dct_safetensors_find(r->file, positions ? positions : tokens_name(r));
    const dct_tensor *first = NULL;
    int64_t others = 0;
    for (int64_t i = 0; i < dct_safetensors_count(r->file); i++) {
        const dct_tensor *t = dct_safetensors_at(r->file, i);
        dct_role_kind kind = dct_role_kind_of(r->family, t->role);
        if (t->used || kind == DCT_ROLE_BUFFER) {
            continue;
        }
        if (kind == DCT_ROLE_MODEL || is_beside(t, part)) {
            return refuse_rest(r, t);
        }
        first = first ? first : t;
        others++;
    }
    return !first ? DECOCT_OK
                  : dct_model_note(r->ctx, r->model,
                                   "%lld tensor(s) are not used for the next token: %.100s%s",
                                   (long long)others, first->name, others > 1 ? ", ..." : "");
}

// Readers of a folder with an adapter add it to the weights.
static decoct_status check_adapter(weights_reader *r) {
    char *path = dct_path(r->folder, "adapter_config.json");
    decoct_status status =
        !path ? dct_fail(&r->ctx->error, DECOCT_E_MEMORY, "%s: out of memory", r->folder->name)
        : dct_file_exists(r->folder, path)
            ? dct_fail(&r->ctx->error, DECOCT_E_UNSUPPORTED,
                       "%s: this library applies no adapters: merge it into the weights", path)
            : DECOCT_OK;
    dct_free(path);
    return status;
}

decoct_status dct_model_note(decoct_context *ctx, decoct_model *model, const char *format, ...) {
    dct_error line;
    va_list args;
    va_start(args, format);
    vsnprintf(line.text, sizeof line.text, format, args);
    va_end(args);
    size_t before = model->notes ? strlen(model->notes) : 0, more = strlen(line.text);
    char *notes = dct_alloc(ctx->memory, (int64_t)(before + more) + 2, 1);
    if (!notes) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "model: out of memory");
    }
    memcpy(notes, model->notes ? model->notes : "", before);
    notes[before] = '\n';
    memcpy(notes + before + (before > 0), line.text, more + 1);
    dct_free(model->notes);
    model->notes = notes;
    return DECOCT_OK;
}

// The bytes of all tensors; those that are not used are never done.
static void begin_progress(weights_reader *r) {
    int64_t bytes = 0;
    for (int64_t i = 0; i < dct_safetensors_count(r->file); i++) {
        bytes += (int64_t)dct_safetensors_at(r->file, i)->bytes;
    }
    dct_progress_begin(r->ctx, bytes);
}

decoct_status dct_model_read_weights(decoct_context *ctx, const dct_folder *folder,
                                     decoct_model *model) {
    weights_reader r = {
        .ctx = ctx, .folder = folder, .model = model, .family = model->config.family};
    model->blocks = dct_zalloc(ctx->memory, model->config.layers, sizeof *model->blocks);
    if (!model->blocks) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "%s: out of memory", folder->name);
    }
    decoct_status status = dct_safetensors_open_folder(folder, &r.file, &ctx->error);
    status = status ? status : check_adapter(&r);
    if (!status) {
        begin_progress(&r);
    }
    status = status ? status : read_stages(&r);
    status = status ? status : check_rest(&r);
    dct_safetensors_close(r.file);
    return status;
}
