// SPDX-License-Identifier: BSD-2-Clause
// Reads the machine with hwloc: where each CPU is, kinds of cores, caches. placement.c decides
// where workers run.
#include "topology.h"

#include "memory.h"
#include "procfs.h"
#include "topology_parts.h"

#include <hwloc.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

struct dct_topology {
    hwloc_topology_t hw;
    hwloc_bitmap_t allowed;
};

// ---- May hwloc be called? ----

// Variables that hwloc does not read, or that only keep it quiet: what environment modules set.
static bool is_harmless(const char *variable, size_t length) {
    static const char *const names[] = {
        "HWLOC_ROOT",    "HWLOC_HOME",    "HWLOC_DIR",     "HWLOC_PREFIX",      "HWLOC_BASE",
        "HWLOC_VERSION", "HWLOC_LIB",     "HWLOC_LIBDIR",  "HWLOC_LIB_DIR",     "HWLOC_INC",
        "HWLOC_INCDIR",  "HWLOC_INC_DIR", "HWLOC_INCLUDE", "HWLOC_INCLUDE_DIR", "HWLOC_BIN",
        "HWLOC_BINDIR",  "HWLOC_BIN_DIR", "HWLOC_CFLAGS",  "HWLOC_LDFLAGS",     "HWLOC_LIBS"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == length && strncmp(variable, names[i], length) == 0) {
            return true;
        }
    }
    return strncmp(variable, "HWLOC_HIDE_ERRORS=", 18) == 0 && variable[18] >= '1' &&
           variable[18] <= '9'; // 0 makes it print
}

// The first variable that makes hwloc read files, load code, describe another machine, print or
// check itself with assertions; NULL: not one is set. hwloc 2.9 has about forty (HWLOC_XMLFILE,
// HWLOC_PLUGINS_PATH, ...), later ones more, so every variable counts that is not known to be
// harmless.
static const char *foreign_variable(size_t *length) {
    for (char **at = environ; at && *at; at++) {
        *length = strcspn(*at, "=");
        if (strncmp(*at, "HWLOC_", 6) == 0 && !is_harmless(*at, *length)) {
            return *at;
        }
    }
    return NULL;
}

static decoct_status may_ask(bool environment, dct_error *error) {
    size_t length = 0;
    const char *variable = foreign_variable(&length);
    if (variable && !environment) {
        return dct_fail(error, DECOCT_E_UNSUPPORTED,
                        "topology unknown: hwloc is not asked while the environment has "
                        "%.*s: unset it, or set hwloc_environment in the options",
                        length < 64 ? (int)length : 64, variable);
    }
    const char *root = variable ? getenv("HWLOC_FSROOT") : NULL;
    bool other = variable && !root &&
                 (getenv("HWLOC_XMLFILE") || getenv("HWLOC_SYNTHETIC") ||
                  getenv("HWLOC_CPUID_PATH") || getenv("HWLOC_COMPONENTS"));
    if (!other && !dct_proc_shows_topology(root ? root : "")) {
        return dct_fail(error, DECOCT_E_UNSUPPORTED,
                        "topology unknown: the system does not show "
                        "/sys/devices/system/cpu/cpu*/topology");
    }
    return DECOCT_OK;
}

// hwloc 2.9 ends the process where some of its allocations fail. So what it may use (42 KiB on a
// machine of 2 CPUs, 0.5 MiB on one of 256, 10.5 MiB on one of 4096) is allocated and freed before
// hwloc is called.
static bool has_memory(void) {
    enum { BASE = 1 << 20, EACH_CPU = 8 << 10 };
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    void *reserve = dct_alloc(NULL, BASE + (cpus > 0 ? cpus : 0) * (int64_t)EACH_CPU, 1);
    dct_free(reserve);
    return reserve;
}

// ---- Opening ----

static decoct_status load_hwloc(hwloc_topology_t hw, const char *synthetic, const char *xml,
                                dct_error *error) {
    if (synthetic && hwloc_topology_set_synthetic(hw, synthetic)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "topology: hwloc does not understand '%s'",
                        synthetic);
    }
    if (xml && hwloc_topology_set_xml(hw, xml)) {
        return dct_fail(error, DECOCT_E_IO, "topology: hwloc cannot read %s", xml);
    }
    // Otherwise hwloc binds the calling thread to each CPU in turn, to read its CPUID.
    if (hwloc_topology_set_flags(hw, HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING) ||
        hwloc_topology_load(hw)) {
        return dct_fail(error, DECOCT_E_SYSTEM, "topology: hwloc cannot read this machine");
    }
    return DECOCT_OK;
}

static decoct_status open_topology(const char *synthetic, const char *xml, dct_topology **out,
                                   dct_error *error) {
    dct_topology *topology = has_memory() ? dct_zalloc(NULL, 1, sizeof *topology) : NULL;
    if (!topology || hwloc_topology_init(&topology->hw)) {
        dct_free(topology);
        return dct_fail(error, DECOCT_E_MEMORY, "topology: out of memory");
    }
    decoct_status status = load_hwloc(topology->hw, synthetic, xml, error);
    if (!status) {
        topology->allowed = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(topology->hw));
        status = topology->allowed ? DECOCT_OK
                                   : dct_fail(error, DECOCT_E_MEMORY, "topology: out of memory");
    }
    if (!status && !synthetic && !xml) { // hwloc uses the cgroup's CPUs but not the affinity mask
        status = dct_topology_restrict_here(topology, dct_topology_restrict, error);
    }
    if (status) {
        dct_topology_close(topology);
        return status;
    }
    *out = topology;
    return DECOCT_OK;
}

decoct_status dct_topology_open_here(bool environment, dct_topology **out, dct_error *error) {
    if (getauxval(AT_SECURE)) { // the environment is another user's
        return dct_fail(error, DECOCT_E_UNSUPPORTED,
                        "topology unknown: it is not read in a set-user-id program");
    }
    decoct_status status = may_ask(environment, error);
    return status ? status : open_topology(NULL, NULL, out, error);
}

decoct_status dct_topology_open(const char *synthetic, const char *xml, dct_topology **out,
                                dct_error *error) {
    return synthetic || xml ? open_topology(synthetic, xml, out, error)
                            : dct_topology_open_here(false, out, error);
}

void dct_topology_close(dct_topology *topology) {
    if (topology) {
        hwloc_bitmap_free(topology->allowed);
        hwloc_topology_destroy(topology->hw);
        dct_free(topology);
    }
}

decoct_status dct_topology_restrict(dct_topology *topology, const int32_t *cpus, int32_t count,
                                    dct_error *error) {
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    bool whole = set;
    for (int32_t i = 0; whole && i < count; i++) {
        whole = cpus[i] < 0 || !hwloc_bitmap_isset(topology->allowed, (unsigned)cpus[i]) ||
                hwloc_bitmap_set(set, (unsigned)cpus[i]) == 0;
    }
    if (!whole) {
        hwloc_bitmap_free(set);
        return dct_fail(error, DECOCT_E_MEMORY, "topology: out of memory");
    }
    if (hwloc_bitmap_iszero(set)) {
        hwloc_bitmap_free(set);
        return dct_fail(error, DECOCT_E_ARGUMENT, "topology: none of the CPUs asked for is there");
    }
    hwloc_bitmap_free(topology->allowed);
    topology->allowed = set;
    return DECOCT_OK;
}

// ---- Collecting the CPUs ----

static int32_t ancestor(hwloc_topology_t hw, hwloc_obj_type_t type, hwloc_obj_t pu, int32_t none) {
    hwloc_obj_t object = hwloc_get_ancestor_obj_by_type(hw, type, pu);
    return object ? (int32_t)object->logical_index : none;
}

// Memory is beside the tree of cores: the first node that this CPU is near to.
static int32_t numa_of(hwloc_topology_t hw, unsigned cpu) {
    for (hwloc_obj_t node = NULL;
         (node = hwloc_get_next_obj_by_type(hw, HWLOC_OBJ_NUMANODE, node));) {
        if (hwloc_bitmap_isset(node->cpuset, cpu)) {
            return (int32_t)node->logical_index;
        }
    }
    return -1;
}

static dct_place describe(hwloc_topology_t hw, hwloc_obj_t pu) {
    dct_place p = {.cpu = (int32_t)pu->os_index, .rank = (int32_t)pu->logical_index};
    p.package = ancestor(hw, HWLOC_OBJ_PACKAGE, pu, -1);
    p.numa = numa_of(hw, pu->os_index);
    p.l3 = ancestor(hw, HWLOC_OBJ_L3CACHE, pu, -1);
    p.core = ancestor(hw, HWLOC_OBJ_CORE, pu, p.rank);
    return p;
}

// All CPUs of `set`, in hwloc's order: package by package, core by core, siblings together. An L3
// is one that hwloc sees.
static bool collect_raw(const dct_topology *topology, hwloc_const_bitmap_t set, dct_places *out) {
    int weight = hwloc_bitmap_weight(set);
    out->count = 0;
    out->items = weight >= 0 ? dct_zalloc(NULL, weight, sizeof *out->items) : NULL;
    if (!out->items) {
        return false;
    }
    for (hwloc_obj_t pu = NULL;
         (pu = hwloc_get_next_obj_by_type(topology->hw, HWLOC_OBJ_PU, pu));) {
        if (!hwloc_bitmap_isset(set, pu->os_index) || out->count >= weight) {
            continue;
        }
        dct_place p = describe(topology->hw, pu);
        const dct_place *last = out->count > 0 ? &out->items[out->count - 1] : NULL;
        p.smt = last && last->core == p.core ? last->smt + 1 : 0;
        out->items[out->count++] = p;
    }
    return true;
}

// The same with L3 domains, which policies need.
static bool collect(const dct_topology *topology, hwloc_const_bitmap_t set, dct_places *out) {
    bool whole = collect_raw(topology, set, out);
    if (whole) {
        dct_places_share_l3(out);
    }
    return whole;
}

// ---- Kinds of cores ----

// One of hwloc's kinds, or several that are one for us.
typedef struct core_kind {
    hwloc_bitmap_t cpus;
    dct_kind kind;
} core_kind;

typedef struct core_kinds {
    core_kind *items; // the most efficient one first
    int32_t count;
} core_kinds;

static const char *info(struct hwloc_info_s *infos, unsigned count, const char *name) {
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(infos[i].name, name) == 0) {
            return infos[i].value;
        }
    }
    return NULL;
}

static long info_number(struct hwloc_info_s *infos, unsigned count, const char *name) {
    const char *value = info(infos, count, name);
    long number = value ? strtol(value, NULL, 10) : 0;
    return number > 0 && number < 1 << 24 ? number : 0;
}

// Free out->cpus even after a failure.
static bool read_kind(hwloc_topology_t hw, int index, core_kind *out) {
    unsigned count = 0;
    struct hwloc_info_s *infos = NULL;
    dct_kind *k = &out->kind;
    *out = (core_kind){.cpus = hwloc_bitmap_alloc(), .kind = {.efficiency = -1}};
    if (!out->cpus || hwloc_cpukinds_get_info(hw, (unsigned)index, out->cpus, &k->efficiency,
                                              &count, &infos, 0)) {
        return false;
    }
    long clock = info_number(infos, count, "FrequencyMaxMHz");
    k->type = info(infos, count, "CoreType");
    k->capacity[0] = k->capacity[1] = info_number(infos, count, "LinuxCapacity");
    k->clock[0] = k->clock[1] = clock ? clock : info_number(infos, count, "FrequencyBaseMHz");
    return true;
}

// Makes kind b, the later one, part of kind a.
static bool absorb(core_kinds *kinds, int32_t a, int32_t b) {
    core_kind *to = &kinds->items[a];
    core_kind from = kinds->items[b];
    bool whole = hwloc_bitmap_or(to->cpus, to->cpus, from.cpus) == 0;
    dct_kind_widen(&to->kind, &from.kind);
    hwloc_bitmap_free(from.cpus);
    kinds->count--;
    memmove(&kinds->items[b], &kinds->items[b + 1], (size_t)(kinds->count - b) * sizeof from);
    return whole;
}

static bool merge_kinds(core_kinds *kinds) {
    bool whole = true;
    for (int32_t b = 1; whole && b < kinds->count; b++) {
        for (int32_t a = 0; a < b; a++) {
            if (dct_kind_is_same(&kinds->items[a].kind, &kinds->items[b].kind)) {
                whole = absorb(kinds, a, b);
                b = 0; // a is wider now: compare again from the beginning
                break;
            }
        }
    }
    for (int32_t i = 0; i < kinds->count; i++) {
        dct_kind *k = &kinds->items[i].kind;
        k->efficiency = k->efficiency < 0 ? -1 : i;
    }
    return whole;
}

static void free_kinds(core_kinds *kinds) {
    for (int32_t i = 0; i < kinds->count; i++) {
        hwloc_bitmap_free(kinds->items[i].cpus);
    }
    dct_free(kinds->items);
}

// The kinds that users can distinguish; pins and descriptions get them from here. free_kinds, also
// after a failure: no memory.
static bool read_kinds(hwloc_topology_t hw, core_kinds *out) {
    int count = hwloc_cpukinds_get_nr(hw, 0);
    *out = (core_kinds){.items = dct_zalloc(NULL, count > 0 ? count : 0, sizeof *out->items)};
    bool whole = out->items;
    for (int i = 0; whole && i < count; i++) {
        out->count = i + 1;
        whole = read_kind(hw, i, &out->items[i]);
    }
    return whole && merge_kinds(out);
}

// The allowed CPUs of the efficient kind, or all others.
static decoct_status find_kind(const dct_topology *topology, const char *policy, hwloc_bitmap_t out,
                               dct_error *error) {
    core_kinds kinds;
    bool efficient = strcmp(policy, "kind:efficiency") == 0;
    decoct_status status = DECOCT_OK;
    bool whole = read_kinds(topology->hw, &kinds);
    if (whole && (kinds.count < 2 || kinds.items[0].kind.efficiency < 0)) {
        status = dct_fail(error, DECOCT_E_UNSUPPORTED,
                          kinds.count < 2
                              ? "pin '%s': the system does not distinguish kinds of cores here"
                              : "pin '%s': the system does not report which of its kinds of cores "
                                "is faster",
                          policy);
    }
    for (int32_t i = efficient ? 0 : 1; whole && !status && i < (efficient ? 1 : kinds.count);
         i++) {
        whole = hwloc_bitmap_or(out, out, kinds.items[i].cpus) == 0;
    }
    free_kinds(&kinds);
    if (!whole || (!status && hwloc_bitmap_and(out, out, topology->allowed))) {
        return dct_fail(error, DECOCT_E_MEMORY, "pin: out of memory");
    }
    return status;
}

// ---- Placing ----

// The CPUs of a kind, or all for the other policies; *out is the caller's to free.
static decoct_status candidates(const dct_topology *topology, const char *policy, bool kind,
                                dct_places *out, dct_error *error) {
    hwloc_bitmap_t set = kind ? hwloc_bitmap_alloc() : hwloc_bitmap_dup(topology->allowed);
    if (!set) {
        return dct_fail(error, DECOCT_E_MEMORY, "pin: out of memory");
    }
    decoct_status status = DECOCT_OK;
    if (kind) {
        status = find_kind(topology, policy, set, error);
    }
    if (!status && !collect(topology, set, out)) {
        status = dct_fail(error, DECOCT_E_MEMORY, "pin: out of memory");
    }
    hwloc_bitmap_free(set);
    return status;
}

decoct_status dct_topology_place(const dct_topology *topology, const char *policy, int32_t threads,
                                 int32_t *cpus, dct_error *error) {
    dct_places places = {0};
    decoct_status status = dct_topology_check_pin(policy, threads, error);
    if (!status) {
        status = candidates(topology, policy, dct_policy_is_kind(policy), &places, error);
    }
    if (!status) {
        status = dct_places_choose(&places, policy, threads, cpus, error);
    }
    dct_free(places.items);
    return status;
}

// ---- Describing ----

static json_t *set_to_json(hwloc_const_bitmap_t set) {
    json_t *list = json_array();
    for (int cpu = hwloc_bitmap_first(set); cpu >= 0; cpu = hwloc_bitmap_next(set, cpu)) {
        json_array_append_new(list, json_integer(cpu));
    }
    return list;
}

static json_t *caches_to_json(hwloc_topology_t hw) {
    static const hwloc_obj_type_t types[] = {HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L2CACHE,
                                             HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L4CACHE};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        int count = hwloc_get_nbobjs_by_type(hw, types[i]);
        for (int k = 0; k < count; k++) {
            hwloc_obj_t cache = hwloc_get_obj_by_type(hw, types[i], (unsigned)k);
            json_t *last = json_array_get(list, json_array_size(list) - 1);
            json_int_t level = (json_int_t)cache->attr->cache.depth;
            json_int_t size = (json_int_t)cache->attr->cache.size;
            if (last && json_integer_value(json_object_get(last, "level")) == level &&
                json_integer_value(json_object_get(last, "size")) == size) {
                json_t *seen = json_object_get(last, "count"); // equal neighbours are counted
                json_integer_set(seen, json_integer_value(seen) + 1);
                continue;
            }
            json_array_append_new(
                list, json_pack("{s:I, s:I, s:I, s:i}", "level", level, "size", size, "line",
                                (json_int_t)cache->attr->cache.linesize, "count", 1));
        }
    }
    return list;
}

static json_t *kinds_to_json(hwloc_topology_t hw) {
    core_kinds kinds;
    json_t *list = read_kinds(hw, &kinds) ? json_array() : NULL;
    for (int32_t i = 0; list && i < kinds.count; i++) {
        const dct_kind *k = &kinds.items[i].kind;
        json_t *capacity = k->capacity[1] > 0 ? json_integer(k->capacity[1]) : json_null();
        json_array_append_new(list, json_pack("{s:i, s:s?, s:o, s:o}", "efficiency", k->efficiency,
                                              "type", k->type, "capacity", capacity, "cpus",
                                              set_to_json(kinds.items[i].cpus)));
    }
    free_kinds(&kinds);
    return list;
}

// All CPUs that hwloc sees, not only those of the affinity mask.
static json_t *places_to_json(const dct_topology *topology) {
    dct_places places = {0};
    hwloc_const_bitmap_t all = hwloc_topology_get_topology_cpuset(topology->hw);
    json_t *value = collect_raw(topology, all, &places) ? dct_places_json(&places) : NULL;
    dct_free(places.items);
    return value;
}

char *dct_topology_json(const dct_topology *topology) {
    hwloc_topology_t hw = topology->hw;
    dct_places places = {0};
    if (!collect(topology, topology->allowed, &places)) {
        return NULL;
    }
    json_t *all = json_pack("{s:i, s:i, s:i, s:o, s:i, s:i, s:o, s:o, s:o}", "packages",
                            hwloc_get_nbobjs_by_type(hw, HWLOC_OBJ_PACKAGE), "cores",
                            hwloc_get_nbobjs_by_type(hw, HWLOC_OBJ_CORE), "cpus",
                            hwloc_get_nbobjs_by_type(hw, HWLOC_OBJ_PU), "allowed",
                            set_to_json(topology->allowed), "numa",
                            hwloc_get_nbobjs_by_type(hw, HWLOC_OBJ_NUMANODE), "smt",
                            dct_places_smt(&places), "caches", caches_to_json(hw), "kinds",
                            kinds_to_json(hw), "places", places_to_json(topology));
    dct_free(places.items);
    return dct_topology_text(all);
}
