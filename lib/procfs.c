// SPDX-License-Identifier: BSD-2-Clause
// Reads files of /proc and /sys to their end.
#include "procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static ssize_t read_on(int file, void *to, size_t size) {
    ssize_t got;
    do {
        got = read(file, to, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

bool dct_proc_line(const char *path, char *text, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    size_t used = 0;
    ssize_t got;
    while (used < size - 1 && (got = read_on(file, text + used, size - 1 - used)) > 0) {
        used += (size_t)got;
    }
    text[used] = '\0';
    close(file);
    return used > 0;
}
