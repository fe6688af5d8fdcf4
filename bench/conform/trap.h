// SPDX-License-Identifier: BSD-2-Clause
// Traps in a child: what a call of a kernel must not do.
#ifndef BENCH_CONFORM_TRAP_H
#define BENCH_CONFORM_TRAP_H

#include "frame.h"

#include <signal.h>

// Which test runs in this process, and in this thread.
void trap_watch(conform_probe *p);
const conform_probe *trap_probe(void);

// For handlers.
void trap_record(conform_kind kind, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool trap_in_call(void);
bool trap_once(int noted);                     // true for the first one of this test
conform_kind trap_kind(void);                  // a failure, or (of other bits) a note
void trap_end(void) __attribute__((noreturn)); // of the child
void trap_handle(int signo, void (*handler)(int, siginfo_t *, void *));

// The handler of crashes, and setting it up.
void trap_die(int signo, siginfo_t *info, void *context) __attribute__((noreturn));
void trap_faults(void);

// A system call in a kernel becomes SIGSYS.
void trap_system_calls(void);
// Breakpoints at the functions that allocate. `other` gets breakpoints that are not ours.
void trap_allocations(void (*other)(int, siginfo_t *, void *));
void trap_arm_allocations(void);
void trap_disarm_allocations(void);

// Why a check cannot be tried in this process, or NULL; after conform_watch.
const char *trap_system_calls_untried(void);
const char *trap_allocations_untried(void);

#endif
