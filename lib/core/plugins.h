// SPDX-License-Identifier: BSD-2-Clause
// Finds plugin files and reads their tables. No function of a plugin is called here.
#ifndef DCT_PLUGINS_H
#define DCT_PLUGINS_H

#include "dispatch.h"

typedef struct dct_backend_list {
    dct_memory *memory;
    dct_backend *items;
    int64_t count, room;
    uint64_t features; // of the CPU: kernels that need more are left out
} dct_backend_list;

// Appends a backend; its table is copied as far as both sides know it, strings are copied.
// `reason` non-NULL: it cannot be used, for this reason. False: no memory.
bool dct_backend_append(dct_backend_list *list, const decoct_backend *table, const char *name,
                        const char *origin, const char *reason);
// Appends every plugin of the installation and of DECOCT_BACKEND_PATH. False: no memory.
bool dct_plugins_find(dct_backend_list *list);

#endif
