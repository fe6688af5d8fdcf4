// SPDX-License-Identifier: BSD-2-Clause
// What cpufreq reports of each CPU: governors, and whether the clock may be boosted. `root` and the
// texts as in host.h.
#ifndef BENCH_CPUFREQ_H
#define BENCH_CPUFREQ_H

#include "host.h"

// One CPU's line of a file of cpufreq.
typedef struct host_setting {
    int32_t cpu;
    char text[HOST_TEXT];
} host_setting;

// The lines of this file for all online CPUs that have it, in increasing order: cpu*/cpufreq/FILE,
// or cpufreq/policy*/FILE for the CPUs of the policy. free() them. NULL, and 0: not one.
host_setting *host_cpufreq(const char *root, const char *file, int32_t *count);
// The shell's pattern for these files: "/sys/devices/system/cpu/cpu*/cpufreq/FILE", or that of the
// policies if the CPUs do not have such files.
void host_cpufreq_pattern(const char *root, const char *file, char pattern[HOST_TEXT]);

// May the clock be boosted? A file of one CPU decides for this CPU, a global one for the others.
typedef struct host_boost {
    int32_t on, off;           // CPUs, of those that the system reports; 0 and 0: unknown
    char on_cpus[HOST_TEXT];   // "1, 2, 3", as far as there is room; "" if no CPU is visible
    char files[2 * HOST_TEXT]; // names for the shell: to turn it off ...
    int value;                 // ... write this to them
} host_boost;

void host_boost_read(const char *root, host_boost *boost);

#endif
