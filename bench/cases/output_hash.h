// SPDX-License-Identifier: BSD-2-Clause
// One number for the bits of an output.
#ifndef BENCH_OUTPUT_HASH_H
#define BENCH_OUTPUT_HASH_H

#include <stdint.h>

// Two outputs of `count` floats have the same hash if, and in practice only if, all bits are equal.
uint64_t output_hash(const float *data, int64_t count);
// The hash that `decoct hash` prints: FNV-1a, 64 bit, over the bytes. Eight times as slow.
uint64_t output_hash_bytes(const float *data, int64_t count);

#endif
