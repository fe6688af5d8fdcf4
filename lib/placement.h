// SPDX-License-Identifier: BSD-2-Clause
// Which CPU for which worker: pure functions over a list of CPUs and where they lie.
#ifndef DCT_PLACEMENT_H
#define DCT_PLACEMENT_H

#include "status.h"

#include <stdbool.h>

enum { DCT_PLACE_KEYS = 5 };

// A CPU. Packages, nodes, caches and cores have the machine's logical numbers, increasing along it.
typedef struct dct_place {
    int32_t cpu; // number of the operating system
    int32_t package, numa, l3, core;
    int32_t smt;                 // 0: the first CPU of its core in this list
    int32_t rank;                // hwloc's order: siblings stand side by side
    bool taken;                  // by an explicit list
    int32_t key[DCT_PLACE_KEYS]; // what a policy sorts by
} dct_place;

typedef struct dct_places {
    dct_place *items; // in hwloc's order
    int32_t count;
} dct_places;

// Puts the places in the order in which workers take them: "compact", "spread", "core", "l3",
// "numa". False: no such policy.
bool dct_places_order(dct_places *places, const char *policy);
// cpus[0 .. threads) from a list "0,2-5", each CPU one of the places.
decoct_status dct_places_list(dct_places *places, const char *list, int32_t threads, int32_t *cpus,
                              dct_error *error);

#endif
