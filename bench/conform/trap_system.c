// SPDX-License-Identifier: BSD-2-Clause
// Finds system calls of a kernel. seccomp makes each system call a signal (SIGSYS), unless it comes
// from conform_system: the handler records it if a kernel runs, makes the call there, and puts its
// result where the caller expects it. So the rest of the test, and this program, work as before.
#include "enter.h"
#include "trap.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_AARCH64
#endif

static const char *untried = NULL;

const char *trap_system_calls_untried(void) {
    return untried;
}

#ifdef AUDIT_ARCH_HERE

enum { CLONE3 = 435 }; // older headers lack it
// ---- Which call ----

static const char *name_of(long number) {
    static const struct {
        long number;
        const char *name;
    } names[] = {
        {SYS_mmap, "mmap"},
        {SYS_munmap, "munmap"},
        {SYS_mprotect, "mprotect"},
        {SYS_madvise, "madvise"},
        {SYS_brk, "brk"},
        {SYS_mremap, "mremap"},
        {SYS_futex, "futex"},
        {SYS_write, "write"},
        {SYS_read, "read"},
        {SYS_openat, "openat"},
        {SYS_close, "close"},
        {SYS_clone, "clone"},
        {CLONE3, "clone3"},
#if defined(SYS_fork)
        {SYS_fork, "fork"},
        {SYS_vfork, "vfork"},
#endif
        {SYS_getpid, "getpid"},
        {SYS_gettid, "gettid"},
        {SYS_nanosleep, "nanosleep"},
        {SYS_clock_nanosleep, "clock_nanosleep"},
        {SYS_sched_yield, "sched_yield"},
        {SYS_exit, "exit"},
        {SYS_exit_group, "exit_group"},
        {SYS_rt_sigaction, "rt_sigaction"},
        {SYS_rt_sigprocmask, "rt_sigprocmask"},
        {SYS_sched_setaffinity, "sched_setaffinity"},
        {SYS_getrandom, "getrandom"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].number == number) {
            return names[i].name;
        }
    }
    return "an unnamed one";
}

// Of a new thread or process.
static bool is_start(long number) {
#if defined(SYS_fork)
    if (number == SYS_fork || number == SYS_vfork) {
        return true;
    }
#endif
    return number == SYS_clone || number == CLONE3;
}

// There is nothing to wait for.
static bool is_sleep(long number) {
    return trap_kind() == KIND_FAILURE &&
           (number == SYS_nanosleep || number == SYS_clock_nanosleep || number == SYS_ppoll ||
            number == SYS_pselect6);
}

// ---- The handler ----

// A start cannot be made in the handler, since it would return there twice, the second time on
// another stack. It is repeated where it was made, with this as its sixth argument, which it does
// not have.
enum { MARK = 0x5ec0 };
static long process; // not those that a kernel has started

#if defined(__x86_64__)
static void make_call(ucontext_t *context) {
    greg_t *r = context->uc_mcontext.gregs;
    r[REG_RAX] =
        conform_system((long)r[REG_RAX], (long)r[REG_RDI], (long)r[REG_RSI], (long)r[REG_RDX],
                       (long)r[REG_R10], (long)r[REG_R8], (long)r[REG_R9]);
}
static void repeat_start(ucontext_t *context) {
    context->uc_mcontext.gregs[REG_R9] = MARK;
    context->uc_mcontext.gregs[REG_RIP] -= 2; // syscall
}
#else
static void make_call(ucontext_t *context) {
    unsigned long long *r = context->uc_mcontext.regs;
    r[0] = (unsigned long long)conform_system((long)r[8], (long)r[0], (long)r[1], (long)r[2],
                                              (long)r[3], (long)r[4], (long)r[5]);
}
static void repeat_start(ucontext_t *context) {
    context->uc_mcontext.regs[5] = MARK;
    context->uc_mcontext.pc -= 4; // svc
}
#endif

// Of a kernel. The first of each kind is recorded; no test continues after one that must not be
// made and would change what is examined, or wait.
static void judge_call(long number) {
    if (number == SYS_exit_group) {
        trap_record(KIND_FAILURE, "exit", "ends the process (exit_group)");
        trap_end();
    }
    if (is_start(number) && trap_once(NOTED_START)) {
        trap_record(trap_kind(), "system_call", "starts a thread or a process (%s)",
                    name_of(number));
    } else if (!is_start(number) && trap_once(NOTED_SYSTEM_CALL)) {
        trap_record(trap_kind(), "system_call", "makes the system call %ld (%s)", number,
                    name_of(number));
    }
    if (is_sleep(number) || (is_start(number) && trap_kind() == KIND_FAILURE)) {
        trap_end();
    }
}

static void on_system_call(int signo, siginfo_t *info, void *context) {
    (void)signo;
    if (trap_in_call() && conform_system(SYS_getpid, 0, 0, 0, 0, 0, 0) == process) {
        judge_call(info->si_syscall);
    }
    if (is_start(info->si_syscall)) {
        repeat_start(context);
    } else {
        make_call(context);
    }
}

// ---- The filter ----

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
// Goes to the next statement if the loaded word is `value`, else `skip` further.
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))

static bool install(void) {
#if defined(SYS_fork)
    enum { STARTS = 4 };
#else
    enum { STARTS = 2 };
#endif
    uint64_t end = (uint64_t)(uintptr_t)conform_system_end;
    process = getpid();
    // Little endian: the lower half of instruction_pointer comes first.
    struct sock_filter filter[] = {
        LOAD(arch),
        UNLESS(AUDIT_ARCH_HERE, 1),
        BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        UNLESS(SYS_rt_sigreturn, 1), // the end of the handler
        RETURN(SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
        UNLESS(MARK, STARTS * 2 + 1),
        LOAD(nr),
        UNLESS(SYS_clone, 1),
        RETURN(SECCOMP_RET_ALLOW),
        UNLESS(CLONE3, 1),
        RETURN(SECCOMP_RET_ALLOW),
#if defined(SYS_fork)
        UNLESS(SYS_fork, 1),
        RETURN(SECCOMP_RET_ALLOW),
        UNLESS(SYS_vfork, 1),
        RETURN(SECCOMP_RET_ALLOW),
#endif
        LOAD(instruction_pointer),
        UNLESS((uint32_t)end, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
        UNLESS((uint32_t)(end >> 32), 1),
        RETURN(SECCOMP_RET_ALLOW),
        RETURN(SECCOMP_RET_TRAP),
    };
    const struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

void trap_system_calls(void) {
    trap_handle(SIGSYS, on_system_call);
    untried = install() ? NULL
                        : "system calls: not tried, seccomp is not available (an emulator, or a "
                          "container that forbids "
                          "it)";
}

#else

void trap_system_calls(void) {
    untried = "system calls: not tried, there is no code for this CPU";
}

#endif
