// SPDX-License-Identifier: BSD-2-Clause
// Did jansson run out of memory? Its parser calls that wrong syntax or drops a byte, and its
// setters leave keys out.
#ifndef BENCH_JSONMEMORY_H
#define BENCH_JSONMEMORY_H

#include <stdbool.h>

// From now on failed allocations of jansson are noticed, in all threads.
void jsonmemory_watch(void);
// True if one failed since the last call of jsonmemory_watch.
bool jsonmemory_failed(void);

#endif
