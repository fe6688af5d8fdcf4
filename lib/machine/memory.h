// SPDX-License-Identifier: BSD-2-Clause
// Aligned memory, counted for each context, and checked sizes.
#ifndef DCT_MEMORY_H
#define DCT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DCT_ALIGN = 64 }; // a cache line, and the widest vector

// *out = a * b; false when the product of these sizes (>= 0) does not fit.
static inline bool dct_mul(int64_t a, int64_t b, int64_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}
// *out = a + b, likewise.
static inline bool dct_add(int64_t a, int64_t b, int64_t *out) {
    return !__builtin_add_overflow(a, b, out);
}

// ---- Where memory comes from ----

// An allocator, a limit, and how much is in use. A context has one; it lives until its last block
// is freed, since weights and models outlive their context.
typedef struct dct_memory dct_memory;

typedef struct dct_memory_source {
    void *(*allocate)(void *host, uint64_t size, uint64_t alignment); // NULL: the C library's
    void (*deallocate)(void *host, void *pointer, uint64_t size);
    void *host;
    uint64_t limit; // bytes; 0: none
} dct_memory_source;

// NULL: no memory, or `limit` is too small for this one: `why` as from dct_memory_refusal.
dct_memory *dct_memory_open(const dct_memory_source *source, char *why, size_t size);
// Nothing more is allocated from it, except by calls that still hold it.
void dct_memory_close(dct_memory *memory);
// Bytes in use, those that this struct and the heads of blocks need included; *most: the largest
// number so far. From any thread.
int64_t dct_memory_used(const dct_memory *memory, int64_t *most);
// Forgets what was refused.
void dct_memory_begin(dct_memory *memory);
// Writes why the last allocation since dct_memory_begin was refused, " (memory_limit ...)", or "".
void dct_memory_refusal(const dct_memory *memory, char *text, size_t size);

// ---- Blocks ----

// All of them take `memory` NULL for short work beside a context, such as reading /proc: the C
// library's memory, not counted.

// `count` elements of `size` bytes on a cache line; NULL: no memory, or the product does not fit.
// count may be 0: then the pointer is valid but holds nothing.
void *dct_alloc(dct_memory *memory, int64_t count, size_t size);
// The same, all bytes 0.
void *dct_zalloc(dct_memory *memory, int64_t count, size_t size);
// Grows `*block` from room for *room elements to at least `needed` (doubling), keeping the
// contents. On failure false, and block and room are untouched. Sets *room.
bool dct_grow(dct_memory *memory, void **block, int64_t *room, int64_t needed, size_t size);
// A copy of a string of `length` bytes with a closing NUL.
char *dct_strndup(dct_memory *memory, const char *text, size_t length);
// Gives a block back to where it came from; NULL: nothing to do.
void dct_free(void *block);

#endif
