// SPDX-License-Identifier: BSD-2-Clause
// Asks hwloc about the machine in a child process, which may crash.
#include "trial.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIAL_SECONDS = 10 }; // a file may also keep it busy for ever

static const char *hwloc_variable(void) {
    for (char **at = environ; at && *at; at++) {
        if (strncmp(*at, "HWLOC_", 6) == 0) {
            return *at;
        }
    }
    return NULL;
}

static int describe_machine(void) {
    decoct_options options = {
        .struct_size = sizeof options, .threads = 1, .backend = "scalar", .hwloc_environment = 1};
    decoct_context *ctx = NULL;
    uint64_t length = 0;
    return decoct_context_open(&options, &ctx) || decoct_machine_json(ctx, NULL, 0, &length);
}

static void be_quiet(void) {
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int file = 0; nothing >= 0 && file <= 2; file++) {
        dup2(nothing, file);
    }
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    alarm(TRIAL_SECONDS);
}

// A pipe or an endless file has no end, and "-" is standard input.
static bool names_no_file(const char *xml) {
    struct stat info;
    return xml && *xml && (stat(xml, &info) || !S_ISREG(info.st_mode));
}

bool cli_hwloc_environment(void) {
    const char *variable = hwloc_variable();
    if (!variable) {
        return false;
    }
    if (names_no_file(getenv("HWLOC_XMLFILE"))) {
        cli_fail(0, "HWLOC_XMLFILE does not name a regular file: cores and caches stay unknown");
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        be_quiet();
        _exit(describe_machine());
    }
    int status = 1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return true;
    }
    cli_fail(0, "hwloc %s on what the environment names (%.*s): cores and caches stay unknown",
             !WIFSIGNALED(status)          ? "failed"
             : WTERMSIG(status) == SIGALRM ? "did not come to an end"
                                           : "crashed",
             (int)strcspn(variable, "="), variable);
    return false;
}
