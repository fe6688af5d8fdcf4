// SPDX-License-Identifier: BSD-2-Clause
#include "turn.h"

#include "machine/thread.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

// Beside the mark: threads may be waiting. No mark (1, or the number of a process) has this bit.
enum { WAITERS = 1 << 30 };

void dct_turn_open(dct_turn *turn, bool wait) {
    dct_mark_open(&turn->mark);
    atomic_init(&turn->holder, 0);
    turn->wait = wait;
}

void dct_turn_close(dct_turn *turn) {
    dct_mark_close(&turn->mark);
}

// After fork() the child inherits the busy mark of a call that runs only in the parent: ignore it.
static bool is_free(int32_t word, int32_t mine) {
    return (word & ~WAITERS) != mine;
}

// The word has WAITERS from the first wait on until it is given, and a thread that waited takes it
// with WAITERS, since others may still wait (Drepper, "Futexes are tricky", 2011).
static void wait_for_turn(dct_turn *turn, int32_t mine) {
    _Atomic int32_t *word = turn->mark.word;
    for (;;) {
        int32_t seen = atomic_load(word);
        if (is_free(seen, mine)) {
            if (atomic_compare_exchange_strong(word, &seen, mine | WAITERS)) {
                return;
            }
        } else if (seen & WAITERS || atomic_compare_exchange_strong(word, &seen, seen | WAITERS)) {
            syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, mine | WAITERS, NULL, NULL, 0);
        }
    }
}

bool dct_turn_take_or_wait(dct_turn *turn) {
    int32_t mine = dct_mark_mine(&turn->mark), seen = 0;
    if (!atomic_compare_exchange_strong(turn->mark.word, &seen, mine) &&
        (!is_free(seen, mine) || !atomic_compare_exchange_strong(turn->mark.word, &seen, mine))) {
        if (!turn->wait || atomic_load(&turn->holder) == dct_thread_here()) {
            return false;
        }
        wait_for_turn(turn, mine);
    }
    if (turn->wait) {
        atomic_store(&turn->holder, dct_thread_here());
    }
    return true;
}

void dct_turn_give(dct_turn *turn) {
    if (!turn->wait) {
        atomic_store_explicit(turn->mark.word, 0, memory_order_release);
        return;
    }
    atomic_store(&turn->holder, 0);
    if (atomic_exchange(turn->mark.word, 0) & WAITERS) {
        syscall(SYS_futex, turn->mark.word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

bool dct_turn_is_taken(const dct_turn *turn) {
    return !is_free(atomic_load(turn->mark.word), dct_mark_mine(&turn->mark));
}
