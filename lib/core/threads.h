// SPDX-License-Identifier: BSD-2-Clause
// A small pool of worker threads. A pool serves one caller at a time.
#ifndef DCT_THREADS_H
#define DCT_THREADS_H

#include "loop.h"
#include "machine/memory.h"
#include "machine/status.h"

#include <stdbool.h>

typedef struct dct_pool dct_pool;

typedef struct dct_pool_options {
    dct_memory *memory;  // for the pool, and for the threads that it starts later
    int32_t threads;     // >= 1, the calling thread included
    const int32_t *cpus; // NULL: not pinned; else the CPU of each worker. The affinity of the
                         // calling thread belongs to the host and is never changed.
    void (*parallel_for)(void *host, decoct_task task, void *task_data, int64_t count);
    void *parallel_for_host;
} dct_pool_options;

// Needs some ten microseconds: threads are started by the first dct_pool_run that can use them.
decoct_status dct_pool_open(const dct_pool_options *options, dct_pool **out, dct_error *error);
void dct_pool_close(dct_pool *pool);
int32_t dct_pool_threads(const dct_pool *pool);
// Runs task(data, i, worker) once for each i in [0, count); returns when all are done. Workers run
// with the default floating-point mode (round to nearest, denormals kept); the calling thread is
// worker 0 and keeps its own mode. (If workers are pinned it only waits, unless it is bound to the
// first worker's CPU at its first call.) In a child after fork the threads are started again. Falls
// back to fewer threads, and to the calling thread, if threads cannot be started. DECOCT_E_SYSTEM
// if a host's parallel_for did not run all of it.
decoct_status dct_pool_run(dct_pool *pool, int64_t count, dct_task task, void *data,
                           dct_error *error);
// True if no worker sleeps, so that handing out work is cheap. The host's threads count as awake.
bool dct_pool_awake(const dct_pool *pool);
// From now on runs measure, or not; forgets what was measured.
void dct_pool_measure(dct_pool *pool, bool on);
// Seconds that a worker was busy, of the `seconds` that have passed since dct_pool_measure. The
// caller, as worker 0, is busy between runs as well. With a host's own threads, which are whatever
// the host makes them: those of its slices.
double dct_pool_busy(const dct_pool *pool, int32_t worker, double seconds);
// The CPU where a worker ran last, -1 if never: a late worker may find no index left.
int32_t dct_pool_worker_cpu(const dct_pool *pool, int32_t worker);
// The CPU to which a worker is bound, read back from the system; -1 if not pinned, refused or not
// started.
int32_t dct_pool_worker_bound(const dct_pool *pool, int32_t worker);
// A message about a binding that the operating system refused, NULL if all succeeded. Workers are
// bound when they start, so it is NULL before the first run.
const char *dct_pool_binding_error(const dct_pool *pool);

#endif
