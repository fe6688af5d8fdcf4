// SPDX-License-Identifier: BSD-2-Clause
// A pool of worker threads. The results of the library do not depend on which worker computes what.
#include "pool.h"

#include "machine/affinity.h"
#include "machine/cpu.h"
#include "machine/now.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>

// Spin iterations before a worker blocks. About 10 us between calls, so that workers stay awake
// between the operations of one decoding step. A few ms inside a run, because waking takes longer
// than a piece of work in a virtual machine, and a late worker delays every barrier. No long spin
// when there are more threads than CPUs. Measured: docs/tuning.md.
enum { SPINS = 1000, SPINS_IN_RUN = 70000 };
#define GATE_OPEN (UINT64_C(1) << COUNT_BITS)
static const uint64_t TICKET_STOP = UINT64_MAX;

// ---- Indices ----

static void run_indices(dct_loop *loop, int32_t number, struct slot *slot, bool measures) {
    double begun = measures ? dct_now() : 0.0;
    dct_loop_run(loop, number);
    if (measures) {
        double busy = atomic_load_explicit(&slot->busy, memory_order_relaxed);
        atomic_store_explicit(&slot->busy, busy + (dct_now() - begun), memory_order_relaxed);
    }
    atomic_store_explicit(&slot->cpu, sched_getcpu(), memory_order_relaxed);
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
            run_indices(&me->team->loop, me->number, me->slot, me->team->measures);
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
    return dct_loop_is_handed_out(&team->loop);
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
    w->slot = &pool->slots[number];
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

bool dct_pool_is_home(const dct_pool *pool) {
    return atomic_load_explicit(pool->home.word, memory_order_relaxed) ==
           dct_mark_mine(&pool->home);
}

// The team of this process. A child inherits mutexes that may stay locked, and no threads: it frees
// the memory without joining.
static struct team *current_team(dct_pool *pool) {
    if (pool->team && !dct_pool_is_home(pool)) {
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

void dct_team_end(struct team *team) {
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
    dct_loop loop = {.task = task, .data = data};
    dct_loop_cut(&loop, pool->portions, count, 1);
    run_indices(&loop, 0, &pool->slots[0], pool->measures);
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
    team->measures = pool->measures;
    dct_loop_cut(&team->loop, pool->portions, count, pool->threads);
    uint64_t epoch = (atomic_load(&team->ticket) >> COUNT_BITS) + 1;
    atomic_store(&team->gate, epoch << (COUNT_BITS + 1) | GATE_OPEN);
    call_workers(team, epoch << COUNT_BITS | (uint32_t)active, active);
    // If the workers need all CPUs, they need the caller's as well.
    int spins = !team->crowded ? SPINS_IN_RUN : works ? SPINS : 0;
    if (works) {
        run_indices(&team->loop, 0, &pool->slots[0], pool->measures);
    } else {
        await(team, spins, is_handed_out);
    }
    double begun = pool->measures ? dct_now() : 0.0;
    atomic_fetch_and(&team->gate, ~GATE_OPEN);
    await(team, spins, is_empty);
    pool->waited += pool->measures ? dct_now() - begun : 0.0;
}

// A slice for the host's own threads: its index is the worker number. All slices draw indices from
// one loop, so a host that runs them one after the other loses nothing.
struct host_run {
    dct_loop loop;
    dct_pool *pool;
};

static void run_slice(void *data, int32_t slice) {
    struct host_run *run = data;
    run_indices(&run->loop, slice, &run->pool->slots[slice], run->pool->measures);
}

static decoct_status run_on_host(dct_pool *pool, int64_t count, dct_task task, void *data,
                                 dct_error *error) {
    struct host_run run = {.loop = {.task = task, .data = data}, .pool = pool};
    int32_t slices = count < pool->threads ? (int32_t)count : pool->threads;
    dct_loop_cut(&run.loop, pool->portions, count, slices);
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
