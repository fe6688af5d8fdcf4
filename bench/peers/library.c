// SPDX-License-Identifier: BSD-2-Clause
#include "library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

void *library_open(const char *const names[], char *note, size_t size) {
    for (int i = 0; names[i]; i++) {
        void *handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (handle) {
            return handle;
        }
    }
    snprintf(note, size, "%s", dlerror());
    return NULL;
}

void *library_open_in(const char *folder, const char *file, char *note, size_t size) {
    char path[4096];
    if (!folder || snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path) {
        snprintf(note, size, "not installed: bench/peers/install fetches it");
        return NULL;
    }
    const char *names[] = {path, NULL};
    return library_open(names, note, size);
}

bool library_limited(bool taken, const char *setting, const char *reports, char *note,
                     size_t size) {
    if (!taken) {
        snprintf(note, size, "%s does not limit it to AVX2: it reports %s", setting, reports);
    }
    return taken;
}

bool library_find(void *handle, const library_symbol *symbols, int count, char *note, size_t size) {
    for (int i = 0; i < count; i++) {
        void *found = dlsym(handle, symbols[i].name);
        if (!found) {
            snprintf(note, size, "it has no %s", symbols[i].name);
            return false;
        }
        memcpy(symbols[i].to, &found, sizeof found); // ISO C has no cast from object to function
    }
    return true;
}

void library_find_optional(void *handle, const library_symbol *symbol) {
    void *found = dlsym(handle, symbol->name);
    memcpy(symbol->to, &found, sizeof found);
}
