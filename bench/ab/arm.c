// SPDX-License-Identifier: BSD-2-Clause
#include "arm.h"
#include "abi.h"

#include "cases/served.h"
#include "machine/beside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

// ---- Where things are ----

static bool is_file(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

// DIR/libdecoct.so, or that of a folder one level deeper (lib/x86_64-linux-gnu).
static bool look_in(const char *folder, char *path) {
    int n = snprintf(path, CHANNEL_PATH, "%s/libdecoct.so.0", folder);
    if (n > 0 && n < CHANNEL_PATH && is_file(path)) {
        return true;
    }
    DIR *dir = opendir(folder);
    bool found = false;
    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        n = snprintf(path, CHANNEL_PATH, "%s/%s/libdecoct.so.0", folder, e->d_name);
        found = e->d_name[0] != '.' && n > 0 && n < CHANNEL_PATH && is_file(path);
    }
    if (dir) {
        closedir(dir);
    }
    return found;
}

bool arm_find(const char *path, arm *a, char *error) {
    char found[CHANNEL_PATH], real[PATH_MAX];
    bool there = is_file(path);
    snprintf(found, sizeof found, "%s", path);
    static const char *const folders[] = {"lib", "lib64", "usr/lib", "."};
    for (size_t i = 0; !there && i < sizeof folders / sizeof *folders; i++) {
        char folder[CHANNEL_PATH];
        int n = snprintf(folder, sizeof folder, "%s/%s", path, folders[i]);
        there = n > 0 && n < CHANNEL_PATH && look_in(folder, found);
    }
    if (!there || !realpath(found, real) || strlen(real) >= sizeof a->library) {
        snprintf(
            error, CHANNEL_ERROR,
            "%.300s: no libdecoct.so.0 there (give an installed tree, a build directory or the "
            "file itself)",
            path);
        return false;
    }
    if (strpbrk(real, ": ")) { // the separators of LD_PRELOAD
        snprintf(error, CHANNEL_ERROR, "%.300s: a path with a blank or a colon cannot be preloaded",
                 real);
        return false;
    }
    memcpy(a->library, real, strlen(real) + 1);
    return true;
}

bool arm_worker(char *path, char *error) {
    static const char *const places[] = {"../bench/decoct-ab-worker",
                                         "../libexec/decoct/decoct-ab-worker"};
    if (beside_program(places, sizeof places / sizeof *places, X_OK, path, CHANNEL_PATH)) {
        return true;
    }
    snprintf(error, CHANNEL_ERROR, "decoct-ab-worker is missing beside this program");
    return false;
}

// ---- The worker ----

static bool fail_arm(char *error, const char *what) {
    snprintf(error, CHANNEL_ERROR, "%s: %s", what, strerror(errno));
    return false;
}

// The environment of the worker: this one's without variables that would choose another library,
// and padding, which moves the stack.
static char **environment(const arm *a, int padding) {
    int count = 0, kept = 0;
    while (environ[count]) {
        count++;
    }
    char **to = calloc((size_t)count + 3, sizeof *to);
    for (int i = 0; to && i < count; i++) {
        if (strncmp(environ[i], "LD_PRELOAD=", 11) != 0 &&
            strncmp(environ[i], "LD_LIBRARY_PATH=", 16) != 0) {
            to[kept++] = environ[i];
        }
    }
    char *preload = malloc(sizeof "LD_PRELOAD=" + strlen(a->library));
    char *pad = malloc(sizeof "DECOCT_AB_PADDING=" + (size_t)padding);
    if (!to || !preload || !pad) {
        free(to);
        free(preload);
        free(pad);
        return NULL;
    }
    sprintf(preload, "LD_PRELOAD=%s", a->library);
    int n = sprintf(pad, "DECOCT_AB_PADDING=");
    memset(pad + n, 'x', (size_t)padding);
    pad[n + padding] = '\0';
    to[kept] = preload;
    to[kept + 1] = pad;
    return to;
}

static void free_environment(char **list) {
    int count = 0;
    while (list && list[count]) {
        count++;
    }
    if (count >= 2) { // the last two are ours
        free(list[count - 1]);
        free(list[count - 2]);
    }
    free(list);
}

typedef struct program {
    const char *worker;
    int fd;
    char **env;
} program;

static void become_worker(void *data) {
    const program *p = data;
    char *const argv[] = {(char *)(uintptr_t)p->worker, NULL};
    // dup2 takes the close-on-exec mark off, but does nothing for two equal numbers.
    bool shared = p->fd == CHANNEL_FD ? !fcntl(p->fd, F_SETFD, 0) : dup2(p->fd, CHANNEL_FD) >= 0;
    if (shared) {
        execve(p->worker, argv, p->env);
    }
}

static bool share(arm *a, char *error) {
    if (!lockstep_share(&a->worker, sizeof(channel))) {
        return fail_arm(error, "shared memory");
    }
    void *at = a->worker.gate; // the channel begins with it
    a->channel = at;
    a->channel->size = sizeof(channel);
    return true;
}

bool arm_start(arm *a, const char *worker, int padding, char *error) {
    char **env = environment(a, padding);
    bool ok = (env || fail_arm(error, "worker")) && share(a, error);
    program p = {worker, a->worker.fd, env};
    ok = ok && (lockstep_fork(&a->worker, become_worker, &p) || fail_arm(error, "fork"));
    free_environment(env);
    return ok;
}

double arm_awake(const arm *a) {
    return lockstep_awake(&a->worker);
}

static bool fail_dead(const arm *a, int status, char *error) {
    char how[128];
    if (WIFEXITED(status) && WEXITSTATUS(status) == ABI_EXIT) {
        abi_explain(a->library, error);
    } else {
        lockstep_explain(status, how, sizeof how);
        snprintf(error, CHANNEL_ERROR, "the worker of %.300s %s", a->library, how);
    }
    return false;
}

bool arm_order(arm *a, channel_order order, char *error) {
    int status = 0;
    if (lockstep_order(&a->worker, (int32_t)order, 0.0, &status) != LOCKSTEP_ANSWERED) {
        return fail_dead(a, status, error);
    }
    if (a->channel->failed) {
        snprintf(error, CHANNEL_ERROR, "%.200s: %.300s", a->library, a->channel->error);
        return false;
    }
    return true;
}

void arm_stop(arm *a) {
    lockstep_stop(&a->worker);
    a->channel = NULL;
}

bool arm_has_library(const arm *a, char *error) {
    bool same = strcmp(a->channel->library, a->library) == 0;
    if (!same) {
        snprintf(error, CHANNEL_ERROR, "%.200s is not a libdecoct: the worker took %.200s instead",
                 a->library, a->channel->library);
    }
    return same;
}

bool arm_probe(arm *a, const char *worker, bool *unknown, char *error) {
    *unknown = false;
    bool well = arm_start(a, worker, 0, error);
    if (well) {
        snprintf(a->channel->backend, sizeof a->channel->backend, "%s", a->backend);
        well = arm_order(a, CHANNEL_PROBE, error) && arm_has_library(a, error);
        *unknown = a->channel->failed;
    }
    if (*unknown) {
        served_suggest(a->backend, a->channel->error, a->channel->names, error, CHANNEL_ERROR);
    }
    if (well) {
        a->version = a->channel->version;
        a->arithmetic = a->channel->arithmetic;
    }
    arm_stop(a);
    return well;
}
