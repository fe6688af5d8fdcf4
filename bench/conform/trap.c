// SPDX-License-Identifier: BSD-2-Clause
// What the handlers of a child share: which test runs, and how a finding is recorded.
#include "trap.h"

#include "enter.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

// Handlers have no argument of ours. One test in a child: one of these; and the probe of a thread
// that runs a test, whose operands are its own.
static conform_probe *watching;
static _Thread_local conform_probe *this_thread;

void trap_watch(conform_probe *p) {
    watching = p->together ? watching : p;
    this_thread = p;
}

const conform_probe *trap_probe(void) {
    return this_thread ? this_thread : watching; // a thread that the candidate has started
}

void trap_record(conform_kind kind, const char *reason, const char *format, ...) {
    va_list args;
    va_start(args, format);
    conform_record(watching->page, kind, reason, format, args);
    va_end(args);
}

bool trap_in_call(void) {
    return atomic_load(&watching->page->in_call) != 0;
}

bool trap_once(int noted) {
    return !(atomic_fetch_or(&watching->page->noted, noted) & noted);
}

conform_kind trap_kind(void) {
    return watching->exact ? KIND_FAILURE : KIND_NOTE;
}

void trap_end(void) {
#if defined(__x86_64__) || defined(__aarch64__)
    conform_system(SYS_exit_group, EXIT_FAILURE, 0, 0, 0, 0, 0);
#endif
    _exit(EXIT_FAILURE);
}

void trap_handle(int signo, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = {.sa_sigaction = handler,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigaction(signo, &action, NULL);
}
