// SPDX-License-Identifier: BSD-2-Clause
// The launches of tests/fixtures/ab, in pools of one condition, case and slowdown.
#ifndef RECORDED_H
#define RECORDED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOLS_MAX = 128, POOL_MAX = 128, POOL_WORD = 16 };

typedef struct recorded {
    double quickest, mean; // logarithms of B / A
    double seconds;
    double together; // of several threads: launch.h
} recorded;

typedef struct pool {
    char condition[POOL_WORD], name[POOL_WORD];
    int slowed, count; // slowed: in percent
    recorded launches[POOL_MAX];
} pool;

static pool pools[POOLS_MAX];
static int pool_count;

static pool *pool_find(const char *condition, const char *name, int slowed) {
    pool *p = pools;
    while (p < pools + pool_count && (strcmp(p->condition, condition) != 0 ||
                                      strcmp(p->name, name) != 0 || p->slowed != slowed)) {
        p++;
    }
    return p;
}

static int read_recorded(const char *list) {
    char path[4096], line[128], condition[POOL_WORD], name[POOL_WORD];
    snprintf(path, sizeof path, "%s/ab/%s", getenv("DECOCT_TEST_FIXTURES"), list);
    FILE *file = fopen(path, "r");
    int slowed, quickest, mean, milliseconds, together;
    while (file && fgets(line, sizeof line, file)) {
        int columns = sscanf(line, "%15[^,],%15[^,],%d,%d,%d,%d,%d", condition, name, &slowed,
                             &quickest, &mean, &milliseconds, &together);
        if (columns < 6) {
            continue; // the heading
        }
        pool *p = pool_find(condition, name, slowed);
        if (p == pools + pool_count) {
            *p = (pool){.slowed = slowed};
            memcpy(p->condition, condition, sizeof condition);
            memcpy(p->name, name, sizeof name);
            pool_count++;
        }
        p->launches[p->count++] = (recorded){1e-6 * quickest, 1e-6 * mean, 1e-3 * milliseconds,
                                             columns == 7 ? 1e-3 * together : 1.0};
    }
    return !file || fclose(file);
}

// Launches of one thread.
static inline int read_pools(void **state) {
    (void)state;
    return read_recorded("launches.csv");
}

// Launches of two threads.
static inline int read_threads(void **state) {
    (void)state;
    return read_recorded("threads.csv");
}

static inline double random_part(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(*seed >> 11) * 0x1p-53;
}

// A launch of the pool. Two equal builds may be compared either way round.
static inline recorded pool_draw(const pool *p, uint64_t *seed) {
    recorded l = p->launches[(int)(random_part(seed) * p->count)];
    if (p->slowed == 0 && random_part(seed) < 0.5) {
        l.quickest = -l.quickest;
        l.mean = -l.mean;
    }
    return l;
}

#endif
