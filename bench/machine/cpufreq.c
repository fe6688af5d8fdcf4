// SPDX-License-Identifier: BSD-2-Clause
// Reads cpufreq's files of all CPUs. It does not judge them.
#include "cpufreq.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPU_FOLDER "/sys/devices/system/cpu"

// ---- Settings ----

typedef struct setting_list {
    host_setting *items;
    int32_t count, room;
} setting_list;

// Sets a CPU's line unless it has one.
static void add_setting(setting_list *list, int32_t cpu, const char *text) {
    for (int32_t i = 0; i < list->count; i++) {
        if (list->items[i].cpu == cpu) {
            return;
        }
    }
    if (list->count == list->room) {
        int32_t room = list->room ? 2 * list->room : 64;
        host_setting *moved = realloc(list->items, (size_t)room * sizeof *moved);
        if (!moved) {
            return;
        }
        list->items = moved;
        list->room = room;
    }
    list->items[list->count].cpu = cpu;
    strcpy(list->items[list->count++].text, text);
}

static void read_cpus(const char *root, const char *file, setting_list *list) {
    int32_t count = 0;
    int32_t *cpus = host_online_cpus(root, &count);
    for (int32_t i = 0; i < count; i++) {
        char text[HOST_TEXT];
        if (host_line(text, root, CPU_FOLDER "/cpu%d/cpufreq/%s", (int)cpus[i], file)) {
            add_setting(list, cpus[i], text);
        }
    }
    free(cpus);
}

// Gives a policy's line to its CPUs, "0 1 2 3"; a policy that does not name them is that of the CPU
// with its number.
static void read_policy(const char *root, const char *policy, const char *file,
                        setting_list *list) {
    char text[HOST_TEXT];
    char path[HOST_TEXT];
    long number = 0;
    char *end = NULL;
    snprintf(path, sizeof path, CPU_FOLDER "/cpufreq/%.32s/affected_cpus", policy);
    char *members = host_file(root, path);
    const char *at = members ? members : policy + strlen("policy");
    if (host_line(text, root, CPU_FOLDER "/cpufreq/%s/%s", policy, file)) {
        for (; (number = strtol(at, &end, 10)) >= 0 && end != at && number < 1 << 20; at = end) {
            add_setting(list, (int32_t)number, text);
        }
    }
    free(members);
}

static void read_policies(const char *root, const char *file, setting_list *list) {
    char path[HOST_PATH];
    int length = snprintf(path, sizeof path, "%s" CPU_FOLDER "/cpufreq", root);
    DIR *folder = length > 0 && length < HOST_PATH ? opendir(path) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (strncmp(entry->d_name, "policy", 6) == 0) {
            read_policy(root, entry->d_name, file, list);
        }
    }
    if (folder) {
        closedir(folder);
    }
}

static int compare_settings(const void *left, const void *right) {
    const host_setting *a = left;
    const host_setting *b = right;
    return (a->cpu > b->cpu) - (a->cpu < b->cpu);
}

host_setting *host_cpufreq(const char *root, const char *file, int32_t *count) {
    setting_list list = {0};
    read_cpus(root, file, &list);
    read_policies(root, file, &list);
    if (list.count > 0) {
        qsort(list.items, (size_t)list.count, sizeof *list.items, compare_settings);
    }
    *count = list.count;
    return list.items;
}

void host_cpufreq_pattern(const char *root, const char *file, char pattern[HOST_TEXT]) {
    setting_list list = {0};
    read_cpus(root, file, &list);
    snprintf(pattern, HOST_TEXT, CPU_FOLDER "/%s/%.64s",
             list.count > 0 ? "cpu*/cpufreq" : "cpufreq/policy*", file);
    free(list.items);
}

void host_governor(const char *root, char text[HOST_TEXT]) {
    int32_t count = 0;
    host_setting *all = host_cpufreq(root, "scaling_governor", &count);
    text[0] = '\0';
    for (int32_t i = 0; i < count; i++) {
        host_add(text, all[i].text);
    }
    free(all);
    if (!*text) {
        strcpy(text, "unknown");
    }
}

// ---- Boost ----

static void count_cpu(host_boost *boost, int32_t cpu, bool on) {
    char number[16];
    boost->on += on;
    boost->off += !on;
    if (on) {
        snprintf(number, sizeof number, "%d", (int)cpu);
        host_add(boost->on_cpus, number);
    }
}

static bool has_setting(const host_setting *all, int32_t count, int32_t cpu) {
    for (int32_t i = 0; i < count; i++) {
        long long number = 0;
        if (all[i].cpu == cpu) {
            return host_text_number(all[i].text, &number);
        }
    }
    return false;
}

// The CPUs without a file of their own have the global state; where no CPU is visible, "one" has.
static int32_t count_others(const char *root, bool on, const host_setting *all, int32_t count,
                            host_boost *boost) {
    int32_t online = 0, others = 0;
    int32_t *cpus = host_online_cpus(root, &online);
    for (int32_t i = 0; i < online; i++) {
        if (!has_setting(all, count, cpus[i])) {
            count_cpu(boost, cpus[i], on);
            others++;
        }
    }
    free(cpus);
    if (boost->on + boost->off == 0) {
        boost->on = on;
        boost->off = !on;
        others = 1;
    }
    return others;
}

// Names the files that turn it off: those of CPUs that are on, and the global one for the others.
static void name_files(const char *root, bool by_cpu, const char *global, host_boost *boost) {
    char pattern[HOST_TEXT];
    boost->value = 0;
    host_cpufreq_pattern(root, "boost", pattern);
    snprintf(boost->files, sizeof boost->files, "%s%s%s", by_cpu ? pattern : "",
             by_cpu && global ? " " : "", global ? global : "");
}

void host_boost_read(const char *root, host_boost *boost) {
    static const char no_turbo[] = CPU_FOLDER "/intel_pstate/no_turbo";
    static const char global[] = CPU_FOLDER "/cpufreq/boost";
    *boost = (host_boost){0};
    long long number = 0;
    bool intel = host_number(&number, root, "%s", no_turbo), forbidden = intel && number != 0;
    bool told = intel, on = intel && !forbidden;
    if (!intel) {
        told = host_number(&number, root, "%s", global);
        on = told && number != 0;
    }
    int32_t count = 0;
    host_setting *all = host_cpufreq(root, "boost", &count);
    for (int32_t i = 0; i < count; i++) {
        if (host_text_number(all[i].text, &number)) {
            count_cpu(boost, all[i].cpu, number != 0 && !forbidden);
        }
    }
    bool by_cpu = boost->on > 0;
    bool others = told && count_others(root, on, all, count, boost) > 0;
    free(all);
    name_files(root, by_cpu, others && on ? global : NULL, boost);
    if (intel) { // applies to all others
        snprintf(boost->files, sizeof boost->files, "%s", no_turbo);
        boost->value = 1;
    }
}

void host_turbo(const char *root, char text[HOST_TEXT]) {
    host_boost boost;
    host_boost_read(root, &boost);
    text[0] = '\0';
    host_add(text, boost.on + boost.off == 0 ? "unknown" : boost.on ? "on" : "off");
    if (boost.on && boost.off) {
        host_add(text, "off");
    }
}
