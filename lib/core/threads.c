// SPDX-License-Identifier: BSD-2-Clause
// A pool of worker threads that hand out indices from one shared counter: the results of the
// library do not depend on who computes what.
#include "threads.h"

#include "hostpool.h"
#include "machine/affinity.h"
#include "machine/cpu.h"
#include "machine/memory.h"
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
// A ticket is the number of the run, shifted, and how many workers are called to it.
// The gate is the number of the run, shifted, and how many workers are inside; it is open or shut.
// Late workers find the gate closed and skip the run: it does not wait for a worker that the system
// has not woken yet.
enum { COUNT_BITS = 16, COUNT_MASK = (1 << COUNT_BITS) - 1 };
#define GATE_OPEN (UINT64_C(1) << COUNT_BITS)
static const uint64_t TICKET_STOP = UINT64_MAX;

// What is being computed; written by the caller of dct_pool_run only while no worker is inside.
struct job {
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
    struct crew *crew;
    int32_t index;  // place in crew.workers
    int32_t number; // what the task is told
    _Atomic int32_t *seat;
};

// The threads of one process. After fork a child leaves its parent's crew alone and makes its own.
struct crew {
    struct job job;
    _Alignas(DCT_ALIGN) _Atomic uint64_t ticket; // workers watch it
    _Alignas(DCT_ALIGN) _Atomic uint64_t gate;   // the caller watches it
    atomic_bool caller_asleep;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool caller_works; // the caller is worker 0
    pthread_t caller;  // the one that was, where workers are pinned
    bool crowded;      // more threads, the caller among them, than CPUs
    int32_t started;
    struct worker workers[];
};

// Where a worker ran last, each on its own cache line.
struct seat {
    _Alignas(DCT_ALIGN) _Atomic int32_t cpu;
    _Atomic int32_t bound; // to this CPU alone, or -1; known when the crew is made
};

struct dct_pool {
    int32_t threads, usable_cpus;
    int32_t *cpus;     // NULL: not pinned
    dct_hostpool host; // its parallel_for is NULL: threads of our own
    struct seat *seats;
    struct crew *crew; // NULL until the first parallel run
    dct_mark home;     // has the mark of the process that made the crew
    bool binding_refused;
    dct_error binding;
};

// ---- The work ----

static void take_indices(struct job *job, int32_t number, _Atomic int32_t *cpu) {
    for (;;) {
        int64_t index = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        if (index >= job->count) {
            break;
        }
        job->task(job->data, index, number);
    }
    atomic_store_explicit(cpu, sched_getcpu(), memory_order_relaxed);
}

// ---- A worker ----

// Between two looks. Yield now and then: the thread that is waited for may need this CPU, since the
// system does not always spread two busy threads over two CPUs.
static void look_again(int look) {
    if (look % SPINS == SPINS - 1) {
        sched_yield();
    } else {
        dct_cpu_pause();
    }
}

// Is a run going on, as far as can be seen?
static bool is_running(struct crew *crew) {
    return atomic_load_explicit(&crew->gate, memory_order_relaxed) & (GATE_OPEN | COUNT_MASK);
}

// Waits for another ticket than `seen`. The order of `asleep` and `ticket` here and in call_workers
// (both sequentially consistent) makes sure that one of the two sides sees the other.
static uint64_t await_ticket(struct worker *me, uint64_t seen) {
    _Atomic uint64_t *ticket = &me->crew->ticket;
    int idle = 0;
    for (int i = 0; i < SPINS_IN_RUN && idle < SPINS; i++) {
        uint64_t now = atomic_load_explicit(ticket, memory_order_acquire);
        if (now != seen) {
            return now;
        }
        idle += me->crew->crowded || !is_running(me->crew);
        look_again(i);
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

static bool enter_gate(struct crew *crew, uint64_t run) {
    uint64_t open = run << (COUNT_BITS + 1) | GATE_OPEN;
    uint64_t gate = atomic_load(&crew->gate);
    do {
        if ((gate & ~(uint64_t)COUNT_MASK) != open) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&crew->gate, &gate, gate + 1));
    return true;
}

static void leave_gate(struct crew *crew) {
    atomic_fetch_sub(&crew->gate, 1);
    if (atomic_load(&crew->caller_asleep)) {
        pthread_mutex_lock(&crew->lock);
        pthread_cond_signal(&crew->done);
        pthread_mutex_unlock(&crew->lock);
    }
}

static void *work(void *data) {
    struct worker *me = data;
    char name[16];
    snprintf(name, sizeof name, "decoct-%d", me->number);
    pthread_setname_np(pthread_self(), name);
    uint64_t seen = 0;
    while ((seen = await_ticket(me, seen)) != TICKET_STOP) {
        bool called = me->index < (int32_t)(seen & COUNT_MASK);
        if (called && enter_gate(me->crew, seen >> COUNT_BITS)) {
            dct_fp_enter(); // a new thread has its creator's mode, a kernel may have changed it
            take_indices(&me->crew->job, me->number, me->seat);
            leave_gate(me->crew);
        }
    }
    return NULL;
}

// ---- The crew ----

// Shows the ticket to workers [0, count), asleep or not.
static void call_workers(struct crew *crew, uint64_t ticket, int32_t count) {
    atomic_store(&crew->ticket, ticket);
    for (int32_t i = 0; i < count; i++) {
        struct worker *w = &crew->workers[i];
        if (atomic_load(&w->asleep)) {
            pthread_mutex_lock(&w->lock);
            pthread_cond_signal(&w->wake);
            pthread_mutex_unlock(&w->lock);
        }
    }
}

static bool is_handed_out(struct crew *crew) {
    atomic_load(&crew->gate); // who left it has brought `next` along
    return atomic_load(&crew->job.next) >= crew->job.count;
}

static bool is_empty(struct crew *crew) {
    return (atomic_load(&crew->gate) & COUNT_MASK) == 0;
}

// Waits for what a worker that leaves may have brought about; looks `spins` times before it sleeps.
static void await(struct crew *crew, int spins, bool (*condition)(struct crew *crew)) {
    for (int i = 0; i < spins; i++) {
        if (condition(crew)) {
            return;
        }
        look_again(i);
    }
    pthread_mutex_lock(&crew->lock);
    atomic_store(&crew->caller_asleep, true);
    while (!condition(crew)) {
        pthread_cond_wait(&crew->done, &crew->lock);
    }
    atomic_store(&crew->caller_asleep, false);
    pthread_mutex_unlock(&crew->lock);
}

// Binds a worker that has not been given work yet. The words of the first refusal are kept.
static void bind_worker(dct_pool *pool, struct worker *w) {
    int32_t cpu = pool->cpus[w->number];
    int refused = dct_bind(w->thread, cpu);
    pool->seats[w->number].bound = !refused && dct_is_bound(w->thread, cpu) ? cpu : -1;
    if (refused && !pool->binding_refused) {
        pool->binding_refused = true;
        dct_fail(&pool->binding, DECOCT_E_SYSTEM, "worker %d could not be bound to CPU %d: %s",
                 w->number, cpu,
                 refused == EINVAL ? "it is not there or not allowed" : "the system refused");
    }
}

static bool start_worker(dct_pool *pool, struct crew *crew, int32_t number) {
    struct worker *w = &crew->workers[crew->started];
    w->crew = crew;
    w->index = crew->started;
    w->number = number;
    w->seat = &pool->seats[number].cpu;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    if (pthread_create(&w->thread, NULL, work, w)) {
        pthread_cond_destroy(&w->wake);
        pthread_mutex_destroy(&w->lock);
        return false;
    }
    crew->started++;
    if (pool->cpus) {
        bind_worker(pool, w);
    }
    return true;
}

// A host's handlers must not run on our threads, so these are made with all signals blocked but
// those that a fault of their own raises: the host's crash report still works.
static void start_workers(dct_pool *pool, struct crew *crew) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
    sigset_t blocked, host;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        sigdelset(&blocked, faults[i]);
    }
    pthread_sigmask(SIG_SETMASK, &blocked, &host);
    int32_t number = crew->caller_works ? 1 : 0;
    while (number < pool->threads && start_worker(pool, crew, number)) {
        number++;
    }
    pthread_sigmask(SIG_SETMASK, &host, NULL);
}

// NULL: no memory, the caller works alone.
static struct crew *make_crew(dct_pool *pool) {
    struct crew *crew = dct_zalloc(1, sizeof *crew + (size_t)pool->threads * sizeof(struct worker));
    if (crew) {
        pthread_mutex_init(&crew->lock, NULL);
        pthread_cond_init(&crew->done, NULL);
        // The caller works too, unless it would do so elsewhere than was asked for.
        crew->caller_works = !pool->cpus || dct_is_bound(pthread_self(), pool->cpus[0]);
        crew->caller = pthread_self();
        crew->crowded = pool->threads + (crew->caller_works ? 0 : 1) > pool->usable_cpus;
        pool->seats[0].bound = pool->cpus && crew->caller_works ? pool->cpus[0] : -1;
        start_workers(pool, crew);
    }
    return crew;
}

// Did this process make the crew?
static bool is_home(const dct_pool *pool) {
    return atomic_load_explicit(pool->home.word, memory_order_relaxed) ==
           dct_mark_mine(&pool->home);
}

// The crew of this process. What a child inherits may be locked for ever, and its threads are not
// there: it is freed, not torn down.
static struct crew *find_crew(dct_pool *pool) {
    if (pool->crew && !is_home(pool)) {
        dct_free(pool->crew);
        pool->crew = NULL;
        pool->binding_refused = false;
    }
    if (!pool->crew) {
        pool->crew = make_crew(pool);
        atomic_store(pool->home.word, dct_mark_mine(&pool->home));
    }
    return pool->crew;
}

static void end_crew(struct crew *crew) {
    call_workers(crew, TICKET_STOP, crew->started);
    for (int32_t i = 0; i < crew->started; i++) {
        struct worker *w = &crew->workers[i];
        pthread_join(w->thread, NULL);
        pthread_cond_destroy(&w->wake);
        pthread_mutex_destroy(&w->lock);
    }
    pthread_cond_destroy(&crew->done);
    pthread_mutex_destroy(&crew->lock);
    dct_free(crew);
}

// ---- Running ----

static void run_alone(dct_pool *pool, int64_t count, dct_task task, void *data) {
    struct job job = {.task = task, .data = data, .count = count};
    take_indices(&job, 0, &pool->seats[0].cpu);
}

static void run_with_crew(dct_pool *pool, struct crew *crew, int64_t count, dct_task task,
                          void *data) {
    // Pinned, only the caller that was found in its place: another one may be anywhere.
    bool works = crew->caller_works && (!pool->cpus || pthread_equal(crew->caller, pthread_self()));
    int64_t helpers = works ? count - 1 : count;
    int32_t active = helpers < crew->started ? (int32_t)helpers : crew->started;
    crew->job.task = task;
    crew->job.data = data;
    crew->job.count = count;
    atomic_store_explicit(&crew->job.next, 0, memory_order_relaxed);
    uint64_t run = (atomic_load(&crew->ticket) >> COUNT_BITS) + 1;
    atomic_store(&crew->gate, run << (COUNT_BITS + 1) | GATE_OPEN);
    call_workers(crew, run << COUNT_BITS | (uint32_t)active, active);
    // Workers that have all CPUs between them need the caller's as well.
    int spins = !crew->crowded ? SPINS_IN_RUN : works ? SPINS : 0;
    if (works) {
        take_indices(&crew->job, 0, &pool->seats[0].cpu);
    } else {
        await(crew, spins, is_handed_out);
    }
    atomic_fetch_and(&crew->gate, ~GATE_OPEN);
    await(crew, spins, is_empty);
}

// One slice for the host's own threads: its index is the worker number, and since all slices draw
// from one counter, a host that runs them one after the other loses nothing.
struct host_run {
    struct job job;
    dct_pool *pool;
};

static void run_slice(void *data, int32_t slice) {
    struct host_run *run = data;
    take_indices(&run->job, slice, &run->pool->seats[slice].cpu);
}

static decoct_status run_on_host(dct_pool *pool, int64_t count, dct_task task, void *data,
                                 dct_error *error) {
    struct host_run run = {.job = {.task = task, .data = data, .count = count}, .pool = pool};
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
    struct crew *crew = alone ? NULL : find_crew(pool);
    if (!crew || crew->started == 0) {
        run_alone(pool, count, task, data);
    } else {
        run_with_crew(pool, crew, count, task, data);
    }
    return DECOCT_OK;
}

// ---- Opening, closing, looking ----

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
    dct_pool *pool = dct_zalloc(1, sizeof *pool);
    struct seat *seats = dct_alloc(options->threads, sizeof *seats);
    int32_t *cpus = options->cpus ? dct_alloc(options->threads, sizeof *cpus) : NULL;
    dct_hostpool host = {.parallel_for = options->parallel_for, .host = options->parallel_for_host};
    if (!pool || !seats || (options->cpus && !cpus) ||
        (host.parallel_for && !dct_hostpool_open(&host, options->threads))) {
        dct_free(pool);
        dct_free(seats);
        dct_free(cpus);
        return dct_fail(error, DECOCT_E_MEMORY, "pool: out of memory");
    }
    for (int32_t i = 0; i < options->threads; i++) {
        atomic_init(&seats[i].cpu, -1);
        atomic_init(&seats[i].bound, -1);
    }
    if (cpus) {
        memcpy(cpus, options->cpus, (size_t)options->threads * sizeof *cpus);
    }
    *pool = (dct_pool){.threads = options->threads,
                       .usable_cpus = dct_usable_cpus(),
                       .cpus = cpus,
                       .host = host,
                       .seats = seats};
    dct_mark_open(&pool->home);
    *out = pool;
    return DECOCT_OK;
}

void dct_pool_close(dct_pool *pool) {
    if (!pool) {
        return;
    }
    if (pool->crew && is_home(pool)) {
        end_crew(pool->crew);
    } else {
        dct_free(pool->crew);
    }
    dct_mark_close(&pool->home);
    dct_hostpool_close(&pool->host);
    dct_free(pool->seats);
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
    if (!pool->crew || !is_home(pool)) {
        return false;
    }
    for (int32_t i = 0; i < pool->crew->started; i++) {
        if (atomic_load_explicit(&pool->crew->workers[i].asleep, memory_order_relaxed)) {
            return false;
        }
    }
    return true;
}

int32_t dct_pool_worker_cpu(const dct_pool *pool, int32_t worker) {
    return atomic_load_explicit(&pool->seats[worker].cpu, memory_order_relaxed);
}

int32_t dct_pool_worker_bound(const dct_pool *pool, int32_t worker) {
    return pool->seats[worker].bound;
}

const char *dct_pool_binding_error(const dct_pool *pool) {
    return pool->binding_refused ? pool->binding.text : NULL;
}
