// SPDX-License-Identifier: BSD-2-Clause
#include "served.h"

#include "nearest.h"
#include "parse.h"

#include <stdio.h>
#include <string.h>

// As decoct_context_kernel calls them. A matrix product has one for each type of its weights.
static const char *const every_kernel[] = {
    "matmul",
#define DECOCT_DTYPE(NAME, name, bits, block, bytes) "matmul_" #name,
#include <decoct/dtypes.def>
#undef DECOCT_DTYPE
    "attention",
#define DECOCT_OP(NAME, name, needs, forms, cost) #name,
#include <decoct/ops.def>
#undef DECOCT_OP
    "pack_keys",
};

bool served_kernel(int index, char word[SERVED_WORD]) {
    int skipped = 1 + DECOCT_F32; // "matmul" is that of f32
    index += index >= skipped;
    bool there = index < (int)(sizeof every_kernel / sizeof *every_kernel);
    snprintf(word, SERVED_WORD, "%s", there ? every_kernel[index] : "");
    return there;
}

bool served_next(const char **list, char word[SERVED_WORD]) {
    const char *at = *list + strspn(*list, " ");
    size_t length = strcspn(at, " ");
    *list = at + length;
    snprintf(word, SERVED_WORD, "%.*s", (int)length, at);
    return length > 0;
}

json_t *served_by(const decoct_context *ctx, const char *kernels) {
    json_t *all = json_object();
    char kernel[SERVED_WORD];
    while (served_next(&kernels, kernel)) {
        const char *name = decoct_context_kernel(ctx, kernel);
        json_object_set_new(all, kernel, name ? json_string(name) : json_null());
    }
    return all;
}

void served_words(const json_t *served, char *text, size_t size) {
    const char *kernel, *first = NULL;
    const json_t *name;
    json_t *all = (json_t *)served; // jansson's loop does not accept a const object
    bool same = true;
    text[0] = '\0';
    json_object_foreach(all, kernel, name) {
        const char *one = json_string_value(name);
        first = first ? first : one;
        same = same && one && strcmp(one, first) == 0;
    }
    if (same) {
        snprintf(text, size, "%s", first ? first : "");
        return;
    }
    size_t used = 0;
    json_object_foreach(all, kernel, name) {
        const char *one = json_string_value(name);
        int length = snprintf(text + used, size - used, "%s%s %s", used ? ", " : "", kernel,
                              one ? one : "unknown");
        used += length > 0 ? (size_t)length : 0;
        if (used >= size) {
            return;
        }
    }
}

static bool declares_other_bits(decoct_context *ctx, const char *backend) {
    for (int32_t i = 0; i < decoct_backend_count(ctx); i++) {
        decoct_backend_info info = {.struct_size = sizeof info};
        if (decoct_backend_describe(ctx, i, &info) == DECOCT_OK && info.chosen && info.other_bits &&
            strcmp(info.name, backend) == 0) {
            return true;
        }
    }
    return false;
}

bool served_other_bits(decoct_context *ctx, const char *kernels) {
    char kernel[SERVED_WORD];
    while (served_next(&kernels, kernel)) {
        const char *name = decoct_context_kernel(ctx, kernel);
        if (name && declares_other_bits(ctx, name)) {
            return true;
        }
    }
    return false;
}

void served_strongest(decoct_context *ctx, char name[SERVED_NAME]) {
    uint32_t most = 0;
    snprintf(name, SERVED_NAME, "%s", decoct_context_backend(ctx));
    for (int32_t i = 0; i < decoct_backend_count(ctx); i++) {
        decoct_backend_info info = {.struct_size = sizeof info};
        if (decoct_backend_describe(ctx, i, &info) == DECOCT_OK && info.chosen &&
            info.priority > most) {
            most = info.priority;
            snprintf(name, SERVED_NAME, "%s", info.name);
        }
    }
}

static decoct_status open_forced(const char *backend, int32_t strict, char *text, size_t size) {
    decoct_options o = {.struct_size = sizeof o,
                        .threads = 1,
                        .backend = backend,
                        .error = text,
                        .error_size = size,
                        .strict_backend = strict};
    decoct_context *ctx = NULL;
    decoct_status status = decoct_context_open(&o, &ctx);
    decoct_context_close(ctx);
    return status;
}

bool served_opens(const char *backend, char *text, size_t size) {
    text[0] = '\0';
    return open_forced(backend, 0, text, size) == DECOCT_OK;
}

bool served_rejects(const char *backend, char *text, size_t size) {
    text[0] = '\0';
    return open_forced(backend, 0, NULL, 0) == DECOCT_OK &&
           open_forced(backend, 1, text, size) == DECOCT_E_UNSUPPORTED;
}

// "scalar, avx2": the names of all backends, each once.
static void list_names(char *names, size_t size) {
    decoct_options o = {.struct_size = sizeof o, .threads = 1, .backend = "scalar"};
    decoct_context *ctx = NULL;
    size_t used = 0;
    names[0] = '\0';
    decoct_context_open(&o, &ctx);
    for (int32_t i = 0; ctx && i < decoct_backend_count(ctx) && used < size; i++) {
        decoct_backend_info info = {.struct_size = sizeof info};
        if (decoct_backend_describe(ctx, i, &info) == DECOCT_OK &&
            !parse_is_among(info.name, names)) {
            used +=
                (size_t)snprintf(names + used, size - used, "%s%s", used ? ", " : "", info.name);
        }
    }
    decoct_context_close(ctx);
}

void served_suggest(const char *backend, const char *words, const char *names, char *text,
                    size_t size) {
    nearest near = nearest_to(backend);
    nearest_offer_all(&near, names);
    const char *hint = nearest_hint(&near, "");
    snprintf(text, size, "%s%s%s There are %s", words, hint, *hint ? "" : ".", names);
}

bool served_unknown(const char *backend, char *text, size_t size) {
    char names[1024], words[512] = "";
    list_names(names, sizeof names);
    if (!names[0] || parse_is_among(backend, names)) {
        return false;
    }
    open_forced(backend, 0, words, sizeof words); // it may know which plugin was refused
    served_suggest(backend, words, names, text, size);
    return true;
}
