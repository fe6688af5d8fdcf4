// SPDX-License-Identifier: BSD-2-Clause
// Preloaded: file systems that refuse what REFUSE names ("fchmod fsync", with the error
// REFUSE_ERROR), as network and phone file systems and mount points do; and a system without memory
// from the call of malloc on that NO_MEMORY_AT counts.
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int flock(int file, int operation);
void *__libc_malloc(size_t size);

static bool refuses(const char *name) {
    const char *list = getenv("REFUSE"), *error = getenv("REFUSE_ERROR");
    bool named = list && strstr(list, name);
    if (named) {
        errno = error ? atoi(error) : EPERM;
    }
    return named;
}

int fchmod(int file, mode_t mode) {
    return refuses("fchmod") ? -1 : (int)syscall(SYS_fchmod, file, mode);
}

int fsync(int file) {
    return refuses("fsync") ? -1 : (int)syscall(SYS_fsync, file);
}

int rename(const char *from, const char *to) {
    return refuses("rename") ? -1 : renameat(-100, from, -100, to); // AT_FDCWD
}

int flock(int file, int operation) {
    return refuses("flock") ? -1 : (int)syscall(SYS_flock, file, operation);
}

void *malloc(size_t size) {
    static long left = -2;
    if (left == -2) {
        const char *at = getenv("NO_MEMORY_AT");
        left = at ? atol(at) : -1;
    }
    if (left > 0) {
        left--;
    }
    if (left == 0) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(size);
}
