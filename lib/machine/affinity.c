// SPDX-License-Identifier: BSD-2-Clause
#include "affinity.h"

#include "memory.h"

#include <errno.h>
#include <sched.h>

// The kernel refuses to fill a mask that is shorter than its own; few have more bits than this.
enum { MASK_BITS = 1 << 13 };

static size_t mask_size(int32_t cpu) {
    return CPU_ALLOC_SIZE(cpu < MASK_BITS ? (size_t)MASK_BITS : (size_t)DCT_CPU_MAX);
}

int dct_bind(pthread_t thread, int32_t cpu) {
    size_t size = mask_size(cpu);
    cpu_set_t *set = dct_zalloc(NULL, (int64_t)size, 1);
    if (!set) {
        return ENOMEM;
    }
    CPU_SET_S((size_t)cpu, size, set);
    int refused = pthread_setaffinity_np(thread, size, set);
    dct_free(set);
    return refused;
}

bool dct_is_bound(pthread_t thread, int32_t cpu) {
    size_t size = mask_size(cpu);
    cpu_set_t *set = dct_zalloc(NULL, (int64_t)size, 1);
    bool bound = set && pthread_getaffinity_np(thread, size, set) == 0 &&
                 CPU_COUNT_S(size, set) == 1 && CPU_ISSET_S((size_t)cpu, size, set);
    dct_free(set);
    return bound;
}
