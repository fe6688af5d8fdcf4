// SPDX-License-Identifier: BSD-2-Clause
// Reads files of /proc and /sys to their end, and checks whether they exist.
#include "procfs.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FIRST_ROOM = 1 << 14, TEXT_MAX = 1 << 24 }; // the text for 4096 CPUs of x86 has about 6 MB

// O_NONBLOCK: a copied /proc may hold anything, also a pipe without a writer.
static int open_file(const char *path) {
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static ssize_t read_on(int file, void *to, size_t size) {
    ssize_t got;
    do {
        got = read(file, to, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

bool dct_proc_line(const char *path, char *text, size_t size) {
    int file = open_file(path);
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

char *dct_proc_text(const char *path, uint64_t *length) {
    int file = open_file(path);
    if (file < 0) {
        return NULL;
    }
    void *text = NULL;
    int64_t room = 0, used = 0;
    ssize_t got = 1;
    while (got > 0 && used < TEXT_MAX) {
        if (!dct_grow(NULL, &text, &room, used + FIRST_ROOM, 1)) {
            got = -1;
            break;
        }
        got = read_on(file, (char *)text + used, (size_t)(room - used - 1));
        used += got > 0 ? got : 0;
    }
    close(file);
    if (got < 0) {
        dct_free(text);
        return NULL;
    }
    ((char *)text)[used] = '\0';
    *length = (uint64_t)used;
    return text;
}

void dct_proc_free(char *text) {
    dct_free(text);
}

static bool shows_cpu(const char *root, long cpu) {
    static const char *const files[] = {"package_cpus", "core_cpus", "core_siblings",
                                        "thread_siblings"};
    char path[1024];
    bool there = false;
    for (size_t i = 0; !there && i < sizeof files / sizeof *files; i++) {
        int length = snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%ld/topology/%s",
                              root, cpu, files[i]);
        there = length > 0 && (size_t)length < sizeof path && access(path, R_OK) == 0;
    }
    return there;
}

bool dct_proc_shows_topology(const char *root) {
    char path[1024];
    char online[64];
    int length = snprintf(path, sizeof path, "%s/sys/devices/system/cpu/online", root);
    return shows_cpu(root, 0) || // it may be offline
           (length > 0 && (size_t)length < sizeof path &&
            dct_proc_line(path, online, sizeof online) &&
            shows_cpu(root, strtol(online, NULL, 10)));
}
