// SPDX-License-Identifier: BSD-2-Clause
// Characters of UTF-8.
#ifndef DCT_UTF8_H
#define DCT_UTF8_H

#include <stdint.h>

// Bytes of the character at text (1 .. 4); 0 when the `count` bytes are only the beginning of one;
// -1 when they do not begin one.
static inline int dct_utf8_length(const char *text, uint64_t count) {
    const unsigned char *b = (const unsigned char *)text;
    if (count == 0) {
        return 0;
    }
    int length = b[0] < 0x80                   ? 1
                 : b[0] >= 0xc2 && b[0] < 0xe0 ? 2
                 : (b[0] & 0xf0) == 0xe0       ? 3
                 : b[0] >= 0xf0 && b[0] < 0xf5 ? 4
                                               : -1;
    for (int i = 1; i < length; i++) {
        if ((uint64_t)i >= count) {
            return 0;
        }
        // The second byte's range shuts out overlong forms, surrogates and what is above U+10FFFF.
        unsigned least = i > 1 ? 0x80 : b[0] == 0xe0 ? 0xa0 : b[0] == 0xf0 ? 0x90 : 0x80;
        unsigned most = i > 1 ? 0xbf : b[0] == 0xed ? 0x9f : b[0] == 0xf4 ? 0x8f : 0xbf;
        if (b[i] < least || b[i] > most) {
            return -1;
        }
    }
    return length;
}

// The code point of a character whose length is known.
static inline uint32_t dct_utf8_code(const char *text, int length) {
    uint32_t lead = (unsigned char)text[0], code = length == 1 ? lead : lead & (0x7fu >> length);
    for (int i = 1; i < length; i++) {
        code = code << 6 | ((unsigned char)text[i] & 0x3fu);
    }
    return code;
}

#endif
