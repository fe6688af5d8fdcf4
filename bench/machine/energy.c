// SPDX-License-Identifier: BSD-2-Clause
#include "energy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char FOLDER[] = "/sys/class/powercap";

// A number of a zone; its errno, 0: read.
static int read_zone(const char *root, const char *zone, const char *name, long long *number) {
    char path[HOST_PATH], text[64];
    int length = snprintf(path, sizeof path, "%s%s/%s/%s", root, FOLDER, zone, name);
    int file = length < HOST_PATH ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) {
        return length < HOST_PATH ? errno : ENAMETOOLONG;
    }
    ssize_t got = read(file, text, sizeof text - 1);
    int failed = got < 0 ? errno : 0;
    close(file);
    text[got > 0 ? got : 0] = '\0';
    return failed ? failed : host_text_number(text, number) && *number >= 0 ? 0 : EIO;
}

static void explain(energy *e, const char *zone, int failed) {
    if (failed == EACCES || failed == EPERM) {
        snprintf(e->unknown, sizeof e->unknown,
                 "%s/%s/energy_uj may not be read by this user (root may)", FOLDER, zone);
    } else {
        snprintf(e->unknown, sizeof e->unknown, "%s/%s/energy_uj: %s", FOLDER, zone,
                 strerror(failed));
    }
}

// Adds a package, or its memory; other zones (cores, the whole system) are parts of these or
// contain them.
static void add_zone(energy *e, const char *root, const char *folder) {
    char name[HOST_TEXT];
    energy_zone *zone = &e->zones[e->count];
    host_line(name, root, "%s/%s/name", FOLDER, folder);
    bool package = strncmp(name, "package", 7) == 0, memory = strcmp(name, "dram") == 0;
    if ((!package && !memory) || e->count == ENERGY_ZONES || strlen(folder) >= sizeof zone->name) {
        return;
    }
    *zone = (energy_zone){.memory = memory};
    strcpy(zone->name, folder);
    int failed = read_zone(root, folder, "energy_uj", &zone->begin);
    failed = failed ? failed : read_zone(root, folder, "max_energy_range_uj", &zone->range);
    if (!failed) {
        e->count++;
    } else if (package) {
        explain(e, folder, failed);
    }
}

void energy_begin(energy *e, const char *root) {
    char path[HOST_PATH];
    *e = (energy){.packages = -1.0, .memory = -1.0};
    int length = snprintf(path, sizeof path, "%s%s", root, FOLDER);
    DIR *zones = length < HOST_PATH ? opendir(path) : NULL;
    for (struct dirent *entry; zones && (entry = readdir(zones));) {
        // Some firmware shows the same counters again as intel-rapl-mmio.
        if (strncmp(entry->d_name, "intel-rapl:", 11) == 0) {
            add_zone(e, root, entry->d_name);
        }
    }
    if (zones) {
        closedir(zones);
    }
    bool package = false;
    for (int i = 0; i < e->count; i++) {
        package = package || !e->zones[i].memory;
    }
    if (!package && !e->unknown[0]) {
        snprintf(e->unknown, sizeof e->unknown,
                 "there is no %s/intel-rapl:*: no RAPL, no driver, or a virtual machine", FOLDER);
    }
}

void energy_end(energy *e, const char *root) {
    double sums[2] = {-1.0, -1.0}; // packages, memory
    for (int i = 0; i < e->count; i++) {
        const energy_zone *zone = &e->zones[i];
        long long now = 0;
        int failed = read_zone(root, zone->name, "energy_uj", &now);
        if (failed) {
            explain(e, zone->name, failed);
            return;
        }
        long long used = now - zone->begin;
        used += used < 0 ? zone->range : 0;
        double *sum = &sums[zone->memory];
        *sum = (*sum < 0.0 ? 0.0 : *sum) + (double)used * 1e-6;
    }
    if (!e->unknown[0]) { // one package of several is not a sum
        e->packages = sums[0];
        e->memory = sums[1];
    }
}
