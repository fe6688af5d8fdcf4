// SPDX-License-Identifier: BSD-2-Clause
// What is known of a JSON text before it is parsed; for json.c and json_pieces.c.
#ifndef DCT_JSON_SCAN_H
#define DCT_JSON_SCAN_H

#include "json.h"

typedef struct dct_json_scan {
    int64_t depth;
    uint64_t run, longest; // bytes of the token under way; of the longest token
    bool string, escaped;
    bool blank; // nothing but blanks so far; set by the caller that needs it
} dct_json_scan;

// One more byte. Errors: it nests too deeply, or closes what was never opened; other wrong syntax
// is jansson's to find.
decoct_status dct_json_step(dct_json_scan *s, char c, const char *name, uint64_t at,
                            dct_error *error);
// Parses a text with `around` ("{}", "[]" or "") put around it. `longest`: of its tokens.
decoct_status dct_json_around(const char *text, uint64_t length, const char *around,
                              uint64_t longest, const char *name, uint64_t base, json_t **out,
                              dct_error *error);

#endif
