// SPDX-License-Identifier: BSD-2-Clause
// Counters (bench/measure/counters.c): the system's own ones for real, those of the hardware by a
// call that only looks like it; and which threads are counted (bench/measure/counted.c).
#include "bench/measure/counted.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGES = 37 };

static pid_t this_thread(void) {
    return (pid_t)syscall(SYS_gettid);
}

// ---- A thread that waits for its turn ----

typedef struct helper {
    pthread_t thread;
    atomic_int number, turns;
    atomic_bool end;
} helper;

// Touches new pages in each turn.
static void *help(void *data) {
    helper *h = data;
    h->number = this_thread();
    for (int done = 0; !h->end;) {
        if (h->turns == done) {
            usleep(1000);
            continue;
        }
        done++;
        size_t page = (size_t)sysconf(_SC_PAGESIZE), size = PAGES * page;
        char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        madvise(pages, size, MADV_NOHUGEPAGE);
        for (size_t i = 0; pages != MAP_FAILED && i < size; i += page) {
            pages[i] = 1;
        }
        munmap(pages, size);
        h->turns = -done;
        while (h->turns < 0 && !h->end) {
            usleep(1000);
        }
    }
    return NULL;
}

static void start(helper *h) {
    assert_int_equal(pthread_create(&h->thread, NULL, help, h), 0);
    while (!h->number) {
        usleep(1000);
    }
}

static void take_turn(helper *h, int turn) {
    h->turns = turn;
    while (h->turns != -turn) {
        usleep(1000);
    }
}

static void stop(helper *h) {
    h->end = true;
    pthread_join(h->thread, NULL);
}

// ---- For real ----

static void threads_are_counted(void **state) {
    (void)state;
    helper h = {0};
    start(&h);
    pid_t threads[] = {this_thread(), h.number};
    counters c;
    counters_begin(&c, threads, 2, NULL);
    take_turn(&h, 1);
    counters_end(&c);
    stop(&h);
    if (c.errors[COUNTER_PAGE_FAULTS]) {
        char text[COUNTED_TEXT];
        counters_explain(&c, "", text, sizeof text);
        print_message("skipped: %s\n", text);
        skip();
    }
    // The pages of the other thread, and few more.
    assert_in_range((uint64_t)c.values[COUNTER_PAGE_FAULTS], PAGES, PAGES + 30);
    assert_float_equal(c.shares[COUNTER_PAGE_FAULTS], 1.0, 0.0);
    if (!c.errors[COUNTER_SWITCHES]) {
        assert_true(c.values[COUNTER_SWITCHES] >= 1.0); // both slept
    }
}

static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;

static void *wait_at(void *number) {
    *(atomic_int *)number = this_thread();
    pthread_mutex_lock(&door);
    pthread_mutex_unlock(&door);
    return NULL;
}

// 'S': it sleeps.
static char state_of(pid_t thread) {
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    const char *name_end = fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
    fclose(file);
    return name_end && name_end[1] ? name_end[2] : '?';
}

static bool has(const thread_times *t, pid_t thread) {
    for (int i = 0; i < t->count; i++) {
        if (t->threads[i] == thread) {
            return true;
        }
    }
    return false;
}

// A pool of another context, which sleeps, is not counted.
static void sleeping_threads_are_left_out(void **state) {
    (void)state;
    helper works = {0};
    start(&works);
    // It sleeps in a lock, not by short naps.
    atomic_int number = 0;
    pthread_mutex_lock(&door);
    pthread_t waiter;
    assert_int_equal(pthread_create(&waiter, NULL, wait_at, &number), 0);
    while (!number || state_of(number) != 'S') {
        usleep(1000);
    }
    thread_times before = thread_times_now();
    take_turn(&works, 1);
    thread_times ran = thread_times_since(&before), all = thread_times_now();
    // An emulator may have threads of its own.
    assert_true(has(&all, works.number) && has(&all, this_thread()) && has(&all, number));
    assert_true(has(&ran, works.number) && has(&ran, this_thread()) && !has(&ran, number));
    thread_times_free(&before);
    thread_times_free(&ran);
    thread_times_free(&all);
    pthread_mutex_unlock(&door);
    pthread_join(waiter, NULL);
    stop(&works);
}

// ---- Hardware that is not there ----

static int refusal;
static int refuse(const struct perf_event_attr *attr, pid_t thread, int group) {
    (void)attr, (void)thread, (void)group;
    errno = refusal;
    return -1;
}

static void check_reason(int error, const char *expected) {
    char text[COUNTED_TEXT];
    counters c;
    pid_t one = this_thread();
    refusal = error;
    counters_begin(&c, &one, 1, refuse);
    counters_end(&c);
    counters_explain(&c, "/nowhere", text, sizeof text);
    if (!strstr(text, expected) || strstr(text, ";")) { // one reason, named once
        fail_msg("errno %d: '%s' has no '%s'", error, text, expected);
    }
    assert_float_equal(c.values[COUNTER_CYCLES], 0.0, 0.0);
}

static void reasons_in_words(void **state) {
    (void)state;
    check_reason(EACCES, "perf_event_paranoid");
    check_reason(EPERM, "CAP_PERFMON");
    check_reason(ENOSYS, "no perf_event_open");
    check_reason(ENOENT, "not offered by the CPU");
    check_reason(EOPNOTSUPP, "cycles, instructions");
    check_reason(EMFILE, "Too many open files");
}

// A file with a count, nanoseconds enabled, and nanoseconds in the hardware. The cycles had the
// hardware all the time, others half of it; the misses of the last cache never. A group of more
// than two does not fit.
static int asked_alone;
static int pretend(const struct perf_event_attr *attr, pid_t thread, int group) {
    (void)thread;
    if (group >= 0 && attr->config == PERF_COUNT_HW_BRANCH_MISSES) {
        errno = EINVAL;
        return -1;
    }
    asked_alone += attr->config == PERF_COUNT_HW_BRANCH_MISSES && attr->disabled;
    bool cycles = attr->type == PERF_TYPE_HARDWARE && attr->config < 2;
    bool last = attr->type == PERF_TYPE_HW_CACHE && (attr->config & 0xff) != 0;
    uint64_t count = attr->config == PERF_COUNT_HW_INSTRUCTIONS ? 3000 : 1000;
    uint64_t values[3] = {count, 2000, cycles ? 2000 : last ? 0 : 1000};
    int ends[2];
    if (pipe(ends)) {
        return -1;
    }
    ssize_t wrote = write(ends[1], values, sizeof values);
    close(ends[1]);
    return wrote == (ssize_t)sizeof values ? ends[0] : -1;
}

static void shared_hardware_is_scaled(void **state) {
    (void)state;
    pid_t threads[] = {1, 2, 3};
    counters c;
    counters_begin(&c, threads, 3, pretend);
    counters_end(&c);
    assert_int_equal(asked_alone, 3);
    assert_float_equal(c.values[COUNTER_CYCLES], 3000.0, 0.0);
    assert_float_equal(c.values[COUNTER_INSTRUCTIONS], 9000.0, 0.0);
    assert_float_equal(c.values[COUNTER_BRANCH_MISSES], 6000.0, 0.0);
    assert_float_equal(c.shares[COUNTER_BRANCH_MISSES], 0.5, 0.0);
    assert_float_equal(c.shares[COUNTER_CYCLES], 1.0, 0.0);
    assert_float_equal(c.cycles_seconds, 6e-6, 1e-12);
    assert_int_equal(c.errors[COUNTER_LLC_MISSES], EBUSY);
    assert_null(c.files);
    counted all = {.runs = 2, .counters = c, .joules = 3.0, .seconds = 0.5};
    assert_float_equal(counted_ipc(&all), 3.0, 1e-12);
    assert_float_equal(counted_mhz(&all), 500.0, 1e-9);
    assert_float_equal(counted_joules(&all), 1.5, 1e-12);
    assert_float_equal(counted_watts(&all), 6.0, 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_are_counted),
        cmocka_unit_test(sleeping_threads_are_left_out),
        cmocka_unit_test(reasons_in_words),
        cmocka_unit_test(shared_hardware_is_scaled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
