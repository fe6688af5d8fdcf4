// SPDX-License-Identifier: BSD-2-Clause
#include "cpus.h"

#include "cases/random.h"
#include "measure/control.h"

#include <stdio.h>
#include <stdlib.h>

enum { SPARE = 3, TURNS = 3 };

static int list_allowed(int32_t *cpus) {
    cpu_set_t all;
    int count = 0;
    if (sched_getaffinity(0, sizeof all, &all)) {
        return 0;
    }
    for (int32_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET((size_t)cpu, &all)) {
            cpus[count++] = cpu;
        }
    }
    return count;
}

int cpus_allowed(void) {
    int32_t cpus[CPU_SETSIZE];
    return list_allowed(cpus);
}

int cpus_draw(int32_t *all, int count, int needed, uint64_t *seed) {
    int drawn = needed + SPARE < count ? needed + SPARE : count;
    for (int i = 0; i < drawn; i++) {
        int at = i + (int)random_below(seed, (uint64_t)(count - i));
        int32_t cpu = all[at];
        all[at] = all[i];
        all[i] = cpu;
    }
    return drawn;
}

static int compare_speeds(const void *left, const void *right) {
    const cpu_speed *a = left, *b = right;
    return (a->taken > b->taken) - (a->taken < b->taken);
}

void cpus_order(cpu_speed *speeds, int count) {
    qsort(speeds, (size_t)count, sizeof *speeds, compare_speeds);
}

// Runs on that CPU. False: it is not allowed any more.
static bool measure_cpu(int32_t cpu, cpu_speed *out) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one)) {
        return false;
    }
    *out = (cpu_speed){.cpu = cpu};
    for (int turn = 0; turn < TURNS; turn++) {
        double taken = control_measure();
        out->taken = turn == 0 || taken < out->taken ? taken : out->taken;
    }
    return true;
}

bool cpus_choose(int needed, uint64_t *seed, cpu_choice *out) {
    int32_t cpus[CPU_SETSIZE];
    cpu_speed speeds[CPU_SETSIZE];
    cpu_set_t all;
    int drawn = cpus_draw(cpus, list_allowed(cpus), needed, seed), measured = 0;
    if (sched_getaffinity(0, sizeof all, &all)) {
        return false;
    }
    for (int i = 0; i < drawn; i++) {
        measured += measure_cpu(cpus[i], &speeds[measured]);
    }
    sched_setaffinity(0, sizeof all, &all);
    cpus_order(speeds, measured);
    CPU_ZERO(&out->all);
    for (int i = 0; i < needed && i < measured; i++) {
        CPU_SET((size_t)speeds[i].cpu, &out->all);
    }
    out->quickest = measured > 0 ? speeds[0].cpu : 0;
    return measured >= needed;
}

bool cpus_list(const cpu_set_t *set, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int cpu = 0; cpu < CPU_SETSIZE && used < size; cpu++) {
        if (CPU_ISSET((size_t)cpu, set)) {
            used += (size_t)snprintf(text + used, size - used, "%s%d", used ? "," : "", cpu);
        }
    }
    return used < size;
}
