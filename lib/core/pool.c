// SPDX-License-Identifier: BSD-2-Clause
// Opens and closes a pool of threads, and answers questions about it.
#include "pool.h"

#include "machine/affinity.h"
#include "machine/quota.h"

#include <string.h>

static decoct_status check_options(const dct_pool_options *options, dct_error *error) {
    if (options->threads < 1 || options->threads > COUNT_MASK) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "pool: %d threads are not in [1, %d]",
                        options->threads, COUNT_MASK);
    }
    if (options->cpus && options->parallel_for) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "pool: the host's threads cannot be pinned");
    }
    for (int32_t i = 0; options->cpus && i < options->threads; i++) {
        if (options->cpus[i] < 0 || options->cpus[i] >= DCT_CPU_MAX) {
            return dct_fail(error, DECOCT_E_ARGUMENT, "pool: CPU %d of worker %d is not in [0, %d)",
                            options->cpus[i], i, DCT_CPU_MAX);
        }
    }
    return DECOCT_OK;
}

static void pool_free(dct_pool *pool) {
    dct_hostpool_close(&pool->host);
    dct_free(pool->slots);
    dct_free(pool->portions);
    dct_free(pool->cpus);
    dct_free(pool);
}

// Its own memory; false: there is none.
static bool pool_fill(dct_pool *pool, const dct_pool_options *options) {
    dct_memory *memory = options->memory;
    int32_t threads = options->threads;
    pool->slots = dct_alloc(memory, threads, sizeof *pool->slots);
    pool->portions = dct_alloc(memory, threads, sizeof *pool->portions);
    pool->cpus = options->cpus ? dct_alloc(memory, threads, sizeof *pool->cpus) : NULL;
    if (!pool->slots || !pool->portions || (options->cpus && !pool->cpus) ||
        (options->parallel_for && !dct_hostpool_open(memory, &pool->host, threads))) {
        return false;
    }
    for (int32_t i = 0; i < threads; i++) {
        atomic_init(&pool->slots[i].cpu, -1);
        atomic_init(&pool->slots[i].bound, -1);
        atomic_init(&pool->slots[i].busy, 0.0);
    }
    if (options->cpus) {
        memcpy(pool->cpus, options->cpus, (size_t)threads * sizeof *pool->cpus);
    }
    return true;
}

decoct_status dct_pool_open(const dct_pool_options *options, dct_pool **out, dct_error *error) {
    decoct_status status = check_options(options, error);
    if (status) {
        return status;
    }
    dct_pool *pool = dct_zalloc(options->memory, 1, sizeof *pool);
    if (!pool) {
        return dct_fail(error, DECOCT_E_MEMORY, "pool: out of memory");
    }
    *pool = (dct_pool){
        .memory = options->memory,
        .threads = options->threads,
        .usable_cpus = dct_usable_cpus(),
        .host = {.parallel_for = options->parallel_for, .host = options->parallel_for_host}};
    if (!pool_fill(pool, options)) {
        pool_free(pool);
        return dct_fail(error, DECOCT_E_MEMORY, "pool: out of memory");
    }
    dct_mark_open(&pool->home);
    *out = pool;
    return DECOCT_OK;
}

void dct_pool_close(dct_pool *pool) {
    if (!pool) {
        return;
    }
    if (pool->team && dct_pool_is_home(pool)) {
        dct_team_end(pool->team);
    } else {
        dct_free(pool->team);
    }
    dct_mark_close(&pool->home);
    pool_free(pool);
}

int32_t dct_pool_threads(const dct_pool *pool) {
    return pool->threads;
}

bool dct_pool_awake(const dct_pool *pool) {
    if (pool->host.parallel_for) {
        return true;
    }
    if (!pool->team || !dct_pool_is_home(pool)) {
        return false;
    }
    for (int32_t i = 0; i < pool->team->started; i++) {
        if (atomic_load_explicit(&pool->team->workers[i].asleep, memory_order_relaxed)) {
            return false;
        }
    }
    return true;
}

void dct_pool_measure(dct_pool *pool, bool on) {
    pool->measures = on;
    pool->waited = 0.0;
    for (int32_t i = 0; i < pool->threads; i++) {
        atomic_store_explicit(&pool->slots[i].busy, 0.0, memory_order_relaxed);
    }
}

double dct_pool_busy(const dct_pool *pool, int32_t worker, double seconds) {
    // Between runs the caller works alone.
    bool caller = worker == 0 && (!pool->team || pool->team->caller_works);
    return caller ? seconds - pool->waited
                  : atomic_load_explicit(&pool->slots[worker].busy, memory_order_relaxed);
}

int32_t dct_pool_worker_cpu(const dct_pool *pool, int32_t worker) {
    return atomic_load_explicit(&pool->slots[worker].cpu, memory_order_relaxed);
}

int32_t dct_pool_worker_bound(const dct_pool *pool, int32_t worker) {
    return pool->slots[worker].bound;
}

const char *dct_pool_binding_error(const dct_pool *pool) {
    return pool->binding_refused ? pool->binding.text : NULL;
}
