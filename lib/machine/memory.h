// SPDX-License-Identifier: BSD-2-Clause
// Aligned memory and checked sizes.
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

// `count` elements of `size` bytes on a cache line; NULL: no memory, or the product does not fit.
// count may be 0: then the pointer is valid but holds nothing.
void *dct_alloc(int64_t count, size_t size);
// The same, all bytes 0.
void *dct_zalloc(int64_t count, size_t size);
// Grows `*block` from room for *room elements to at least `needed` (doubling), keeping the
// contents. On failure false, and block and room are untouched. Sets *room.
bool dct_grow(void **block, int64_t *room, int64_t needed, size_t size);
// A copy of a string of `length` bytes with a closing NUL.
char *dct_strndup(const char *text, size_t length);
void dct_free(void *block);

#endif
