// SPDX-License-Identifier: BSD-2-Clause
#include "hostpool.h"

#include "machine/cpu.h"

#include <sched.h>

bool dct_hostpool_open(dct_memory *memory, dct_hostpool *pool, int32_t slices_max) {
    pool->ran = dct_zalloc(memory, slices_max, sizeof *pool->ran);
    return pool->ran != NULL;
}

void dct_hostpool_close(dct_hostpool *pool) {
    dct_free((void *)pool->ran);
}

static void run_slice(dct_hostpool *pool, int64_t index) {
    bool asked = index >= 0 && index < pool->slices;
    if (!asked || atomic_exchange(&pool->ran[index], pool->run) == pool->run) {
        atomic_fetch_add(&pool->extra, 1);
        return;
    }
    uint64_t saved = dct_fp_enter();
    pool->slice(pool->data, (int32_t)index);
    dct_fp_leave(saved);
    atomic_fetch_add(&pool->finished, 1);
}

// The host's task. The order of `inside` and `open` here and in dct_hostpool_run guarantees that a
// slice either is waited for or finds the run closed.
static void enter_slice(void *task_data, int64_t index) {
    dct_hostpool *pool = task_data;
    atomic_fetch_add(&pool->inside, 1);
    if (atomic_load(&pool->open)) {
        run_slice(pool, index);
    }
    atomic_fetch_sub(&pool->inside, 1);
}

decoct_status dct_hostpool_run(dct_hostpool *pool, int32_t slices,
                               void (*slice)(void *data, int32_t index), void *data,
                               dct_error *error) {
    pool->run++;
    pool->slices = slices;
    pool->slice = slice;
    pool->data = data;
    atomic_store(&pool->finished, 0);
    atomic_store(&pool->extra, 0);
    atomic_store(&pool->open, true);
    uint64_t mode = dct_fp_enter();
    pool->parallel_for(pool->host, enter_slice, pool, slices);
    atomic_store(&pool->open, false);
    while (atomic_load(&pool->inside) > 0) { // the host returned too early
        sched_yield();
    }
    dct_fp_leave(mode); // whatever mode the host's code left
    long long finished = atomic_load(&pool->finished), extra = atomic_load(&pool->extra);
    if (finished < slices) {
        return dct_fail(error, DECOCT_E_SYSTEM, "parallel_for: %lld of %d tasks ran", finished,
                        slices);
    }
    if (extra > 0) {
        return dct_fail(error, DECOCT_E_SYSTEM,
                        "parallel_for: %lld tasks ran instead of %d: each index must run once",
                        finished + extra, slices);
    }
    return DECOCT_OK;
}
