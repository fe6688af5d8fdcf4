// SPDX-License-Identifier: BSD-2-Clause
// Operands of benchmarks: reproducible numbers.
#ifndef BENCH_OPERANDS_H
#define BENCH_OPERANDS_H

#include <stdint.h>

// `count` floats in [-scale, scale) on a cache line, the same for the same seed; free with free().
// NULL: no memory.
float *operand_new(int64_t count, float scale, uint64_t seed);

#endif
