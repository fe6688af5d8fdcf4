// SPDX-License-Identifier: BSD-2-Clause
// Allocates and frees all memory of the library, and counts it.
#include "memory.h"

#include "thread.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// Blocks from this size on are on huge pages if the system has some: packed weights are read
// from end to end for each token, and a walk of the page tables for each 4 KiB (twice as long in a
// virtual machine) costs more than the arithmetic of one row.
enum { HUGE_PAGE = 1 << 21 };

struct dct_memory {
    _Alignas(DCT_ALIGN) dct_memory_source source;
    _Atomic int64_t used, most; // bytes
    _Atomic int64_t holders;    // blocks, and the context
    // The last refusal: bytes that were asked for, 0 if nothing was refused; bytes that were in
    // use; whether the host's pointer was not aligned.
    _Atomic int64_t asked, held;
    atomic_bool crooked;
};

// In front of each block, in a cache line of its own.
typedef struct head {
    dct_memory *memory; // NULL: not counted
    int64_t bytes;      // of the block and this head
} head;

_Static_assert(sizeof(head) <= DCT_ALIGN, "a head fits in front of an aligned block");

// ---- Raw memory ----

static void *system_memory(int64_t bytes) {
    if (bytes < HUGE_PAGE) {
        return aligned_alloc(DCT_ALIGN, (size_t)bytes);
    }
    // Not aligned_alloc, which needs a size that is a multiple of the alignment.
    void *block = NULL;
    if (posix_memalign(&block, HUGE_PAGE, (size_t)bytes)) {
        return NULL;
    }
    madvise(block, (size_t)bytes, MADV_HUGEPAGE); // only a hint
    return block;
}

static void raw_free(const dct_memory_source *source, void *block, int64_t bytes) {
    if (source && source->allocate) {
        dct_host_call before = dct_host_begin();
        source->deallocate(source->host, block, (uint64_t)bytes);
        dct_host_end(before);
    } else {
        free(block);
    }
}

static void *raw_memory(const dct_memory_source *source, int64_t bytes, bool *crooked) {
    *crooked = false;
    if (!source || !source->allocate) {
        return system_memory(bytes);
    }
    dct_host_call before = dct_host_begin();
    void *block = source->allocate(source->host, (uint64_t)bytes, DCT_ALIGN);
    dct_host_end(before);
    if (block && (uintptr_t)block % DCT_ALIGN) { // aligned loads would end the process
        raw_free(source, block, bytes);
        *crooked = true;
        return NULL;
    }
    return block;
}

// ---- Counting ----

// Counts `bytes` before they are allocated; false if they are beyond the limit.
static bool count_in(dct_memory *memory, int64_t bytes) {
    int64_t used = atomic_load(&memory->used), now;
    do {
        if (!dct_add(used, bytes, &now) ||
            (memory->source.limit && (uint64_t)now > memory->source.limit)) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&memory->used, &used, now));
    return true;
}

static void note_most(dct_memory *memory) {
    int64_t used = atomic_load(&memory->used), most = atomic_load(&memory->most);
    while (used > most && !atomic_compare_exchange_weak(&memory->most, &most, used)) {
    }
}

static void note_refusal(dct_memory *memory, int64_t bytes, bool crooked) {
    atomic_store(&memory->held, atomic_load(&memory->used));
    atomic_store(&memory->crooked, crooked);
    atomic_store(&memory->asked, bytes);
}

// Lets go of `memory`; the last holder frees it.
static void release(dct_memory *memory) {
    if (atomic_fetch_sub(&memory->holders, 1) == 1) {
        dct_memory_source source = memory->source;
        raw_free(&source, memory, sizeof *memory);
    }
}

// Writes why `asked` bytes more than the `held` ones were refused, or "".
static void explain(int64_t asked, int64_t held, uint64_t limit, bool crooked, char *text,
                    size_t size) {
    int64_t needed;
    text[0] = '\0';
    if (crooked) {
        snprintf(text, size, " (allocate gave a pointer that is not a multiple of %d)", DCT_ALIGN);
    } else if (limit && (!dct_add(held, asked, &needed) || (uint64_t)needed > limit)) {
        snprintf(text, size,
                 " (memory_limit %" PRIu64 " bytes: %" PRId64 " in use, %" PRId64 " more needed)",
                 limit, held, asked);
    }
}

dct_memory *dct_memory_open(const dct_memory_source *source, char *why, size_t size) {
    bool crooked = false, fits = !source->limit || source->limit >= sizeof(dct_memory);
    dct_memory *memory = fits ? raw_memory(source, sizeof *memory, &crooked) : NULL;
    if (memory) {
        *memory = (dct_memory){
            .source = *source, .used = sizeof *memory, .most = sizeof *memory, .holders = 1};
    }
    explain(sizeof *memory, 0, memory ? 0 : source->limit, crooked, why, size);
    return memory;
}

void dct_memory_close(dct_memory *memory) {
    if (memory) {
        release(memory);
    }
}

int64_t dct_memory_used(const dct_memory *memory, int64_t *most) {
    *most = atomic_load(&memory->most);
    return atomic_load(&memory->used);
}

void dct_memory_begin(dct_memory *memory) {
    atomic_store_explicit(&memory->asked, 0, memory_order_relaxed);
}

void dct_memory_refusal(const dct_memory *memory, char *text, size_t size) {
    int64_t asked = atomic_load(&memory->asked), held = atomic_load(&memory->held);
    text[0] = '\0';
    if (asked > 0) {
        explain(asked, held, memory->source.limit, atomic_load(&memory->crooked), text, size);
    }
}

// ---- Blocks ----

void *dct_alloc(dct_memory *memory, int64_t count, size_t size) {
    int64_t bytes;
    if (count < 0 || size > INT32_MAX || !dct_mul(count, (int64_t)size, &bytes) ||
        !dct_add(bytes, 2 * DCT_ALIGN - 1, &bytes)) { // the head, and up to the next line
        return NULL;
    }
    bytes -= bytes % DCT_ALIGN;
    // An empty block has a line, too: its address is inside, not one past the end, where checkers
    // of leaks do not look.
    bytes += bytes == DCT_ALIGN ? DCT_ALIGN : 0;
    bool crooked = false, counted = !memory || count_in(memory, bytes);
    head *block = counted ? raw_memory(memory ? &memory->source : NULL, bytes, &crooked) : NULL;
    if (!block) {
        if (memory && counted) {
            atomic_fetch_sub(&memory->used, bytes);
        }
        if (memory) {
            note_refusal(memory, bytes, crooked);
        }
        return NULL;
    }
    if (memory) {
        note_most(memory);
        atomic_fetch_add(&memory->holders, 1);
    }
    *block = (head){memory, bytes};
    return (char *)block + DCT_ALIGN;
}

void *dct_zalloc(dct_memory *memory, int64_t count, size_t size) {
    void *block = dct_alloc(memory, count, size);
    if (block) {
        memset(block, 0, (size_t)count * size);
    }
    return block;
}

bool dct_grow(dct_memory *memory, void **block, int64_t *room, int64_t needed, size_t size) {
    if (needed <= *room) {
        return true;
    }
    int64_t bigger = *room > INT64_MAX / 2 || *room * 2 < needed ? needed : *room * 2;
    void *moved = dct_alloc(memory, bigger, size);
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

char *dct_strndup(dct_memory *memory, const char *text, size_t length) {
    char *copy = length < INT64_MAX ? dct_alloc(memory, (int64_t)length + 1, 1) : NULL;
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

void dct_free(void *block) {
    if (!block) {
        return;
    }
    head *start = (head *)(void *)((char *)block - DCT_ALIGN);
    dct_memory *memory = start->memory;
    int64_t bytes = start->bytes;
    raw_free(memory ? &memory->source : NULL, start, bytes);
    if (memory) {
        atomic_fetch_sub(&memory->used, bytes);
        release(memory);
    }
}
