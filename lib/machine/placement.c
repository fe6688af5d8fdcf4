// SPDX-License-Identifier: BSD-2-Clause
// Decides which kinds of cores are one, orders CPUs by policy and reads explicit lists. It uses
// neither hwloc nor threads.
#include "placement.h"

#include <stdlib.h>
#include <string.h>

enum { CPU_MAX = 1 << 20 };

// ---- Kinds of cores ----

// Is the gap between two ranges at most `percent` of the lower one's upper end?
static bool is_near(const long a[2], const long b[2], long percent) {
    const long *low = a[0] < b[0] ? a : b, *high = low == a ? b : a;
    return (high[0] - low[1]) * 100 <= low[1] * percent;
}

// hwloc distinguishes cores by each of these. But equal cores have other highest clocks too (12 %
// on workstations with "preferred cores", and more where a kernel scales them by rank), and
// capacities that follow the clock; while an efficient core has at most three quarters of the
// clock, and about half the capacity of a big one. Telephones have middle cores from 0.85 of the
// biggest.
bool dct_kind_is_same(const dct_kind *a, const dct_kind *b) {
    if (a->type && b->type) {
        return strcmp(a->type, b->type) == 0;
    }
    if (a->capacity[0] > 0 && b->capacity[0] > 0) {
        return is_near(a->capacity, b->capacity, 15);
    }
    if (a->clock[0] > 0 && b->clock[0] > 0) {
        return is_near(a->clock, b->clock, 20);
    }
    return a->efficiency < 0 || b->efficiency < 0; // no figure distinguishes them
}

static void widen(long range[2], const long by[2]) {
    if (by[0] > 0) {
        range[0] = range[0] > 0 && range[0] < by[0] ? range[0] : by[0];
        range[1] = range[1] > by[1] ? range[1] : by[1];
    }
}

void dct_kind_widen(dct_kind *kind, const dct_kind *by) {
    kind->type = kind->type ? kind->type : by->type;
    widen(kind->capacity, by->capacity);
    widen(kind->clock, by->clock);
}

// ---- Policies ----

static int compare_places(const void *left, const void *right) {
    const dct_place *a = left;
    const dct_place *b = right;
    for (int i = 0; i < DCT_PLACE_KEYS; i++) {
        if (a->key[i] != b->key[i]) {
            return a->key[i] < b->key[i] ? -1 : 1;
        }
    }
    return (a->rank > b->rank) - (a->rank < b->rank);
}

static void sort(dct_places *places) {
    qsort(places->items, (size_t)places->count, sizeof *places->items, compare_places);
}

static void set_key(dct_place *p, int32_t k0, int32_t k1, int32_t k2, int32_t k3, int32_t k4) {
    const int32_t key[DCT_PLACE_KEYS] = {k0, k1, k2, k3, k4};
    memcpy(p->key, key, sizeof key);
}

static void order_compact(dct_places *places) {
    (void)places; // hwloc's order
}

static void order_core(dct_places *places) {
    for (int32_t i = 0; i < places->count; i++) {
        set_key(&places->items[i], places->items[i].smt, 0, 0, 0, 0);
    }
    sort(places);
}

// One worker per core first; of these the packages alternate, then the NUMA nodes within a package,
// the L3 caches within a node, the cores within a cache. Counted in what is allowed, so that holes
// in the machine do not unbalance it.
static void order_spread(dct_places *places) {
    for (int32_t i = 0; i < places->count; i++) {
        dct_place *p = &places->items[i];
        set_key(p, p->package, p->numa, p->l3, p->core, 0);
    }
    sort(places);
    int32_t turn[DCT_PLACE_KEYS] = {0}; // of the package, node, cache, core
    dct_place last = {0};
    for (int32_t i = 0; i < places->count; i++) {
        dct_place *p = &places->items[i];
        for (int level = 0; i > 0 && level < 4; level++) {
            if (p->key[level] != last.key[level]) {
                turn[level]++;
                memset(turn + level + 1, 0, (size_t)(DCT_PLACE_KEYS - level - 1) * sizeof *turn);
                break;
            }
        }
        last = *p;
        set_key(p, p->smt, turn[3], turn[2], turn[1], turn[0]);
    }
    sort(places);
}

// Domains alternate; within one, one worker per core first. key[0] holds the domain.
static void take_turns(dct_places *places) {
    sort(places);
    int32_t domain = 0;
    int32_t turn = 0;
    for (int32_t i = 0; i < places->count; i++) {
        dct_place *p = &places->items[i];
        turn = i > 0 && p->key[0] == domain ? turn + 1 : 0;
        domain = p->key[0];
        set_key(p, turn, domain, 0, 0, 0);
    }
    sort(places);
}

static void order_l3(dct_places *places) {
    for (int32_t i = 0; i < places->count; i++) {
        set_key(&places->items[i], places->items[i].l3, places->items[i].smt, 0, 0, 0);
    }
    take_turns(places);
}

static void order_numa(dct_places *places) {
    for (int32_t i = 0; i < places->count; i++) {
        set_key(&places->items[i], places->items[i].numa, places->items[i].smt, 0, 0, 0);
    }
    take_turns(places);
}

void dct_places_share_l3(dct_places *places) {
    int32_t domains = 0;
    for (int32_t i = 0; i < places->count; i++) {
        dct_place *p = &places->items[i];
        int32_t before = i - 1; // nearly always the one before
        for (; before >= 0; before--) {
            const dct_place *q = &places->items[before];
            bool outside = p->l3 < 0 && p->package == q->package && p->numa == q->numa;
            if (q->key[0] == p->l3 && (p->l3 >= 0 || outside)) {
                break;
            }
        }
        p->key[0] = p->l3; // with which the later ones are compared
        p->l3 = before >= 0 ? places->items[before].l3 : domains++;
    }
}

bool dct_places_order(dct_places *places, const char *policy) {
    static const struct {
        const char *name;
        void (*order)(dct_places *places);
    } policies[] = {{"compact", order_compact},
                    {"spread", order_spread},
                    {"core", order_core},
                    {"l3", order_l3},
                    {"numa", order_numa}};
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        if (strcmp(policy, policies[i].name) == 0) {
            policies[i].order(places);
            return true;
        }
    }
    return false;
}

// ---- Lists ----

// A list and how far it was read.
struct reader {
    const char *text;
    int32_t at;
    dct_error *error;
};

static decoct_status read_number(struct reader *r, int32_t *number) {
    int32_t begin = r->at;
    int32_t value = 0;
    for (; r->text[r->at] >= '0' && r->text[r->at] <= '9'; r->at++) {
        value = value * 10 + (r->text[r->at] - '0');
        if (value >= CPU_MAX) {
            return dct_fail(r->error, DECOCT_E_ARGUMENT,
                            "pin '%.80s': the CPU number at character %d is too large", r->text,
                            begin + 1);
        }
    }
    if (r->at == begin) {
        return dct_fail(r->error, DECOCT_E_ARGUMENT,
                        "pin '%.80s': a CPU number is missing at character %d", r->text, begin + 1);
    }
    *number = value;
    return DECOCT_OK;
}

// "3" or "2-5".
static decoct_status read_range(struct reader *r, int32_t *first, int32_t *last) {
    int32_t begin = r->at;
    decoct_status status = read_number(r, first);
    *last = *first;
    if (!status && r->text[r->at] == '-') {
        r->at++;
        status = read_number(r, last);
    }
    if (!status && *last < *first) {
        status =
            dct_fail(r->error, DECOCT_E_ARGUMENT,
                     "pin '%.80s': the range at character %d runs backwards", r->text, begin + 1);
    }
    return status;
}

static dct_place *find_place(dct_places *places, int32_t cpu) {
    for (int32_t i = 0; i < places->count; i++) {
        if (places->items[i].cpu == cpu) {
            return &places->items[i];
        }
    }
    return NULL;
}

// Gives CPUs first .. last to the next workers. All are checked, also those that no worker needs.
static decoct_status take_range(struct reader *r, dct_places *places, int32_t first, int32_t last,
                                int32_t threads, int32_t *cpus, int32_t *count) {
    for (int32_t cpu = first; cpu <= last; cpu++) {
        dct_place *place = find_place(places, cpu);
        if (!place) {
            return dct_fail(r->error, DECOCT_E_ARGUMENT,
                            "pin '%.80s': CPU %d is not there or not allowed", r->text, cpu);
        }
        if (place->taken) {
            return dct_fail(r->error, DECOCT_E_ARGUMENT, "pin '%.80s': CPU %d is named twice",
                            r->text, cpu);
        }
        place->taken = true;
        if (*count < threads) {
            cpus[*count] = cpu;
        }
        (*count)++;
    }
    return DECOCT_OK;
}

decoct_status dct_places_list(dct_places *places, const char *list, int32_t threads, int32_t *cpus,
                              dct_error *error) {
    struct reader r = {.text = list, .error = error};
    int32_t count = 0;
    for (;; r.at++) {
        int32_t first = 0;
        int32_t last = 0;
        decoct_status status = read_range(&r, &first, &last);
        if (!status) {
            status = take_range(&r, places, first, last, threads, cpus, &count);
        }
        if (status) {
            return status;
        }
        if (list[r.at] == '\0') {
            break;
        }
        if (list[r.at] != ',') {
            return dct_fail(error, DECOCT_E_ARGUMENT,
                            "pin '%.80s': character %d is neither a comma nor a digit", list,
                            r.at + 1);
        }
    }
    if (threads > count) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "pin '%.80s': %d threads, but %d CPUs", list,
                        threads, count);
    }
    return DECOCT_OK;
}

// ---- All of it ----

bool dct_policy_is_kind(const char *policy) {
    return strcmp(policy, "kind:performance") == 0 || strcmp(policy, "kind:efficiency") == 0;
}

decoct_status dct_places_choose(dct_places *places, const char *policy, int32_t threads,
                                int32_t *cpus, dct_error *error) {
    bool kind = dct_policy_is_kind(policy);
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

int32_t dct_places_smt(const dct_places *places) {
    int32_t most = 0;
    for (int32_t i = 0; i < places->count; i++) {
        most = places->items[i].smt >= most ? places->items[i].smt + 1 : most;
    }
    return most;
}
