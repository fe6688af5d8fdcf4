// SPDX-License-Identifier: BSD-2-Clause
// The plainest test of a kernel, on several threads at the same time, each with other numbers. A
// kernel that was right on one thread has to be right here.
#include "frame.h"
#include "tests.h"

#include "lib/machine/cpu.h"
#include "machine/clock.h"

#include <stdlib.h>
#include <threads.h>

enum { THREADS = 4, OVERLAPS = 200 }; // of the calls of a thread with those of others
// CPU time of each thread, by the level of the run, while it waits for calls of others.
static const double seconds[] = {0.05, 0.15, 0.5};

typedef struct together {
    conform_probe probes[THREADS];
    atomic_int ready;
} together;

typedef struct one_thread {
    together *all;
    int index;
} one_thread;

// All begin when the last one is ready, so that their calls overlap even if they are short.
static int run_thread(void *data) {
    const one_thread *t = data;
    conform_probe *p = &t->all->probes[t->index];
    dct_fp_enter();
    p->end = clock_thread() + seconds[p->level];
    atomic_fetch_add(&t->all->ready, 1);
    while (atomic_load(&t->all->ready) < THREADS) {
        thrd_yield();
    }
    do {
        p->test->run(p);
        conform_release(p);
    } while (clock_thread() < p->end && p->all_overlaps < OVERLAPS && p->page->count == 0);
    return 0;
}

void conform_threads(conform_probe *p) {
    together all = {0};
    one_thread each[THREADS];
    thrd_t threads[THREADS];
    conform_watch_signals(p);
    for (int i = 0; i < THREADS; i++) {
        each[i] = (one_thread){.all = &all, .index = i};
        all.probes[i] = *p;
        all.probes[i].test = p->plainest;
        all.probes[i].seed = (p->seed + 1 + (uint64_t)i) & 0xffff;
        all.probes[i].together = true;
        if (thrd_create(&threads[i], run_thread, &each[i]) != thrd_success) {
            conform_skip(p, "%d threads could not be started", THREADS);
            _Exit(EXIT_SUCCESS); // the others wait for it
        }
    }
    for (int i = 0; i < THREADS; i++) {
        thrd_join(threads[i], NULL);
    }
}
