// SPDX-License-Identifier: BSD-2-Clause
// One kernel on several threads at the same time.
#include "trap.h"

#include "lib/machine/cpu.h"

#include <stdlib.h>
#include <threads.h>

enum { THREADS_MOST = 16 };

typedef struct together {
    conform_kernel *run;
    int times, count;
    atomic_int ready;
} together;

typedef struct one_thread {
    together *all;
    const void *piece;
} one_thread;

// All begin when the last one is ready, so that their calls overlap even if they are short.
static int run_thread(void *data) {
    const one_thread *t = data;
    dct_fp_enter();
    atomic_fetch_add(&t->all->ready, 1);
    while (atomic_load(&t->all->ready) < t->all->count) {
        thrd_yield();
    }
    for (int i = 0; i < t->all->times; i++) {
        t->all->run(t->piece);
    }
    return 0;
}

bool conform_call_together(conform_probe *p, conform_kernel *run, const void *const *pieces,
                           int count, int times) {
    thrd_t threads[THREADS_MOST];
    one_thread each[THREADS_MOST];
    together all = {.run = run, .times = times, .count = count};
    if (count > THREADS_MOST) {
        return conform_fail(p, "threads", "this test asks for too many threads");
    }
    conform_watch(p);
    atomic_fetch_add(&p->page->calls, 1);
    for (int i = 0; i < count; i++) {
        each[i] = (one_thread){.all = &all, .piece = pieces[i]};
        if (thrd_create(&threads[i], run_thread, &each[i]) != thrd_success) {
            conform_skip(p, "%d threads could not be started", count);
            _Exit(EXIT_SUCCESS); // the others wait for it
        }
    }
    atomic_store(&p->page->in_call, 2);
    for (int i = 0; i < count; i++) {
        thrd_join(threads[i], NULL);
    }
    atomic_store(&p->page->in_call, 0);
    return conform_check_memory(p);
}
