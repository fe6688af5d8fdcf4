// SPDX-License-Identifier: BSD-2-Clause
// A plugin that crashes or hangs must not end the program: all plugins of DECOCT_BACKEND_PATH
// are loaded and examined in a child first, and one by one if that fails.
#include "cli.h"
#include "text.h"
#include "trial.h"

#include <stdlib.h>
#include <string.h>

static const char WITHOUT[] = "DECOCT_BACKEND_WITHOUT";
enum { FILES_MAX = 256 };

static decoct_context *open_plain(void) {
    decoct_options options = {.struct_size = sizeof options, .threads = 1, .backend = "scalar"};
    decoct_context *ctx = NULL;
    return decoct_context_open(&options, &ctx) == DECOCT_OK ? ctx : NULL;
}

// In a child: without the files of `data`, if any.
static void open_and_close(void *data) {
    if (data) {
        setenv(WITHOUT, data, 1);
    }
    decoct_context_close(open_plain());
}

typedef struct file_list {
    char *names[FILES_MAX];
    int count;
} file_list;

// The files that would be loaded: a context that leaves out all of them lists them.
static void list_files(file_list *list) {
    setenv(WITHOUT, "*=left out", 1);
    decoct_context *ctx = open_plain();
    for (int32_t i = 0; i < decoct_backend_count(ctx) && list->count < FILES_MAX; i++) {
        decoct_backend_info b = {.struct_size = sizeof b};
        if (decoct_backend_describe(ctx, i, &b) == DECOCT_OK && !b.usable &&
            strcmp(b.reason, "left out") == 0) {
            char *name = cli_alloc((int64_t)strlen(b.origin) + 1, 1);
            strcpy(name, b.origin);
            list->names[list->count++] = name;
        }
    }
    decoct_context_close(ctx);
}

// Adds "FILE=REASON:" or, without a reason, "FILE:" to a list of DECOCT_BACKEND_WITHOUT.
static char *add_file(char *list, const char *file, const char *reason) {
    size_t used = list ? strlen(list) : 0, more = strlen(file) + strlen(reason) + 3;
    char *grown = cli_alloc((int64_t)(used + more), 1);
    snprintf(grown, used + more, "%s%s%s%s:", list ? list : "", file, *reason ? "=" : "", reason);
    free(list);
    return grown;
}

// What this file alone does; its reason is added to the list if it does not survive.
static char *try_one(const file_list *files, int index, char *refused) {
    char why[128], reason[192];
    char *others = add_file(NULL, "", "");
    for (int i = 0; i < files->count; i++) {
        others = i == index ? others : add_file(others, files->names[i], "");
    }
    bool fine = cli_try(open_and_close, others, why, sizeof why);
    free(others);
    if (fine) {
        return refused;
    }
    snprintf(reason, sizeof reason, "%s when it is loaded or examined", why);
    return add_file(refused, files->names[index], reason);
}

void cli_screen_plugins(void) {
    const char *path = getenv("DECOCT_BACKEND_PATH"), *before = getenv(WITHOUT);
    char why[128];
    if (!path || !*path || cli_try(open_and_close, NULL, why, sizeof why)) {
        return;
    }
    char *refused = add_file(NULL, before ? before : "", "");
    size_t length = strlen(refused);
    file_list files = {.count = 0};
    list_files(&files);
    for (int i = 0; i < files.count; i++) {
        refused = try_one(&files, i, refused);
    }
    if (strlen(refused) == length) {
        refused = add_file(refused, "*", "crashes together with the other plugins");
    }
    setenv(WITHOUT, refused, 1);
    for (int i = 0; i < files.count; i++) {
        free(files.names[i]);
    }
    free(refused);
}
