// SPDX-License-Identifier: BSD-2-Clause
// Preloaded: reading a *.safetensors waits as long as the file that DECOCT_TEST_HELD names is
// there; decoct_session_uncut the same for DECOCT_TEST_HELD_CUTS.
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static void wait_for_file(const char *variable) {
    const char *held = getenv(variable);
    while (held && access(held, F_OK) == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

static bool is_weights(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return strstr(path, ".safetensors") != NULL;
}

ssize_t pread(int file, void *to, size_t size, off_t offset) {
    ssize_t (*next)(int, void *, size_t, off_t);
    void *found = dlsym(RTLD_NEXT, "pread");
    memcpy(&next, &found, sizeof next);
    if (is_weights(file)) {
        wait_for_file("DECOCT_TEST_HELD");
    }
    return next(file, to, size, offset);
}

int decoct_session_uncut(void *context, void *session);
int decoct_session_uncut(void *context, void *session) {
    int (*next)(void *, void *);
    void *found = dlsym(RTLD_NEXT, "decoct_session_uncut");
    memcpy(&next, &found, sizeof next);
    wait_for_file("DECOCT_TEST_HELD_CUTS");
    return next(context, session);
}
