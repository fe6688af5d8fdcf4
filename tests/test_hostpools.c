// SPDX-License-Identifier: BSD-2-Clause
// Threads of the host: pools of pthreads and of OpenMP as parallel_for, several threads on one
// context, and no more threads than the host planned.
#include "check.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif

enum { N = 256, MEMBERS = 3, HOST_THREADS = 4, ROUNDS = 20 };
static float x[N * N], b[N * N], expected[N * N];

static bool is_product(decoct_context *ctx, float *y) {
    memset(y, 0, sizeof expected);
    return decoct_matmul_dense(ctx, N, N, N, x, b, 0, NULL, y) == DECOCT_OK &&
           memcmp(y, expected, sizeof expected) == 0;
}

static decoct_context *open_context(decoct_options options) {
    decoct_context *ctx = NULL;
    options.struct_size = sizeof options;
    return decoct_context_open(&options, &ctx) == DECOCT_OK ? ctx : NULL;
}

static int count_tasks(void) {
    DIR *dir = opendir("/proc/self/task");
    int count = 0;
    for (const struct dirent *e; dir && (e = readdir(dir));) {
        count += e->d_name[0] != '.';
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

// ---- A pool of pthreads ----

typedef struct pool {
    pthread_t threads[MEMBERS];
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    decoct_task task;
    void *task_data;
    int64_t next, count, finished, runs;
    bool ends;
} pool;

// Runs indices while there are some; the lock is held before and after.
static void run_indices(pool *p) {
    while (p->next < p->count) {
        int64_t index = p->next++;
        pthread_mutex_unlock(&p->lock);
        p->task(p->task_data, index);
        pthread_mutex_lock(&p->lock);
        p->finished++;
    }
    pthread_cond_broadcast(&p->done);
}

static void *member(void *data) {
    pool *p = data;
    pthread_mutex_lock(&p->lock);
    while (!p->ends) {
        run_indices(p);
        pthread_cond_wait(&p->work, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void pool_for(void *host, decoct_task task, void *task_data, int64_t count) {
    pool *p = host;
    pthread_mutex_lock(&p->lock);
    p->task = task;
    p->task_data = task_data;
    p->next = p->finished = 0;
    p->count = count;
    p->runs++;
    pthread_cond_broadcast(&p->work);
    run_indices(p);
    while (p->finished < count) {
        pthread_cond_wait(&p->done, &p->lock);
    }
    p->count = 0;
    pthread_mutex_unlock(&p->lock);
}

static void test_pthreads(void **state) {
    static float y[N * N];
    pool p = {.lock = PTHREAD_MUTEX_INITIALIZER,
              .work = PTHREAD_COND_INITIALIZER,
              .done = PTHREAD_COND_INITIALIZER};
    (void)state;
    for (int i = 0; i < MEMBERS; i++) {
        assert_int_equal(pthread_create(&p.threads[i], NULL, member, &p), 0);
    }
    int before = count_tasks();
    decoct_context *ctx = open_context((decoct_options){
        .threads = MEMBERS + 1, .parallel_for = pool_for, .parallel_for_host = &p});
    assert_non_null(ctx);
    for (int i = 0; i < ROUNDS; i++) {
        assert_true(is_product(ctx, y));
    }
    assert_true(p.runs >= ROUNDS);
    assert_true(count_tasks() <= before); // the library started none
    decoct_context_close(ctx);
    pthread_mutex_lock(&p.lock);
    p.ends = true;
    pthread_cond_broadcast(&p.work);
    pthread_mutex_unlock(&p.lock);
    for (int i = 0; i < MEMBERS; i++) {
        pthread_join(p.threads[i], NULL);
    }
}

// ---- OpenMP ----

#ifdef _OPENMP
static _Atomic int64_t omp_runs, nested_threads;

static void omp_for(void *host, decoct_task task, void *task_data, int64_t count) {
    (void)host;
    omp_runs++;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t i = 0; i < count; i++) {
        if (omp_get_level() > 1 && omp_get_num_threads() > 1) {
            nested_threads++;
        }
        task(task_data, i);
    }
}

// A call inside a parallel region runs on its own thread: OpenMP opens no team inside a team.
static void test_openmp(void **state) {
    static float y[N * N], inside[HOST_THREADS][N * N];
    int wrong = 0;
    (void)state;
    decoct_options options = {.threads = HOST_THREADS, .parallel_for = omp_for};
    omp_set_num_threads(HOST_THREADS);
#pragma omp parallel for
    for (int i = 0; i < HOST_THREADS; i++) {
        inside[i][0] = 0.0f; // starts OpenMP's threads
    }
    int before = count_tasks();
    decoct_context *ctx = open_context(options);
    assert_non_null(ctx);
    for (int i = 0; i < ROUNDS; i++) {
        assert_true(is_product(ctx, y));
    }
    assert_true(omp_runs >= ROUNDS);
    decoct_context_close(ctx);
#pragma omp parallel for reduction(+ : wrong)
    for (int i = 0; i < HOST_THREADS; i++) {
        decoct_context *own = open_context(options);
        wrong += !own || !is_product(own, inside[i]);
        decoct_context_close(own);
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(nested_threads, 0);
    assert_true(count_tasks() <= before);
}
#else
static void test_openmp(void **state) {
    (void)state;
    print_message("skipped: this compiler has no OpenMP\n");
    skip();
}
#endif

// ---- A host that runs threads of its own ----

typedef struct caller {
    decoct_context *shared; // NULL: a context of one thread for itself
    float y[N * N];
    int wrong, most; // tasks of this process that it saw
} caller;

static void *call(void *data) {
    caller *c = data;
    decoct_context *ctx = c->shared ? c->shared : open_context((decoct_options){.threads = 1});
    for (int i = 0; i < ROUNDS; i++) {
        c->wrong += !ctx || !is_product(ctx, c->y);
        int tasks = count_tasks();
        c->most = tasks > c->most ? tasks : c->most;
    }
    if (!c->shared) {
        decoct_context_close(ctx);
    }
    return NULL;
}

// The most tasks that HOST_THREADS threads saw while they all called.
static int most_tasks(decoct_context *shared) {
    static caller callers[HOST_THREADS];
    pthread_t threads[HOST_THREADS];
    int most = 0;
    for (int i = 0; i < HOST_THREADS; i++) {
        callers[i].shared = shared;
        callers[i].most = 0;
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < HOST_THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].wrong, 0);
        most = callers[i].most > most ? callers[i].most : most;
    }
    return most;
}

static void test_one_thread_each(void **state) {
    int before = count_tasks();
    (void)state;
    assert_true(most_tasks(NULL) <= before + HOST_THREADS);
}

static void test_one_context_for_all(void **state) {
    int before = count_tasks();
    decoct_context *ctx = open_context((decoct_options){.threads = 3, .wait = 1});
    (void)state;
    assert_non_null(ctx);
    assert_true(most_tasks(ctx) <= before + HOST_THREADS + 2);
    decoct_context_close(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread_each),
        cmocka_unit_test(test_one_context_for_all),
        cmocka_unit_test(test_pthreads),
        cmocka_unit_test(test_openmp),
    };
    check_fill(x, N * N, 1, 1.0f);
    check_fill(b, N * N, 2, 1.0f);
    decoct_context *ctx = check_open("scalar", 1);
    if (decoct_matmul_dense(ctx, N, N, N, x, b, 0, NULL, expected) != DECOCT_OK) {
        return 1;
    }
    decoct_context_close(ctx);
    return cmocka_run_group_tests_name("pools of hosts", tests, NULL, NULL);
}
