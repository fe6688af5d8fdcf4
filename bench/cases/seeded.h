// SPDX-License-Identifier: BSD-2-Clause
// Inputs of the hashes and of the tests, the same on every machine. Integer arithmetic and exact
// powers of two only: nothing here depends on a maths library, a compiler or a rounding mode.
#ifndef BENCH_SEEDED_H
#define BENCH_SEEDED_H

#include <stdint.h>

// SplitMix64 (Steele, Lea, Flood 2014): 64 good bits for a number of a seed below 2^16.
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

// In 0 .. below - 1.
static inline void seeded_ids(uint64_t seed, int64_t below, int32_t *out, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        out[i] = (int32_t)(seeded_bits(seed, (uint64_t)i) % (uint64_t)below);
    }
}

#endif
