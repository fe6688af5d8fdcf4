// SPDX-License-Identifier: BSD-2-Clause
// Inputs that are the same on every machine, and the hash of an output. Integer arithmetic and
// exact powers of two only: nothing here depends on a maths library, a compiler or a rounding mode.
#ifndef CLI_SEEDED_H
#define CLI_SEEDED_H

#include <stdint.h>
#include <string.h>

// Which array: every input of a case has its own seed.
enum {
    SEED_X = 1,    // the first input: x, q
    SEED_W = 2,    // matrices: b, weights, table
    SEED_BIAS = 3, // vectors: bias
    SEED_GAIN = 4,
    SEED_K = 5,
    SEED_V = 6,
    SEED_MASK = 7,
    SEED_IDS = 8,
    SEED_Y = 9,     // what `add` and `bias` add to
    SEED_BLOCK = 16 // the 12 arrays of a block are 16 .. 27, in the order of decoct_block_args
};

// SplitMix64 (Steele, Lea, Flood 2014): 64 good bits for a number of a seed.
static inline uint64_t seeded_bits(uint64_t seed, uint64_t index) {
    uint64_t z = (seed << 48) + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

// In [-scale, scale), a multiple of scale / 2^23; exact when scale is a power of two.
static inline float seeded_float(uint64_t seed, uint64_t index, float scale) {
    int32_t whole = (int32_t)(seeded_bits(seed, index) >> 40) - (1 << 23);
    return (float)whole * (scale / 8388608.0f);
}

static inline void seeded_fill(uint64_t seed, float scale, float *out, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        out[i] = seeded_float(seed, (uint64_t)i, scale);
    }
}

// FNV-1a, 64 bit, over the bytes of an array; start with SEEDED_HASH_START.
#define SEEDED_HASH_START UINT64_C(0xcbf29ce484222325)
static inline uint64_t seeded_hash(uint64_t hash, const float *data, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &data[i], sizeof bits);
        for (int shift = 0; shift < 32; shift += 8) { // little-endian whatever the machine is
            hash = (hash ^ ((bits >> shift) & 0xff)) * UINT64_C(0x100000001b3);
        }
    }
    return hash;
}

#endif
