// SPDX-License-Identifier: BSD-2-Clause
// Reads /proc/cpuinfo and the registers in sysfs, decides whether they are this machine's, and asks
// the table about the CPUs that this process may use.
#include "cores.h"

#include "memory.h"
#include "procfs.h"
#include "quota.h"

#include <stdio.h>
#include <stdlib.h>

enum { PATH_ROOM = 4096 };

// ---- The table ----

static void read_cpuinfo(const char *root, dct_cpuinfo *table) {
    char path[PATH_ROOM];
    uint64_t length = 0;
    int wanted = snprintf(path, sizeof path, "%s/proc/cpuinfo", root);
    char *text = wanted > 0 && wanted < PATH_ROOM ? dct_proc_text(path, &length) : NULL;
    if (text) {
        dct_cpuinfo_parse(text, length, table);
        dct_free(text);
    }
}

// Linux, Documentation/arch/arm64/cpu-feature-registers.rst: "0x00000000410fd034". 0: not there.
static uint32_t read_midr(const char *root, int32_t cpu) {
    char path[PATH_ROOM];
    char text[64];
    int wanted =
        snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/regs/identification/midr_el1",
                 root, (int)cpu);
    if (wanted < 0 || wanted >= PATH_ROOM || !dct_proc_line(path, text, sizeof text)) {
        return 0;
    }
    unsigned long long midr = strtoull(text, NULL, 16);
    return midr <= UINT32_MAX ? (uint32_t)midr : 0;
}

// The first CPU without a register ends it: then the system does not show any.
static void read_registers(const char *root, dct_cores *cores) {
    bool more = true;
    for (int32_t i = 0; more && i < cores->count; i++) {
        uint32_t midr = read_midr(root, cores->cpus[i]);
        more = midr && dct_cpuinfo_add_midr(&cores->table, cores->cpus[i], midr);
    }
}

// Does any CPU have this main ID register, or (0) is the register of any CPU known?
static bool has_midr(const dct_cpuinfo *table, uint32_t midr) {
    if (midr && table->one_midr == midr) {
        return true;
    }
    for (int64_t i = 0; i < table->count; i++) {
        if (table->rows[i].midr && (!midr || table->rows[i].midr == midr)) {
            return true;
        }
    }
    return false;
}

void dct_cores_read(const char *root, uint32_t here, dct_cores *cores) {
    read_cpuinfo(root, &cores->table);
    if (!has_midr(&cores->table, 0)) {
        read_registers(root, cores);
    }
    if (here && !has_midr(&cores->table, here)) { // an emulator shows its host's files
        dct_cpuinfo_free(&cores->table);
    }
}

void dct_cores_open(dct_cores *cores) {
    *cores = (dct_cores){0};
    if (dct_allowed_cpus(&cores->cpus, &cores->count)) {
        dct_cores_read("", dct_cpu_midr(), cores);
    }
}

void dct_cores_close(dct_cores *cores) {
    dct_cpuinfo_free(&cores->table);
    dct_free(cores->cpus);
    *cores = (dct_cores){0};
}

// ---- Answers ----

// Reading takes long on x86, most of it in the kernel (docs/tuning.md), so it is not read for one
// kind of core.
uint64_t dct_cores_features(void) {
    dct_cpu_family family = dct_cpu_family_here();
    dct_cpu_raw raw = dct_cpu_read();
    uint64_t features = dct_cpu_features(family, &raw);
    if (!dct_cpus_may_differ(family, &raw)) {
        return features;
    }
    dct_cores cores;
    dct_cores_open(&cores);
    features = dct_cpuinfo_narrow(&cores.table, family, cores.cpus, cores.count, features);
    dct_cores_close(&cores);
    return features;
}

void dct_cores_name(const dct_cores *cores, char *text, uint64_t size) {
    if (!dct_cpuinfo_parts(&cores->table, cores->cpus, cores->count, text, size) &&
        !dct_cpuinfo_one_part(&cores->table, cores->count, text, size)) {
        dct_cpu_brand(text, size);
    }
}
