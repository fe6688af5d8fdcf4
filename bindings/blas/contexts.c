// SPDX-License-Identifier: BSD-2-Clause
// Every thread of the host has a context of one thread. One more context, the team, has as many
// threads as this process may use. A large product takes the team if no other large product runs;
// else it is done by the calling thread alone, but not before the team is idle. So threads at work
// on large products never outnumber the larger of the CPUs and the threads that called.
#include "contexts.h"

#include "blas.h"
#include "errors.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { THREADS_MAX = 4096, UNKNOWN = 0 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key; // closes a thread's context when it ends
static bool have_key;
static _Thread_local decoct_context *own;

// A writer uses the team; readers are large products without it. A waiting writer goes before new
// readers, which else could keep it waiting for ever. musl has no such lock.
#ifdef PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
#define UNLOCKED PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
#else
#define UNLOCKED PTHREAD_RWLOCK_INITIALIZER
#endif
static pthread_rwlock_t lock = UNLOCKED;
static decoct_context *team; // NULL: not opened yet, or one thread
static atomic_int members;   // threads of the team; UNKNOWN until it could be opened
static atomic_bool working;  // a thread uses `team` or is about to change it
static int32_t from_environment, from_host;

// ---- Beginning, forking, ending ----

static void close_own(void *ctx) {
    own = NULL;
    decoct_context_close(ctx);
}

// Other threads of the parent do not exist here. If one of them was using the team, the child
// abandons it.
static void begin_child(void) {
    lock = (pthread_rwlock_t)UNLOCKED;
    if (atomic_load(&working)) {
        team = NULL;
        atomic_store(&members, UNKNOWN);
        atomic_store(&working, false);
    }
}

static void read_environment(void) {
    const char *text = getenv("DECOCT_BLAS_THREADS");
    char *end = NULL;
    long number = text && *text ? strtol(text, &end, 10) : 0;
    if (number < 0 || number > THREADS_MAX || (end && *end)) {
        blas_warn("DECOCT_BLAS_THREADS is not a number from 0 to 4096 and is ignored", "");
        number = 0;
    }
    from_environment = (int32_t)number;
}

static void begin(void) {
    have_key =
        pthread_key_create(&key, close_own) == 0 && pthread_atfork(NULL, NULL, begin_child) == 0;
    read_environment();
}

// ---- Opening ----

static decoct_context *open_context(int32_t threads) {
    decoct_context *ctx = NULL;
    char error[256] = "";
    decoct_options options = {.struct_size = sizeof options,
                              .threads = threads,
                              .error = error,
                              .error_size = sizeof error};
    if (decoct_context_open(&options, &ctx)) {
        blas_warn("products are slow, because no context can be opened: ", error);
        return NULL;
    }
    return ctx;
}

static decoct_context *own_context(void) {
    if (!own && have_key) {
        own = open_context(1);
        if (own && pthread_setspecific(key, own)) {
            decoct_context_close(own);
            own = NULL;
        }
    }
    return own;
}

// For the writer: the threads of `team`; UNKNOWN if it cannot be opened now. Opened for all CPUs
// first, which shows how many there are.
static int32_t open_team_of(int32_t asked) {
    team = asked == 1 ? NULL : open_context(0);
    int32_t threads = team ? decoct_context_threads(team) : asked == 1 ? 1 : UNKNOWN;
    if (team && asked > 0 && asked < threads) {
        decoct_context_close(team);
        team = open_context(asked);
        threads = team ? decoct_context_threads(team) : UNKNOWN;
    }
    if (threads == 1) {
        decoct_context_close(team);
        team = NULL;
    }
    return threads;
}

// For the writer. After a failure, which may be a passing one, the next call tries again.
static void open_team(void) {
    if (atomic_load(&members) == UNKNOWN) {
        atomic_store(&members, open_team_of(from_host ? from_host : from_environment));
    }
}

// ---- A call ----

static void leave_team(void) {
    atomic_store(&working, false);
    pthread_rwlock_unlock(&lock);
}

static bool enter_team(void) {
    if (pthread_rwlock_trywrlock(&lock)) {
        return false;
    }
    atomic_store(&working, true);
    open_team();
    bool have = team != NULL; // without the lock another thread may open it
    if (!have) {
        leave_team();
    }
    return have;
}

decoct_context *blas_own(void) {
    return own;
}

blas_turn blas_enter(double work) {
    pthread_once(&once, begin);
    if (work < BLAS_LARGE || atomic_load(&members) == 1) {
        return (blas_turn){own_context(), TURN_FREE};
    }
    if (enter_team()) {
        return (blas_turn){team, TURN_TEAM};
    }
    bool read = pthread_rwlock_rdlock(&lock) == 0;
    return (blas_turn){own_context(), read ? TURN_ALONE : TURN_FREE};
}

void blas_leave(blas_turn turn) {
    if (turn.held == TURN_TEAM) {
        leave_team();
    } else if (turn.held == TURN_ALONE) {
        pthread_rwlock_unlock(&lock);
    }
}

// ---- The number of threads ----

void decoct_blas_set_threads(int32_t threads) {
    pthread_once(&once, begin);
    pthread_rwlock_wrlock(&lock);
    atomic_store(&working, true);
    threads = threads > 0 ? threads : 0;
    if (threads != from_host) {
        decoct_context_close(team);
        team = NULL;
        atomic_store(&members, UNKNOWN);
    }
    from_host = threads;
    leave_team();
}

int32_t decoct_blas_threads(void) {
    pthread_once(&once, begin);
    int32_t threads = atomic_load(&members);
    if (threads == UNKNOWN) {
        pthread_rwlock_wrlock(&lock);
        atomic_store(&working, true);
        open_team();
        threads = atomic_load(&members);
        leave_team();
    }
    return threads == UNKNOWN ? 1 : threads;
}
