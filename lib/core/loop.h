// SPDX-License-Identifier: BSD-2-Clause
// The indices of one parallel loop. Each worker has a portion of its own, the same fraction of the
// loop in each call, and helps with the others' when that is done. So the memory that a worker
// touched first (packed weights, caches) is near to it in the calls that follow, and what it read
// may still be in its cache; a late worker does not hold the others up.
#ifndef DCT_LOOP_H
#define DCT_LOOP_H

#include "machine/memory.h"

#include <stdatomic.h>
#include <stdbool.h>

// One piece of parallel work; worker is in [0, threads), two pieces with the same worker number
// never run at the same time, so that it selects scratch memory.
typedef void (*dct_task)(void *data, int64_t index, int32_t worker);

typedef struct dct_portion {
    _Alignas(DCT_ALIGN) _Atomic int64_t next;
    int64_t end;
} dct_portion;

typedef struct dct_loop {
    dct_task task;
    void *data;
    int32_t count; // of the portions
    dct_portion *portions;
    _Alignas(DCT_ALIGN) _Atomic int32_t open; // portions with an index that is not handed out
} dct_loop;

// Cuts [0, count) into a portion for each of `workers`, fewer if there are fewer indices.
// `portions` has room for all of them.
void dct_loop_cut(dct_loop *loop, dct_portion *portions, int64_t count, int32_t workers);
// Runs indices until all are handed out. Any number of workers at the same time.
void dct_loop_run(dct_loop *loop, int32_t worker);
bool dct_loop_is_handed_out(dct_loop *loop);

#endif
