// SPDX-License-Identifier: BSD-2-Clause
#include "waits.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>

// "/proc/self/task/ID/schedstat": nanoseconds on a CPU, nanoseconds on a run queue, ...
static double read_wait(const char *thread) {
    char path[64];
    unsigned long long waited = 0;
    int length = snprintf(path, sizeof path, "/proc/self/task/%.20s/schedstat", thread);
    FILE *file = length < (int)sizeof path ? fopen(path, "re") : NULL;
    bool read = file && fscanf(file, "%*u %llu", &waited) == 1;
    if (file) {
        fclose(file);
    }
    return read ? (double)waited * 1e-9 : -1.0;
}

double waits_now(void) {
    DIR *threads = opendir("/proc/self/task");
    double sum = threads ? 0.0 : -1.0;
    for (struct dirent *entry; threads && sum >= 0.0 && (entry = readdir(threads));) {
        if (entry->d_name[0] != '.') {
            double one = read_wait(entry->d_name);
            sum = one >= 0.0 ? sum + one : -1.0;
        }
    }
    if (threads) {
        closedir(threads);
    }
    return sum;
}
