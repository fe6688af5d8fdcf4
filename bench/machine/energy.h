// SPDX-License-Identifier: BSD-2-Clause
// The energy that CPU packages and their memory report (RAPL, by the powercap files of Linux). Only
// differences are known; what an idle machine uses is in them.
#ifndef BENCH_ENERGY_H
#define BENCH_ENERGY_H

#include "host.h"

enum { ENERGY_ZONES = 64 };

typedef struct energy_zone {
    char name[64];          // its folder in <root>/sys/class/powercap
    bool memory;            // else a package
    long long begin, range; // microjoules; it counts to `range`, then from 0 again
} energy_zone;

typedef struct energy {
    energy_zone zones[ENERGY_ZONES];
    int count;
    double packages, memory; // joules; below 0: unknown
    char unknown[HOST_TEXT]; // why the packages are unknown, "" if they are known
} energy;

// Notes where the counters are; `root` is "" or the folder that replaces "/".
void energy_begin(energy *e, const char *root);
// How many joules were counted since; a counter may have begun again from 0 once.
void energy_end(energy *e, const char *root);

#endif
