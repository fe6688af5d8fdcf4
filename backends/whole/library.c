// SPDX-License-Identifier: BSD-2-Clause
#include "library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

static bool load(const char *name, const whole_symbol *symbols, int count, char *reason,
                 uint64_t size) {
    // NODELETE: its threads may outlive the last context.
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        const char *why = dlerror();
        snprintf(reason, size, "its library is missing: %s", why ? why : name);
        return false;
    }
    for (int i = 0; i < count; i++) {
        void *found = dlsym(handle, symbols[i].name);
        if (!found) {
            snprintf(reason, size, "%s has no function %s: another version of it is needed", name,
                     symbols[i].name);
            dlclose(handle);
            return false;
        }
        memcpy(symbols[i].to, &found, sizeof found); // ISO C has no cast from object to function
    }
    dlclose(handle);
    return true;
}

bool whole_open(bool *opened, const char *name, const whole_symbol *symbols, int count,
                bool (*prepare)(char *reason, uint64_t size), char *reason, uint64_t size) {
    pthread_mutex_lock(&opening);
    *opened = *opened ||
              (load(name, symbols, count, reason, size) && (!prepare || prepare(reason, size)));
    bool well = *opened;
    pthread_mutex_unlock(&opening);
    return well;
}
