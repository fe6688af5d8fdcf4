// SPDX-License-Identifier: BSD-2-Clause
#include "counted.h"

#include "machine/clock.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// How long a round is: counters that share the hardware change each few ms; energy is updated once
// a ms, so that 1 % needs 100.
static const double COUNT_SECONDS = 10e-3, ENERGY_SECONDS = 100e-3;

// ---- Threads ----

// CPU time of any thread: the clock that pthread_getcpuclockid names, for a thread's number.
static double thread_seconds(pid_t thread) {
    struct timespec t;
    clockid_t id = (clockid_t)(~(unsigned)thread << 3 | 6u);
    return clock_gettime(id, &t) == 0 ? (double)t.tv_sec + 1e-9 * (double)t.tv_nsec : -1.0;
}

static bool add_thread(thread_times *t, int *room, pid_t thread) {
    if (t->count == *room) {
        int more = 2 * *room + 16;
        pid_t *threads = realloc(t->threads, (size_t)more * sizeof *threads);
        t->threads = threads ? threads : t->threads;
        double *seconds = threads ? realloc(t->seconds, (size_t)more * sizeof *seconds) : NULL;
        t->seconds = seconds ? seconds : t->seconds;
        if (!seconds) {
            return false;
        }
        *room = more;
    }
    t->threads[t->count] = thread;
    t->seconds[t->count++] = thread_seconds(thread);
    return true;
}

thread_times thread_times_now(void) {
    thread_times t = {0};
    int room = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
        long thread = strtol(entry->d_name, NULL, 10);
        if (thread > 0 && !add_thread(&t, &room, (pid_t)thread)) {
            break;
        }
    }
    if (tasks) {
        closedir(tasks);
    }
    return t;
}

void thread_times_free(thread_times *t) {
    free(t->threads);
    free(t->seconds);
    *t = (thread_times){0};
}

static double time_of(const thread_times *t, pid_t thread) {
    for (int i = 0; i < t->count; i++) {
        if (t->threads[i] == thread) {
            return t->seconds[i];
        }
    }
    return 0.0; // it is new
}

thread_times thread_times_since(const thread_times *before) {
    thread_times now = thread_times_now();
    int kept = 0;
    for (int i = 0; i < now.count; i++) {
        if (now.seconds[i] > time_of(before, now.threads[i])) {
            now.seconds[kept] = now.seconds[i];
            now.threads[kept++] = now.threads[i];
        }
    }
    now.count = kept;
    return now;
}

// ---- The round ----

void counted_take(counted *c, bench_work *work, const thread_times *before) {
    thread_times threads = thread_times_since(before);
    energy used;
    energy_begin(&used, "");
    double least = used.unknown[0] ? COUNT_SECONDS : ENERGY_SECONDS;
    bool well = true;
    int64_t runs = 0;
    counters_begin(&c->counters, threads.threads, threads.count, NULL);
    double start = clock_now(), seconds = 0.0;
    while (well && (runs == 0 || seconds < least)) {
        well = work_run(work) == DECOCT_OK; // a failure shows in the next sample
        runs++;
        seconds = clock_now() - start;
    }
    counters_end(&c->counters);
    energy_end(&used, "");
    c->done = true;
    c->runs = well ? runs : 0;
    c->seconds = seconds;
    c->joules = used.packages;
    c->memory_joules = used.memory;
    snprintf(c->no_energy, sizeof c->no_energy, "%s", used.unknown);
    counters_explain(&c->counters, "", c->unknown, sizeof c->unknown);
    thread_times_free(&threads);
}

static bool knows(const counted *c, counter which) {
    return c->runs > 0 && !c->counters.errors[which];
}

double counted_ipc(const counted *c) {
    const double *values = c->counters.values;
    return knows(c, COUNTER_INSTRUCTIONS) && knows(c, COUNTER_CYCLES) &&
                   values[COUNTER_CYCLES] > 0.0
               ? values[COUNTER_INSTRUCTIONS] / values[COUNTER_CYCLES]
               : 0.0;
}

double counted_mhz(const counted *c) {
    return knows(c, COUNTER_CYCLES) && c->counters.cycles_seconds > 0.0
               ? c->counters.values[COUNTER_CYCLES] / c->counters.cycles_seconds * 1e-6
               : 0.0;
}

double counted_joules(const counted *c) {
    return c->runs > 0 && c->joules > 0.0 ? c->joules / (double)c->runs : 0.0;
}

double counted_watts(const counted *c) {
    return c->runs > 0 && c->joules > 0.0 && c->seconds > 0.0 ? c->joules / c->seconds : 0.0;
}
