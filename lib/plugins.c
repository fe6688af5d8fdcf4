// SPDX-License-Identifier: BSD-2-Clause
// Finds plugin files and reads their tables. Searched: the folder beside the library, the build
// tree's, and the absolute folders of DECOCT_BACKEND_PATH (not when set-uid). Never the current
// folder.
#include "plugins.h"

#include "memory.h"
#include "origin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 256, PATH_ROOM = 512 };

bool dct_backend_append(dct_backend_list *list, const decoct_backend *table, const char *name,
                        const char *origin, const char *reason) {
    if (!dct_grow((void **)&list->items, &list->room, list->count + 1, sizeof(dct_backend))) {
        return false;
    }
    dct_backend *b = &list->items[list->count++];
    memset(b, 0, sizeof *b);
    snprintf(b->origin, sizeof b->origin, "%s", origin);
    snprintf(b->name, sizeof b->name, "%s", name);
    if (table && !reason) {
        size_t size = table->struct_size < sizeof b->table ? table->struct_size : sizeof b->table;
        memcpy(&b->table, table, size);
        // The blocks are multiples of the tiles; a kernel without tiles works row by row.
        b->table.matmul.tile_rows += b->table.matmul.tile_rows == 0;
        b->table.attention.tile_rows += b->table.attention.tile_rows == 0;
        snprintf(b->name, sizeof b->name, "%s", table->name ? table->name : name);
        snprintf(b->version, sizeof b->version, "%s", table->version ? table->version : "");
        b->usable = true;
    } else {
        snprintf(b->reason, sizeof b->reason, "%s", reason ? reason : "no table");
    }
    return true;
}

// Why a file must not be loaded, NULL if it may: it must belong to root or to us, and not be
// writable by everybody.
static const char *refuse_file(const char *path) {
    struct stat s;
    if (stat(path, &s) != 0) {
        return "cannot be looked at";
    }
    if (!S_ISREG(s.st_mode)) {
        return "is not a file";
    }
    if (s.st_uid != 0 && s.st_uid != geteuid()) {
        return "belongs to another user";
    }
    return s.st_mode & S_IWOTH ? "can be written by everybody" : NULL;
}

static const char *refuse_table(const decoct_backend *table) {
    if (table->struct_size < offsetof(decoct_backend, usable)) {
        return "its table is too short";
    }
    return table->abi == DECOCT_BACKEND_ABI ? NULL : "was built for another version of backend.h";
}

static bool load(dct_backend_list *list, const char *path, const char *file, bool outside) {
    char name[PATH_ROOM];
    snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - 3), file); // without .so
    const char *reason = refuse_file(path);
    void *module = NULL;
    const decoct_backend *table = NULL;
    if (!reason) {
        module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        const char *why = module ? NULL : dlerror();
        table = module ? dlsym(module, "decoct_backend_entry") : NULL;
        reason = !module  ? (why ? why : "cannot be loaded")
                 : !table ? "exports no decoct_backend_entry"
                          : refuse_table(table);
    }
    if (!dct_backend_append(list, table, name, path, reason)) {
        if (module) {
            dlclose(module);
        }
        return false;
    }
    list->items[list->count - 1].module = module;
    list->items[list->count - 1].outside = outside;
    return true;
}

static int is_plugin(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

// Every *.so of a folder, in the order of their names.
static bool load_folder(dct_backend_list *list, const char *folder, bool outside) {
    struct dirent **entries;
    int count = scandir(folder, &entries, is_plugin, alphasort);
    bool fine = true;
    for (int i = 0; i < count; i++) {
        char path[PATH_ROOM];
        int length = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (fine && i < FILES_MAX && length > 0 && (size_t)length < sizeof path) {
            fine = load(list, path, entries[i]->d_name, outside);
        }
        free(entries[i]); // scandir's own memory
    }
    if (count >= 0) {
        free(entries);
    }
    return fine || count < 0;
}

// The folders of DECOCT_BACKEND_PATH, divided by colons. A relative one is listed as refused.
static bool load_path(dct_backend_list *list) {
    const char *path = secure_getenv("DECOCT_BACKEND_PATH");
    while (path && *path) {
        size_t length = strcspn(path, ":");
        char folder[PATH_ROOM];
        snprintf(folder, sizeof folder, "%.*s", (int)(length < PATH_ROOM ? length : PATH_ROOM),
                 path);
        bool fine = true;
        if (folder[0] == '/') {
            fine = load_folder(list, folder, true);
        } else if (length > 0) {
            fine = dct_backend_append(list, NULL, folder, folder,
                                      "DECOCT_BACKEND_PATH: not an absolute folder");
        }
        if (!fine) {
            return false;
        }
        path += length + (path[length] == ':');
    }
    return true;
}

bool dct_plugins_find(dct_backend_list *list) {
    char origin[PATH_ROOM - 32], folder[PATH_ROOM];
    if (dct_library_origin(origin, sizeof origin)) {
        snprintf(folder, sizeof folder, "%s/../build.ninja", origin);
        bool build_tree = access(folder, F_OK) == 0;
        snprintf(folder, sizeof folder, "%s/%s", origin,
                 build_tree ? "../backends" : DCT_BACKENDS_FROM_LIB);
        if (!load_folder(list, folder, false)) {
            return false;
        }
    }
    return load_path(list);
}
