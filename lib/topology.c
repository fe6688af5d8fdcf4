// SPDX-License-Identifier: BSD-2-Clause
// Reads the machine with hwloc: where each CPU lies, kinds of cores, caches. The only file that
// includes hwloc.h; who goes where is placement.c's.
#include "topology.h"

#include "memory.h"
#include "placement.h"
#include "quota.h"

#include <hwloc.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

struct dct_topology {
    hwloc_topology_t hw;
    hwloc_bitmap_t allowed;
};

// ---- Opening ----

static decoct_status load(hwloc_topology_t hw, const char *synthetic, const char *xml,
                          dct_error *error) {
    if (synthetic && hwloc_topology_set_synthetic(hw, synthetic)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "topology: hwloc does not understand '%s'",
                        synthetic);
    }
    if (xml && hwloc_topology_set_xml(hw, xml)) {
        return dct_fail(error, DECOCT_E_IO, "topology: hwloc cannot read %s", xml);
    }
    // Or hwloc walks the calling thread over all CPUs to ask each for its CPUID.
    if (hwloc_topology_set_flags(hw, HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING) ||
        hwloc_topology_load(hw)) {
        return dct_fail(error, DECOCT_E_SYSTEM, "topology: hwloc cannot read this machine");
    }
    return DECOCT_OK;
}

// hwloc knows the cgroup's CPUs but not the affinity mask.
static decoct_status restrict_to_affinity(dct_topology *topology, dct_error *error) {
    int32_t *cpus = NULL;
    int32_t count = 0;
    if (!dct_allowed_cpus(&cpus, &count)) {
        return dct_fail(error, DECOCT_E_SYSTEM, "topology: the affinity mask cannot be read");
    }
    decoct_status status = dct_topology_restrict(topology, cpus, count, error);
    dct_free(cpus);
    return status;
}

decoct_status dct_topology_open(const char *synthetic, const char *xml, dct_topology **out,
                                dct_error *error) {
    if (getauxval(AT_SECURE)) { // hwloc obeys the environment and trusts the files it names
        return dct_fail(error, DECOCT_E_UNSUPPORTED, "topology: not read in a set-user-id program");
    }
    dct_topology *topology = dct_zalloc(1, sizeof *topology);
    if (!topology || hwloc_topology_init(&topology->hw)) {
        dct_free(topology);
        return dct_fail(error, DECOCT_E_MEMORY, "topology: out of memory");
    }
    decoct_status status = load(topology->hw, synthetic, xml, error);
    if (!status) {
        topology->allowed = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(topology->hw));
        status = topology->allowed ? DECOCT_OK
                                   : dct_fail(error, DECOCT_E_MEMORY, "topology: out of memory");
    }
    if (!status && !synthetic && !xml) {
        status = restrict_to_affinity(topology, error);
    }
    if (status) {
        dct_topology_close(topology);
        return status;
    }
    *out = topology;
    return DECOCT_OK;
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

// Memory hangs beside the tree of cores: the first node that this CPU is near to.
static int32_t numa_of(hwloc_topology_t hw, unsigned cpu) {
    for (hwloc_obj_t node = NULL;
         (node = hwloc_get_next_obj_by_type(hw, HWLOC_OBJ_NUMANODE, node));) {
        if (hwloc_bitmap_isset(node->cpuset, cpu)) {
            return (int32_t)node->logical_index;
        }
    }
    return 0;
}

static dct_place describe(hwloc_topology_t hw, hwloc_obj_t pu) {
    dct_place p = {.cpu = (int32_t)pu->os_index, .rank = (int32_t)pu->logical_index};
    p.package = ancestor(hw, HWLOC_OBJ_PACKAGE, pu, 0);
    p.numa = numa_of(hw, pu->os_index);
    p.l3 = ancestor(hw, HWLOC_OBJ_L3CACHE, pu, p.package); // some virtual machines show no L3
    p.core = ancestor(hw, HWLOC_OBJ_CORE, pu, p.rank);
    return p;
}

// All CPUs of `set`, in hwloc's order: package by package, core by core, siblings together.
static bool collect(const dct_topology *topology, hwloc_const_bitmap_t set, dct_places *out) {
    int weight = hwloc_bitmap_weight(set);
    out->count = 0;
    out->items = weight >= 0 ? dct_zalloc(weight, sizeof *out->items) : NULL;
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

// ---- Kinds of cores ----

typedef struct core_kind {
    hwloc_bitmap_t cpus;
    int efficiency;   // 0 for the most efficient one, -1: hwloc cannot rank them
    const char *type; // "IntelAtom"; NULL: not told
    long capacity;    // Linux's cpu_capacity, 1024 for the fastest CPU of the machine; 0: not told
} core_kind;

static const char *info(struct hwloc_info_s *infos, unsigned count, const char *name) {
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(infos[i].name, name) == 0) {
            return infos[i].value;
        }
    }
    return NULL;
}

// Free out->cpus even after a failure.
static bool read_kind(hwloc_topology_t hw, int index, core_kind *out) {
    unsigned count = 0;
    struct hwloc_info_s *infos = NULL;
    *out = (core_kind){.cpus = hwloc_bitmap_alloc(), .efficiency = -1};
    if (!out->cpus || hwloc_cpukinds_get_info(hw, (unsigned)index, out->cpus, &out->efficiency,
                                              &count, &infos, 0)) {
        return false;
    }
    const char *capacity = info(infos, count, "LinuxCapacity");
    out->type = info(infos, count, "CoreType");
    out->capacity = capacity ? strtol(capacity, NULL, 10) : 0;
    return true;
}

// hwloc also tells apart cores of one type, by their clock or the last digits of cpu_capacity,
// which differ on machines with equal cores too (NVIDIA's; hwloc's NEWS, 2.14.0). Little cores have
// about half the capacity of big ones, so a tenth makes no kind.
static bool is_same_kind(const core_kind *slow, const core_kind *other) {
    if (slow->type && other->type) {
        return strcmp(slow->type, other->type) == 0;
    }
    return slow->capacity > 0 && other->capacity > 0 &&
           other->capacity - slow->capacity <= slow->capacity / 10;
}

// The allowed CPUs of the efficient kind, or all others.
static decoct_status find_kind(const dct_topology *topology, bool efficient, hwloc_bitmap_t out,
                               dct_error *error) {
    int kinds = hwloc_cpukinds_get_nr(topology->hw, 0);
    core_kind slow = {0}; // hwloc's kind 0 is the most efficient one
    bool known = kinds > 1 && read_kind(topology->hw, 0, &slow), others = false;
    for (int i = 0; known && i < kinds; i++) {
        core_kind k;
        known = read_kind(topology->hw, i, &k) && k.efficiency >= 0;
        bool in_slow = known && (i == 0 || is_same_kind(&slow, &k));
        others = others || (known && !in_slow);
        if (known && in_slow == efficient) {
            known = hwloc_bitmap_or(out, out, k.cpus) == 0;
        }
        hwloc_bitmap_free(k.cpus);
    }
    hwloc_bitmap_free(slow.cpus);
    if (!known || !others) {
        return dct_fail(error, DECOCT_E_UNSUPPORTED,
                        "pin 'kind:%s': the system does not tell kinds of cores apart here",
                        efficient ? "efficiency" : "performance");
    }
    hwloc_bitmap_and(out, out, topology->allowed);
    return DECOCT_OK;
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
        status = find_kind(topology, strcmp(policy, "kind:efficiency") == 0, set, error);
    }
    if (!status && !collect(topology, set, out)) {
        status = dct_fail(error, DECOCT_E_MEMORY, "pin: out of memory");
    }
    hwloc_bitmap_free(set);
    return status;
}

static decoct_status place(dct_places *places, const char *policy, bool kind, int32_t threads,
                           int32_t *cpus, dct_error *error) {
    if (policy[0] >= '0' && policy[0] <= '9') {
        return dct_places_list(places, policy, threads, cpus, error);
    }
    if (kind && threads > places->count) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "pin '%s': %d threads, but %d such CPUs", policy,
                        threads, places->count);
    }
    if (!dct_places_order(places, kind ? "core" : policy)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "pin '%.80s': neither a policy (none, compact, spread, core, l3, numa, "
                        "kind:performance, kind:efficiency) nor a list of CPUs (0,2-5)",
                        policy);
    }
    for (int32_t i = 0; i < threads; i++) {
        cpus[i] = places->items[i % places->count].cpu;
    }
    return DECOCT_OK;
}

decoct_status dct_topology_place(const dct_topology *topology, const char *policy, int32_t threads,
                                 int32_t *cpus, dct_error *error) {
    if (!policy || threads < 1) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "pin: no policy, or no threads");
    }
    bool kind = strcmp(policy, "kind:performance") == 0 || strcmp(policy, "kind:efficiency") == 0;
    dct_places places = {0};
    decoct_status status = candidates(topology, policy, kind, &places, error);
    if (!status) {
        status = place(&places, policy, kind, threads, cpus, error);
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
    json_t *list = json_array();
    int kinds = hwloc_cpukinds_get_nr(hw, 0);
    for (int i = 0; i < kinds; i++) {
        core_kind k;
        if (read_kind(hw, i, &k)) {
            json_t *capacity = k.capacity > 0 ? json_integer(k.capacity) : json_null();
            json_array_append_new(list, json_pack("{s:i, s:s?, s:o, s:o}", "efficiency",
                                                  k.efficiency, "type", k.type, "capacity",
                                                  capacity, "cpus", set_to_json(k.cpus)));
        }
        hwloc_bitmap_free(k.cpus);
    }
    return list;
}

// The largest number of allowed CPUs on one core.
static int32_t count_smt(const dct_places *places) {
    int32_t most = 0;
    for (int32_t i = 0; i < places->count; i++) {
        most = places->items[i].smt >= most ? places->items[i].smt + 1 : most;
    }
    return most;
}

char *dct_topology_json(const dct_topology *topology) {
    hwloc_topology_t hw = topology->hw;
    dct_places places = {0};
    if (!collect(topology, topology->allowed, &places)) {
        return NULL;
    }
    json_t *all = json_pack(
        "{s:i, s:i, s:i, s:o, s:i, s:i, s:o, s:o}", "packages",
        hwloc_get_nbobjs_by_type(hw, HWLOC_OBJ_PACKAGE), "cores",
        hwloc_get_nbobjs_by_type(hw, HWLOC_OBJ_CORE), "cpus",
        hwloc_get_nbobjs_by_type(hw, HWLOC_OBJ_PU), "allowed", set_to_json(topology->allowed),
        "numa", hwloc_get_nbobjs_by_type(hw, HWLOC_OBJ_NUMANODE), "smt", count_smt(&places),
        "caches", caches_to_json(hw), "kinds", kinds_to_json(hw));
    dct_free(places.items);
    char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    char *copy = text ? dct_strndup(text, strlen(text)) : NULL;
    free(text); // jansson's
    json_decref(all);
    return copy;
}
