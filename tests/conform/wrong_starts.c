// SPDX-License-Identifier: BSD-2-Clause
// Kernels that start a thread or a process by one system call, without any other one.
#include "plugin.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLONE3 = 435 }; // older headers lack it

static int do_nothing_there(void *data) {
    (void)data;
    return 0;
}

static void clone_thread(const view *v) {
    static _Alignas(64) char stack[1 << 16];
    (void)v;
    clone(do_nothing_there, stack + sizeof stack,
          CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, NULL);
}

static pid_t start_process(void) {
    long child = syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
    if (child == 0) {
        _exit(0);
    }
    return (pid_t)child;
}

static void clone3_process(const view *v) {
    uint64_t args[8] = {[4] = SIGCHLD}; // struct clone_args: exit_signal
    (void)v;
    if (syscall(CLONE3, args, sizeof args) == 0) {
        _exit(0);
    }
}

static void fork_process(const view *v) {
    (void)v;
#if defined(SYS_fork)
    if (syscall(SYS_fork) == 0) {
        _exit(0);
    }
#else
    start_process();
#endif
}

static void vfork_process(const view *v) {
    (void)v;
    if (vfork() == 0) {
        _exit(0);
    }
}

// Not of every call: that takes long.
static void start_and_wait(const view *v) {
    pid_t child = v->rows == 1 ? start_process() : 0;
    if (child > 0) {
        waitpid(child, NULL, 0);
    }
}

static void claim_other(tables *t) {
    t->bits = DECOCT_BITS_OTHER;
}

const mistake wrong_starts[] = {
    {"clones_thread", .before = clone_thread},
    {"clones_process", .before = clone3_process},
    {"forks", .before = fork_process},
    {"vforks", .before = vfork_process},
    {"other_bits_starts", .before = start_and_wait, .rows = double_softmax, .table = claim_other},
    {.name = NULL},
};
