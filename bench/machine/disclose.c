// SPDX-License-Identifier: BSD-2-Clause
// The machine of a result file: what bench/machine/host.c reads, under the names of
// docs/results.md.
#include "host.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char unknown[] = "unknown";

// The values of a key for all CPUs, "a, b" where they differ.
static bool all_values(const char *cpuinfo, const char *key, char text[HOST_TEXT]) {
    size_t length = 0;
    text[0] = '\0';
    for (const char *at = cpuinfo; at && (at = host_find(at, key, ':', &length)); at += length) {
        char one[HOST_TEXT];
        if (host_tidy(one, at, length)) {
            host_add(text, one);
        }
    }
    if (!*text) {
        strcpy(text, unknown);
        return false;
    }
    return true;
}

// Implementers of MIDR_EL1; lib/machine/midr.c names the cores.
static const char *implementer_name(const char *number) {
    static const struct {
        long code;
        const char *name;
    } names[] = {
        {0x41, "Arm"},       {0x42, "Broadcom"}, {0x43, "Cavium"},   {0x46, "Fujitsu"},
        {0x48, "HiSilicon"}, {0x4e, "NVIDIA"},   {0x51, "Qualcomm"}, {0x61, "Apple"},
        {0x6d, "Microsoft"}, {0xc0, "Ampere"},
    };
    long code = strtol(number, NULL, 16);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].code == code) {
            return names[i].name;
        }
    }
    return number;
}

static void set_text(json_t *object, const char *key, const char *text) {
    json_object_set_new(object, key, json_string(text));
}

// "r1p2, r4p0": variant and revision of each CPU, which are in this order.
static void arm_steppings(const char *cpuinfo, char text[HOST_TEXT]) {
    size_t length = 0;
    text[0] = '\0';
    for (const char *at = cpuinfo; (at = host_find(at, "CPU variant", ':', &length));) {
        long long revision = 0;
        char one[HOST_TEXT];
        long variant = strtol(at, NULL, 16);
        at += length + (at[length] == '\n');
        if (host_find_number(at, "CPU revision", ':', &revision)) {
            snprintf(one, sizeof one, "r%ldp%lld", variant, revision);
            host_add(text, one);
        }
    }
    if (!*text) {
        strcpy(text, unknown);
    }
}

static void disclose_arm(const char *cpuinfo, json_t *machine) {
    char text[HOST_TEXT];
    all_values(cpuinfo, "CPU implementer", text);
    set_text(machine, "vendor", implementer_name(text));
    set_text(machine, "cpu_family", unknown);
    all_values(cpuinfo, "CPU part", text);
    set_text(machine, "model", text);
    arm_steppings(cpuinfo, text);
    set_text(machine, "stepping", text);
    set_text(machine, "microcode", unknown);
}

static void disclose_cpu(const char *root, json_t *machine) {
    static const char *const keys[][2] = {{"vendor", "vendor_id"},
                                          {"cpu_family", "cpu family"},
                                          {"model", "model"},
                                          {"stepping", "stepping"},
                                          {"microcode", "microcode"}};
    char *cpuinfo = host_file(root, "/proc/cpuinfo");
    size_t length = 0;
    if (cpuinfo && host_find(cpuinfo, "CPU implementer", ':', &length)) {
        disclose_arm(cpuinfo, machine);
        free(cpuinfo);
        return;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char text[HOST_TEXT];
        all_values(cpuinfo, keys[i][1], text);
        set_text(machine, keys[i][0], text);
    }
    free(cpuinfo);
}

static json_t *read_mitigations(const char *root) {
    static const char folder[] = "/sys/devices/system/cpu/vulnerabilities";
    char path[HOST_PATH];
    int length = snprintf(path, sizeof path, "%s%s", root, folder);
    DIR *open = length > 0 && length < HOST_PATH ? opendir(path) : NULL;
    if (!open) {
        return json_string(unknown);
    }
    json_t *all = json_object();
    for (struct dirent *entry; (entry = readdir(open));) {
        char text[HOST_TEXT];
        if (entry->d_name[0] != '.') {
            host_line(text, root, "%s/%s", folder, entry->d_name);
            set_text(all, entry->d_name, text);
        }
    }
    closedir(open);
    return all;
}

void host_disclose(const char *root, json_t *machine) {
    static const struct {
        const char *key;
        void (*read)(const char *root, char text[HOST_TEXT]);
    } facts[] = {{"hypervisor", host_hypervisor},
                 {"governor", host_governor},
                 {"turbo", host_turbo},
                 {"smt", host_smt},
                 {"huge_pages", host_huge_pages},
                 {"numa_balancing", host_numa_balancing},
                 {"clock_source", host_clock_source}};
    char text[HOST_TEXT];
    disclose_cpu(root, machine);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        facts[i].read(root, text);
        set_text(machine, facts[i].key, text);
    }
    json_object_set_new(machine, "mitigations", read_mitigations(root));
    long long kilobytes = 0;
    char *memory = host_file(root, "/proc/meminfo");
    bool told = host_find_number(memory, "MemTotal", ':', &kilobytes) && kilobytes > 0 &&
                kilobytes < INT64_MAX / 1024;
    free(memory);
    json_object_set_new(machine, "memory_bytes",
                        told ? json_integer(kilobytes * 1024) : json_string(unknown));
}
