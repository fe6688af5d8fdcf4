// SPDX-License-Identifier: BSD-2-Clause
// One call at a time: takes the turn or waits for it.
#ifndef DCT_TURN_H
#define DCT_TURN_H

#include "mark.h"

#include <stdbool.h>

typedef struct dct_turn {
    dct_mark mark;            // of the process that has the turn; a child of fork finds it free
    _Atomic uintptr_t holder; // the thread that has it, if others may wait for it
    bool wait;                // a taker waits until the turn is free
} dct_turn;

void dct_turn_open(dct_turn *turn, bool wait);
void dct_turn_close(dct_turn *turn);
// False if the turn is taken: by another thread, or, if takers wait, by this one.
bool dct_turn_take_or_wait(dct_turn *turn);
void dct_turn_give(dct_turn *turn);
// The same two for a turn whose takers do not wait; false if they do, or if it is taken.
static inline bool dct_turn_take_quickly(dct_turn *turn) {
    int32_t free = 0;
    return !turn->wait &&
           atomic_compare_exchange_strong(turn->mark.word, &free, dct_mark_mine(&turn->mark));
}
static inline void dct_turn_give_quickly(dct_turn *turn) {
    atomic_store_explicit(turn->mark.word, 0, memory_order_release);
}
// As dct_turn_take_or_wait; quick where the turn is free and its takers do not wait.
static inline bool dct_turn_take(dct_turn *turn) {
    return dct_turn_take_quickly(turn) || dct_turn_take_or_wait(turn);
}
// Is the turn taken now?
bool dct_turn_is_taken(const dct_turn *turn);

#endif
