// SPDX-License-Identifier: BSD-2-Clause
// The CPUs that the operating system leaves to this process: affinity mask and cgroup quota,
// without hwloc.
#ifndef DCT_QUOTA_H
#define DCT_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

// How many CPUs this process may use: sched_getaffinity and the cgroup v1/v2 CPU quota (rounded
// up), at least 1.
int32_t dct_usable_cpus(void);
// The quota alone in CPUs (1.5), 0 if there is no quota. `root` is "" or the folder that replaces
// "/" in tests: <root>/proc/self/cgroup, <root>/sys/fs/cgroup/...
double dct_cgroup_quota(const char *root);
// Shows each folder that may be a group that limits this process (its own, its parents; there need
// not be such a folder, and one may come twice) and that group's own quota in CPUs, 0: no quota.
typedef void dct_cgroup_visitor(void *user, const char *folder, double quota);
void dct_cgroup_visit(const char *root, dct_cgroup_visitor *see, void *user);
// The CPUs of the calling thread's affinity mask in increasing order; dct_free *cpus. False: no
// memory, or the mask cannot be read.
bool dct_allowed_cpus(int32_t **cpus, int32_t *count);
// How many threads make sense for `allowed` CPUs and a quota in CPUs (0: no quota): rounded up,
// at least 1.
int32_t dct_cpus_under_quota(int32_t allowed, double quota);

#endif
