// SPDX-License-Identifier: BSD-2-Clause
// `decoct doctor`: what the system allows this process: quota, CPUs, pages, counters.
#include "doctor.h"

#include "bench/machine/cgroup.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// ---- CPUs ----

// The cgroup name is untrusted: quote it; if it cannot be quoted safely, print no command.
static void mend_quota(doctor_finding *f, const host_limit *limit) {
    for (const char *at = limit->file; *at; at++) {
        if (*at < ' ' || *at > '~' || *at == '\'') {
            doctor_mend(f, "# the cgroup's name cannot be quoted safely in a command");
            return;
        }
    }
    doctor_mend(f, "echo %s | sudo tee '%s' # in a container: on its host", limit->unlimited,
                limit->file);
}

void doctor_quota(const doctor_machine *m, doctor_finding *f) {
    host_limit limit;
    int32_t cpus = m->allowed > 0 ? m->allowed : m->online;
    f->why = "when the quota of a period is used up, all threads stop until the next one, "
             "up to a tenth of a second in the middle of a measurement";
    host_limit_read(m->root, &limit);
    if (limit.quota <= 0) {
        char line[HOST_TEXT];
        if (host_line(line, m->root, "/proc/self/cgroup")) {
            doctor_say(f, DOCTOR_OK, "no cgroup limits the CPU time");
        } else {
            doctor_unseen(f, "the cgroup's CPU quota");
        }
    } else if (cpus > 0 && limit.quota >= cpus) {
        doctor_say(f, DOCTOR_NOTE,
                   "the cgroup's quota is worth %g CPUs, not less than the %d there are",
                   limit.quota, (int)cpus);
    } else {
        doctor_say(f, DOCTOR_BAD, "the cgroup's quota is worth %g CPUs", limit.quota);
        mend_quota(f, &limit);
    }
}

void doctor_throttled(const doctor_machine *m, doctor_finding *f) {
    host_limit limit;
    f->why = "this is how often the quota stopped all threads: those measurements are too long";
    host_limit_read(m->root, &limit);
    if (limit.throttled < 0) {
        doctor_unseen(f, "how often the quota was used up");
        return;
    }
    if (limit.throttled == 0) {
        doctor_say(f, DOCTOR_OK, "the quota never stopped this group");
        return;
    }
    doctor_say(f, m->last.throttled > m->first.throttled ? DOCTOR_BAD : DOCTOR_WARNING,
               "the quota stopped this group in %lld of %lld periods", limit.throttled,
               limit.periods);
    doctor_mend(f, "decoct bench --threads %d",
                limit.quota >= 2 && limit.quota < 1 << 20 ? (int)limit.quota : 1);
}

void doctor_cpus(const doctor_machine *m, doctor_finding *f) {
    f->why = "figures of fewer CPUs do not describe the whole machine, and others may use the rest";
    if (m->online <= 0 || m->allowed <= 0) {
        doctor_unseen(f, "which CPUs this process may use");
    } else if (m->allowed >= m->online) {
        doctor_say(f, DOCTOR_OK, "this process may use all %d CPU%s", (int)m->online,
                   m->online == 1 ? "" : "s");
    } else {
        char list[HOST_TEXT];
        doctor_say(f, DOCTOR_NOTE, "this process may use %d of %d CPUs", (int)m->allowed,
                   (int)m->online);
        bool told = host_line(list, m->root, "/sys/devices/system/cpu/online");
        bool plain = told && list[strspn(list, "0123456789,-")] == '\0';
        // The shell's own mask; a cpuset (containers) stays as it is.
        if (plain) {
            doctor_mend(f, "taskset -cp %s $$ # in a container: on its host", list);
        }
    }
}

// ---- Pages ----

void doctor_huge_pages(const doctor_machine *m, doctor_finding *f) {
    static const char command[] =
        "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled";
    char state[HOST_TEXT];
    host_huge_pages(m->root, state);
    f->why = "packed weights ask for huge pages, and other memory stays as it is";
    if (strcmp(state, "madvise") == 0) {
        doctor_say(f, DOCTOR_OK, "transparent huge pages: on request (madvise)");
    } else if (strcmp(state, "always") == 0) {
        f->why = "whether a buffer got huge pages depends on how scattered memory is: two starts "
                 "of one program can differ";
        doctor_say(f, DOCTOR_NOTE, "transparent huge pages: for all memory (always)");
        doctor_mend(f, "%s", command);
    } else if (strcmp(state, "never") == 0) {
        f->why = "reading weights walks the page tables for each 4 KiB, which costs more than the "
                 "arithmetic of one row";
        doctor_say(f, DOCTOR_WARNING, "transparent huge pages: none (never)");
        doctor_mend(f, "%s", command);
    } else {
        f->why = "reading weights walks the page tables for each page";
        doctor_unseen(f, "transparent huge pages");
    }
}

void doctor_numa(const doctor_machine *m, doctor_finding *f) {
    char state[HOST_TEXT];
    char nodes[HOST_TEXT];
    f->why = "the kernel unmaps pages to see which CPUs use them and moves them between nodes, in "
             "the middle of a measurement";
    host_numa_balancing(m->root, state);
    bool told = host_line(nodes, m->root, "/sys/devices/system/node/online");
    if (strcmp(state, "unknown") == 0) {
        doctor_unseen(f, "NUMA balancing");
    } else if (strcmp(state, "off") == 0) {
        doctor_say(f, DOCTOR_OK, "NUMA balancing is off");
    } else if (told && strcmp(nodes, "0") == 0) {
        doctor_say(f, DOCTOR_OK, "NUMA balancing is on, but there is one node only");
    } else {
        doctor_say(f, DOCTOR_WARNING, "NUMA balancing is on (nodes: %s)", nodes);
        doctor_mend(f, "sudo sysctl kernel.numa_balancing=0");
    }
}

// ---- Counters ----

// Opens a counter of this process's cycles and closes it again: 0, or the system's error.
static int try_perf(void) {
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_HW_CPU_CYCLES,
                                   .disabled = 1,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1};
    long file = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (file < 0) {
        return errno;
    }
    close((int)file);
    return 0;
}

void doctor_perf(const doctor_machine *m, doctor_finding *f) {
    long long level = 0;
    f->why = "without the CPU's counters the cause of a figure cannot be measured";
    bool told = host_number(&level, m->root, "/proc/sys/kernel/perf_event_paranoid");
    int error = m->recorded ? 0 : try_perf();
    if (error == 0 && m->recorded && !told) {
        doctor_unseen(f, "whether performance counters can be used");
    } else if (error != 0) {
        doctor_say(f, DOCTOR_NOTE,
                   "performance counters: perf_event_open fails with \"%s\" (paranoid: %lld)",
                   strerror(error), told ? level : -1);
    } else if (m->recorded && level > 2) {
        doctor_say(f, DOCTOR_NOTE, "performance counters are for root only (paranoid: %lld)",
                   level);
    } else {
        doctor_say(f, DOCTOR_OK, "performance counters can be used (paranoid: %lld)", level);
    }
    if (f->severity == DOCTOR_OK || f->unseen) {
        return;
    }
    if (told && level > 2) {
        doctor_mend(f, "sudo sysctl kernel.perf_event_paranoid=2");
    } else if (m->virtual) {
        doctor_mend_host(f);
    } else {
        doctor_mend(f, "# the kernel was built without them, or a container's filter blocks "
                       "them");
    }
}
