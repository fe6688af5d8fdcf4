// SPDX-License-Identifier: BSD-2-Clause
// Mixes a list by a seed, the same way on every machine.
#ifndef BENCH_SHUFFLE_H
#define BENCH_SHUFFLE_H

#include <stdint.h>

// A new order (Fisher and Yates), and a new seed for the next one.
void shuffle(int *order, int count, uint64_t *seed);

#endif
