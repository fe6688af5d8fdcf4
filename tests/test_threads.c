// SPDX-License-Identifier: BSD-2-Clause
// The pool: every index once, exclusive workers, sleep and waking, threads that come and go, forks.
#include "pool_kit.h"

#include "core/mark.h"

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

// The caller's part ends as soon as the other one has begun, which runs longer.
static void finish_late(void *data, int64_t index, int32_t worker) {
    late *l = data;
    (void)index;
    atomic_fetch_add(&l->begun, 1);
    for (int i = 0; worker == 0 && i < 5000 && atomic_load(&l->begun) < 2; i++) {
        linger(10);
    }
    if (worker != 0) {
        nap(300);
    }
    atomic_fetch_add(&l->done, 1);
}

// Workers that are awake but not needed must not count as done.
static void a_run_ends_with_its_last_task(void **state) {
    (void)state;
    dct_pool *pool = open_pool(4, NULL);
    for (int i = 0; i < 300; i++) {
        assert_false(run_is_wrong(pool, 10));
        late l = {0};
        dct_pool_run(pool, 2, finish_late, &l, NULL);
        int32_t at_return = atomic_load(&l.done);
        nap(at_return == 2 ? 0 : 10000); // `l` must outlive a late task
        assert_int_equal(at_return, 2);
    }
    dct_pool_close(pool);
}

// Three tasks that wait for each other end only if three threads run them at the same time.
static void tasks_run_at_the_same_time(void **state) {
    (void)state;
    dct_pool *pool = open_pool(3, NULL);
    meeting m = {0};
    dct_pool_run(pool, 3, meet, &m, NULL);
    assert_int_equal(m.there, 3);
    assert_int_equal(m.alone, 0);
    dct_pool_close(pool);
}

// How often this thread went to sleep; -1 if it is awake. `who` is a folder in /proc/self/task.
static int64_t sleeps_of(const char *who) {
    char path[300];
    char line[128];
    snprintf(path, sizeof path, "/proc/self/task/%.20s/status", who);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    bool asleep = false;
    int64_t count = -1;
    while (fgets(line, sizeof line, file)) {
        asleep = asleep || strncmp(line, "State:\tS", 8) == 0;
        if (strncmp(line, "voluntary_ctxt_switches:", 24) == 0) {
            count = strtoll(line + 24, NULL, 10);
        }
    }
    fclose(file);
    return asleep ? count : -1;
}

// All other threads of this process together; -1 if one of them is awake.
static int64_t sleeps_of_others(void) {
    int64_t sum = 0;
    DIR *dir = opendir("/proc/self/task");
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (e->d_name[0] != '.' && strtol(e->d_name, NULL, 10) != getpid()) {
            int64_t sleeps = sleeps_of(e->d_name);
            sum = sleeps < 0 || sum < 0 ? -1 : sum + sleeps;
        }
    }
    closedir(dir);
    return sum;
}

static void idle_workers_use_no_cpu(void **state) {
    (void)state;
    if (UNDER_TSAN) {
        skip(); // its own thread wakes now and then
    }
    dct_pool *pool = open_pool(4, NULL);
    assert_false(run_is_wrong(pool, 100));
    // On a busy machine they fall asleep late; then they stay asleep.
    int64_t before = -1, now = -1;
    for (int i = 0; i < 1000 && (before < 0 || before != now); i++) {
        before = sleeps_of_others();
        nap(200000);
        now = sleeps_of_others();
    }
    assert_true(now >= 3);
    assert_int_equal(now, before);
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

// ---- Threads start and end ----

static void threads_start_on_need(void **state) {
    (void)state;
    if (UNDER_TSAN) {
        skip();
    }
    int before = settled_tasks(tasks_alone);
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
    int tasks = settled_tasks(tasks_alone);
    int files = count_entries("/proc/self/fd");
    for (int i = 0; i < CYCLES; i++) {
        dct_pool *pool = open_pool(3, NULL);
        assert_false(i % 2 && run_is_wrong(pool, 5));
        dct_pool_close(pool);
    }
    assert_int_equal(settled_tasks(tasks), tasks);
    assert_int_equal(count_entries("/proc/self/fd"), files);
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
    if (SANITIZED || no_threads_after_fork()) { // their allocators stay locked in the child
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
    alarm(600);
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
        return 3; // the limit had no effect
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

// In a word that the system wipes, and in one that it does not.
static void a_child_finds_no_mark_of_its_own(void **state) {
    (void)state;
    for (int wiped = 0; wiped < 2; wiped++) {
        dct_mark mark;
        dct_mark_open(&mark);
        if (!wiped) {
            dct_mark_close(&mark);
            mark.word = &mark.own;
        }
        assert_int_equal(*mark.word, 0);
        assert_int_not_equal(dct_mark_mine(&mark), 0);
        *mark.word = dct_mark_mine(&mark);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            _exit(*mark.word == dct_mark_mine(&mark));
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(*mark.word, dct_mark_mine(&mark));
        dct_mark_close(&mark);
    }
}

int main(void) {
    tasks_alone = count_tasks();
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
        cmocka_unit_test(a_child_finds_no_mark_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
