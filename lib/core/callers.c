// SPDX-License-Identifier: BSD-2-Clause
#include "callers.h"

#include "machine/thread.h"

#include <stddef.h>

dct_callers dct_without_context;

enum { TAKEN = 1 }; // not a thread's number: the text is being written

static int find(const dct_callers *callers, uintptr_t thread) {
    for (int i = 0; i < DCT_CALLERS; i++) {
        if (atomic_load(&callers->threads[i]) == thread) {
            return i;
        }
    }
    return -1;
}

// A slot for this thread, marked TAKEN: its own, a free one, or that of another thread. -1 if all
// of them are being written to right now.
static int take_place(dct_callers *callers, uintptr_t thread) {
    int own = find(callers, thread), start = (int)(thread >> 12 & (DCT_CALLERS - 1));
    uintptr_t mine = thread;
    if (own >= 0 && atomic_compare_exchange_strong(&callers->threads[own], &mine, TAKEN)) {
        return own;
    }
    for (int turn = 0; turn < 2 * DCT_CALLERS; turn++) {
        int i = (start + turn) % DCT_CALLERS;
        uintptr_t seen = turn < DCT_CALLERS ? 0 : atomic_load(&callers->threads[i]);
        if (seen != TAKEN && atomic_compare_exchange_strong(&callers->threads[i], &seen, TAKEN)) {
            return i;
        }
    }
    return -1;
}

void dct_callers_note(dct_callers *callers, const char *text) {
    uintptr_t thread = dct_thread_here();
    int place = take_place(callers, thread);
    if (place >= 0) {
        dct_fail(&callers->texts[place], DECOCT_OK, "%s", text);
        atomic_store(&callers->threads[place], thread);
        atomic_store(&callers->any, 1);
    }
}

void dct_callers_forget_own(dct_callers *callers) {
    uintptr_t thread = dct_thread_here();
    int own = find(callers, thread);
    if (own >= 0) { // unless another thread has taken the slot meanwhile
        atomic_compare_exchange_strong(&callers->threads[own], &thread, 0);
    }
}

const char *dct_callers_text(const dct_callers *callers) {
    int own = find(callers, dct_thread_here());
    return own >= 0 ? callers->texts[own].text : NULL;
}
