// SPDX-License-Identifier: BSD-2-Clause
// Text to token ids and back: byte-level BPE, and lower-cased BPE with </w> at the ends of words.
#ifndef DCT_TOKENIZER_H
#define DCT_TOKENIZER_H

#include "files.h"

typedef struct dct_tokenizer dct_tokenizer;

typedef enum dct_tokenizer_kind {
    DCT_TOKENIZER_BYTES, // any bytes; a space belongs to the word behind it
    DCT_TOKENIZER_WORDS  // lower-cased words, split as BERT's basic tokenizer does
} dct_tokenizer_kind;

// Reads vocab.json + merges.txt from the folder, or tokenizer.json if one of those is not there.
decoct_status dct_tokenizer_open(const dct_folder *folder, dct_tokenizer_kind kind,
                                 dct_tokenizer **out, dct_error *error);
void dct_tokenizer_close(dct_tokenizer *tokenizer);
// The largest id + 1.
int64_t dct_tokenizer_size(const dct_tokenizer *tokenizer);
// What a user should know of its files; "" if nothing.
const char *dct_tokenizer_note(const dct_tokenizer *tokenizer);
// The id of a token by its text, -1 if there is no such token.
int32_t dct_tokenizer_find(const dct_tokenizer *tokenizer, const char *text);
// See decoct_encode and decoct_decode; const, and safe from several threads at once.
decoct_status dct_tokenizer_encode(dct_memory *memory, const dct_tokenizer *tokenizer,
                                   const char *text, uint64_t length, int32_t *ids, int64_t room,
                                   int64_t *count, dct_error *error);
decoct_status dct_tokenizer_decode(const dct_tokenizer *tokenizer, const int32_t *ids,
                                   int64_t count, char *text, uint64_t room, uint64_t *length,
                                   dct_error *error);

#endif
