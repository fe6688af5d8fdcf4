// SPDX-License-Identifier: BSD-2-Clause
// Signals of the child: a crash becomes a finding that names the operand, and the process ends.
// A fault in a guard page is a read or a write outside of an operand.
#include "enter.h"
#include "frame.h"
#include "trap.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

// Handlers have no argument of ours. One test in a child: one of these.
static conform_probe *watching;

void trap_record(conform_kind kind, const char *reason, const char *format, ...) {
    va_list args;
    va_start(args, format);
    conform_record(watching->page, kind, reason, format, args);
    va_end(args);
}

bool trap_in_call(void) {
    return atomic_load(&watching->page->in_call) != 0;
}

bool trap_watches_calls(void) {
    return atomic_load(&watching->page->in_call) == 1;
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

// ---- What a fault was ----

#if defined(__aarch64__)
// The kernel's record of the fault, if there is one; else the instruction: bit 22 is set in loads.
static bool is_write(const ucontext_t *context) {
    enum { ESR_MAGIC_HERE = 0x45535201, WRITE_BIT = 6, LOAD_BIT = 22 };
    const unsigned char *at = context->uc_mcontext.__reserved;
    for (uint32_t head[2]; memcpy(head, at, sizeof head), head[0] && head[1]; at += head[1]) {
        if (head[0] == ESR_MAGIC_HERE) {
            uint64_t esr = 0;
            memcpy(&esr, at + sizeof head, sizeof esr);
            return esr >> WRITE_BIT & 1;
        }
    }
    uint32_t instruction = 0;
    memcpy(&instruction, (const void *)(uintptr_t)context->uc_mcontext.pc, sizeof instruction);
    return !(instruction >> LOAD_BIT & 1);
}
#elif defined(__x86_64__)
static bool is_write(const ucontext_t *context) {
    return context->uc_mcontext.gregs[REG_ERR] & 2;
}
#else
static bool is_write(const ucontext_t *context) {
    (void)context;
    return false;
}
#endif

// "reads element 64 behind the last one of x".
static void record_bounds(const conform_matrix *m, const unsigned char *at, bool write) {
    const unsigned char *begin = m->data;
    bool before = at < begin, empty = m->rows == 0 || m->cols == 0;
    int64_t bytes = empty ? 0 : ((m->rows - 1) * m->stride + m->cols) * m->size;
    int64_t off =
        before ? (begin - at + m->size - 1) / m->size : (at - begin - bytes) / m->size + 1;
    trap_record(KIND_FAILURE,
                m->is_scratch ? "scratch_bounds"
                : write       ? "write_bounds"
                              : "read_bounds",
                "%s %s %lld %s %s", write ? "writes" : "reads", m->size > 1 ? "element" : "byte",
                (long long)off, before ? "before the first one of" : "behind the last one of",
                m->name);
}

static void record_fault(const siginfo_t *info, const ucontext_t *context) {
    const conform_matrix *m = conform_guarded(watching, info->si_addr);
    bool mapped = info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR;
    if (m && mapped && trap_in_call()) {
        record_bounds(m, info->si_addr, is_write(context));
    } else if (trap_in_call()) {
        trap_record(KIND_FAILURE, "crash",
                    "crashes (%s) at address %p, which is not near an operand",
                    info->si_signo == SIGBUS ? "bus error" : "segmentation fault", info->si_addr);
    } else {
        trap_record(KIND_FAILURE, "crash",
                    "after a call, memory of the program was damaged (segmentation fault at %p)",
                    info->si_addr);
    }
}

static void die(int signo, siginfo_t *info, void *context) {
    if (signo == SIGSEGV || signo == SIGBUS) {
        record_fault(info, context);
    } else if (signo == SIGILL) {
        trap_record(KIND_FAILURE, "illegal_instruction",
                    "uses an instruction that this CPU does not have, at %p", info->si_addr);
    } else {
        trap_record(KIND_FAILURE, "crash", "crashes (%s)",
                    signo == SIGFPE    ? "an arithmetic exception"
                    : signo == SIGABRT ? "it calls abort"
                                       : "a breakpoint");
    }
    trap_end();
}

void trap_handle(int signo, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = {.sa_sigaction = handler,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigaction(signo, &action, NULL);
}

// A stack of its own, for a kernel that has used up the other one.
static void use_other_stack(void) {
    enum { STACK = 1 << 16 };
    stack_t other = {.ss_size = STACK, .ss_sp = malloc(STACK)};
    if (other.ss_sp) {
        sigaltstack(&other, NULL);
    }
}

void conform_watch(conform_probe *p) {
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};
    if (p->watched) {
        return;
    }
    p->watched = true;
    watching = p;
    use_other_stack();
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) {
        trap_handle(fatal[i], die);
    }
    trap_allocations(die);
    trap_system_calls();
}

void conform_watch_begin(void) {
    atomic_fetch_add(&watching->page->calls, 1);
    trap_arm_allocations();
    atomic_store(&watching->page->in_call, 1);
}

void conform_watch_end(void) {
    atomic_store(&watching->page->in_call, 0);
    trap_disarm_allocations();
}
