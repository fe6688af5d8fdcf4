// SPDX-License-Identifier: BSD-2-Clause
// Reads the machine without hwloc: packages and cores from /sys/devices/system/cpu. Caches, NUMA
// nodes and kinds of cores stay unknown. Compiled in place of topology.c with -Dhwloc=disabled.
#include "memory.h"
#include "procfs.h"
#include "topology_parts.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_ROOM = 1024 };

struct dct_topology {
    dct_places places; // allowed CPUs: package by package, core by core, siblings together
    int64_t room;
    int32_t packages, cores, cpus; // of the machine, allowed or not
};

// ---- Reading ----

// The first CPU of a list such as "2,66" in cpu<N>/topology/<file>; -1: there is no such file.
static int32_t first_of(const char *folder, int32_t cpu, const char *file) {
    char path[PATH_ROOM], text[64];
    int length = snprintf(path, sizeof path, "%s/cpu%d/topology/%s", folder, (int)cpu, file);
    if (length < 0 || length >= PATH_ROOM || !dct_proc_line(path, text, sizeof text)) {
        return -1;
    }
    char *end = text;
    long first = strtol(text, &end, 10);
    return end > text && first >= 0 && first <= INT32_MAX ? (int32_t)first : -1;
}

// Linux 5.3 has the first name, older ones the second. core_id is not used: it need not be unique
// in a package, and is -1 where firmware does not report it.
static int32_t shared_by(const char *folder, int32_t cpu, const char *name, const char *old) {
    int32_t first = first_of(folder, cpu, name);
    return first >= 0 ? first : first_of(folder, cpu, old);
}

// Adds a CPU, whose package and core are named by their first CPU. One that is offline does not
// have a topology and is left out.
static bool add_cpu(dct_topology *topology, const char *folder, int32_t cpu) {
    dct_places *places = &topology->places;
    dct_place place = {.cpu = cpu, .numa = -1, .l3 = -1};
    place.core = shared_by(folder, cpu, "core_cpus_list", "thread_siblings_list");
    place.package = shared_by(folder, cpu, "package_cpus_list", "core_siblings_list");
    if (place.core < 0 && place.package < 0) {
        return true;
    }
    place.core = place.core < 0 ? cpu : place.core;
    void *items = places->items;
    bool grown = dct_grow(NULL, &items, &topology->room, places->count + 1, sizeof place);
    places->items = items;
    if (grown) {
        places->items[places->count++] = place;
    }
    return grown;
}

static int compare(const void *left, const void *right) {
    const dct_place *a = left, *b = right;
    if (a->package != b->package) {
        return a->package < b->package ? -1 : 1;
    }
    if (a->core != b->core) {
        return a->core < b->core ? -1 : 1;
    }
    return (a->cpu > b->cpu) - (a->cpu < b->cpu);
}

// Packages and cores get increasing numbers in place of their first CPU's.
static void number_places(dct_topology *topology) {
    dct_places *places = &topology->places;
    if (places->count > 1) {
        qsort(places->items, (size_t)places->count, sizeof *places->items, compare);
    }
    dct_place last = {.package = -2, .core = -2};
    for (int32_t i = 0; i < places->count; i++) {
        dct_place *place = &places->items[i], read = *place;
        topology->packages += read.package != last.package;
        topology->cores += read.package != last.package || read.core != last.core;
        place->package = topology->packages - 1;
        place->core = topology->cores - 1;
        place->rank = i;
        last = read;
    }
    topology->cpus = places->count;
}

// The number of "cpu12"; -1: another name.
static int32_t cpu_of(const char *name) {
    if (strncmp(name, "cpu", 3) != 0 || name[3] < '0' || name[3] > '9') {
        return -1;
    }
    char *end = NULL;
    long cpu = strtol(name + 3, &end, 10);
    return *end == '\0' && cpu <= INT32_MAX ? (int32_t)cpu : -1;
}

static bool read_cpus(dct_topology *topology, const char *root) {
    char folder[PATH_ROOM / 2];
    int length = snprintf(folder, sizeof folder, "%s/sys/devices/system/cpu", root);
    DIR *cpus = length > 0 && (size_t)length < sizeof folder ? opendir(folder) : NULL;
    bool whole = true;
    for (struct dirent *entry; whole && cpus && (entry = readdir(cpus));) {
        int32_t cpu = cpu_of(entry->d_name);
        whole = cpu < 0 || add_cpu(topology, folder, cpu);
    }
    if (cpus) {
        closedir(cpus);
    }
    return whole;
}

// ---- Opening ----

decoct_status dct_topology_read(const char *root, dct_topology **out, dct_error *error) {
    dct_topology *topology = dct_zalloc(NULL, 1, sizeof *topology);
    if (!topology || !read_cpus(topology, root)) {
        dct_topology_close(topology);
        return dct_fail(error, DECOCT_E_MEMORY, "topology: out of memory");
    }
    if (topology->places.count == 0) {
        dct_topology_close(topology);
        return dct_fail(error, DECOCT_E_UNSUPPORTED,
                        "topology unknown: the system does not show "
                        "/sys/devices/system/cpu/cpu*/topology");
    }
    number_places(topology);
    *out = topology;
    return DECOCT_OK;
}

// `environment` is for hwloc's variables.
decoct_status dct_topology_open_here(bool environment, dct_topology **out, dct_error *error) {
    (void)environment;
    dct_topology *topology = NULL;
    decoct_status status = dct_topology_read("", &topology, error);
    if (!status) {
        status = dct_topology_restrict_here(topology, dct_topology_restrict, error);
    }
    if (status) {
        dct_topology_close(topology);
        return status;
    }
    *out = topology;
    return DECOCT_OK;
}

decoct_status dct_topology_open(const char *synthetic, const char *xml, dct_topology **out,
                                dct_error *error) {
    return synthetic || xml ? dct_fail(error, DECOCT_E_UNSUPPORTED,
                                       "topology: this build cannot read descriptions of machines; "
                                       "it was configured with -Dhwloc=disabled")
                            : dct_topology_open_here(false, out, error);
}

void dct_topology_close(dct_topology *topology) {
    if (topology) {
        dct_free(topology->places.items);
        dct_free(topology);
    }
}

static bool is_listed(int32_t cpu, const int32_t *cpus, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (cpus[i] == cpu) {
            return true;
        }
    }
    return false;
}

decoct_status dct_topology_restrict(dct_topology *topology, const int32_t *cpus, int32_t count,
                                    dct_error *error) {
    dct_places *places = &topology->places;
    int32_t kept = 0;
    for (int32_t i = 0; i < places->count; i++) {
        kept += is_listed(places->items[i].cpu, cpus, count);
    }
    if (kept == 0) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "topology: none of the CPUs asked for is there");
    }
    kept = 0;
    for (int32_t i = 0; i < places->count; i++) {
        if (is_listed(places->items[i].cpu, cpus, count)) {
            places->items[kept++] = places->items[i];
        }
    }
    places->count = kept;
    return DECOCT_OK;
}

// ---- Placing and describing ----

// The allowed CPUs, for dct_free. NULL: no memory.
static dct_place *copy_places(const dct_topology *topology) {
    const dct_places *from = &topology->places;
    dct_places copy = {.items = dct_alloc(NULL, from->count, sizeof *copy.items),
                       .count = from->count};
    for (int32_t i = 0; copy.items && i < copy.count; i++) {
        dct_place *place = &copy.items[i];
        *place = from->items[i];
        place->smt = i > 0 && place[-1].core == place->core ? place[-1].smt + 1 : 0;
    }
    if (copy.items) {
        dct_places_share_l3(&copy);
    }
    return copy.items;
}

decoct_status dct_topology_place(const dct_topology *topology, const char *policy, int32_t threads,
                                 int32_t *cpus, dct_error *error) {
    static const char *const unknown[] = {"l3", "numa", "kind:performance", "kind:efficiency"};
    decoct_status status = dct_topology_check_pin(policy, threads, error);
    if (status) {
        return status;
    }
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        if (strcmp(policy, unknown[i]) == 0) {
            return dct_fail(error, DECOCT_E_UNSUPPORTED,
                            "pin '%s': this build knows packages and cores only; it was "
                            "configured with -Dhwloc=disabled",
                            policy);
        }
    }
    dct_places places = {.items = copy_places(topology), .count = topology->places.count};
    if (!places.items) {
        return dct_fail(error, DECOCT_E_MEMORY, "pin: out of memory");
    }
    status = dct_places_choose(&places, policy, threads, cpus, error);
    dct_free(places.items);
    return status;
}

char *dct_topology_json(const dct_topology *topology) {
    dct_places places = {.items = copy_places(topology), .count = topology->places.count};
    if (!places.items) {
        return NULL;
    }
    json_t *allowed = json_array();
    for (int32_t i = 0; i < places.count; i++) {
        json_array_append_new(allowed, json_integer(places.items[i].cpu));
    }
    json_t *all = json_pack("{s:i, s:i, s:i, s:o, s:n, s:i, s:[], s:[], s:o}", "packages",
                            topology->packages, "cores", topology->cores, "cpus", topology->cpus,
                            "allowed", allowed, "numa", "smt", dct_places_smt(&places), "caches",
                            "kinds", "places", dct_places_json(&topology->places));
    dct_free(places.items);
    return dct_topology_text(all);
}
