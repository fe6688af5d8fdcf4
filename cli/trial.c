// SPDX-License-Identifier: BSD-2-Clause
// Runs what may crash in a child process; asks hwloc about the machine there.
#include "trial.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIAL_SECONDS = 10, TRIAL_CPU_SECONDS = 3 };

static void be_quiet(void) {
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int file = 0; nothing >= 0 && file <= 2; file++) {
        dup2(nothing, file);
    }
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_CPU, &(struct rlimit){TRIAL_CPU_SECONDS, TRIAL_CPU_SECONDS + 1});
    alarm(TRIAL_SECONDS); // for a child whose end is not waited for
}

// An exit code would prove nothing: what is tried may call exit() with any. So the child writes to
// a pipe when it comes to its end.
static void run_child(void (*run)(void *data), void *data, const int ends[2]) {
    close(ends[0]);
    be_quiet();
    run(data);
    _exit(write(ends[1], "e", 1) == 1 ? 0 : 1);
}

// Waits for the end of a child: true if it came to its end. One that stops itself or ignores all
// signals is killed.
static bool wait_for(pid_t child, int file, int *status, bool *late) {
    struct pollfd one = {.fd = file, .events = POLLIN};
    char byte;
    int ready = 0;
    while ((ready = poll(&one, 1, 1000 * TRIAL_SECONDS)) < 0 && errno == EINTR) {
    }
    *late = ready == 0;
    bool ended = ready > 0 && read(file, &byte, 1) == 1;
    if (*late) {
        kill(child, SIGKILL);
    }
    while (waitpid(child, status, 0) < 0 && errno == EINTR) {
    }
    return ended;
}

static void explain(int status, bool late, char *why, size_t size) {
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (late || signal == SIGXCPU || signal == SIGALRM || signal == SIGKILL) {
        snprintf(why, size, "does not end");
    } else if (signal) {
        snprintf(why, size, "crashes (%s)", strsignal(signal));
    } else {
        snprintf(why, size, "ends the process (exit code %d)", WEXITSTATUS(status));
    }
}

bool cli_try(void (*run)(void *data), void *data, char *why, size_t size) {
    int ends[2] = {-1, -1}, status = 0;
    bool ended = false, late = false;
    fflush(NULL);
    pid_t child = pipe2(ends, O_CLOEXEC) ? -1 : fork();
    if (child == 0) {
        run_child(run, data, ends);
    }
    int error = errno;
    if (ends[1] >= 0) {
        close(ends[1]);
    }
    if (child > 0) {
        ended = wait_for(child, ends[0], &status, &late);
        explain(status, late, why, size);
    } else {
        snprintf(why, size, "cannot be tried in a child process: %s", strerror(error));
    }
    if (ends[0] >= 0) {
        close(ends[0]);
    }
    return ended;
}

// ---- hwloc ----

static const char *hwloc_variable(void) {
    for (char **at = environ; at && *at; at++) {
        if (strncmp(*at, "HWLOC_", 6) == 0) {
            return *at;
        }
    }
    return NULL;
}

static void describe_machine(void *data) {
    decoct_options options = {
        .struct_size = sizeof options, .threads = 1, .backend = "scalar", .hwloc_environment = 1};
    decoct_context *ctx = NULL;
    uint64_t length = 0;
    (void)data;
    if (decoct_context_open(&options, &ctx) || decoct_machine_json(ctx, NULL, 0, &length)) {
        _exit(1);
    }
}

// A pipe or an endless file has no end, and "-" is standard input.
static bool names_no_file(const char *xml) {
    struct stat info;
    return xml && *xml && (stat(xml, &info) || !S_ISREG(info.st_mode));
}

bool cli_hwloc_environment(void) {
    const char *variable = hwloc_variable();
    char why[128];
    if (!variable) {
        return false;
    }
    if (names_no_file(getenv("HWLOC_XMLFILE"))) {
        cli_fail(0, "HWLOC_XMLFILE does not name a regular file: cores and caches stay unknown");
        return false;
    }
    if (cli_try(describe_machine, NULL, why, sizeof why)) {
        return true;
    }
    cli_fail(0, "hwloc %s on what the environment names (%.*s): cores and caches stay unknown",
             strncmp(why, "crashes", 7) == 0 ? "crashed"
             : strncmp(why, "does", 4) == 0  ? "did not come to an end"
                                             : "failed",
             (int)strcspn(variable, "="), variable);
    return false;
}
