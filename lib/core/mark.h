// SPDX-License-Identifier: BSD-2-Clause
// A word in which a process leaves its mark. A child made by fork does not find its own mark there,
// and so knows that threads and calls of its parent do not exist in it. Reading it costs nothing,
// while getpid is a system call that costs as much as a product of 16 x 16 x 16.
#ifndef DCT_MARK_H
#define DCT_MARK_H

#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

typedef struct dct_mark {
    _Atomic int32_t *word; // 0: no mark
    _Atomic int32_t own;   // the word where the system does not wipe it in a child
} dct_mark;

// Cannot fail. The mark stays where it is until it is closed.
void dct_mark_open(dct_mark *mark);
void dct_mark_close(dct_mark *mark);
// What this process writes into the word: not 0, and different from what a child finds there.
static inline int32_t dct_mark_mine(const dct_mark *mark) {
    return mark->word == &mark->own ? (int32_t)getpid() : 1;
}

#endif
