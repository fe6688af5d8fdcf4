// SPDX-License-Identifier: BSD-2-Clause
// A model whose files the host gives: bytes in memory, or descriptors.
#include "core/border.h"
#include "model.h"

#include <string.h>

enum { FILES_MOST = 4096 };

static decoct_status check_file(dct_error *error, const decoct_model_source *s, int64_t i) {
    const char *name = s->names[i];
    if (!name || !*name || strchr(name, '/')) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "model source: name %lld is %s, not the name of a file in a folder",
                        (long long)i,
                        !name   ? "NULL"
                        : *name ? name
                                : "empty");
    }
    for (int64_t j = 0; j < i; j++) {
        if (strcmp(name, s->names[j]) == 0) {
            return dct_fail(error, DECOCT_E_ARGUMENT, "model source: %s is given twice", name);
        }
    }
    bool bytes = s->data && s->data[i], open = s->descriptors && s->descriptors[i] >= 0;
    if (bytes == open) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "model source: %s has %s", name,
                        bytes ? "bytes and a descriptor" : "neither bytes nor a descriptor");
    }
    return bytes && s->sizes[i] > INT64_MAX
               ? dct_fail(error, DECOCT_E_ARGUMENT, "model source: %s: the size is too large", name)
               : DECOCT_OK;
}

static decoct_status check_source(dct_error *error, const decoct_model_source *s) {
    if (s->data_stays != 0 && s->data_stays != 1) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "model source: data_stays is %d, not 0 or 1",
                        s->data_stays);
    }
    if (s->count < 0 || s->count > FILES_MOST) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "model source: count is %lld, not in [0, %d]",
                        (long long)s->count, FILES_MOST);
    }
    if (s->count > 0 && (!s->names || (s->data && !s->sizes))) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "model source: %s is NULL",
                        s->names ? "sizes" : "names");
    }
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < s->count && !status; i++) {
        status = check_file(error, s, i);
    }
    return status;
}

decoct_status decoct_model_open_from(decoct_context *ctx, const decoct_model_source *source,
                                     decoct_model **out) {
    decoct_model_source s;
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    status =
        dct_take_struct(&ctx->error, "model source", &s, sizeof s, DCT_FIRST_MODEL_SOURCE, source);
    if (!status && !out) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "model source: out is NULL");
    }
    status = status ? status : check_source(&ctx->error, &s);
    if (!status) {
        dct_folder from = {
            .name = s.name && *s.name ? s.name : "model", .memory = ctx->memory, .given = &s};
        status = dct_model_open(ctx, &from, out);
    }
    return dct_leave(ctx, status);
}
