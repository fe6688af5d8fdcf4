// SPDX-License-Identifier: BSD-2-Clause
// FNV-1a (Fowler, Noll, Vo), its upper half folded into the lower one.
#ifndef DCT_HASH_H
#define DCT_HASH_H

#include <stdint.h>

static inline uint64_t dct_hash(const char *text, uint64_t length) {
    uint64_t h = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < length; i++) {
        h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
    }
    return h ^ h >> 32;
}

#endif
