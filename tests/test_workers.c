// SPDX-License-Identifier: BSD-2-Clause
// The pool's workers: where they run when pinned, their effects on the host, and a host's own
// threads.
#include "pool_kit.h"

// ---- Pinning ----

typedef struct place_check {
    const int32_t *cpus; // NULL: any
    pthread_t caller;
    atomic_int ran, ran_on_caller, wrong_cpu, wrong_mask;
} place_check;

static void check_place(void *data, int64_t index, int32_t worker) {
    place_check *check = data;
    (void)index;
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    atomic_fetch_add(&check->ran, 1);
    if (pthread_equal(pthread_self(), check->caller)) {
        atomic_store(&check->ran_on_caller, 1);
    }
    if (sched_getcpu() != check->cpus[worker]) {
        atomic_store(&check->wrong_cpu, 1);
    }
    if (CPU_COUNT(&set) != 1) {
        atomic_store(&check->wrong_mask, 1);
    }
    nap(100);
}

static void pinned_workers_are_where_they_should_be(void **state) {
    (void)state;
    cpu_set_t before;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    int32_t cpus[3] = {-1, -1, -1};
    int32_t found = 0;
    for (int32_t cpu = CPU_SETSIZE - 1; cpu >= 0 && found < 3; cpu--) {
        if (CPU_ISSET((size_t)cpu, &before)) {
            cpus[found++] = cpu;
        }
    }
    while (found < 3) { // fewer CPUs than workers: two of them share one
        cpus[found++] = cpus[0];
    }
    dct_pool *pool = open_pool(3, cpus);
    place_check check = {.cpus = cpus, .caller = pthread_self()};
    dct_pool_run(pool, 1, check_place, &check, NULL);
    assert_int_equal(check.ran, 1);
    dct_pool_run(pool, 60, check_place, &check, NULL);
    assert_int_equal(check.ran_on_caller, CPU_COUNT(&before) == 1); // then it is bound already
    assert_int_equal(check.wrong_cpu, 0);
    assert_int_equal(check.wrong_mask, 0);
    assert_false(run_is_wrong(pool, 100));
    meeting m = {0}; // so that every worker is in time to be seen
    dct_pool_run(pool, 3, meet, &m, NULL);
    assert_int_equal(m.alone, 0);
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(dct_pool_worker_cpu(pool, i), cpus[i]);
        assert_int_equal(dct_pool_worker_bound(pool, i), cpus[i]);
    }
    assert_null(dct_pool_binding_error(pool));
    if (!no_threads_after_fork()) {
        fork_and_check(pool, use_in_child);
    }
    cpu_set_t after;
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
    dct_pool_close(pool);
}

typedef struct other_caller {
    dct_pool *pool;
    place_check *check;
    int32_t cpu;
} other_caller;

static void *call_from_elsewhere(void *data) {
    other_caller *other = data;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)other->cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    dct_pool_run(other->pool, 60, check_place, other->check, NULL);
    return NULL;
}

// A caller that its host has bound to the first worker's CPU is that worker.
static void a_bound_caller_works(void **state) {
    (void)state;
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    int32_t cpus[2] = {-1, -1};
    for (int32_t cpu = 0; cpu < CPU_SETSIZE && cpus[1] < 0; cpu++) {
        if (CPU_ISSET((size_t)cpu, &before)) {
            cpus[cpus[0] < 0 ? 0 : 1] = cpu;
        }
    }
    if (cpus[1] < 0) {
        skip(); // one CPU: every caller is bound
    }
    for (int first = 0; first < 2; first++) { // bound to the CPU of worker 0, and of worker 1
        dct_pool *pool = open_pool(2, cpus);
        place_check check = {.cpus = cpus, .caller = pthread_self()};
        CPU_ZERO(&one);
        CPU_SET((size_t)cpus[first], &one);
        assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
        dct_pool_run(pool, 1, check_place, &check, NULL);
        dct_pool_run(pool, 60, check_place, &check, NULL);
        assert_int_equal(check.ran, 61);
        assert_int_equal(check.ran_on_caller, first == 0);
        assert_int_equal(check.wrong_cpu, 0);
        assert_int_equal(check.wrong_mask, 0);
        assert_int_equal(dct_pool_worker_bound(pool, 0), cpus[0]);
        assert_int_equal(dct_pool_worker_bound(pool, 1), cpus[1]);
        // A caller bound elsewhere leaves worker 0's share to the others.
        other_caller other = {.pool = pool, .check = &check, .cpu = cpus[1]};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, call_from_elsewhere, &other), 0);
        pthread_join(thread, NULL);
        assert_int_equal(check.ran, 121);
        assert_int_equal(check.wrong_cpu, 0);
        dct_pool_close(pool);
        assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    }
}

static void refused_bindings_are_told(void **state) {
    (void)state;
    const int32_t cpus[] = {1 << 19, 1 << 18}; // more than any kernel is built for
    dct_pool *pool = open_pool(2, cpus);
    assert_null(dct_pool_binding_error(pool));
    assert_false(run_is_wrong(pool, 100));
    assert_string_equal(dct_pool_binding_error(pool), "worker 0 could not be bound to CPU 524288: "
                                                      "it is not there or not allowed");
    assert_int_equal(dct_pool_worker_bound(pool, 0), -1);
    dct_pool_close(pool);
}

// ---- Effects on the host ----

typedef struct manner_check {
    pthread_t caller;
    meeting meeting;
    atomic_int others, wrong_mode, wrong_name, wrong_mask;
} manner_check;

static void check_manners(void *data, int64_t index, int32_t worker) {
    manner_check *check = data;
    meet(&check->meeting, index, worker); // so that two of the three are not the caller
    if (pthread_equal(pthread_self(), check->caller)) {
        return;
    }
    atomic_fetch_add(&check->others, 1);
    char name[16];
    char wanted[16];
    snprintf(wanted, sizeof wanted, "decoct-%d", worker);
    if (pthread_getname_np(pthread_self(), name, sizeof name) || strcmp(name, wanted) != 0) {
        atomic_store(&check->wrong_name, 1);
    }
    if (rounds_upward()) {
        atomic_store(&check->wrong_mode, 1);
    }
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    const int blocked[] = {SIGINT, SIGTERM, SIGUSR1, SIGALRM, SIGCHLD, SIGPROF, SIGHUP};
    for (size_t i = 0; i < sizeof blocked / sizeof blocked[0]; i++) {
        if (!sigismember(&mask, blocked[i])) {
            atomic_store(&check->wrong_mask, 1);
        }
    }
    if (sigismember(&mask, SIGSEGV)) {
        atomic_store(&check->wrong_mask, 1);
    }
}

static void workers_have_manners(void **state) {
    (void)state;
    sigset_t before;
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_false(sigismember(&before, SIGUSR1)); // or nothing could be seen here
    int mode = fegetround();
    fesetround(FE_UPWARD); // the host's mode, which a new thread would inherit
    dct_pool *pool = open_pool(4, NULL);
    manner_check check = {.caller = pthread_self()};
    dct_pool_run(pool, 3, check_manners, &check, NULL);
    bool kept = rounds_upward();
    fesetround(mode);
    assert_true(kept);
    assert_int_equal(check.meeting.alone, 0);
    assert_true(check.others >= 2);
    assert_int_equal(check.wrong_mode, 0);
    assert_int_equal(check.wrong_name, 0);
    assert_int_equal(check.wrong_mask, 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int i = 1; i < NSIG; i++) {
        assert_int_equal(sigismember(&before, i), sigismember(&after, i));
    }
    dct_pool_close(pool);
}

// ---- A host's own threads ----

typedef struct host {
    int64_t calls, slices;
    int reversed;
} host;

static void run_in_order(void *data, decoct_task task, void *task_data, int64_t count) {
    host *h = data;
    h->calls++;
    h->slices = count;
    for (int64_t i = 0; i < count; i++) {
        task(task_data, h->reversed ? count - 1 - i : i);
    }
}

typedef struct host_slice {
    pthread_barrier_t *barrier;
    decoct_task task;
    void *task_data;
    int64_t index;
} host_slice;

static void *run_host_slice(void *data) {
    host_slice *slice = data;
    pthread_barrier_wait(slice->barrier);
    slice->task(slice->task_data, slice->index);
    return NULL;
}

static void run_in_threads(void *data, decoct_task task, void *task_data, int64_t count) {
    host *h = data;
    pthread_t threads[THREADS_MAX];
    host_slice slices[THREADS_MAX];
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, (unsigned)count);
    h->calls++;
    h->slices = count;
    for (int64_t i = 0; i < count; i++) {
        slices[i] = (host_slice){&barrier, task, task_data, i};
        pthread_create(&threads[i], NULL, run_host_slice, &slices[i]);
    }
    for (int64_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&barrier);
}

static void check_host(dct_pool_options options, host *h) {
    dct_pool *pool = NULL;
    options.parallel_for_host = h;
    assert_int_equal(dct_pool_open(&options, &pool, NULL), DECOCT_OK);
    int tasks = settled_tasks(tasks_alone); // threads of the test before may not be gone yet
    for (int i = 0; i < 20; i++) {
        assert_false(run_is_wrong(pool, 100));
        assert_int_equal(h->slices, 5);
        assert_false(run_is_wrong(pool, 3));
        assert_int_equal(h->slices, 3);
    }
    assert_int_equal(h->calls, 40);
    assert_int_equal(settled_tasks(tasks), tasks);
    dct_pool_close(pool);
}

static void hosts_bring_their_own_threads(void **state) {
    (void)state;
    host serial = {.reversed = 0};
    check_host((dct_pool_options){.threads = 5, .parallel_for = run_in_order}, &serial);
    host reversed = {.reversed = 1};
    check_host((dct_pool_options){.threads = 5, .parallel_for = run_in_order}, &reversed);
    host parallel = {.reversed = 0};
    check_host((dct_pool_options){.threads = 5, .parallel_for = run_in_threads}, &parallel);
    const int32_t cpu = 0;
    dct_pool_options both = {.threads = 1, .cpus = &cpu, .parallel_for = run_in_order};
    dct_pool *pool = NULL;
    assert_int_equal(dct_pool_open(&both, &pool, NULL), DECOCT_E_ARGUMENT);
}

static void check_mode(void *data, int64_t index, int32_t worker) {
    atomic_int *wrong = data;
    (void)index;
    (void)worker;
    if (rounds_upward()) {
        atomic_store(wrong, 1);
    }
}

static void host_threads_keep_their_mode(void **state) {
    (void)state;
    host h = {.reversed = 0};
    dct_pool_options options = {
        .threads = 3, .parallel_for = run_in_order, .parallel_for_host = &h};
    dct_pool *pool = NULL;
    assert_int_equal(dct_pool_open(&options, &pool, NULL), DECOCT_OK);
    atomic_int wrong = 0;
    int mode = fegetround();
    fesetround(FE_UPWARD);
    dct_pool_run(pool, 10, check_mode, &wrong, NULL);
    bool kept = rounds_upward();
    fesetround(mode);
    assert_true(kept);
    assert_int_equal(wrong, 0);
    dct_pool_close(pool);
}

int main(void) {
    tasks_alone = count_tasks();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pinned_workers_are_where_they_should_be),
        cmocka_unit_test(a_bound_caller_works),
        cmocka_unit_test(refused_bindings_are_told),
        cmocka_unit_test(workers_have_manners),
        cmocka_unit_test(hosts_bring_their_own_threads),
        cmocka_unit_test(host_threads_keep_their_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
