// SPDX-License-Identifier: BSD-2-Clause
// Untrusted JSON through jansson: size cap, no duplicate keys, errors that name file and byte.
#ifndef DCT_JSON_H
#define DCT_JSON_H

#include "status.h"

#include <jansson.h>

// Parses `length` bytes; `name` and `base` (offset of text within the file) go into error messages.
decoct_status dct_json_parse(const char *text, uint64_t length, const char *name, uint64_t base,
                             json_t **out, dct_error *error);
// Reads and parses a whole file of at most `cap` bytes.
decoct_status dct_json_read(const char *path, uint64_t cap, json_t **out, dct_error *error);
// Reads a whole file into memory (a NUL follows the last byte); dct_free it.
decoct_status dct_file_read(const char *path, uint64_t cap, char **out, uint64_t *length,
                            dct_error *error);

#endif
