// SPDX-License-Identifier: BSD-2-Clause
// The thread that calls the library: its number, no cancellation half way, and its state around the
// host's functions.
#ifndef DCT_THREAD_H
#define DCT_THREAD_H

#include <stdint.h>

// A number that no other living thread of the process has; not 0.
uintptr_t dct_thread_here(void);
// Turns cancellation of this thread off and returns what it was; a pthread_cancel stays pending. A
// call that ended half way would leave its turn taken and its workers running on a dead stack. Used
// around code that waits or reads files, which has the cancellation points; not around each call,
// since the pair would be a third of a small one (docs/tuning.md).
int32_t dct_cancel_off(void);
void dct_cancel_restore(int32_t before);

// What a function of the host's may not change: it may have cancellation points, and leave another
// floating-point mode behind.
typedef struct dct_host_call {
    uint64_t fp_mode;
    int32_t cancel;
} dct_host_call;

// Around each call of such a function.
dct_host_call dct_host_begin(void);
void dct_host_end(dct_host_call before);

#endif
