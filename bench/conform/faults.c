// SPDX-License-Identifier: BSD-2-Clause
// Signals of the child: a crash becomes a finding that names the operand, and the process ends.
// A fault in a guard page is a read or a write outside of an operand.
#include "trap.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

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
    const conform_matrix *m = trap_probe() ? conform_guarded(trap_probe(), info->si_addr) : NULL;
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

void trap_die(int signo, siginfo_t *info, void *context) {
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

// A stack of its own, for a kernel that has used up the other one.
static void use_other_stack(void) {
    enum { STACK = 1 << 16 };
    stack_t other = {.ss_size = STACK, .ss_sp = malloc(STACK)};
    if (other.ss_sp) {
        sigaltstack(&other, NULL);
    }
}

void trap_faults(void) {
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};
    use_other_stack();
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) {
        trap_handle(fatal[i], trap_die);
    }
}
