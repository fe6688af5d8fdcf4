// SPDX-License-Identifier: BSD-2-Clause
// Allocates and frees all memory of the library.
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// Blocks from this size on are on huge pages if the system has some: packed weights are read
// from end to end for each token, and a walk of the page tables for each 4 KiB (twice as long in a
// virtual machine) costs more than the arithmetic of one row.
enum { HUGE_PAGE = 1 << 21 };

void *dct_alloc(int64_t count, size_t size) {
    int64_t bytes;
    if (count < 0 || size > INT32_MAX || !dct_mul(count, (int64_t)size, &bytes) ||
        !dct_add(bytes, DCT_ALIGN - 1, &bytes)) {
        return NULL;
    }
    bytes -= bytes % DCT_ALIGN;
    if (bytes < HUGE_PAGE) {
        return aligned_alloc(DCT_ALIGN, bytes > 0 ? (size_t)bytes : DCT_ALIGN);
    }
    // Not aligned_alloc, which needs a size that is a multiple of the alignment.
    void *block = NULL;
    if (posix_memalign(&block, HUGE_PAGE, (size_t)bytes)) {
        return NULL;
    }
    madvise(block, (size_t)bytes, MADV_HUGEPAGE); // only a hint
    return block;
}

void *dct_zalloc(int64_t count, size_t size) {
    void *block = dct_alloc(count, size);
    if (block) {
        memset(block, 0, (size_t)count * size);
    }
    return block;
}

bool dct_grow(void **block, int64_t *room, int64_t needed, size_t size) {
    if (needed <= *room) {
        return true;
    }
    int64_t bigger = *room > INT64_MAX / 2 || *room * 2 < needed ? needed : *room * 2;
    void *moved = dct_alloc(bigger, size);
    if (!moved) {
        return false;
    }
    if (*room > 0) {
        memcpy(moved, *block, (size_t)*room * size);
    }
    dct_free(*block);
    *block = moved;
    *room = bigger;
    return true;
}

char *dct_strndup(const char *text, size_t length) {
    char *copy = length < INT64_MAX ? dct_alloc((int64_t)length + 1, 1) : NULL;
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

void dct_free(void *block) {
    free(block);
}
