// SPDX-License-Identifier: BSD-2-Clause
// Untrusted JSON through jansson: caps on size and depth, no duplicate keys, errors that name file
// and byte.
#ifndef DCT_JSON_H
#define DCT_JSON_H

#include "files.h"

#include <jansson.h>

enum { DCT_JSON_DEPTH = 64 }; // no file of a model nests deeper than 10

// Parses `length` bytes; `name` and `base` (offset of text within the file) go into error messages.
// Needs less than 16 KiB of stack whatever the text is.
decoct_status dct_json_parse(const char *text, uint64_t length, const char *name, uint64_t base,
                             json_t **out, dct_error *error);
// Reads and parses a whole file of at most `cap` bytes. A byte order mark at its start is skipped.
decoct_status dct_json_read(const dct_folder *folder, const char *path, uint64_t cap, json_t **out,
                            dct_error *error);

// Takes one member of an object, or one element of a list (key NULL); the value lives during the
// call only.
typedef decoct_status (*dct_json_take)(void *data, const char *key, const json_t *value,
                                       dct_error *error);
// Parses a text that must be one object or one list and hands out its members in order, a few at a
// time, so that memory does not grow with their number. A member of more than 16384 parts is
// refused.
decoct_status dct_json_members(dct_memory *memory, const char *text, uint64_t length,
                               const char *name, uint64_t base, dct_json_take take, void *data,
                               dct_error *error);
decoct_status dct_json_elements(const char *text, uint64_t length, const char *name, uint64_t base,
                                dct_json_take take, void *data, dct_error *error);

// A part of a text.
typedef struct dct_json_slice {
    uint64_t at, length;
} dct_json_slice;
// The value of `key`, which must be an object or a list, in the text of an object; length 0 if it
// cannot be found. Syntax is not checked.
dct_json_slice dct_json_find(const char *text, uint64_t length, const char *key);
// Overwrites a value with null and blanks.
void dct_json_cut(char *text, dct_json_slice value);

#endif
