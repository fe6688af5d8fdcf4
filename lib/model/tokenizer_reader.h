// SPDX-License-Identifier: BSD-2-Clause
// What both forms of a tokenizer's files are read with.
#ifndef DCT_TOKENIZER_READER_H
#define DCT_TOKENIZER_READER_H

#include "bpe.h"
#include "json.h"

enum { DCT_TOKENIZER_CAP = 256 << 20 };

typedef struct dct_tokenizer_reader {
    const dct_folder *folder;
    dct_bpe *bpe;
    bool bytes; // DCT_TOKENIZER_BYTES: characters represent bytes
    const char *path;
    dct_error *error;
    int64_t id_limit; // ids are below it: memory must not follow one large number in a small file
    int16_t byte_of[512]; // by code point, -1: none
    char *room[2];        // for the bytes of two texts
    int64_t size[2];
    char *note; // 256 bytes: what a user should know, "" if nothing
} dct_tokenizer_reader;

// Byte-level BPE writes each byte as a printable character: fills byte_of.
void dct_reader_bytes(dct_tokenizer_reader *r);
static inline bool dct_is_blank(char c) {
    return c == ' ' || c == '\t';
}
// The parts of a line between its blanks; how many, at most 3.
int dct_reader_split(const char *line, uint64_t length, uint64_t begin[3], uint64_t end[3]);
// Sets the limit of ids for a file of `length` bytes.
void dct_reader_limit(dct_tokenizer_reader *r, uint64_t length);
// A token of the vocabulary; a dct_json_take with a reader as its data.
decoct_status dct_reader_token(void *reader, const char *text, const json_t *id, dct_error *error);
// A token beside the vocabulary, which may be in it as well.
decoct_status dct_reader_added(dct_tokenizer_reader *r, const char *text, const json_t *id);
// The next merge. `place` says where it is in the file.
decoct_status dct_reader_merge(dct_tokenizer_reader *r, const char *left, uint64_t left_length,
                               const char *right, uint64_t right_length, const char *place);
// The next merge as "left right", with blanks between them and perhaps around them.
decoct_status dct_reader_merge_line(dct_tokenizer_reader *r, const char *line, uint64_t length,
                                    const char *place);
// Called when all merges are there: a vocabulary whose tokens no merge makes is refused without any
// merges, unless `none_is_meant`, and noted otherwise.
decoct_status dct_reader_check(dct_tokenizer_reader *r, bool none_is_meant);

// tokenizer.json
decoct_status dct_reader_one_file(dct_tokenizer_reader *r, const char *path);

#endif
