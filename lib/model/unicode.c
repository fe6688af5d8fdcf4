// SPDX-License-Identifier: BSD-2-Clause
// UTF-8 and look-ups in the tables of unicode_tables.h.
#include "unicode.h"

#include "core/utf8.h"

#include <stddef.h>

typedef struct unicode_range {
    uint32_t first, last;
    uint32_t kind;
} unicode_range;

typedef struct unicode_fold {
    uint32_t from, to[3];
} unicode_fold;

#include "unicode_tables.h"

int dct_utf8_decode(const char *text, uint64_t length, uint32_t *cp) {
    int bytes = dct_utf8_length(text, length);
    *cp = bytes > 0 ? dct_utf8_code(text, bytes) : DCT_UNICODE_INVALID;
    return bytes > 0 ? bytes : 1;
}

int dct_utf8_encode(uint32_t cp, char *text) {
    if (cp < 0x80) {
        text[0] = (char)cp;
        return 1;
    }
    int bytes = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (int i = bytes - 1; i > 0; i--, cp >>= 6) {
        text[i] = (char)(0x80u | (cp & 0x3Fu));
    }
    text[0] = (char)((0xF00u >> bytes & 0xFFu) | cp);
    return bytes;
}

dct_unicode_class dct_unicode_classify(uint32_t cp) {
    size_t low = 0, high = sizeof ranges / sizeof *ranges;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (cp > ranges[middle].last) {
            low = middle + 1;
        } else if (cp < ranges[middle].first) {
            high = middle;
        } else {
            return (dct_unicode_class)ranges[middle].kind;
        }
    }
    return DCT_UNICODE_OTHER;
}

// Hangul syllables decompose by arithmetic (The Unicode Standard, chapter 3.12).
static int fold_hangul(uint32_t cp, uint32_t out[3]) {
    uint32_t index = cp - 0xAC00, tail = index % 28;
    out[0] = 0x1100 + index / (21 * 28);
    out[1] = 0x1161 + index % (21 * 28) / 28;
    out[2] = 0x11A7 + tail;
    return tail ? 3 : 2;
}

int dct_unicode_fold(uint32_t cp, uint32_t out[3]) {
    size_t low = 0, high = sizeof folds / sizeof *folds;
    if (cp >= 0xAC00 && cp < 0xD7A4) {
        return fold_hangul(cp, out);
    }
    if (dct_unicode_classify(cp) == DCT_UNICODE_MARK) {
        return 0;
    }
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (cp > folds[middle].from) {
            low = middle + 1;
        } else if (cp < folds[middle].from) {
            high = middle;
        } else {
            int count = 0;
            while (count < 3 && folds[middle].to[count]) {
                out[count] = folds[middle].to[count];
                count++;
            }
            return count;
        }
    }
    out[0] = cp;
    return 1;
}
