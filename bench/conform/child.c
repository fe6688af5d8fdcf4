// SPDX-License-Identifier: BSD-2-Clause
#include "child.h"

#include "machine/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// ---- Shared memory ----

void *child_shared(size_t bytes) {
    void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? NULL : shared;
}

conform_page *child_page(void) {
    return child_shared(sizeof(conform_page));
}

void child_release(void *shared, size_t bytes) {
    if (shared) {
        munmap(shared, bytes);
    }
}

// ---- In the child ----

// A group of its own: processes that a kernel starts end with it. It does not outlive the parent.
static void prepare(pid_t parent, const child_limits *limits) {
    enum { SPARE = 60 };
    rlim_t seconds = (rlim_t)limits->seconds + SPARE;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int file = 0; nothing >= 0 && file <= 2; file++) {
        dup2(nothing, file);
    }
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_CPU, &(struct rlimit){seconds, seconds + 1});
    if (getppid() != parent) {
        _exit(EXIT_FAILURE);
    }
}

// ---- In the parent ----

static void put_end(conform_page *page, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void put_end(conform_page *page, const char *reason, const char *format, ...) {
    va_list args;
    va_start(args, format);
    conform_record(page, KIND_FAILURE, reason, format, args);
    va_end(args);
}

// CPU seconds of all threads of the child; 0 if they cannot be read.
static double cpu_of(pid_t child) {
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(child, &clock) || clock_gettime(clock, &t)) {
        return 0.0;
    }
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// What the clocks showed when the present call of a kernel was first seen.
typedef struct watch {
    long long call;
    double cpu, wall;
} watch;

// Is the time over? Records it, with which call it was.
static bool is_late(conform_page *page, const child_limits *limits, pid_t child, double began,
                    watch *w) {
    double cpu = cpu_of(child), wall = clock_now();
    long long call = atomic_load(&page->calls);
    bool inside = atomic_load(&page->in_call) != 0;
    if (call != w->call || !inside) {
        *w = (watch){.call = call, .cpu = cpu, .wall = wall};
    }
    if (inside && cpu - w->cpu > limits->call_cpu_seconds) {
        put_end(page, "time", "does not end: it was stopped after %.0f s of CPU time",
                cpu - w->cpu);
    } else if (inside && wall - w->wall > limits->call_seconds) {
        put_end(page, "time", "does not end: it was stopped after %.0f s, %.0f s of CPU time",
                wall - w->wall, cpu - w->cpu);
    } else if (wall - began > limits->seconds) {
        put_end(page, "time", "this test does not end: it was stopped after %.0f s", wall - began);
    } else {
        return false;
    }
    return true;
}

// Sleeps a little at first, since most tests take some milliseconds.
static int wait_for(pid_t child, conform_page *page, const child_limits *limits, bool *late) {
    double began = clock_now(), pause = 50e-6;
    watch w = {.call = -1};
    int status = 0;
    for (;;) {
        pid_t ended = waitpid(child, &status, *late ? 0 : WNOHANG | WUNTRACED);
        bool stopped = ended == child && WIFSTOPPED(status);
        if ((ended == child && !stopped) || (ended < 0 && errno != EINTR)) {
            return status;
        }
        if (stopped) {
            put_end(page, "time", "does not end: it stops the process (%s)",
                    strsignal(WSTOPSIG(status)));
        }
        *late = stopped || is_late(page, limits, child, began, &w);
        if (*late) {
            kill(-child, SIGKILL);
            kill(child, SIGKILL);
        }
        pause = pause < 20e-3 ? pause * 1.3 : pause;
        nanosleep(&(struct timespec){.tv_nsec = (long)(pause * 1e9)}, NULL);
    }
}

static void explain_end(conform_page *page, int status) {
    bool inside = atomic_load(&page->in_call) != 0;
    if (atomic_load(&page->done) || atomic_load(&page->count) > 0) {
        return; // it was explained in the child
    }
    if (!WIFSIGNALED(status)) {
        put_end(page, inside ? "exit" : "crash",
                inside ? "ends the process (exit code %d)"
                       : "the test ended early (exit code %d): out of memory, or memory of the "
                         "program was damaged",
                WEXITSTATUS(status));
    } else if (WTERMSIG(status) == SIGILL) {
        put_end(page, "illegal_instruction", "uses an instruction that this CPU does not have");
    } else if (WTERMSIG(status) == SIGXCPU) {
        put_end(page, "time", "does not end");
    } else if (WTERMSIG(status) == SIGSYS) {
        put_end(page, "system_call", "makes a system call of another kind of program");
    } else {
        put_end(page, "crash", "ends by a signal (%s)", strsignal(WTERMSIG(status)));
    }
}

bool child_run(conform_page *page, const child_limits *limits, void (*run)(void *data),
               void *data) {
    pid_t parent = getpid();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        prepare(parent, limits);
        run(data);
        atomic_store(&page->done, 1);
        _exit(EXIT_SUCCESS);
    }
    if (child < 0) {
        return false;
    }
    bool late = false;
    setpgid(child, child);
    int status = wait_for(child, page, limits, &late);
    kill(-child, SIGKILL); // what it has started
    if (!late) {
        explain_end(page, status);
    }
    return true;
}
