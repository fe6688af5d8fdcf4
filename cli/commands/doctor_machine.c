// SPDX-License-Identifier: BSD-2-Clause
// `decoct doctor`: the machine as the checks see it: its CPUs, and counters over about a second.
#include "doctor.h"

#include "bench/machine/cgroup.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// ---- CPUs ----

int32_t doctor_count_list(const char *list, size_t length) {
    int64_t count = 0;
    const char *end = list + length;
    while (list < end && isdigit((unsigned char)*list)) {
        char *next = NULL;
        long first = strtol(list, &next, 10);
        long last = *next == '-' ? strtol(next + 1, &next, 10) : first;
        if (last < first || last > 1 << 20) {
            return 0;
        }
        count += last - first + 1;
        list = *next == ',' ? next + 1 : next;
    }
    return count > 1 << 20 ? 0 : (int32_t)count;
}

// Lines "cpu0 ..." of /proc/stat, which has those that are online, or "processor : 0" of
// /proc/cpuinfo.
static int32_t count_lines(const char *root, const char *path, const char *word) {
    char *text = host_file(root, path);
    int32_t count = 0;
    for (const char *line = text; line && *line; line += *line == '\n') {
        size_t length = strlen(word);
        count += strncmp(line, word, length) == 0 &&
                 (isdigit((unsigned char)line[length]) || isspace((unsigned char)line[length]));
        line += strcspn(line, "\n");
    }
    free(text);
    return count;
}

// Not every system shows every file: containers hide /sys, old kernels lack `online`.
static int32_t count_online(const char *root) {
    char *list = host_file(root, "/sys/devices/system/cpu/online");
    int32_t count = list ? doctor_count_list(list, strlen(list)) : 0;
    free(list);
    if (count == 0) {
        free(host_online_cpus(root, &count));
    }
    if (count == 0) {
        count = count_lines(root, "/proc/stat", "cpu");
        count -= count > 0; // the sum of all
    }
    return count > 0 ? count : count_lines(root, "/proc/cpuinfo", "processor");
}

void doctor_count_cpus(doctor_machine *m) {
    size_t length = 0;
    char *status = host_file(m->root, "/proc/self/status");
    const char *list = status ? host_find(status, "Cpus_allowed_list", ':', &length) : NULL;
    m->allowed = list ? doctor_count_list(list, length) : 0;
    m->online = count_online(m->root);
    free(status);
}

enum { SAMPLES = 10, BRIEF_SAMPLES = 3, SAMPLE_MS = 100 };

// ---- Counters ----

// "cpu  user nice system idle iowait irq softirq steal ..."; guests are in user and nice already.
static void read_ticks(const char *stat, doctor_counters *c) {
    size_t length = 0;
    const char *at = stat ? host_find(stat, "cpu", ' ', &length) : NULL;
    const char *end = at ? at + length : NULL;
    c->ticks = c->stolen = -1;
    long long sum = 0;
    for (int field = 0; at && at < end && field < 8; field++) {
        char *next = NULL;
        long long ticks = strtoll(at, &next, 10);
        if (next == at || ticks < 0 || __builtin_add_overflow(sum, ticks, &sum)) {
            return;
        }
        if (field == 7) {
            c->ticks = sum;
            c->stolen = ticks;
        }
        at = next;
    }
}

// Times that a CPU was too hot; siblings and cores of a package report the same, so the largest.
static long long read_heat(const char *root) {
    long long most = -1;
    int32_t count = 0;
    int32_t *cpus = host_cpus(root, &count);
    for (int32_t i = 0; i < count; i++) {
        static const char *const files[] = {"core_throttle_count", "package_throttle_count"};
        for (size_t k = 0; k < 2; k++) {
            long long times = 0;
            if (host_number(&times, root, "/sys/devices/system/cpu/cpu%d/thermal_throttle/%s",
                            (int)cpus[i], files[k]) &&
                times > most) {
                most = times;
            }
        }
    }
    free(cpus);
    return most;
}

static doctor_counters read_counters(const char *root) {
    doctor_counters c;
    host_limit limit;
    char *stat = host_file(root, "/proc/stat");
    read_ticks(stat, &c);
    if (!host_find_number(stat, "procs_running", ' ', &c.runnable)) {
        c.runnable = -1;
    }
    free(stat);
    host_limit_read(root, &limit);
    c.throttled = limit.throttled;
    c.hot = read_heat(root);
    return c;
}

void doctor_sample(doctor_machine *m) {
    const struct timespec pause = {.tv_nsec = SAMPLE_MS * 1000000L};
    double sum = 0;
    int samples = m->recorded ? 0 : m->brief ? BRIEF_SAMPLES : SAMPLES;
    m->first = m->last = read_counters(m->root);
    for (int i = 0; i < samples; i++) {
        nanosleep(&pause, NULL);
        m->last = read_counters(m->root);
        sum += (double)m->last.runnable - 1; // this process runs too
    }
    m->runnable = samples ? sum / samples : (double)m->first.runnable - 1;
    if (m->last.runnable < 0) {
        m->runnable = -1;
    } else if (m->runnable < 0) {
        m->runnable = 0;
    }
}
