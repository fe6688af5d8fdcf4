// SPDX-License-Identifier: BSD-2-Clause
#include "output_hash.h"

#include <string.h>

enum { LANES = 8 };
static const uint64_t START = UINT64_C(0xcbf29ce484222325), PRIME = UINT64_C(0x100000001b3);

// FNV-1a over words instead of bytes, in eight interleaved lanes: hashing must be short beside the
// timed work.
uint64_t output_hash(const float *data, int64_t count) {
    uint64_t lane[LANES], hash = START;
    for (int i = 0; i < LANES; i++) {
        lane[i] = hash + (uint64_t)i;
    }
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &data[i], sizeof bits);
        lane[i % LANES] = (lane[i % LANES] ^ bits) * PRIME;
    }
    for (int i = 0; i < LANES; i++) {
        hash = (hash ^ lane[i] ^ lane[i] >> 32) * PRIME;
    }
    return hash;
}

uint64_t output_hash_bytes(const float *data, int64_t count) {
    uint64_t hash = START;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &data[i], sizeof bits);
        for (int shift = 0; shift < 32; shift += 8) { // little-endian whatever the machine is
            hash = (hash ^ ((bits >> shift) & 0xff)) * PRIME;
        }
    }
    return hash;
}
