// SPDX-License-Identifier: BSD-2-Clause
// Finds the folder of a model that is given by its name: in the folders of DECOCT_MODEL_PATH (not
// when set-uid), then where the models of the library are installed.
#include "search.h"

#include "core/border.h"
#include "core/context.h"
#include "files.h"
#include "machine/memory.h"
#include "machine/origin.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char DEFAULT[] = "potion";

enum { PATH_ROOM = PATH_MAX + 256 };

// On the heap: a caller's stack may be small.
typedef struct search {
    const char *name;
    char folder[PATH_MAX], path[PATH_ROOM];
    char found[PATH_MAX]; // without ".."
} search;

// Is there a model at <folder>/<inner><name>? One that cannot be read is one: opening it gives the
// reason.
static bool is_model(search *s, const char *inner) {
    int length =
        snprintf(s->path, sizeof s->path, "%s/%s%s/config.json", s->folder, inner, s->name);
    if (length < 0 || (size_t)length >= sizeof s->path || access(s->path, F_OK) != 0) {
        return false;
    }
    s->path[(size_t)length - strlen("/config.json")] = '\0';
    return realpath(s->path, s->found);
}

// ---- DECOCT_MODEL_PATH ----

static decoct_status search_path(search *s, const char *path, bool *found, dct_error *error) {
    while (path && *path && !*found) {
        size_t length = strcspn(path, ":");
        if (length > 0 && (path[0] != '/' || length >= sizeof s->folder)) {
            return dct_fail(error, DECOCT_E_ARGUMENT,
                            "DECOCT_MODEL_PATH: '%.*s' is not an absolute folder: separate folders "
                            "by colons, each beginning with a slash",
                            (int)(length < 200 ? length : 200), path);
        }
        if (length > 0) {
            memcpy(s->folder, path, length);
            s->folder[length] = '\0';
            *found = is_model(s, "");
        }
        path += length + (path[length] == ':');
    }
    return DECOCT_OK;
}

// ---- Installed models ----

static bool is_build_tree(search *s) {
    int length = snprintf(s->path, sizeof s->path, "%s/../build.ninja", s->folder);
    return length > 0 && (size_t)length < sizeof s->path && access(s->path, F_OK) == 0;
}

// Models that the library was configured to install: for a program with the archive inside, which
// may be anywhere. A shared library is found where it is, also after it was moved.
static bool is_configured(search *s) {
#ifdef DCT_MODELS_FOLDER
    strcpy(s->folder, DCT_MODELS_FOLDER);
    return is_model(s, "");
#else
    (void)s;
    return false;
#endif
}

// An installed tree may be moved as a whole, so everything is found from where the library and the
// program are.
static bool is_installed(search *s) {
    if (dct_library_origin(s->folder, sizeof s->folder) &&
        (is_model(s, DCT_DATA_FROM_LIB "/models/") ||
         (is_build_tree(s) && is_model(s, "../models/")))) {
        return true;
    }
    return (dct_program_origin(s->folder, sizeof s->folder) &&
            (is_model(s, "models/") || is_model(s, "../share/decoct/models/") ||
             (is_build_tree(s) && is_model(s, "../models/")))) ||
           is_configured(s);
}

// ---- The calls ----

static decoct_status find(dct_memory *memory, const char *name, char **folder, dct_error *error) {
    const char *path = secure_getenv("DECOCT_MODEL_PATH");
    search *s = dct_alloc(memory, 1, sizeof *s);
    if (!s) {
        return dct_fail(error, DECOCT_E_MEMORY, "model '%.80s': out of memory", name);
    }
    s->name = name;
    bool found = false;
    decoct_status status = search_path(s, path, &found, error);
    if (!status && !found && !is_installed(s)) {
        status = dct_fail(error, DECOCT_E_IO,
                          "model '%.80s': neither in a folder of DECOCT_MODEL_PATH (%.200s) nor "
                          "installed with the library or beside the program",
                          name, path && *path ? path : "not set");
    }
    if (!status) {
        *folder = dct_strndup(memory, s->found, strlen(s->found));
        status = *folder ? DECOCT_OK : dct_fail(error, DECOCT_E_MEMORY, "model: out of memory");
    }
    dct_free(s);
    return status;
}

// Is it a model as it is given? Not a folder of that name that has no model.
static bool is_here(dct_memory *memory, const char *given) {
    dct_folder folder = {.name = given, .memory = memory};
    char *config = dct_path(&folder, "config.json");
    bool here = config && access(config, F_OK) == 0;
    dct_free(config);
    return here;
}

decoct_status dct_model_folder(dct_memory *memory, const char *given, char **folder,
                               dct_error *error) {
    bool is_name = !strchr(given, '/') && strcmp(given, ".") != 0 && strcmp(given, "..") != 0;
    if (is_name && !is_here(memory, given)) {
        decoct_status status = find(memory, given, folder, error);
        if (status != DECOCT_E_IO || access(given, F_OK) != 0) {
            return status;
        }
    }
    *folder = dct_strndup(memory, given, strlen(given));
    return *folder ? DECOCT_OK : dct_fail(error, DECOCT_E_MEMORY, "model: out of memory");
}

// Gives the folder that `way` finds to the caller.
static decoct_status give(decoct_context *ctx, const char *name,
                          decoct_status (*way)(dct_memory *memory, const char *name, char **folder,
                                               dct_error *error),
                          char *path, uint64_t size, uint64_t *length) {
    char *folder = NULL;
    int32_t cancel = dct_cancel_off();
    decoct_status status = way(ctx->memory, name, &folder, &ctx->error);
    if (!status) {
        dct_give_text(folder, path, size, length);
    }
    dct_free(folder);
    dct_cancel_restore(cancel);
    return status;
}

decoct_status decoct_default_model(decoct_context *ctx, char *path, uint64_t size,
                                   uint64_t *length) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    status = dct_check_given(&ctx->error, "default model", "path", path, size > 0);
    status = status ? status : give(ctx, DEFAULT, find, path, size, length);
    return dct_leave(ctx, status);
}

decoct_status decoct_model_find(decoct_context *ctx, const char *name, char *path, uint64_t size,
                                uint64_t *length) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    status = dct_check_given(&ctx->error, "model", "name", name, 1);
    status = status ? status : dct_check_given(&ctx->error, "model", "path", path, size > 0);
    if (!status && !*name) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "model: the name is empty");
    }
    status = status ? status : give(ctx, name, dct_model_folder, path, size, length);
    return dct_leave(ctx, status);
}
