// SPDX-License-Identifier: BSD-2-Clause
// Choices by a seed: the same on every machine.
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <stdint.h>

// Knuth's MMIX generator. All bits of the state; the upper ones are good.
static inline uint64_t random_next(uint64_t *state) {
    return *state = *state * 6364136223846793005u + 1442695040888963407u;
}

// In 0 .. below - 1.
static inline uint64_t random_below(uint64_t *state, uint64_t below) {
    return (random_next(state) >> 33) % below;
}

#endif
