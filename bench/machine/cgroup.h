// SPDX-License-Identifier: BSD-2-Clause
// How cgroups (v1 and v2) limit this process: the CPU quota, and how often it was used up.
#ifndef BENCH_CGROUP_H
#define BENCH_CGROUP_H

#include "host.h"

typedef struct host_limit {
    double quota;          // in CPUs: the smallest of this process's groups; 0: no quota
    char file[HOST_PATH];  // below root: the file of that quota
    const char *unlimited; // its content without a quota: "max" or "-1"
    long long periods;     // of the group that was throttled most often
    long long throttled;   // periods in which it used up its quota; -1: unknown
} host_limit;

// `root` as in host.h.
void host_limit_read(const char *root, host_limit *limit);

#endif
