// SPDX-License-Identifier: BSD-2-Clause
#include "lockstep.h"

#include "machine/clock.h"
#include "stop.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

bool lockstep_share(lockstep *l, size_t size) {
    *l = (lockstep){.fd = memfd_create("decoct-lockstep", MFD_CLOEXEC), .size = size};
    if (l->fd < 0) {
        return false;
    }
    void *at = MAP_FAILED;
    if (!ftruncate(l->fd, (off_t)size)) {
        at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, l->fd, 0);
    }
    if (at == MAP_FAILED) {
        close(l->fd);
        return false;
    }
    l->gate = at;
    return !sem_init(&l->gate->go, 1, 0) && !sem_init(&l->gate->done, 1, 0);
}

// In the child: ends with the driver `parent`, however that one ends and however early.
static bool tie(pid_t parent) {
    bool tied = !prctl(PR_SET_PDEATHSIG, SIGKILL) && getppid() == parent;
    // A signal to the whole group (Ctrl-C, a CI service that cancels a job): the driver handles it.
    bool deaf = signal(SIGINT, SIG_IGN) != SIG_ERR && signal(SIGTERM, SIG_IGN) != SIG_ERR;
    sigset_t none;
    sigemptyset(&none);
    return tied && deaf && !sigprocmask(SIG_SETMASK, &none, NULL);
}

// No signal reaches the child before it ignores them.
bool lockstep_fork(lockstep *l, void (*become)(void *data), void *data) {
    sigset_t ends, before;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, &before);
    pid_t parent = getpid();
    l->pid = fork();
    if (l->pid == 0) {
        if (tie(parent)) {
            become(data);
        }
        _exit(126); // not what a missing function gives
    }
    bool well = l->pid > 0;
    l->pid = well ? l->pid : 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return well;
}

double lockstep_cpu_time(const lockstep *l) {
    clockid_t clock;
    struct timespec t = {0};
    if (l->pid <= 0 || clock_getcpuclockid(l->pid, &clock) || clock_gettime(clock, &t)) {
        return 0.0;
    }
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double lockstep_awake(const lockstep *l) {
    return lockstep_cpu_time(l) - l->slept_from;
}

// "PID (name) STATE ...": R is running or ready to run.
static bool thread_runs(int folder, const char *name) {
    char path[300], text[256];
    snprintf(path, sizeof path, "%s/stat", name);
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0) {
        close(fd);
    }
    text[length > 0 ? length : 0] = '\0';
    const char *end = strrchr(text, ')');
    return end && end[1] && end[2] == 'R';
}

bool lockstep_runs(const lockstep *l) {
    char path[64];
    bool runs = false;
    snprintf(path, sizeof path, "/proc/%lld/task", (long long)l->pid);
    DIR *dir = l->pid > 0 ? opendir(path) : NULL;
    for (struct dirent *e; dir && !runs && (e = readdir(dir));) {
        runs = e->d_name[0] != '.' && thread_runs(dirfd(dir), e->d_name);
    }
    if (dir) {
        closedir(dir);
    }
    return runs;
}

static bool has_died(lockstep *l, int *status) {
    bool died = waitpid(l->pid, status, WNOHANG) == l->pid;
    l->pid = died ? 0 : l->pid;
    return died;
}

void lockstep_explain(int status, char *text, size_t size) {
    if (WIFSIGNALED(status)) {
        snprintf(text, size, "died by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    } else {
        snprintf(text, size, "ended with code %d", WEXITSTATUS(status));
    }
}

lockstep_end lockstep_order(lockstep *l, int32_t order, double limit, int *status) {
    double begin = clock_now();
    l->gate->order = order;
    sem_post(&l->gate->go);
    for (;;) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        if (!sem_timedwait(&l->gate->done, &until)) {
            l->slept_from = lockstep_cpu_time(l);
            return LOCKSTEP_ANSWERED;
        }
        if (has_died(l, status)) {
            return LOCKSTEP_DIED;
        }
        if (l->gives_up && stop_asked) {
            return LOCKSTEP_GIVEN_UP;
        }
        if (limit > 0.0 && clock_now() - begin > limit) {
            return LOCKSTEP_LATE;
        }
    }
}

void lockstep_stop(lockstep *l) {
    if (l->pid > 0) {
        kill(l->pid, SIGKILL);
        waitpid(l->pid, NULL, 0);
    }
    if (l->gate) {
        sem_destroy(&l->gate->go);
        sem_destroy(&l->gate->done);
        munmap(l->gate, l->size);
        close(l->fd);
    }
    *l = (lockstep){0};
}

int32_t lockstep_wait(lockstep_gate *gate) {
    while (sem_wait(&gate->go)) {
    }
    return gate->order;
}

void lockstep_answer(lockstep_gate *gate) {
    sem_post(&gate->done);
}
