// SPDX-License-Identifier: BSD-2-Clause
#include "jsonmemory.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_bool failed;

static void *take(size_t size) {
    void *block = malloc(size);
    if (!block) {
        atomic_store(&failed, true);
    }
    return block;
}

void jsonmemory_watch(void) {
    atomic_store(&failed, false);
    json_set_alloc_funcs(take, free);
}

bool jsonmemory_failed(void) {
    return atomic_load(&failed);
}
