// SPDX-License-Identifier: BSD-2-Clause
// One kernel on several threads at the same time.
#include "trap.h"

#include "lib/machine/cpu.h"

#include <stdlib.h>
#include <string.h>
#include <threads.h>

// Where threads share one CPU, calls overlap only where the system changes from one thread to
// another within a call: so calls are repeated until that was often enough.
enum { THREADS_MOST = 16, OVERLAPS = 8, CALLS_MOST = 1 << 16 };

typedef struct together {
    conform_probe *p;
    conform_kernel *run;
    int times, count;
    atomic_int ready, satisfied;
    atomic_llong begun; // calls of all threads
} together;

typedef struct one_thread {
    together *all;
    const void *piece;
    conform_matrix *given;
    const conform_matrix *right;
    char *before; // elements of `given`
} one_thread;

static size_t row_bytes(const conform_matrix *m) {
    return (size_t)m->cols * (size_t)m->size;
}

static char *row_at(const conform_matrix *m, int64_t i) {
    return (char *)m->data + i * m->stride * m->size;
}

static void keep_before(one_thread *t) {
    const conform_matrix *m = t->given;
    t->before = malloc((size_t)m->rows * row_bytes(m) + 1);
    for (int64_t i = 0; t->before && i < m->rows; i++) {
        memcpy(t->before + (size_t)i * row_bytes(m), row_at(m, i), row_bytes(m));
    }
}

// Not the gaps between rows, where a wrong write has to stay.
static void restore_before(const one_thread *t) {
    const conform_matrix *m = t->given;
    for (int64_t i = 0; t->before && i < m->rows; i++) {
        memcpy(row_at(m, i), t->before + (size_t)i * row_bytes(m), row_bytes(m));
    }
}

// True if another thread has begun a call during this one.
static bool call_again(const one_thread *t) {
    together *all = t->all;
    restore_before(t);
    long long mine = atomic_fetch_add(&all->begun, 1) + 1;
    all->run(t->piece);
    atomic_fetch_add(&all->p->page->calls, 1); // the limit of time is that of one call
    return atomic_load(&all->begun) != mine;
}

// All begin when the last one is ready. The first wrong result ends a thread, so that it stays.
static int run_thread(void *data) {
    const one_thread *t = data;
    together *all = t->all;
    int overlaps = 0;
    dct_fp_enter();
    atomic_fetch_add(&all->ready, 1);
    while (atomic_load(&all->ready) < all->count) {
        thrd_yield();
    }
    for (int i = 0; i < CALLS_MOST; i++) {
        overlaps += call_again(t);
        if (t->right && !conform_is_same(t->given, t->right)) {
            break;
        }
        if (i + 1 >= all->times && overlaps >= OVERLAPS) {
            overlaps = INT32_MIN / 2; // counted once
            atomic_fetch_add(&all->satisfied, 1);
        }
        if (atomic_load(&all->satisfied) == all->count) {
            return 0;
        }
    }
    atomic_store(&all->satisfied, all->count);
    return 0;
}

bool conform_call_together(conform_probe *p, conform_kernel *run, const void *const *pieces,
                           conform_matrix *const *given, conform_matrix *const *right, int count,
                           int times) {
    thrd_t threads[THREADS_MOST];
    one_thread each[THREADS_MOST];
    together all = {.p = p, .run = run, .times = times, .count = count};
    if (count > THREADS_MOST) {
        return conform_fail(p, "threads", "this test asks for too many threads");
    }
    conform_watch(p);
    atomic_fetch_add(&p->page->calls, 1);
    for (int i = 0; i < count; i++) {
        each[i] = (one_thread){
            .all = &all, .piece = pieces[i], .given = given[i], .right = right ? right[i] : NULL};
        keep_before(&each[i]);
    }
    for (int i = 0; i < count; i++) {
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
