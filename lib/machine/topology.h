// SPDX-License-Identifier: BSD-2-Clause
// Cores, caches, NUMA and the CPUs this process may use. A topology is loaded on first
// need, since that takes milliseconds. With -Dhwloc=disabled topology_sys.c implements this:
// packages and cores only.
#ifndef DCT_TOPOLOGY_H
#define DCT_TOPOLOGY_H

#include "quota.h" // dct_usable_cpus, dct_cgroup_quota
#include "status.h"

#include <stdbool.h>

typedef struct dct_topology dct_topology;

// This machine. DECOCT_E_UNSUPPORTED: the system does not show its topology, or `environment` is
// false and HWLOC_* variables could make hwloc read files, load code or print.
decoct_status dct_topology_open_here(bool environment, dct_topology **out, dct_error *error);
// The same without the environment, or for tests: a synthetic description, or an XML file (at most
// one of them).
decoct_status dct_topology_open(const char *synthetic, const char *xml, dct_topology **out,
                                dct_error *error);
// With -Dhwloc=disabled: the machine of <root>/sys, with all its CPUs allowed. `root` is "" or the
// folder that replaces "/" in tests.
decoct_status dct_topology_read(const char *root, dct_topology **out, dct_error *error);
void dct_topology_close(dct_topology *topology);
// Restricts the CPUs to those listed, as sched_getaffinity does for the real machine.
decoct_status dct_topology_restrict(dct_topology *topology, const int32_t *cpus, int32_t count,
                                    dct_error *error);
// Fills cpus[0 .. threads) for a pin policy, on allowed CPUs only:
//   compact           siblings side by side, core after core
//   core              one a core in order; siblings only after all cores
//   spread            one a core, taking turns over packages, NUMA nodes, L3 caches; siblings last
//   l3, numa          taking turns over L3 caches (CPUs without one: those of a package and
//                     NUMA node) or over NUMA nodes
//   kind:efficiency   the slowest kind of core; kind:performance all others, so of a telephone's
//                     4 + 3 + 1 cores the 3 and the 1
//   0,2-5             these CPUs in this order
// More threads than places: DECOCT_E_ARGUMENT for lists and kinds, wraps around for the rest.
// DECOCT_E_UNSUPPORTED: the system does not distinguish kinds, or hwloc, which this policy needs,
// was left out (l3, numa, kinds; "spread" takes turns over packages only then). "none" is not
// accepted here.
decoct_status dct_topology_place(const dct_topology *topology, const char *policy, int32_t threads,
                                 int32_t *cpus, dct_error *error);
// Describes the machine as a JSON object: {"packages": 1, "cores": 2, "cpus": 2, "allowed": [0, 1],
// "numa": 1, "smt": 1, "caches": [{"level": 1, "size": .., "line": 64, "count": 2}, ..],
// "kinds": [{"efficiency": 0, "type": null, "capacity": null, "cpus": [0, 1]}]}: the kinds that
// pins distinguish, with the highest cpu_capacity of Linux (1024: the fastest); and "places":
// {"cpu": [0, 1], "package": [0, 0], "numa": [0, 0], "l3": [null, null], "core": [0, 1]}: a column
// each, an element for each CPU, siblings side by side, with logical numbers; null: in none, or
// unknown. With -Dhwloc=disabled "numa" is null, "caches" and "kinds" are empty, and the places are
// those of the allowed CPUs. NULL: no memory. dct_free it.
char *dct_topology_json(const dct_topology *topology);

#endif
