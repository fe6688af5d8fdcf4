// SPDX-License-Identifier: BSD-2-Clause
// A host's own parallel_for: passes it slices and checks that it ran each of them once. A slice
// that a host runs too late, twice, or with a wrong index does nothing.
#ifndef DCT_HOSTPOOL_H
#define DCT_HOSTPOOL_H

#include "machine/memory.h"
#include "machine/status.h"

#include <stdatomic.h>
#include <stdbool.h>

typedef struct dct_hostpool {
    void (*parallel_for)(void *host, decoct_task task, void *task_data, int64_t count);
    void *host;
    _Atomic uint32_t *ran; // [slices_max]: the number of the run in which a slice ran last
    uint32_t run;
    int32_t slices;
    void (*slice)(void *data, int32_t index);
    void *data;
    atomic_bool open;
    _Atomic int32_t inside;   // slices that are running
    _Atomic int64_t finished; // slices that have run
    _Atomic int64_t extra;    // those that ran again, or were never asked for
} dct_hostpool;

// False: no memory. parallel_for is set by the caller.
bool dct_hostpool_open(dct_memory *memory, dct_hostpool *pool, int32_t slices_max);
void dct_hostpool_close(dct_hostpool *pool);
// Runs slice(data, i) for i in [0, slices) on the host's threads. DECOCT_E_SYSTEM if the host did
// not run each of them once.
decoct_status dct_hostpool_run(dct_hostpool *pool, int32_t slices,
                               void (*slice)(void *data, int32_t index), void *data,
                               dct_error *error);

#endif
