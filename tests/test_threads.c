// SPDX-License-Identifier: BSD-2-Clause
// The pool: every index once, exclusive workers, forks, pinning, a host's own threads, manners.
#include "cpu.h"
#include "threads.h"

#include <dirent.h>
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { COUNT_MAX = 1000, THREADS_MAX = 20, FORKS = 1000, CYCLES = 1000 };

// ThreadSanitizer has a thread of its own and refuses new threads in a child of a threaded process;
// all sanitizers need more address space than a limit leaves them.
#if defined(__has_feature)
#define INSTRUMENTED(name) __has_feature(name)
#else
#define INSTRUMENTED(name) 0
#endif
#if defined(__SANITIZE_THREAD__) || INSTRUMENTED(thread_sanitizer)
enum { UNDER_TSAN = 1, SANITIZED = 1 };
#elif defined(__SANITIZE_ADDRESS__) || INSTRUMENTED(address_sanitizer) ||                          \
    INSTRUMENTED(memory_sanitizer)
enum { UNDER_TSAN = 0, SANITIZED = 1 };
#else
enum { UNDER_TSAN = 0, SANITIZED = 0 };
#endif

// qemu-user 7.2 aborts when a child of a threaded process makes threads: who runs this under it
// sets the variable.
static bool no_threads_after_fork(void) {
    return UNDER_TSAN || getenv("DECOCT_TEST_EMULATED");
}

// What a run did. Kept free of cmocka's asserts, which may not be used on other threads.
typedef struct tally {
    int64_t workers; // that may take part: no more than there are indices
    _Atomic int32_t seen[COUNT_MAX];
    _Atomic int32_t inside[THREADS_MAX]; // how many tasks have this worker number now
    _Atomic int32_t broken;              // a worker number out of range, or used twice at a time
} tally;

static void linger(int rounds) {
    for (int i = 0; i < rounds; i++) {
        dct_cpu_pause();
    }
}

static void count_index(void *data, int64_t index, int32_t worker) {
    tally *t = data;
    if (worker < 0 || worker >= t->workers || atomic_exchange(&t->inside[worker], 1)) {
        atomic_store(&t->broken, 1);
        return;
    }
    atomic_fetch_add(&t->seen[index], 1);
    linger(20);
    atomic_store(&t->inside[worker], 0);
}

// Runs `count` tasks; 0 if each index came once and no more than those.
static int run_is_wrong(dct_pool *pool, int64_t count) {
    static tally blank;
    tally *t = malloc(sizeof *t);
    if (!t) {
        return 1;
    }
    memcpy(t, &blank, sizeof *t);
    t->workers = dct_pool_threads(pool) < count ? dct_pool_threads(pool) : count;
    dct_pool_run(pool, count, count_index, t);
    int wrong = t->broken;
    for (int64_t i = 0; i < COUNT_MAX; i++) {
        wrong |= t->seen[i] != (i < count);
    }
    free(t);
    return wrong;
}

static dct_pool *open_pool(int32_t threads, const int32_t *cpus) {
    dct_pool_options options = {.threads = threads, .cpus = cpus};
    dct_pool *pool = NULL;
    dct_error error = {{0}};
    assert_int_equal(dct_pool_open(&options, &pool, &error), DECOCT_OK);
    assert_int_equal(dct_pool_threads(pool), threads);
    return pool;
}

static int count_entries(const char *folder) {
    int count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        count += e->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

static int count_tasks(void) {
    return count_entries("/proc/self/task");
}

// A joined thread's entry may linger for a moment.
static int settled_tasks(int want) {
    for (int i = 0; i < 1000 && count_tasks() != want; i++) {
        usleep(1000);
    }
    return count_tasks();
}

static void nap(int64_t microseconds) {
    struct timespec t = {0, microseconds * 1000};
    nanosleep(&t, NULL);
}

// By what the arithmetic does: on x86 fegetround speaks of another unit than the one that computes.
static bool rounds_upward(void) {
    volatile float x = 1.0f;
    volatile float y = 25.0f;
    volatile float z = x / y;
    return z == 0x1.47ae16p-5f; // 0x1.47ae14p-5 is nearest
}

// ---- Work ----

static void every_index_runs_once(void **state) {
    (void)state;
    const int32_t threads[] = {1, 2, 3, 5, 8, 17};
    const int64_t counts[] = {0, 1, 2, 3, 7, 16, 17, 18, 64, 999, 1000, 2, 0, -5};
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
        dct_pool *pool = open_pool(threads[t], NULL);
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            if (run_is_wrong(pool, counts[c])) {
                fail_msg("%d threads, %d indices", (int)threads[t], (int)counts[c]);
            }
        }
        dct_pool_close(pool);
    }
}

// Short runs one after the other, some while workers are still awake, some after they fell asleep.
static void sleepers_are_woken(void **state) {
    (void)state;
    dct_pool *pool = open_pool(4, NULL);
    for (int i = 0; i < 3000; i++) {
        assert_false(run_is_wrong(pool, 1 + i % 9));
        if (i % 10 == 0) {
            nap(i % 500);
        }
    }
    dct_pool_close(pool);
}

typedef struct late {
    _Atomic int32_t begun, done;
} late;

// The caller's part ends as soon as the other one has begun, which takes its time.
static void finish_late(void *data, int64_t index, int32_t worker) {
    late *l = data;
    (void)index;
    atomic_fetch_add(&l->begun, 1);
    for (int i = 0; worker == 0 && i < 100000 && atomic_load(&l->begun) < 2; i++) {
        linger(10);
    }
    if (worker != 0) {
        nap(300);
    }
    atomic_fetch_add(&l->done, 1);
}

// Workers that are awake but not needed must not be taken for ones that are done.
static void a_run_ends_with_its_last_task(void **state) {
    (void)state;
    dct_pool *pool = open_pool(4, NULL);
    for (int i = 0; i < 300; i++) {
        assert_false(run_is_wrong(pool, 10));
        late l = {0};
        dct_pool_run(pool, 2, finish_late, &l);
        int32_t at_return = atomic_load(&l.done);
        nap(at_return == 2 ? 0 : 10000); // `l` must outlive a late task
        assert_int_equal(at_return, 2);
    }
    dct_pool_close(pool);
}

static void meet(void *data, int64_t index, int32_t worker) {
    _Atomic int32_t *there = data;
    (void)index;
    (void)worker;
    atomic_fetch_add(there, 1);
    for (int i = 0; i < 20000 && atomic_load(there) < 3; i++) {
        nap(100);
    }
}

// Three tasks that wait for each other end only if three threads run them at the same time.
static void tasks_run_at_the_same_time(void **state) {
    (void)state;
    dct_pool *pool = open_pool(3, NULL);
    _Atomic int32_t there = 0;
    struct timespec begin;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    dct_pool_run(pool, 3, meet, &there);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_int_equal(there, 3);
    assert_true(end.tv_sec - begin.tv_sec < 2);
    dct_pool_close(pool);
}

static void idle_workers_use_no_cpu(void **state) {
    (void)state;
    dct_pool *pool = open_pool(4, NULL);
    assert_false(run_is_wrong(pool, 100));
    nap(20000);
    struct timespec begin;
    struct timespec end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    nap(200000);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    int64_t used = (end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec;
    assert_in_range(used, 0, 20000000);
    dct_pool_close(pool);
}

static void bad_options_are_refused(void **state) {
    (void)state;
    const int32_t minus[] = {0, -1};
    const int32_t huge[] = {0, INT32_MAX};
    const dct_pool_options bad[] = {{.threads = 0},
                                    {.threads = -1},
                                    {.threads = INT32_MAX},
                                    {.threads = 2, .cpus = minus},
                                    {.threads = 2, .cpus = huge}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        dct_pool *pool = NULL;
        dct_error error = {{0}};
        assert_int_equal(dct_pool_open(&bad[i], &pool, &error), DECOCT_E_ARGUMENT);
        assert_null(pool);
        assert_memory_equal(error.text, "pool: ", 6);
    }
    dct_pool_close(NULL);
}

// ---- Threads come and go ----

static void threads_start_on_need(void **state) {
    (void)state;
    if (UNDER_TSAN) {
        skip();
    }
    int before = settled_tasks(1);
    dct_pool *pool = open_pool(4, NULL);
    assert_int_equal(dct_pool_worker_cpu(pool, 0), -1);
    assert_false(run_is_wrong(pool, 1));
    assert_int_equal(count_tasks(), before);
    assert_in_range(dct_pool_worker_cpu(pool, 0), 0, 1 << 20);
    assert_int_equal(dct_pool_worker_cpu(pool, 3), -1);
    assert_false(run_is_wrong(pool, 2));
    assert_int_equal(count_tasks(), before + 3);
    dct_pool_close(pool);
    assert_int_equal(settled_tasks(before), before);
}

static void cycles_leave_nothing_behind(void **state) {
    (void)state;
    int tasks = settled_tasks(1);
    int files = count_entries("/proc/self/fd");
    for (int i = 0; i < CYCLES; i++) {
        dct_pool *pool = open_pool(3, NULL);
        assert_false(i % 2 && run_is_wrong(pool, 5));
        dct_pool_close(pool);
    }
    assert_int_equal(settled_tasks(tasks), tasks);
    assert_int_equal(count_entries("/proc/self/fd"), files);
}

// The child's part: inherited pool, work, close. Ended by SIGALRM if it hangs.
static int use_in_child(dct_pool *pool) {
    alarm(60);
    int wrong = run_is_wrong(pool, 10) | run_is_wrong(pool, 40);
    dct_pool_close(pool);
    return wrong;
}

static int only_close_in_child(dct_pool *pool) {
    alarm(60);
    dct_pool_close(pool);
    return 0;
}

static void fork_and_check(dct_pool *pool, int (*part)(dct_pool *pool)) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(part(pool));
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void children_get_their_own_threads(void **state) {
    (void)state;
    if (no_threads_after_fork()) {
        skip();
    }
    dct_pool *pool = open_pool(3, NULL);
    fork_and_check(pool, use_in_child); // before any thread was made
    for (int i = 0; i < FORKS / 2; i++) {
        assert_false(run_is_wrong(pool, 8));
        fork_and_check(pool, i % 8 ? use_in_child : only_close_in_child);
    }
    dct_pool_close(pool);
}

typedef struct busy_pool {
    dct_pool *pool;
    atomic_bool stop;
    atomic_int wrong;
} busy_pool;

static void *keep_running(void *data) {
    busy_pool *busy = data;
    while (!atomic_load(&busy->stop)) {
        if (run_is_wrong(busy->pool, 50)) {
            atomic_store(&busy->wrong, 1);
        }
    }
    return NULL;
}

static void fork_while_another_thread_computes(void **state) {
    (void)state;
    if (no_threads_after_fork()) {
        skip();
    }
    busy_pool busy = {.pool = open_pool(3, NULL)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, keep_running, &busy), 0);
    for (int i = 0; i < FORKS / 2; i++) {
        fork_and_check(busy.pool, use_in_child);
    }
    atomic_store(&busy.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(busy.wrong, 0);
    dct_pool_close(busy.pool);
}

// With no address space left for stacks, no thread can be made.
static int run_without_room(void) {
    alarm(60);
    const int32_t cpus[THREADS_MAX] = {0};
    dct_pool_options options = {.threads = THREADS_MAX};
    dct_pool_options pinned = {.threads = THREADS_MAX, .cpus = cpus};
    dct_pool *pool = NULL;
    dct_pool *pinned_pool = NULL;
    if (dct_pool_open(&options, &pool, NULL) || dct_pool_open(&pinned, &pinned_pool, NULL)) {
        return 1;
    }
    char text[64] = {0};
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = file && fgets(text, sizeof text, file) ? strtoul(text, NULL, 10) : 0;
    if (file) {
        fclose(file);
    }
    rlim_t room = pages * (rlim_t)sysconf(_SC_PAGESIZE) + (1 << 20);
    const struct rlimit limit = {room, room};
    if (pages == 0 || setrlimit(RLIMIT_AS, &limit)) {
        return 2;
    }
    int wrong = run_is_wrong(pool, 100) | run_is_wrong(pool, 100);
    wrong |= run_is_wrong(pinned_pool, 100) | run_is_wrong(pinned_pool, 1);
    if (count_tasks() > 1) {
        return 3; // the limit did not bite
    }
    dct_pool_close(pool);
    dct_pool_close(pinned_pool);
    return wrong ? 4 : 0;
}

static void too_few_threads_still_do_the_work(void **state) {
    (void)state;
    if (SANITIZED) {
        skip();
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(run_without_room());
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 3) {
        skip(); // an emulator that does not enforce the limit
    }
    assert_int_equal(status, 0);
}

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
    dct_pool_run(pool, 1, check_place, &check);
    assert_int_equal(check.ran, 1);
    dct_pool_run(pool, 60, check_place, &check);
    assert_int_equal(check.ran_on_caller, 0);
    assert_int_equal(check.wrong_cpu, 0);
    assert_int_equal(check.wrong_mask, 0);
    assert_false(run_is_wrong(pool, 100));
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(dct_pool_worker_cpu(pool, i), cpus[i]);
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

static void refused_bindings_are_told(void **state) {
    (void)state;
    const int32_t cpus[] = {1 << 19, 1 << 18}; // more than any kernel is built for
    dct_pool *pool = open_pool(2, cpus);
    assert_null(dct_pool_binding_error(pool));
    assert_false(run_is_wrong(pool, 100));
    assert_string_equal(dct_pool_binding_error(pool), "worker 0 could not be bound to CPU 524288: "
                                                      "it is not there or not allowed");
    dct_pool_close(pool);
}

// ---- Manners ----

typedef struct manner_check {
    pthread_t caller;
    atomic_int others, wrong_mode, wrong_name, wrong_mask;
} manner_check;

static void check_manners(void *data, int64_t index, int32_t worker) {
    manner_check *check = data;
    (void)index;
    nap(200);
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
    dct_pool_run(pool, 40, check_manners, &check);
    bool kept = rounds_upward();
    fesetround(mode);
    assert_true(kept);
    assert_true(check.others > 0);
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
    int tasks = count_tasks();
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
    dct_pool_run(pool, 10, check_mode, &wrong);
    bool kept = rounds_upward();
    fesetround(mode);
    assert_true(kept);
    assert_int_equal(wrong, 0);
    dct_pool_close(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_few_threads_still_do_the_work), // first: glibc keeps old stacks
        cmocka_unit_test(threads_start_on_need),
        cmocka_unit_test(every_index_runs_once),
        cmocka_unit_test(sleepers_are_woken),
        cmocka_unit_test(a_run_ends_with_its_last_task),
        cmocka_unit_test(tasks_run_at_the_same_time),
        cmocka_unit_test(idle_workers_use_no_cpu),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(cycles_leave_nothing_behind),
        cmocka_unit_test(children_get_their_own_threads),
        cmocka_unit_test(fork_while_another_thread_computes),
        cmocka_unit_test(pinned_workers_are_where_they_should_be),
        cmocka_unit_test(refused_bindings_are_told),
        cmocka_unit_test(workers_have_manners),
        cmocka_unit_test(hosts_bring_their_own_threads),
        cmocka_unit_test(host_threads_keep_their_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
