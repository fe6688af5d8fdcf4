// SPDX-License-Identifier: BSD-2-Clause
// UTF-8, and the classes and foldings of Unicode that tokenizers ask for.
#ifndef DCT_UNICODE_H
#define DCT_UNICODE_H

#include <stdint.h>

typedef enum dct_unicode_class {
    DCT_UNICODE_OTHER,
    DCT_UNICODE_LETTER,      // \p{L}
    DCT_UNICODE_NUMBER,      // \p{N}
    DCT_UNICODE_SPACE,       // White_Space, \s
    DCT_UNICODE_PUNCTUATION, // \p{P}
    DCT_UNICODE_MARK,        // Mn
    DCT_UNICODE_CONTROL      // Cc, Cf, Co, Cs
} dct_unicode_class;

enum { DCT_UNICODE_INVALID = 0x110000 }; // a byte that belongs to no character

// The character at text[0 .. length), length >= 1; returns how many bytes it takes. Strict:
// overlong forms, surrogates and cut characters are DCT_UNICODE_INVALID and take one byte.
int dct_utf8_decode(const char *text, uint64_t length, uint32_t *cp);
// Writes up to 4 bytes; returns how many.
int dct_utf8_encode(uint32_t cp, char *text);
// DCT_UNICODE_INVALID is OTHER.
dct_unicode_class dct_unicode_classify(uint32_t cp);
// Lower case without accents: NFD(lower(cp)) without marks. Up to 3 code points; returns how many.
int dct_unicode_fold(uint32_t cp, uint32_t out[3]);

#endif
