// SPDX-License-Identifier: BSD-2-Clause
// Numbers for byte strings, in the order in which they come.
#include "fleet.h"
#include "text.h"

#include "lib/core/hash.h"

#include <stdlib.h>
#include <string.h>

enum { EMPTY = 0 }; // a slot holds an index + 1

static size_t slot_of(const fleet_table *t, const void *key, size_t length, uint32_t hash) {
    size_t at = hash & (t->size - 1);
    for (; t->slots[at] != EMPTY; at = (at + 1) & (t->size - 1)) {
        uint32_t index = t->slots[at] - 1;
        if (t->hashes[index] == hash && t->keys[index].length == length &&
            memcmp(t->keys[index].at, key, length) == 0) {
            break;
        }
    }
    return at;
}

static void grow(fleet_table *t) {
    size_t size = t->size ? t->size * 2 : 64;
    free(t->slots);
    t->slots = cli_alloc((int64_t)size, sizeof *t->slots);
    t->hashes = cli_resize(t->hashes, (int64_t)size, sizeof *t->hashes);
    t->keys = cli_resize(t->keys, (int64_t)size, sizeof *t->keys);
    t->size = size;
    for (size_t i = 0; i < t->count; i++) {
        size_t at = t->hashes[i] & (size - 1);
        while (t->slots[at] != EMPTY) {
            at = (at + 1) & (size - 1);
        }
        t->slots[at] = (uint32_t)i + 1;
    }
}

uint32_t fleet_intern(fleet_table *t, const void *key, size_t length, bool *added) {
    if (t->count * 2 >= t->size) {
        grow(t);
    }
    uint32_t hash = (uint32_t)dct_hash(key, length);
    size_t at = slot_of(t, key, length, hash);
    *added = t->slots[at] == EMPTY;
    if (*added) {
        char *copy = cli_alloc((int64_t)length + 1, 1);
        memcpy(copy, key, length);
        t->keys[t->count].at = copy;
        t->keys[t->count].length = length;
        t->hashes[t->count] = hash;
        t->slots[at] = (uint32_t)++t->count;
    }
    return t->slots[at] - 1;
}

uint32_t fleet_lookup(const fleet_table *t, const void *key, size_t length) {
    return t->size ? t->slots[slot_of(t, key, length, (uint32_t)dct_hash(key, length))] - 1
                   : (uint32_t)-1;
}
