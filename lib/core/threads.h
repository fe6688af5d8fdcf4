// SPDX-License-Identifier: BSD-2-Clause
// A small pool of worker threads. A pool serves one caller at a time.
#ifndef DCT_THREADS_H
#define DCT_THREADS_H

#include "machine/status.h"

#include <stdbool.h>

typedef struct dct_pool dct_pool;

// One piece of parallel work; worker is in [0, threads), two pieces with the same worker number
// never run at the same time: scratch memory is found by it.
typedef void (*dct_task)(void *data, int64_t index, int32_t worker);

typedef struct dct_pool_options {
    int32_t threads;     // >= 1, the calling thread included
    const int32_t *cpus; // NULL: not pinned; else the CPU of each worker. The affinity of the
                         // calling thread belongs to the host and is never changed.
    void (*parallel_for)(void *host, decoct_task task, void *task_data, int64_t count);
    void *parallel_for_host;
} dct_pool_options;

// Takes some ten microseconds: threads are made by the first dct_pool_run that can use them.
decoct_status dct_pool_open(const dct_pool_options *options, dct_pool **out, dct_error *error);
void dct_pool_close(dct_pool *pool);
int32_t dct_pool_threads(const dct_pool *pool);
// Runs task(data, i, worker) once for each i in [0, count); returns when all are done. Workers run
// with the default floating-point mode (round to nearest, denormals kept); the calling thread,
// which is worker 0 (where workers are pinned: if it is itself bound to the first one's CPU when it
// calls for the first time; else it waits), keeps its own: its caller has set it. In a child
// after fork the threads are started again. Falls back to fewer threads, and to the calling thread,
// if threads cannot be started. DECOCT_E_SYSTEM if a host's parallel_for did not run all of it.
decoct_status dct_pool_run(dct_pool *pool, int64_t count, dct_task task, void *data,
                           dct_error *error);
// True if no worker sleeps, so that handing out work is cheap. The host's threads count as awake.
bool dct_pool_awake(const dct_pool *pool);
// The CPU where a worker ran last, -1 if never: a worker that wakes late finds nothing left to do.
int32_t dct_pool_worker_cpu(const dct_pool *pool, int32_t worker);
// The CPU to which a worker is bound, read back from the system; -1 if free, refused or not
// started.
int32_t dct_pool_worker_bound(const dct_pool *pool, int32_t worker);
// A message about a binding that the operating system refused, NULL if all is well. Workers are
// bound when they are made, so nothing is known before the first run.
const char *dct_pool_binding_error(const dct_pool *pool);

#endif
