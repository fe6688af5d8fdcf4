// SPDX-License-Identifier: BSD-2-Clause
// The machines and the kinds of cases that are simulated.
#ifndef TESTS_SIMULATE_KINDS_H
#define TESTS_SIMULATE_KINDS_H

#include "simulate_machine.h"

enum { NOISES = 5, KINDS = 5, COMPUTE = 4, MEMORY = 4, BLOCK = 3, BLOCK_CALLS = 4 };

extern const simulated_noise simulated_noises[NOISES];
// The first COMPUTE ones have their operands in a cache; the one at MEMORY reads memory.
extern const simulated_kind simulated_kinds[KINDS];

#endif
