// SPDX-License-Identifier: BSD-2-Clause
// What the parts of `decoct doctor` share: the machine as it was read, and a finding.
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "bench/machine/host.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

// The worst first.
typedef enum doctor_severity {
    DOCTOR_BAD,     // figures taken here are wrong, or cannot be repeated
    DOCTOR_WARNING, // they scatter, or say less than they seem to
    DOCTOR_NOTE,    // to be known beside the figures, or not to be seen here
    DOCTOR_OK
} doctor_severity;

// Counters since the start of the system, -1: unknown.
typedef struct doctor_counters {
    long long ticks, stolen; // of all CPUs
    long long throttled;     // periods of the cgroup
    long long hot;           // times that a CPU was slowed down for its heat
    long long runnable;      // not a counter: processes that run or are ready to run, with this one
} doctor_counters;

typedef struct doctor_machine {
    const char *root; // "", or the folder that replaces "/"
    bool recorded;    // it is a copy: no counter moves, and system calls do not describe it
    bool virtual;
    bool brief;              // counters are watched for a shorter time
    int32_t online, allowed; // CPUs of the system, and of this process; 0: unknown
    doctor_counters first, last;
    double runnable; // other processes that need a CPU: mean over the samples; -1: unknown
} doctor_machine;

enum { DOCTOR_TEXT = 1024, DOCTOR_MEND = HOST_PATH + 128 };

typedef struct doctor_finding {
    const char *id;
    doctor_severity severity;
    bool unseen; // the system does not report it
    const char *why;
    char what[DOCTOR_TEXT];
    char mend[DOCTOR_MEND]; // a shell command, a shell comment if no command helps, or ""
} doctor_finding;

// The findings on this machine for a result file: {"name", "state", "text"} each, after some tenths
// of a second. NULL: no memory.
json_t *doctor_findings(void);

typedef void doctor_check(const doctor_machine *m, doctor_finding *f);

// doctor_finding.c
// State and text of a finding.
void doctor_say(doctor_finding *f, doctor_severity severity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// A note that the system does not report this; and the same for what a virtual machine never
// reports.
void doctor_unseen(doctor_finding *f, const char *what);
void doctor_unseen_host(const doctor_machine *m, doctor_finding *f, const char *what);
void doctor_mend(doctor_finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The fix for what only the host of a virtual machine can change.
void doctor_mend_host(doctor_finding *f);

// doctor_machine.c
// How many CPUs a list "0-3,8" names; 0 if it is not a list.
int32_t doctor_count_list(const char *list, size_t length);
// Fills online and allowed.
void doctor_count_cpus(doctor_machine *m);
// Reads the counters once, or over about a second where they move.
void doctor_sample(doctor_machine *m);

// doctor_cpu.c
doctor_check doctor_governor, doctor_turbo, doctor_smt, doctor_clock, doctor_heat,
    doctor_hypervisor, doctor_mitigations;
// doctor_limits.c
doctor_check doctor_quota, doctor_throttled, doctor_cpus, doctor_huge_pages, doctor_numa,
    doctor_perf;
// doctor_load.c
doctor_check doctor_steal, doctor_load, doctor_runnable, doctor_memory, doctor_irqbalance;

#endif
