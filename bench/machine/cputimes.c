// SPDX-License-Identifier: BSD-2-Clause
#include "cputimes.h"

#include <stdio.h>
#include <unistd.h>

// The first line: "cpu user nice system idle iowait irq softirq steal ...", in ticks.
cputimes cputimes_now(void) {
    enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, FIELDS };
    long long v[FIELDS] = {0};
    long ticks = sysconf(_SC_CLK_TCK);
    FILE *file = fopen("/proc/stat", "re");
    bool known =
        file && ticks > 0 &&
        fscanf(file, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &v[USER], &v[NICE], &v[SYSTEM],
               &v[IDLE], &v[IOWAIT], &v[IRQ], &v[SOFTIRQ], &v[STEAL]) == FIELDS;
    if (file) {
        fclose(file);
    }
    if (!known) {
        return (cputimes){.known = false};
    }
    double each = 1.0 / (double)ticks;
    long long busy = v[USER] + v[NICE] + v[SYSTEM] + v[IRQ] + v[SOFTIRQ];
    return (cputimes){true, (double)busy * each, (double)(v[IDLE] + v[IOWAIT]) * each,
                      (double)v[STEAL] * each};
}
