// SPDX-License-Identifier: BSD-2-Clause
// What the tests of the pool share: a run that checks itself, forks, and looks at this process.
#ifndef POOL_KIT_H
#define POOL_KIT_H

#include "core/threads.h"
#include "machine/cpu.h"
#include "sanitized.h"

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

// What a run did. Kept free of cmocka's asserts, which may not be used on other threads.
typedef struct tally {
    int64_t workers; // that may work: no more than there are indices
    _Atomic int32_t seen[COUNT_MAX];
    _Atomic int32_t inside[THREADS_MAX]; // how many tasks have this worker number now
    _Atomic int32_t broken;              // a worker number out of range, or used twice at a time
} tally;

static inline void linger(int rounds) {
    for (int i = 0; i < rounds; i++) {
        dct_cpu_pause();
    }
}

static inline void count_index(void *data, int64_t index, int32_t worker) {
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
static inline int run_is_wrong(dct_pool *pool, int64_t count) {
    static tally blank;
    tally *t = malloc(sizeof *t);
    if (!t) {
        return 1;
    }
    memcpy(t, &blank, sizeof *t);
    t->workers = dct_pool_threads(pool) < count ? dct_pool_threads(pool) : count;
    dct_pool_run(pool, count, count_index, t, NULL);
    int wrong = t->broken;
    for (int64_t i = 0; i < COUNT_MAX; i++) {
        wrong |= t->seen[i] != (i < count);
    }
    free(t);
    return wrong;
}

static inline dct_pool *open_pool(int32_t threads, const int32_t *cpus) {
    dct_pool_options options = {.threads = threads, .cpus = cpus};
    dct_pool *pool = NULL;
    dct_error error = {{0}};
    assert_int_equal(dct_pool_open(&options, &pool, &error), DECOCT_OK);
    assert_int_equal(dct_pool_threads(pool), threads);
    return pool;
}

static inline int count_entries(const char *folder) {
    int count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        count += e->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

static inline int count_tasks(void) {
    return count_entries("/proc/self/task");
}

// Threads of this process before a test has started one, set by main: an emulator has its own.
static int tasks_alone;

// A joined thread's entry may linger for a moment.
static inline int settled_tasks(int want) {
    for (int i = 0; i < 600 * 1000 && count_tasks() != want; i++) {
        usleep(1000);
    }
    return count_tasks();
}

static inline void nap(int64_t microseconds) {
    struct timespec t = {0, microseconds * 1000};
    nanosleep(&t, NULL);
}

// By the results of arithmetic: on x86 fegetround reports the mode of another unit.
static inline bool rounds_upward(void) {
    volatile float x = 1.0f;
    volatile float y = 25.0f;
    volatile float z = x / y;
    return z == 0x1.47ae16p-5f; // 0x1.47ae14p-5 is nearest
}

// Three tasks that wait for each other. They succeed only if three workers run them at the same
// time; after minutes alone a task gives up, and is counted in `alone`.
typedef struct meeting {
    _Atomic int32_t there, alone;
} meeting;

static inline void meet(void *data, int64_t index, int32_t worker) {
    meeting *m = data;
    (void)index;
    (void)worker;
    atomic_fetch_add(&m->there, 1);
    for (int i = 0; i < 1000 * 1000 && atomic_load(&m->there) < 3; i++) {
        nap(100);
    }
    if (atomic_load(&m->there) < 3) {
        atomic_fetch_add(&m->alone, 1);
    }
}

// The child's part: inherited pool, work, close. Ended by SIGALRM if it hangs.
static inline int use_in_child(dct_pool *pool) {
    alarm(600);
    int wrong = run_is_wrong(pool, 10) | run_is_wrong(pool, 40);
    dct_pool_close(pool);
    return wrong;
}

static inline int only_close_in_child(dct_pool *pool) {
    alarm(600);
    dct_pool_close(pool);
    return 0;
}

static inline void fork_and_check(dct_pool *pool, int (*part)(dct_pool *pool)) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(part(pool));
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

#endif
