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

static int read_pools(void **state) {
    (void)state;
    char path[4096], line[128], condition[POOL_WORD], name[POOL_WORD];
    snprintf(path, sizeof path, "%s/ab/launches.csv", getenv("DECOCT_TEST_FIXTURES"));
    FILE *file = fopen(path, "r");
    int slowed, quickest, mean, milliseconds;
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%15[^,],%15[^,],%d,%d,%d,%d", condition, name, &slowed, &quickest, &mean,
                   &milliseconds) != 6) {
            continue; // the heading
        }
        pool *p = pool_find(condition, name, slowed);
        if (p == pools + pool_count) {
            *p = (pool){.slowed = slowed};
            memcpy(p->condition, condition, sizeof condition);
            memcpy(p->name, name, sizeof name);
            pool_count++;
        }
        p->launches[p->count++] = (recorded){1e-6 * quickest, 1e-6 * mean, 1e-3 * milliseconds};
    }
    return !file || fclose(file);
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
