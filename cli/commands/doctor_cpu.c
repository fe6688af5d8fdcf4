// SPDX-License-Identifier: BSD-2-Clause
// `decoct doctor`: clocks, siblings, heat, and what is between this system and the CPU.
#include "doctor.h"

#include "bench/machine/cpufreq.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPU_FOLDER "/sys/devices/system/cpu"

// ---- Clocks ----

void doctor_governor(const doctor_machine *m, doctor_finding *f) {
    char all[HOST_TEXT];
    char others[HOST_TEXT] = "";
    char files[HOST_TEXT];
    int32_t seen = 0, slow = 0;
    f->why = "a governor changes the clock with the load, so the first runs are slower than the "
             "later ones and a pause changes the figures";
    host_setting *cpus = host_cpufreq(m->root, "scaling_governor", &seen);
    for (int32_t i = 0; i < seen; i++) {
        char number[16];
        if (strcmp(cpus[i].text, "performance") != 0) {
            slow++;
            snprintf(number, sizeof number, "%d", (int)cpus[i].cpu);
            host_add(others, number);
        }
    }
    free(cpus);
    host_governor(m->root, all);
    if (seen == 0) {
        doctor_unseen_host(m, f, "the frequency governor (there is no cpufreq)");
    } else if (slow == 0) {
        doctor_say(f, DOCTOR_OK, "the frequency governor is performance on all %d CPUs", (int)seen);
    } else {
        doctor_say(f, DOCTOR_BAD, "the frequency governor is %s; not performance on CPU %s%s", all,
                   others, strlen(others) > HOST_TEXT - 16 ? ", ..." : "");
        host_cpufreq_pattern(m->root, "scaling_governor", files);
        doctor_mend(f, "echo performance | sudo tee %s", files);
    }
}

void doctor_turbo(const doctor_machine *m, doctor_finding *f) {
    host_boost boost;
    f->why = "a boosted clock depends on heat and on how many cores are busy, so one thread looks "
             "faster than each of many, and a cold machine faster than a warm one";
    host_boost_read(m->root, &boost);
    if (boost.on + boost.off == 0) {
        doctor_unseen_host(m, f, "turbo");
        return;
    }
    if (boost.on == 0) {
        doctor_say(f, DOCTOR_OK, "turbo is off");
        return;
    }
    if (boost.off == 0) {
        doctor_say(f, DOCTOR_WARNING, "turbo is on");
    } else {
        f->why = "some CPUs boost their clock and some do not, so a figure depends on where the "
                 "system puts the thread, and on heat";
        doctor_say(f, DOCTOR_WARNING, "turbo is on for CPU %s%s; off for the others (%d)",
                   boost.on_cpus, strlen(boost.on_cpus) > HOST_TEXT - 16 ? ", ..." : "",
                   (int)boost.off);
    }
    doctor_mend(f, "echo %d | sudo tee %s", boost.value, boost.files);
}

void doctor_clock(const doctor_machine *m, doctor_finding *f) {
    static const char *const slow[] = {"hpet", "acpi_pm", "pit", "jiffies", "refined-jiffies"};
    char name[HOST_TEXT];
    char others[HOST_TEXT];
    f->why = "this clock is read by a slow access outside of the core, a microsecond or more, "
             "which is part of every short measurement";
    host_clock_source(m->root, name);
    if (strcmp(name, "unknown") == 0) {
        doctor_unseen(f, "the clock source");
        return;
    }
    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++) {
        if (strcmp(name, slow[i]) == 0) {
            doctor_say(f, DOCTOR_BAD, "the clock source is %s", name);
            host_line(others, m->root,
                      "/sys/devices/system/clocksource/clocksource0/available_clocksource");
            const char *better = host_has_word(others, strlen(others), "tsc")         ? "tsc"
                                 : host_has_word(others, strlen(others), "kvm-clock") ? "kvm-clock"
                                                                                      : NULL;
            if (better) {
                doctor_mend(f,
                            "echo %s | sudo tee /sys/devices/system/clocksource/clocksource0/"
                            "current_clocksource",
                            better);
            } else {
                doctor_mend(f, "# the kernel offers no faster clock here: %s", others);
            }
            return;
        }
    }
    f->why = "it is read in tens of nanoseconds";
    doctor_say(f, DOCTOR_OK, "the clock source is %s", name);
}

// ---- Siblings ----

// Adds "0-1" or "0,8" once a core, as far as there is room; how many cores have siblings.
static int32_t list_siblings(const char *root, char text[HOST_TEXT]) {
    int32_t count = 0, cores = 0;
    int32_t *cpus = host_cpus(root, &count);
    text[0] = '\0';
    for (int32_t i = 0; i < count; i++) {
        char list[HOST_TEXT];
        bool told =
            host_line(list, root, CPU_FOLDER "/cpu%d/topology/thread_siblings_list", (int)cpus[i]);
        if (told && strpbrk(list, ",-") && atoi(list) == cpus[i]) {
            size_t used = strlen(text);
            cores++;
            if (used + strlen(list) + 8 < HOST_TEXT) {
                snprintf(text + used, HOST_TEXT - used, "%s%s", used ? " and " : "", list);
            }
        }
    }
    free(cpus);
    return cores;
}

void doctor_smt(const doctor_machine *m, doctor_finding *f) {
    char state[HOST_TEXT];
    char control[HOST_TEXT];
    char siblings[HOST_TEXT];
    f->why = "two threads on one core share its arithmetic and its caches: a thread on the "
             "sibling slows the measured one down to about half";
    host_smt(m->root, state);
    if (strcmp(state, "unknown") == 0) {
        doctor_unseen(f, "whether CPUs share cores (SMT)");
        return;
    }
    if (strcmp(state, "on") != 0) {
        doctor_say(f, DOCTOR_OK, "no two CPUs share a core (SMT: %s)", state);
        return;
    }
    int32_t cores = list_siblings(m->root, siblings);
    if (cores > 0) {
        doctor_say(f, DOCTOR_WARNING, "SMT is on: %d cores are shared, by CPUs %s%s", (int)cores,
                   siblings, strlen(siblings) > HOST_TEXT - 40 ? " ..." : "");
    } else {
        doctor_say(f, DOCTOR_WARNING, "SMT is on: siblings share a core");
    }
    if (m->virtual || !host_line(control, m->root, CPU_FOLDER "/smt/control")) {
        doctor_mend(f, "decoct bench --pin core");
    } else {
        doctor_mend(f, "echo off | sudo tee " CPU_FOLDER "/smt/control");
    }
}

// ---- Heat ----

void doctor_heat(const doctor_machine *m, doctor_finding *f) {
    f->why = "a CPU that is too hot lowers its clock, so figures fall while the machine warms up";
    if (m->last.hot < 0) {
        doctor_unseen_host(m, f, "how often heat slowed the CPUs down");
    } else if (m->last.hot > m->first.hot) {
        doctor_say(f, DOCTOR_BAD, "heat slows the CPUs down now (%lld times since the start)",
                   m->last.hot);
    } else if (m->last.hot > 0) {
        doctor_say(f, DOCTOR_WARNING, "heat slowed the CPUs down %lld times since the start",
                   m->last.hot);
    } else {
        doctor_say(f, DOCTOR_OK, "heat never slowed the CPUs down");
    }
    if (m->last.hot > 0) {
        doctor_mend(f, "# no command helps: clean the fans, let the machine rest between runs, or "
                       "lower the power limit");
    }
}

// ---- Hypervisor, mitigations ----

void doctor_hypervisor(const doctor_machine *m, doctor_finding *f) {
    char name[HOST_TEXT];
    f->why = "other tenants of the same host use caches, memory bandwidth and clock, and nothing "
             "here shows it";
    host_hypervisor(m->root, name);
    if (strcmp(name, "unknown") == 0) {
        doctor_unseen(f, "whether this is a virtual machine");
    } else if (!m->virtual) {
        f->why = "no other tenant shares this machine unseen";
        doctor_say(f, DOCTOR_OK, "this is not a virtual machine");
    } else {
        doctor_say(f, DOCTOR_NOTE, "this is a virtual machine: %s", name);
        doctor_mend(f, "# nothing can be done inside a virtual machine: compare only what was "
                       "measured in turns, or rent a whole machine");
    }
}

void doctor_mitigations(const doctor_machine *m, doctor_finding *f) {
    char path[HOST_PATH];
    char names[HOST_TEXT] = "";
    int32_t active = 0, open = 0;
    f->why = "they make system calls slower: compare machines with the same set only";
    int length = snprintf(path, sizeof path, "%s" CPU_FOLDER "/vulnerabilities", m->root);
    DIR *folder = length > 0 && length < HOST_PATH ? opendir(path) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char line[HOST_TEXT];
        char name[HOST_TEXT];
        if (entry->d_name[0] == '.' || !host_line(line, path, "/%s", entry->d_name)) {
            continue;
        }
        if (strstr(line, "Mitigation")) {
            host_tidy(name, entry->d_name, strlen(entry->d_name));
            host_add(names, name);
            active++;
        }
        open += strncmp(line, "Vulnerable", 10) == 0;
    }
    if (!folder) {
        doctor_unseen(f, "the kernel's mitigations");
        return;
    }
    closedir(folder);
    doctor_say(f, DOCTOR_NOTE, "the kernel mitigates %d flaws of the CPU, %d are left open%s%s",
               (int)active, (int)open, active ? ": " : "", names);
}
