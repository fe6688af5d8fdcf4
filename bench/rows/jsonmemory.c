// SPDX-License-Identifier: BSD-2-Clause
#include "jsonmemory.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_bool failed;

static void *alloc_for_json(size_t size) {
    void *block = malloc(size);
    if (!block) {
        atomic_store(&failed, true);
    }
    return block;
}

void jsonmemory_watch(void) {
    atomic_store(&failed, false);
    json_set_alloc_funcs(alloc_for_json, free);
}

bool jsonmemory_failed(void) {
    return atomic_load(&failed);
}
