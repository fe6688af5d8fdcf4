// SPDX-License-Identifier: BSD-2-Clause
// Which CPU for which worker: pure functions over kinds of cores, and over a list of CPUs with
// their places.
#ifndef DCT_PLACEMENT_H
#define DCT_PLACEMENT_H

#include "status.h"

#include <stdbool.h>

enum { DCT_PLACE_KEYS = 5 };

// A CPU. Packages, nodes, caches and cores have the machine's logical numbers, increasing along it;
// -1: not in any.
typedef struct dct_place {
    int32_t cpu; // number of the operating system
    int32_t package, numa, l3, core;
    int32_t smt;                 // 0: the first CPU of its core in this list
    int32_t rank;                // hwloc's order: siblings are adjacent
    bool taken;                  // by an explicit list
    int32_t key[DCT_PLACE_KEYS]; // what a policy sorts by
} dct_place;

typedef struct dct_places {
    dct_place *items; // in hwloc's order
    int32_t count;
} dct_places;

// A kind of core as the system describes it, 0 and NULL if it does not.
typedef struct dct_kind {
    int efficiency;   // 0 for the most efficient kind, -1: the system does not rank them
    const char *type; // "IntelAtom"
    long capacity[2]; // lowest, highest of Linux's cpu_capacity: 1024 for the machine's fastest CPU
    long clock[2];    // lowest, highest of the CPUs' highest clocks, MHz
} dct_kind;

// Are these cores equal but for variation in production?
bool dct_kind_is_same(const dct_kind *a, const dct_kind *b);
// Makes `by` a part of `kind`.
void dct_kind_widen(dct_kind *kind, const dct_kind *by);

// Replaces the L3's number (-1: no L3) by that of a domain, increasing along the
// machine: CPUs that share an L3, or those of a package and node without an L3. Some virtual
// machines do not show an L3, and the low-power cores of some laptops do not have one.
void dct_places_share_l3(dct_places *places);
// Sorts the places in the order in which workers use them: "compact", "spread", "core", "l3",
// "numa". False: no such policy.
bool dct_places_order(dct_places *places, const char *policy);
// cpus[0 .. threads) from a list "0,2-5", each CPU one of the places.
decoct_status dct_places_list(dct_places *places, const char *list, int32_t threads, int32_t *cpus,
                              dct_error *error);
// Is it "kind:performance" or "kind:efficiency"?
bool dct_policy_is_kind(const char *policy);
// cpus[0 .. threads) for any policy or list; for a kind, the places are those of that kind.
decoct_status dct_places_choose(dct_places *places, const char *policy, int32_t threads,
                                int32_t *cpus, dct_error *error);
// The largest number of these CPUs on one core.
int32_t dct_places_smt(const dct_places *places);

#endif
