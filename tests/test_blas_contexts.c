// SPDX-License-Identifier: BSD-2-Clause
// How libdecoct-blas shares threads among the host's: with a library in its place that has 4 CPUs
// and only counts.
#include "bindings/blas/blas.h"
#include "bindings/blas/contexts.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { CPUS = 4, HOST_THREADS = 9, ROUNDS = 300 };
static const double SMALL = 1e3, LARGE = 1e9;

// ---- In place of the library ----

struct decoct_context {
    int32_t threads;
};

enum { REFUSE_ALL = -1, REFUSE_NONE = -2 };

static atomic_int opened, refuse = REFUSE_NONE; // or the number of threads that is refused

decoct_status decoct_context_open(const decoct_options *options, decoct_context **out) {
    int refused = atomic_load(&refuse);
    bool is_refused = refused == REFUSE_ALL || refused == options->threads;
    decoct_context *ctx = is_refused ? NULL : malloc(sizeof *ctx);
    if (!ctx) {
        return DECOCT_E_MEMORY;
    }
    ctx->threads = options->threads ? options->threads : CPUS;
    atomic_fetch_add(&opened, 1);
    *out = ctx;
    return DECOCT_OK;
}

void decoct_context_close(decoct_context *ctx) {
    if (ctx) {
        atomic_fetch_sub(&opened, 1);
        free(ctx);
    }
}

int32_t decoct_context_threads(const decoct_context *ctx) {
    return ctx->threads;
}

// ---- Tests ----

static int32_t threads_for(double work) {
    blas_turn turn = blas_enter(work);
    int32_t threads = turn.ctx ? turn.ctx->threads : 0;
    blas_leave(turn);
    return threads;
}

static void test_one_caller(void **state) {
    (void)state;
    assert_int_equal(threads_for(SMALL), 1);
    assert_int_equal(threads_for(LARGE), CPUS);
    assert_int_equal(threads_for(SMALL), 1);
    assert_int_equal(decoct_blas_threads(), CPUS);
}

static void test_number(void **state) {
    (void)state;
    decoct_blas_set_threads(2);
    assert_int_equal(threads_for(LARGE), 2);
    assert_int_equal(threads_for(SMALL), 1);
    decoct_blas_set_threads(100);
    assert_int_equal(threads_for(LARGE), CPUS);
    decoct_blas_set_threads(1);
    assert_int_equal(decoct_blas_threads(), 1);
    assert_int_equal(threads_for(LARGE), 1);
    decoct_blas_set_threads(0);
    assert_int_equal(threads_for(LARGE), CPUS);
}

static atomic_int busy, most;

static void work_on(double work, int pause) {
    blas_turn turn = blas_enter(work);
    int now = atomic_fetch_add(&busy, turn.ctx->threads) + turn.ctx->threads;
    int seen = atomic_load(&most);
    while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now)) {
    }
    usleep((useconds_t)pause);
    atomic_fetch_sub(&busy, turn.ctx->threads);
    blas_leave(turn);
}

static void *work_much(void *data) {
    for (int i = 0; i < ROUNDS; i++) {
        work_on(LARGE, (int)((uintptr_t)data + (uintptr_t)i) % 40);
    }
    return NULL;
}

// Never more threads at work than CPUs, or than callers; contexts end with their threads.
static void test_sum(void **state) {
    (void)state;
    for (uintptr_t count = 1; count <= HOST_THREADS; count += 4) {
        pthread_t threads[HOST_THREADS];
        assert_int_equal(threads_for(SMALL), 1); // this thread's own
        int before = atomic_load(&opened);
        atomic_store(&most, 0);
        for (uintptr_t i = 0; i < count; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, work_much, (void *)i), 0);
        }
        for (uintptr_t i = 0; i < count; i++) {
            pthread_join(threads[i], NULL);
        }
        int limit = count > CPUS ? (int)count : CPUS;
        assert_in_range(atomic_load(&most), 1, limit);
        assert_int_equal(atomic_load(&opened), before);
    }
}

static atomic_int stage;
static const decoct_context *held;

static void *hold_team(void *data) {
    (void)data;
    blas_turn turn = blas_enter(LARGE);
    assert_int_equal(turn.held, TURN_TEAM);
    held = turn.ctx;
    atomic_store(&stage, 1);
    while (atomic_load(&stage) == 1) {
        usleep(100);
    }
    blas_leave(turn);
    return NULL;
}

static void start_holder(pthread_t *holder) {
    atomic_store(&stage, 0);
    assert_int_equal(pthread_create(holder, NULL, hold_team, NULL), 0);
    while (atomic_load(&stage) == 0) {
        usleep(100);
    }
}

static void *work_small(void *data) {
    *(int32_t *)data = threads_for(SMALL);
    return NULL;
}

// A small product does not wait for a large one.
static void test_small_beside_large(void **state) {
    (void)state;
    pthread_t holder, other;
    int32_t got = 0;
    start_holder(&holder);
    assert_int_equal(threads_for(SMALL), 1);
    assert_int_equal(pthread_create(&other, NULL, work_small, &got), 0);
    pthread_join(other, NULL);
    assert_int_equal(got, 1);
    atomic_store(&stage, 2);
    pthread_join(holder, NULL);
}

// The thread that holds the team does not exist in the child, which has a team of its own.
static bool works_in_child(void) {
    blas_turn turn = blas_enter(LARGE);
    bool other = turn.ctx && turn.ctx != held && turn.ctx->threads == CPUS;
    blas_leave(turn);
    return other && threads_for(SMALL) == 1;
}

static void test_fork(void **state) {
    (void)state;
    pthread_t holder;
    start_holder(&holder);
    pid_t child = fork();
    if (child == 0) {
        alarm(60); // a child that waits for the parent's thread ends by this
        _exit(works_in_child() ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    atomic_store(&stage, 2);
    pthread_join(holder, NULL);
    assert_int_equal(threads_for(LARGE), CPUS);
}

static void *work_refused(void *data) {
    *(int32_t *)data = threads_for(SMALL) + threads_for(LARGE);
    return NULL;
}

static void test_no_context(void **state) {
    (void)state;
    pthread_t other;
    int32_t got = -1;
    decoct_blas_set_threads(2); // the team is opened again
    atomic_store(&refuse, REFUSE_ALL);
    assert_int_equal(pthread_create(&other, NULL, work_refused, &got), 0);
    pthread_join(other, NULL);
    assert_int_equal(got, 0);
    atomic_store(&refuse, REFUSE_NONE);
    decoct_blas_set_threads(0);
}

// A team that could not be opened is tried again.
static void test_passing_failure(void **state) {
    (void)state;
    static const int refused[] = {REFUSE_ALL, 0, 2}; // 0: the context that counts the CPUs
    for (int i = 0; i < 3; i++) {
        decoct_blas_set_threads(2);
        assert_int_equal(threads_for(SMALL), 1);
        atomic_store(&refuse, refused[i]);
        assert_int_equal(threads_for(LARGE), 1);
        assert_int_equal(decoct_blas_threads(), 1);
        atomic_store(&refuse, REFUSE_NONE);
        assert_int_equal(threads_for(LARGE), 2);
        assert_int_equal(decoct_blas_threads(), 2);
        decoct_blas_set_threads(0);
    }
}

static atomic_bool armed;

static void *work_large(void *data) {
    *(int32_t *)data = threads_for(LARGE);
    return NULL;
}

int __real_pthread_rwlock_unlock(pthread_rwlock_t *lock);
int __wrap_pthread_rwlock_unlock(pthread_rwlock_t *lock);

// When armed: another thread opens the team as soon as this one gave up the lock.
int __wrap_pthread_rwlock_unlock(pthread_rwlock_t *lock) {
    int result = __real_pthread_rwlock_unlock(lock);
    if (atomic_exchange(&armed, false)) {
        pthread_t other;
        int32_t got = 0;
        atomic_store(&refuse, REFUSE_NONE);
        assert_int_equal(pthread_create(&other, NULL, work_large, &got), 0);
        pthread_join(other, NULL);
        assert_int_equal(got, CPUS);
    }
    return result;
}

// A thread that could not open the team does not use the one that another thread opened since.
static void test_team_of_another(void **state) {
    (void)state;
    assert_int_equal(threads_for(SMALL), 1);
    decoct_blas_set_threads(2);
    decoct_blas_set_threads(0);
    atomic_store(&refuse, REFUSE_ALL);
    atomic_store(&armed, true);
    blas_turn turn = blas_enter(LARGE);
    assert_false(atomic_load(&armed));
    assert_int_equal(turn.held, TURN_ALONE);
    assert_int_equal(turn.ctx->threads, 1);
    blas_leave(turn);
    assert_int_equal(threads_for(LARGE), CPUS);
}

// ---- Waiting ----

// The known number is there while another thread has the team.
static void test_number_beside_large(void **state) {
    (void)state;
    pthread_t holder;
    assert_int_equal(threads_for(LARGE), CPUS);
    start_holder(&holder);
    alarm(60); // ends a wait for the holder
    assert_int_equal(decoct_blas_threads(), CPUS);
    alarm(0);
    atomic_store(&stage, 2);
    pthread_join(holder, NULL);
}

static atomic_int turns_alone;
static atomic_bool is_set;

// Keeps its turn until the other thread has the next one, or for 20 ms.
static void *overlap(void *data) {
    (void)data;
    while (!atomic_load(&is_set)) {
        blas_turn turn = blas_enter(LARGE);
        int alone = turn.held == TURN_ALONE;
        int now = atomic_fetch_add(&turns_alone, alone) + alone;
        for (int i = 0; i < 200 && atomic_load(&turns_alone) == now; i++) {
            usleep(100);
        }
        blas_leave(turn);
    }
    return NULL;
}

// Products of other threads that never end all at once do not keep the number from being set.
static void test_set_beside_many(void **state) {
    (void)state;
#ifndef PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
    skip(); // the C library has no such lock
#endif
    pthread_t threads[2];
    atomic_store(&is_set, false);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, overlap, NULL), 0);
    }
    while (atomic_load(&turns_alone) < 20) {
        usleep(100);
    }
    alarm(60); // ends a wait without end
    decoct_blas_set_threads(3);
    alarm(0);
    atomic_store(&is_set, true);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(decoct_blas_threads(), 3);
    decoct_blas_set_threads(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_caller),
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_sum),
        cmocka_unit_test(test_small_beside_large),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_no_context),
        cmocka_unit_test(test_passing_failure),
        cmocka_unit_test(test_team_of_another),
        cmocka_unit_test(test_number_beside_large),
        cmocka_unit_test(test_set_beside_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
