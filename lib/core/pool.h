// SPDX-License-Identifier: BSD-2-Clause
// What a pool is made of: for the two files that implement it.
#ifndef DCT_POOL_H
#define DCT_POOL_H

#include "hostpool.h"
#include "mark.h"
#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>

// Each run has an epoch, its number. The ticket is the epoch, shifted, and how many workers are
// called. The gate is the epoch, shifted, and how many workers are inside; it is open or closed.
// Late workers find the gate closed and skip the run: it does not wait for a worker that the system
// has not woken yet.
enum { COUNT_BITS = 16, COUNT_MASK = (1 << COUNT_BITS) - 1 };

// Where a worker ran last, and what it did. Each is on its own cache line.
struct slot {
    _Alignas(DCT_ALIGN) _Atomic int32_t cpu;
    _Atomic int32_t bound; // to this CPU alone, or -1; known when the team is made
    _Atomic double busy;   // seconds in tasks, while the pool measures
};

struct worker {
    _Alignas(DCT_ALIGN) atomic_bool asleep;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    struct team *team;
    int32_t index;  // index in team.workers
    int32_t number; // the worker number that the task gets
    struct slot *slot;
};

// The threads of one process. A child made by fork does not use its parent's team and makes its
// own.
struct team {
    dct_loop loop; // of the present run; written by the caller only while no worker is inside
    bool measures; // likewise
    _Alignas(DCT_ALIGN) _Atomic uint64_t ticket; // polled by workers
    _Alignas(DCT_ALIGN) _Atomic uint64_t gate;   // polled by the caller
    atomic_bool caller_asleep;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool caller_works; // the caller is worker 0
    pthread_t caller;  // worker 0, where workers are pinned
    bool crowded;      // more threads, the caller among them, than CPUs
    int32_t started;
    struct worker workers[];
};

struct dct_pool {
    dct_memory *memory;
    int32_t threads, usable_cpus;
    int32_t *cpus;     // NULL: not pinned
    dct_hostpool host; // its parallel_for is NULL: threads of our own
    struct slot *slots;
    dct_portion *portions; // one for each thread
    bool measures;
    double waited;     // seconds that the caller waited for others, while the pool measures
    struct team *team; // NULL until the first parallel run
    dct_mark home;     // has the mark of the process that made the team
    bool binding_refused;
    dct_error binding;
};

// Did this process make the team?
bool dct_pool_is_home(const dct_pool *pool);
void dct_team_end(struct team *team);

#endif
