// SPDX-License-Identifier: BSD-2-Clause
// A pool of worker threads that hand out indices from one shared counter: the results of the
// library do not depend on which worker computes what.
#include "threads.h"

#include "hostpool.h"
#include "machine/affinity.h"
#include "machine/cpu.h"
#include "machine/quota.h"
#include "mark.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

// Spin iterations before a worker blocks. About 10 us between calls, so that workers stay awake
// between the operations of one decoding step. A few ms inside a run, because waking takes longer
// than a piece of work in a virtual machine, and a late worker delays every barrier. No long spin
// when there are more threads than CPUs. Measured: docs/tuning.md.
enum { SPINS = 1000, SPINS_IN_RUN = 70000 };
// Each run has an epoch, its number. The ticket is the epoch, shifted, and how many workers are
// called. The gate is the epoch, shifted, and how many workers are inside; it is open or closed.
// Late workers find the gate closed and skip the run: it does not wait for a worker that the system
// has not woken yet.
enum { COUNT_BITS = 16, COUNT_MASK = (1 << COUNT_BITS) - 1 };
#define GATE_OPEN (UINT64_C(1) << COUNT_BITS)
static const uint64_t TICKET_STOP = UINT64_MAX;

// The parallel loop of the present run; written by the caller of dct_pool_run only while no worker
// is inside.
struct loop {
    dct_task task;
    void *data;
    int64_t count;
    _Alignas(DCT_ALIGN) _Atomic int64_t next;
};

struct worker {
    _Alignas(DCT_ALIGN) atomic_bool asleep;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    struct team *team;
    int32_t index;  // index in team.workers
    int32_t number; // the worker number that the task gets
    _Atomic int32_t *slot;
};

// The threads of one process. A child made by fork does not use its parent's team and makes its
// own.
struct team {
    struct loop loop;
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

// A worker's slot: where it ran last. Each is on its own cache line.
struct slot {
    _Alignas(DCT_ALIGN) _Atomic int32_t cpu;
    _Atomic int32_t bound; // to this CPU alone, or -1; known when the team is made
};

struct dct_pool {
    dct_memory *memory;
    int32_t threads, usable_cpus;
    int32_t *cpus;     // NULL: not pinned
    dct_hostpool host; // its parallel_for is NULL: threads of our own
    struct slot *slots;
    struct team *team; // NULL until the first parallel run
    dct_mark home;     // has the mark of the process that made the team
    bool binding_refused;
    dct_error binding;
};

// ---- Indices ----

static void run_indices(struct loop *loop, int32_t number, _Atomic int32_t *cpu) {
    for (;;) {
        int64_t index = atomic_fetch_add_explicit(&loop->next, 1, memory_order_relaxed);
        if (index >= loop->count) {
            break;
        }
        loop->task(loop->data, index, number);
    }
    atomic_store_explicit(cpu, sched_getcpu(), memory_order_relaxed);
}

// ---- A worker ----

// One spin iteration. Yields now and then: the thread that is waited for may need this CPU, since
// the system does not always spread two busy threads over two CPUs.
static void spin_once(int look) {
    if (look % SPINS == SPINS - 1) {
        sched_yield();
    } else {
        dct_cpu_pause();
    }
}

// Is a run in progress? Relaxed: the answer may be late.
static bool is_running(struct team *team) {
    return atomic_load_explicit(&team->gate, memory_order_relaxed) & (GATE_OPEN | COUNT_MASK);
}

// Waits for another ticket than `seen`. The order of `asleep` and `ticket` here and in call_workers
// (both sequentially consistent) guarantees that one of the two sides sees the other.
static uint64_t await_ticket(struct worker *me, uint64_t seen) {
    _Atomic uint64_t *ticket = &me->team->ticket;
    int idle = 0;
    for (int i = 0; i < SPINS_IN_RUN && idle < SPINS; i++) {
        uint64_t now = atomic_load_explicit(ticket, memory_order_acquire);
        if (now != seen) {
            return now;
        }
        idle += me->team->crowded || !is_running(me->team);
        spin_once(i);
    }
    pthread_mutex_lock(&me->lock);
    atomic_store(&me->asleep, true);
    uint64_t now;
    while ((now = atomic_load(ticket)) == seen) {
        pthread_cond_wait(&me->wake, &me->lock);
    }
    atomic_store(&me->asleep, false);
    pthread_mutex_unlock(&me->lock);
    return now;
}

static bool enter_gate(struct team *team, uint64_t epoch) {
    uint64_t open = epoch << (COUNT_BITS + 1) | GATE_OPEN;
    uint64_t gate = atomic_load(&team->gate);
    do {
        if ((gate & ~(uint64_t)COUNT_MASK) != open) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&team->gate, &gate, gate + 1));
    return true;
}

static void leave_gate(struct team *team) {
    atomic_fetch_sub(&team->gate, 1);
    if (atomic_load(&team->caller_asleep)) {
        pthread_mutex_lock(&team->lock);
        pthread_cond_signal(&team->done);
        pthread_mutex_unlock(&team->lock);
    }
}

static void *worker_main(void *data) {
    struct worker *me = data;
    char name[16];
    snprintf(name, sizeof name, "decoct-%d", me->number);
    pthread_setname_np(pthread_self(), name);
    uint64_t seen = 0;
    while ((seen = await_ticket(me, seen)) != TICKET_STOP) {
        bool called = me->index < (int32_t)(seen & COUNT_MASK);
        if (called && enter_gate(me->team, seen >> COUNT_BITS)) {
            dct_fp_enter(); // a new thread has its creator's mode, a kernel may have changed it
            run_indices(&me->team->loop, me->number, me->slot);
            leave_gate(me->team);
        }
    }
    return NULL;
}

// ---- The team ----

// Publishes the ticket to workers [0, count), and wakes those that sleep.
static void call_workers(struct team *team, uint64_t ticket, int32_t count) {
    atomic_store(&team->ticket, ticket);
    for (int32_t i = 0; i < count; i++) {
        struct worker *w = &team->workers[i];
        if (atomic_load(&w->asleep)) {
            pthread_mutex_lock(&w->lock);
            pthread_cond_signal(&w->wake);
            pthread_mutex_unlock(&w->lock);
        }
    }
}

static bool is_handed_out(struct team *team) {
    atomic_load(&team->gate); // acquires `next` from workers that left
    return atomic_load(&team->loop.next) >= team->loop.count;
}

static bool is_empty(struct team *team) {
    return (atomic_load(&team->gate) & COUNT_MASK) == 0;
}

// The barrier: waits for a condition that a leaving worker may fulfil; spins `spins` times before
// it blocks.
static void await(struct team *team, int spins, bool (*condition)(struct team *team)) {
    for (int i = 0; i < spins; i++) {
        if (condition(team)) {
            return;
        }
        spin_once(i);
    }
    pthread_mutex_lock(&team->lock);
    atomic_store(&team->caller_asleep, true);
    while (!condition(team)) {
        pthread_cond_wait(&team->done, &team->lock);
    }
    atomic_store(&team->caller_asleep, false);
    pthread_mutex_unlock(&team->lock);
}

// Binds a worker before its first run. The message of the first refusal is kept.
static void bind_worker(dct_pool *pool, struct worker *w) {
    int32_t cpu = pool->cpus[w->number];
    int refused = dct_bind(w->thread, cpu);
    pool->slots[w->number].bound = !refused && dct_is_bound(w->thread, cpu) ? cpu : -1;
    if (refused && !pool->binding_refused) {
        pool->binding_refused = true;
        dct_fail(&pool->binding, DECOCT_E_SYSTEM, "worker %d could not be bound to CPU %d: %s",
                 w->number, cpu,
                 refused == EINVAL ? "it is not there or not allowed" : "the system refused");
    }
}

static bool start_worker(dct_pool *pool, struct team *team, int32_t number) {
    struct worker *w = &team->workers[team->started];
    w->team = team;
    w->index = team->started;
    w->number = number;
    w->slot = &pool->slots[number].cpu;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    if (pthread_create(&w->thread, NULL, worker_main, w)) {
        pthread_cond_destroy(&w->wake);
        pthread_mutex_destroy(&w->lock);
        return false;
    }
    team->started++;
    if (pool->cpus) {
        bind_worker(pool, w);
    }
    return true;
}

// A host's signal handlers must not run on our threads, so these start with all signals blocked but
// those of their own faults: the host's crash report still works.
static void start_workers(dct_pool *pool, struct team *team) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
    sigset_t blocked, host;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        sigdelset(&blocked, faults[i]);
    }
    pthread_sigmask(SIG_SETMASK, &blocked, &host);
    int32_t number = team->caller_works ? 1 : 0;
    while (number < pool->threads && start_worker(pool, team, number)) {
        number++;
    }
    pthread_sigmask(SIG_SETMASK, &host, NULL);
}

// NULL: no memory, the caller works alone.
static struct team *make_team(dct_pool *pool) {
    struct team *team =
        dct_zalloc(pool->memory, 1, sizeof *team + (size_t)pool->threads * sizeof(struct worker));
    if (team) {
        pthread_mutex_init(&team->lock, NULL);
        pthread_cond_init(&team->done, NULL);
        // The caller works too, unless it is not on the CPU that was asked for.
        team->caller_works = !pool->cpus || dct_is_bound(pthread_self(), pool->cpus[0]);
        team->caller = pthread_self();
        team->crowded = pool->threads + (team->caller_works ? 0 : 1) > pool->usable_cpus;
        pool->slots[0].bound = pool->cpus && team->caller_works ? pool->cpus[0] : -1;
        start_workers(pool, team);
    }
    return team;
}

// Did this process make the team?
static bool is_home(const dct_pool *pool) {
    return atomic_load_explicit(pool->home.word, memory_order_relaxed) ==
           dct_mark_mine(&pool->home);
}

// The team of this process. A child inherits mutexes that may stay locked, and no threads: it frees
// the memory without joining.
static struct team *current_team(dct_pool *pool) {
    if (pool->team && !is_home(pool)) {
        dct_free(pool->team);
        pool->team = NULL;
        pool->binding_refused = false;
    }
    if (!pool->team) {
        pool->team = make_team(pool);
        atomic_store(pool->home.word, dct_mark_mine(&pool->home));
    }
    return pool->team;
}

static void end_team(struct team *team) {
    call_workers(team, TICKET_STOP, team->started);
    for (int32_t i = 0; i < team->started; i++) {
        struct worker *w = &team->workers[i];
        pthread_join(w->thread, NULL);
        pthread_cond_destroy(&w->wake);
        pthread_mutex_destroy(&w->lock);
    }
    pthread_cond_destroy(&team->done);
    pthread_mutex_destroy(&team->lock);
    dct_free(team);
}

// ---- Running ----

static void run_alone(dct_pool *pool, int64_t count, dct_task task, void *data) {
    struct loop loop = {.task = task, .data = data, .count = count};
    run_indices(&loop, 0, &pool->slots[0].cpu);
}

static void run_on_team(dct_pool *pool, struct team *team, int64_t count, dct_task task,
                        void *data) {
    // If pinned, only the caller that was bound to the first CPU works: another one may be
    // anywhere.
    bool works = team->caller_works && (!pool->cpus || pthread_equal(team->caller, pthread_self()));
    int64_t helpers = works ? count - 1 : count;
    int32_t active = helpers < team->started ? (int32_t)helpers : team->started;
    team->loop.task = task;
    team->loop.data = data;
    team->loop.count = count;
    atomic_store_explicit(&team->loop.next, 0, memory_order_relaxed);
    uint64_t epoch = (atomic_load(&team->ticket) >> COUNT_BITS) + 1;
    atomic_store(&team->gate, epoch << (COUNT_BITS + 1) | GATE_OPEN);
    call_workers(team, epoch << COUNT_BITS | (uint32_t)active, active);
    // If the workers need all CPUs, they need the caller's as well.
    int spins = !team->crowded ? SPINS_IN_RUN : works ? SPINS : 0;
    if (works) {
        run_indices(&team->loop, 0, &pool->slots[0].cpu);
    } else {
        await(team, spins, is_handed_out);
    }
    atomic_fetch_and(&team->gate, ~GATE_OPEN);
    await(team, spins, is_empty);
}

// A slice for the host's own threads: its index is the worker number. All slices draw indices from
// one counter, so a host that runs them one after the other loses nothing.
struct host_run {
    struct loop loop;
    dct_pool *pool;
};

static void run_slice(void *data, int32_t slice) {
    struct host_run *run = data;
    run_indices(&run->loop, slice, &run->pool->slots[slice].cpu);
}

static decoct_status run_on_host(dct_pool *pool, int64_t count, dct_task task, void *data,
                                 dct_error *error) {
    struct host_run run = {.loop = {.task = task, .data = data, .count = count}, .pool = pool};
    int32_t slices = count < pool->threads ? (int32_t)count : pool->threads;
    return dct_hostpool_run(&pool->host, slices, run_slice, &run, error);
}

decoct_status dct_pool_run(dct_pool *pool, int64_t count, dct_task task, void *data,
                           dct_error *error) {
    if (count <= 0) {
        return DECOCT_OK;
    }
    bool alone = !pool->cpus && (count == 1 || pool->threads == 1);
    if (pool->host.parallel_for && !alone) {
        return run_on_host(pool, count, task, data, error);
    }
    struct team *team = alone ? NULL : current_team(pool);
    if (!team || team->started == 0) {
        run_alone(pool, count, task, data);
    } else {
        run_on_team(pool, team, count, task, data);
    }
    return DECOCT_OK;
}

// ---- Opening, closing, queries ----

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

decoct_status dct_pool_open(const dct_pool_options *options, dct_pool **out, dct_error *error) {
    decoct_status status = check_options(options, error);
    if (status) {
        return status;
    }
    dct_memory *memory = options->memory;
    dct_pool *pool = dct_zalloc(memory, 1, sizeof *pool);
    struct slot *slots = dct_alloc(memory, options->threads, sizeof *slots);
    int32_t *cpus = options->cpus ? dct_alloc(memory, options->threads, sizeof *cpus) : NULL;
    dct_hostpool host = {.parallel_for = options->parallel_for, .host = options->parallel_for_host};
    if (!pool || !slots || (options->cpus && !cpus) ||
        (host.parallel_for && !dct_hostpool_open(memory, &host, options->threads))) {
        dct_free(pool);
        dct_free(slots);
        dct_free(cpus);
        return dct_fail(error, DECOCT_E_MEMORY, "pool: out of memory");
    }
    for (int32_t i = 0; i < options->threads; i++) {
        atomic_init(&slots[i].cpu, -1);
        atomic_init(&slots[i].bound, -1);
    }
    if (cpus) {
        memcpy(cpus, options->cpus, (size_t)options->threads * sizeof *cpus);
    }
    *pool = (dct_pool){.memory = memory,
                       .threads = options->threads,
                       .usable_cpus = dct_usable_cpus(),
                       .cpus = cpus,
                       .host = host,
                       .slots = slots};
    dct_mark_open(&pool->home);
    *out = pool;
    return DECOCT_OK;
}

void dct_pool_close(dct_pool *pool) {
    if (!pool) {
        return;
    }
    if (pool->team && is_home(pool)) {
        end_team(pool->team);
    } else {
        dct_free(pool->team);
    }
    dct_mark_close(&pool->home);
    dct_hostpool_close(&pool->host);
    dct_free(pool->slots);
    dct_free(pool->cpus);
    dct_free(pool);
}

int32_t dct_pool_threads(const dct_pool *pool) {
    return pool->threads;
}

bool dct_pool_awake(const dct_pool *pool) {
    if (pool->host.parallel_for) {
        return true;
    }
    if (!pool->team || !is_home(pool)) {
        return false;
    }
    for (int32_t i = 0; i < pool->team->started; i++) {
        if (atomic_load_explicit(&pool->team->workers[i].asleep, memory_order_relaxed)) {
            return false;
        }
    }
    return true;
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
