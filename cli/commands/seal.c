// SPDX-License-Identifier: BSD-2-Clause
#include "seal.h"

#include "cli.h"
#include "fleet.h"
#include "output.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

_Static_assert((int)SEAL_DIGEST == SHA256_DIGEST_STRING_LENGTH, "");

bool seal_path(const char *file, const char *ending, char path[SEAL_PATH]) {
    int length = snprintf(path, SEAL_PATH, "%s%s", file, ending);
    return length > 0 && length < SEAL_PATH;
}

bool seal_digest(const char *file, char digest[SEAL_DIGEST]) {
    return SHA256File(file, digest) != NULL;
}

void seal_digest_bytes(const void *bytes, size_t length, char digest[SEAL_DIGEST]) {
    SHA256Data(bytes, length, digest);
}

// ---- The checksum ----

typedef struct seal_line {
    const char *digest, *name;
} seal_line;

static bool put_checksum(FILE *to, const void *data) {
    const seal_line *line = data;
    fprintf(to, "%s  %s\n", line->digest, line->name);
    return true;
}

int seal_write(const char *file, const char *digest) {
    char path[SEAL_PATH];
    if (!seal_path(file, ".sha256", path)) {
        return cli_fail(CLI_USAGE, "%s: its name is too long", file);
    }
    return cli_output_write(path, put_checksum, &(seal_line){digest, fleet_base_name(file)});
}

int seal_read(const char *file, char digest[SEAL_DIGEST]) {
    char path[SEAL_PATH], line[SEAL_DIGEST + 2] = {0};
    FILE *from = seal_path(file, ".sha256", path) ? fopen(path, "re") : NULL;
    if (!from) {
        return errno == ENOENT ? 0 : -1;
    }
    size_t length = fread(line, 1, sizeof line - 1, from);
    fclose(from);
    for (int i = 0; i < SEAL_DIGEST - 1; i++) {
        if (!isxdigit((unsigned char)line[i])) {
            return -1;
        }
        digest[i] = (char)tolower((unsigned char)line[i]);
    }
    digest[SEAL_DIGEST - 1] = '\0';
    return length < SEAL_DIGEST || strchr(" \n", line[SEAL_DIGEST - 1]) ? 1 : -1;
}

// ---- The signature ----

// Runs a program with `input` as its standard input; what it prints goes to `words`, on one line.
// Its exit code; -1: it could not be run.
static int run_with_input(char *const *command, const char *input, char words[SEAL_WORDS]) {
    int ends[2], status = -1;
    pid_t child;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC)) {
        return -1;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    int error = posix_spawnp(&child, command[0], &actions, NULL, command, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t used = 0;
    for (ssize_t got; !error && used < SEAL_WORDS - 1; used += (size_t)got) {
        got = read(ends[0], words + used, SEAL_WORDS - 1 - used);
        if (got <= 0) {
            break;
        }
    }
    words[used] = '\0';
    words[strcspn(words, "\n")] = '\0';
    close(ends[0]);
    if (!error && waitpid(child, &status, 0) == child && WIFEXITED(status)) {
        return WEXITSTATUS(status) == 127 ? -1 : WEXITSTATUS(status);
    }
    return -1;
}

int seal_check_signature(const char *file, const char *signature, const char *signers,
                         char words[SEAL_WORDS]) {
    char *const any[] = {"ssh-keygen",   "-Y", "check-novalidate", "-n",
                         SEAL_NAMESPACE, "-s", (char *)signature,  NULL};
    if (!signers) {
        int code = run_with_input(any, file, words);
        return code < 0 ? -1 : code == 0;
    }
    char who[SEAL_WORDS];
    char *const find[] = {"ssh-keygen",    "-Y", "find-principals", "-f",
                          (char *)signers, "-s", (char *)signature, NULL};
    int code = run_with_input(find, "/dev/null", who);
    if (code != 0) {
        snprintf(words, SEAL_WORDS, "%s", *who ? who : "its key is not among the allowed signers");
        return code < 0 ? -1 : 0;
    }
    who[strcspn(who, ",")] = '\0';
    char *const verify[] = {"ssh-keygen", "-Y", "verify",       "-f", (char *)signers,   "-I",
                            who,          "-n", SEAL_NAMESPACE, "-s", (char *)signature, NULL};
    code = run_with_input(verify, file, words);
    return code < 0 ? -1 : code == 0;
}
