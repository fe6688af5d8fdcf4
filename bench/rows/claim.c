// SPDX-License-Identifier: BSD-2-Clause
#include "claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 100 }; // each one fails only when the file was replaced in that moment

// A new file, or -1. A dangling link is EEXIST for O_EXCL.
static int make(const char *path) {
    struct stat link;
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0 && errno == EEXIST && stat(path, &link) != 0) {
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    }
    return file;
}

static int open_old(const char *path) {
    int file = open(path, O_RDWR | O_CLOEXEC);
    return file < 0 && errno == EACCES ? open(path, O_RDONLY | O_CLOEXEC) : file;
}

static bool is_there(const char *path, int file) {
    struct stat mine, there;
    return fstat(file, &mine) == 0 && stat(path, &there) == 0 && mine.st_dev == there.st_dev &&
           mine.st_ino == there.st_ino;
}

claim_status claim_take(const char *path, bool old, int *held, char *message, size_t size) {
    *held = -1;
    for (int i = 0; i < TRIES; i++) {
        int file = make(path);
        claim_status found = file >= 0 ? CLAIM_NEW : CLAIM_OLD;
        if (file < 0 && errno == EEXIST) {
            if (!old) {
                return CLAIM_EXISTS;
            }
            file = open_old(path);
            if (file < 0 && errno == ENOENT) {
                continue;
            }
        }
        if (file < 0) {
            break;
        }
        if (flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            close(file);
            return CLAIM_HELD;
        }
        if (is_there(path, file)) {
            *held = file;
            return found;
        }
        close(file);
    }
    snprintf(message, size, "%s", strerror(errno));
    return CLAIM_FAILED;
}
