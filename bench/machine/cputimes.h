// SPDX-License-Identifier: BSD-2-Clause
// What all CPUs did since the machine was started: /proc/stat.
#ifndef BENCH_CPUTIMES_H
#define BENCH_CPUTIMES_H

#include <stdbool.h>

// Seconds of all CPUs together.
typedef struct cputimes {
    bool known;
    double busy;  // worked for any program or for the kernel
    double idle;  // had nothing to do, or waited for a disk
    double steal; // the hypervisor gave them to others
} cputimes;

cputimes cputimes_now(void);

#endif
