// SPDX-License-Identifier: BSD-2-Clause
#include "loop.h"

void dct_loop_cut(dct_loop *loop, dct_portion *portions, int64_t count, int32_t workers) {
    loop->portions = portions;
    loop->count = count < workers ? (int32_t)count : workers;
    int64_t each = count / loop->count, longer = count % loop->count, first = 0;
    for (int32_t i = 0; i < loop->count; i++) {
        atomic_store_explicit(&portions[i].next, first, memory_order_relaxed);
        first += each + (i < longer);
        portions[i].end = first;
    }
    atomic_store_explicit(&loop->open, loop->count, memory_order_relaxed);
}

// The indices of one portion. The worker that finds it empty first closes it.
static void run_portion(dct_loop *loop, dct_portion *p, int32_t worker) {
    const int64_t end = p->end;
    if (atomic_load_explicit(&p->next, memory_order_relaxed) > end) { // closed: a read is cheap
        return;
    }
    int64_t index;
    while ((index = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed)) < end) {
        loop->task(loop->data, index, worker);
    }
    if (index == end) {
        atomic_fetch_sub_explicit(&loop->open, 1, memory_order_release);
    }
}

void dct_loop_run(dct_loop *loop, int32_t worker) {
    for (int32_t i = 0; i < loop->count && !dct_loop_is_handed_out(loop); i++) {
        run_portion(loop, &loop->portions[((int64_t)worker + i) % loop->count], worker);
    }
}

bool dct_loop_is_handed_out(dct_loop *loop) {
    return atomic_load_explicit(&loop->open, memory_order_acquire) == 0;
}
