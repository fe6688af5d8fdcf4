// SPDX-License-Identifier: BSD-2-Clause
// Runs what may crash in a child process; asks hwloc about the machine there.
#include "trial.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIAL_SECONDS = 10, TRIAL_CPU_SECONDS = 3, TRIAL_ENDED = 42 };

static void be_quiet(void) {
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int file = 0; nothing >= 0 && file <= 2; file++) {
        dup2(nothing, file);
    }
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_CPU, &(struct rlimit){TRIAL_CPU_SECONDS, TRIAL_CPU_SECONDS + 1});
    alarm(TRIAL_SECONDS);
}

static bool is_timeout(int signal) {
    return signal == SIGXCPU || signal == SIGALRM || signal == SIGKILL;
}

bool cli_try(void (*run)(void *data), void *data, char *why, size_t size) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        be_quiet();
        run(data);
        _exit(TRIAL_ENDED); // not 0, which a plugin's own exit() may give
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0) {
        snprintf(why, size, "cannot be tried in a child process: %s", strerror(errno));
    } else if (!WIFSIGNALED(status)) {
        snprintf(why, size, "ends the process (exit code %d)", WEXITSTATUS(status));
    } else if (is_timeout(WTERMSIG(status))) {
        snprintf(why, size, "does not come to an end");
    } else {
        snprintf(why, size, "crashes (%s)", strsignal(WTERMSIG(status)));
    }
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == TRIAL_ENDED;
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
