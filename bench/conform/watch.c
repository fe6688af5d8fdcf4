// SPDX-License-Identifier: BSD-2-Clause
// The watch over the calls of a test: signals, system calls, allocations.
#include "frame.h"
#include "trap.h"

void conform_watch_signals(conform_probe *p) {
    trap_watch(p);
    trap_faults();
}

void conform_watch(conform_probe *p) {
    trap_watch(p);
    if (p->watched || p->together) {
        return;
    }
    p->watched = true;
    trap_faults();
    if (p->slot >= DCT_SLOT_WHOLE_MATMUL) {
        return; // it may allocate, call the system and start threads
    }
    trap_allocations(trap_die);
    trap_system_calls();
    p->page->untried[1] = trap_system_calls_untried();
    p->page->untried[2] = trap_allocations_untried();
}

void conform_watch_begin(void) {
    atomic_fetch_add(&trap_probe()->page->calls, 1);
    trap_arm_allocations();
    atomic_store(&trap_probe()->page->in_call, 1);
}

void conform_watch_end(void) {
    atomic_store(&trap_probe()->page->in_call, 0);
    trap_disarm_allocations();
}
