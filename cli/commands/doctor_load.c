// SPDX-License-Identifier: BSD-2-Clause
// `decoct doctor`: what else uses the machine now: counters over a second, load, memory.
#include "doctor.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Other tenants ----

void doctor_steal(const doctor_machine *m, doctor_finding *f) {
    const doctor_counters *a = &m->first, *b = &m->last;
    f->why = "the hypervisor gave the CPU to others while a thread was ready to run: wall time "
             "passes, no work is done";
    if (b->ticks <= 0 || b->stolen < 0) {
        doctor_unseen(f, "stolen time");
        return;
    }
    double before = 100.0 * (double)b->stolen / (double)b->ticks;
    double now = b->ticks > a->ticks
                     ? 100.0 * (double)(b->stolen - a->stolen) / (double)(b->ticks - a->ticks)
                     : 0;
    if (m->recorded) {
        doctor_say(f, before >= 0.1 ? DOCTOR_WARNING : DOCTOR_OK,
                   "stolen time: %.2f %% since the start (not sampled: a recorded machine)",
                   before);
    } else {
        doctor_say(f,
                   now >= 1                   ? DOCTOR_BAD
                   : now > 0 || before >= 0.1 ? DOCTOR_WARNING
                                              : DOCTOR_OK,
                   "stolen time: %.2f %% in the last second, %.2f %% since the start", now, before);
    }
    if (f->severity != DOCTOR_OK) {
        doctor_mend_host(f);
    }
}

static const char who_runs[] = "ps -eo pid,pcpu,comm --sort=-pcpu | head # and stop what can wait";

void doctor_load(const doctor_machine *m, doctor_finding *f) {
    char text[HOST_TEXT];
    char *end = NULL;
    f->why = "other processes used CPU time in the last minute: they evict caches and move threads";
    bool told = host_line(text, m->root, "/proc/loadavg");
    double load = told ? strtod(text, &end) : 0;
    if (!told || end == text || !(load >= 0)) {
        doctor_unseen(f, "the load");
        return;
    }
    int32_t cpus = m->online > 0 ? m->online : m->allowed > 0 ? m->allowed : 1;
    double share = load / cpus;
    doctor_say(f,
               share >= 0.5                  ? DOCTOR_BAD
               : share >= 0.1 && load >= 0.5 ? DOCTOR_WARNING
                                             : DOCTOR_OK,
               m->online > 0 ? "the load of the last minute is %.2f on %d CPU%s"
               : m->allowed > 0
                   ? "the load of the last minute is %.2f, and this process may use %d CPU%s"
                   : "the load of the last minute is %.2f; how many CPUs there are is unknown",
               load, (int)cpus, cpus == 1 ? "" : "s");
    if (f->severity != DOCTOR_OK) {
        doctor_mend(f, "%s", who_runs);
    }
}

void doctor_runnable(const doctor_machine *m, doctor_finding *f) {
    f->why = "each of them uses a CPU, or shares one with a measured thread";
    if (m->runnable < 0) {
        doctor_unseen(f, "which processes run now");
        return;
    }
    int32_t cpus = m->online > 0 ? m->online : m->allowed > 0 ? m->allowed : 1;
    doctor_say(f,
               m->runnable >= cpus  ? DOCTOR_BAD
               : m->runnable >= 0.5 ? DOCTOR_WARNING
                                    : DOCTOR_OK,
               "%.1f other processes need a CPU now", m->runnable);
    if (f->severity != DOCTOR_OK) {
        doctor_mend(f, "%s", who_runs);
    }
}

// ---- Memory ----

void doctor_memory(const doctor_machine *m, doctor_finding *f) {
    long long total = 0, available = 0, swap = 0, swap_free = 0;
    f->why = "a measurement waits while the system writes pages to disk to free memory, or reads "
             "swapped ones back";
    char *text = host_file(m->root, "/proc/meminfo");
    bool told = host_find_number(text, "MemTotal", ':', &total) && total > 0 &&
                host_find_number(text, "MemAvailable", ':', &available);
    host_find_number(text, "SwapTotal", ':', &swap);
    host_find_number(text, "SwapFree", ':', &swap_free);
    free(text);
    if (!told) {
        doctor_unseen(f, "how much memory is free");
        return;
    }
    double share = 100.0 * (double)available / (double)total;
    bool swapped = swap > swap_free;
    doctor_say(f,
               share < 10 ? DOCTOR_WARNING
               : swapped  ? DOCTOR_NOTE
                          : DOCTOR_OK,
               "%.0f %% of the memory is available, %.0f MiB are swapped out", share,
               swapped ? ((double)swap - (double)swap_free) / 1024 : 0);
    if (share < 10) {
        doctor_mend(f, "ps -eo pid,rss,comm --sort=-rss | head # and stop what can wait");
    } else if (swapped) {
        doctor_mend(f, "sudo swapoff -a && sudo swapon -a");
    }
}

// ---- Interrupts ----

void doctor_irqbalance(const doctor_machine *m, doctor_finding *f) {
    char path[HOST_PATH];
    bool seen = false, runs = false;
    f->why = "it moves interrupts between CPUs, also to one that measures";
    int length = snprintf(path, sizeof path, "%s/proc", m->root);
    DIR *folder = length > 0 && length < HOST_PATH ? opendir(path) : NULL;
    for (struct dirent *entry; folder && !runs && (entry = readdir(folder));) {
        char name[HOST_TEXT];
        if (isdigit((unsigned char)entry->d_name[0]) &&
            host_line(name, path, "/%s/comm", entry->d_name)) {
            seen = true;
            runs = strcmp(name, "irqbalance") == 0;
        }
    }
    if (folder) {
        closedir(folder);
    }
    if (!seen) {
        doctor_unseen(f, "whether irqbalance runs");
    } else if (!runs) {
        doctor_say(f, DOCTOR_OK, "irqbalance does not run");
    } else {
        doctor_say(f, DOCTOR_NOTE, "irqbalance runs");
        doctor_mend(f, "sudo systemctl stop irqbalance");
    }
}
