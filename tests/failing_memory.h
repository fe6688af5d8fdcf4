// SPDX-License-Identifier: BSD-2-Clause
// Lets one allocation fail: those of memory.c, whose aligned_alloc this program defines, and those
// of jansson. For tests that link internal functions of the library.
#ifndef FAILING_MEMORY_H
#define FAILING_MEMORY_H

#include "machine/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int64_t memory_left = -1; // allocations until one fails; -1: all succeed
static int64_t memory_held;      // blocks of jansson's that are not freed

static int memory_refused(void) {
    return memory_left >= 0 && memory_left-- == 0;
}

void *aligned_alloc(size_t align, size_t size) {
    void *block = NULL;
    return memory_refused() || posix_memalign(&block, align, size) != 0 ? NULL : block;
}

static void *json_block(size_t size) {
    if (memory_refused()) {
        return NULL;
    }
    void *block = malloc(size);
    memory_held += block != NULL;
    return block;
}

static void json_unblock(void *block) {
    memory_held -= block != NULL;
    free(block);
}

// Runs `run` with the first allocation failing, then the second, ... until it succeeds. Each other
// time it must return DECOCT_E_MEMORY. Returns how many failed; the sanitizers see leaks.
__attribute__((unused)) static int64_t
memory_sweep(decoct_status (*run)(void *data, dct_error *error), void *data) {
    json_malloc_t old_malloc;
    json_free_t old_free;
    int64_t failed = 0;
    bool again = true;
    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(json_block, json_unblock);
    for (; again; failed++) {
        dct_error error = {""};
        memory_left = failed;
        decoct_status status = run(data, &error);
        again = memory_left < 0; // one did fail
        memory_left = -1;
        bool right =
            again ? status == DECOCT_E_MEMORY && strstr(error.text, "memory") : status == DECOCT_OK;
        if (!right) {
            fail_msg("allocation %lld: status %d: %s", (long long)failed, status, error.text);
        }
        assert_int_equal(memory_held, 0);
    }
    json_set_alloc_funcs(old_malloc, old_free);
    return failed - 1;
}

#endif
