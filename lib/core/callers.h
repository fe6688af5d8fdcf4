// SPDX-License-Identifier: BSD-2-Clause
// The last error text of each of the threads that share something. No
// thread-local memory: its first use in a thread allocates, and glibc ends the process if that
// fails; a key of pthreads would need its destructor after the library was unloaded.
#ifndef DCT_CALLERS_H
#define DCT_CALLERS_H

#include "machine/status.h"

#include <stdatomic.h>
#include <stdint.h>

enum { DCT_CALLERS = 16 }; // a further thread reuses one of these slots

typedef struct dct_callers {
    _Atomic int32_t any;                    // has any thread ever left a text here?
    _Atomic uintptr_t threads[DCT_CALLERS]; // 0: free
    dct_error texts[DCT_CALLERS];
} dct_callers;

// Keeps what failed last in this thread.
void dct_callers_note(dct_callers *callers, const char *text);
// Where there are texts of threads, removes that of this one.
void dct_callers_forget_own(dct_callers *callers);
// Nothing failed last in this thread.
static inline void dct_callers_forget(dct_callers *callers) {
    if (atomic_load_explicit(&callers->any, memory_order_relaxed)) {
        dct_callers_forget_own(callers);
    }
}
// The text of this thread, NULL if nothing failed last in it. Valid until the thread's next note,
// or until DCT_CALLERS other threads have left theirs.
const char *dct_callers_text(const dct_callers *callers);

// What failed where there is no context: opening one, or a call with NULL. The only
// memory of the library that is not in a handle.
extern dct_callers dct_without_context;

#endif
