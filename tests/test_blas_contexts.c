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

static atomic_int opened, refuse;

decoct_status decoct_context_open(const decoct_options *options, decoct_context **out) {
    decoct_context *ctx = atomic_load(&refuse) ? NULL : malloc(sizeof *ctx);
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
    atomic_store(&refuse, 1);
    assert_int_equal(pthread_create(&other, NULL, work_refused, &got), 0);
    pthread_join(other, NULL);
    assert_int_equal(got, 0);
    atomic_store(&refuse, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_caller), cmocka_unit_test(test_number),
        cmocka_unit_test(test_sum),        cmocka_unit_test(test_small_beside_large),
        cmocka_unit_test(test_fork),       cmocka_unit_test(test_no_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
