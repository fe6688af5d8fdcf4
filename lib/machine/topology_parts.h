// SPDX-License-Identifier: BSD-2-Clause
// What both readers of the machine need: topology.c with hwloc, topology_sys.c without.
#ifndef DCT_TOPOLOGY_PARTS_H
#define DCT_TOPOLOGY_PARTS_H

#include "placement.h"
#include "topology.h"

#include <jansson.h>

typedef decoct_status dct_restrict(dct_topology *topology, const int32_t *cpus, int32_t count,
                                   dct_error *error);

// Restricts the CPUs to those of the calling thread's affinity mask, by dct_topology_restrict: the
// reader passes its own, so that this file does not depend on readers.
decoct_status dct_topology_restrict_here(dct_topology *topology, dct_restrict *restrict_to,
                                         dct_error *error);
// A policy and at least one thread?
decoct_status dct_topology_check_pin(const char *policy, int32_t threads, dct_error *error);
// The "places" of dct_topology_json; the items need not have their L3 domains. NULL: no memory.
json_t *dct_places_json(const dct_places *places);
// Releases `all`. Its text for dct_free; NULL: no memory.
char *dct_topology_text(json_t *all);

#endif
