// SPDX-License-Identifier: BSD-2-Clause
// Operands in memory as the library's own is.
#ifndef BENCH_OPERANDS_H
#define BENCH_OPERANDS_H

#include <stdint.h>

// `count` floats on a cache line, unwritten; free with free(). NULL: no memory.
float *operand_room(int64_t count);
// The same with numbers in [-scale, scale), the same for the same seed. They are not those of
// seeded.h: golden.def was made with these.
float *operand_new(int64_t count, float scale, uint64_t seed);

#endif
