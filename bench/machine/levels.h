// SPDX-License-Identifier: BSD-2-Clause
// The levels of memory, from the caches of `decoct info --json`, and buffers that fit into them.
#ifndef BENCH_LEVELS_H
#define BENCH_LEVELS_H

#include <jansson.h>
#include <stdint.h>

enum { LEVELS_MAX = 5 };

typedef struct level {
    char name[8];    // "L1", "L2", "L3", "DRAM"
    int64_t size;    // of one cache
    int64_t sharers; // CPUs to a cache
} level;

typedef struct levels {
    level items[LEVELS_MAX];
    int count;
    int64_t dram;   // bytes that are measured of it
    int64_t memory; // bytes of the machine; 0: unknown
} levels;

// From the machine's JSON. Caches that the system does not report are left out, and
// DRAM where an eighth of it would not be twice the caches.
levels levels_read(const json_t *machine);
// Bytes of each thread's buffer that fits into this level and not into the one above: half of its
// share of the cache; of DRAM four times what all caches of the last level hold together, but at
// most an eighth of the memory (of 8 GiB where its size is unknown).
int64_t levels_bytes(const levels *l, int index, int32_t threads);

#endif
