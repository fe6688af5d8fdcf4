// SPDX-License-Identifier: BSD-2-Clause
// Byte-pair encoding (Sennrich, Haddow, Birch 2016) over token ids: the vocabulary, the merges, and
// how the symbols of one word are merged. Knows nothing of files or of how text is split into
// words.
#ifndef DCT_BPE_H
#define DCT_BPE_H

#include "machine/memory.h"

typedef struct dct_bpe dct_bpe;

enum { DCT_BPE_ID_MAX = 1 << 22 };

// What adding gave.
typedef enum dct_bpe_result {
    DCT_BPE_OK,
    DCT_BPE_MEMORY,
    DCT_BPE_RANGE,
    DCT_BPE_TWICE,
    DCT_BPE_UNKNOWN
} dct_bpe_result;

// `memory` is for what is added later, too. NULL: no memory.
dct_bpe *dct_bpe_create(dct_memory *memory);
void dct_bpe_destroy(dct_bpe *bpe);

// RANGE: id not in [0, DCT_BPE_ID_MAX); TWICE: the id is taken. A text that is there already keeps
// its id.
dct_bpe_result dct_bpe_add_token(dct_bpe *bpe, const char *text, uint64_t length, int64_t id);
// The next merge in order of rank. UNKNOWN: one of the two, or the text that they make, is not a
// token.
dct_bpe_result dct_bpe_add_merge(dct_bpe *bpe, const char *left, uint64_t left_length,
                                 const char *right, uint64_t right_length);

int64_t dct_bpe_size(const dct_bpe *bpe); // largest id + 1
// The id of a text, -1 if it is not a token.
int32_t dct_bpe_find(const dct_bpe *bpe, const char *text, uint64_t length);
// The text of an id, NULL if the id has no token.
const char *dct_bpe_text(const dct_bpe *bpe, int32_t id, uint64_t *length);

int64_t dct_bpe_merges(const dct_bpe *bpe); // how many there are
// True if a merge makes this token.
bool dct_bpe_is_made(const dct_bpe *bpe, int32_t id);

// Working memory of one caller.
typedef struct dct_bpe_work {
    dct_memory *memory;
    void *links, *heap;
    int64_t links_room, heap_room;
} dct_bpe_work;
void dct_bpe_work_free(dct_bpe_work *work);

// Merges the symbols of one word in place, the lowest rank first, of equals the leftmost: n symbols
// in O(n log n). Returns how many are left, -1 if there is no memory. A symbol of -1 is never
// merged.
int64_t dct_bpe_merge(const dct_bpe *bpe, int32_t *symbols, int64_t count, dct_bpe_work *work);

#endif
