// SPDX-License-Identifier: BSD-2-Clause
// Which kinds of cores are one, and the L3 domains of CPUs: tables over the pure functions. Pins by
// them are tested in test_pinning.c.
#include "machine/placement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct kind_row {
    const char *name;
    dct_kind a, b;
    bool same;
} kind_row;

#define CLOCK(mhz)                                                                                 \
    {                                                                                              \
        .clock = { mhz, mhz }                                                                      \
    }
#define CAPACITY(c)                                                                                \
    {                                                                                              \
        .capacity = { c, c }                                                                       \
    }

static const kind_row rows[] = {
    {"equal in all", CLOCK(5000), CLOCK(5000), true},
    {"preferred cores, 12 %", CLOCK(5120), CLOCK(5760), true},
    {"preferred cores, the faster first", CLOCK(5760), CLOCK(5120), true},
    {"clocks scaled by rank, 19 %", CLOCK(5083), CLOCK(6054), true},
    {"dense cores, 35 %", CLOCK(3700), CLOCK(5000), false},
    {"big and little by clock", CLOCK(1800), CLOCK(2600), false},
    {"a range that contains the other", {.clock = {5000, 5800}}, CLOCK(5300), true},
    {"ranges that overlap", {.clock = {3000, 5100}}, {.clock = {5000, 5800}}, true},
    {"equal cores by capacity, 2 %", CAPACITY(1007), CAPACITY(1024), true},
    {"capacities that follow the boost clock", CAPACITY(910), CAPACITY(1024), true},
    {"middle and biggest core of a telephone", CAPACITY(871), CAPACITY(1024), false},
    {"little and big", CAPACITY(446), CAPACITY(1024), false},
    {"capacity before clock",
     {.capacity = {250, 250}, .clock = {2200, 2200}},
     {.capacity = {1024, 1024}, .clock = {2000, 2000}},
     false},
    {"equal capacities before clocks",
     {.capacity = {1024, 1024}, .clock = {2000, 2000}},
     {.capacity = {1020, 1020}, .clock = {3000, 3000}},
     true},
    {"types before all",
     {.type = "IntelAtom", .capacity = {1000, 1000}, .clock = {4600, 4600}},
     {.type = "IntelCore", .capacity = {1024, 1024}, .clock = {5200, 5200}},
     false},
    {"one type at two clocks",
     {.type = "IntelAtom", .clock = {2500, 2500}},
     {.type = "IntelAtom", .clock = {3900, 3900}},
     true},
    {"a type that only one has", {.type = "IntelCore", .clock = {5000, 5000}}, CLOCK(5100), true},
    {"ranked by the system, which does not say why", {.efficiency = 0}, {.efficiency = 1}, false},
    {"neither ranked nor described", {.efficiency = -1}, {.efficiency = -1}, true},
};

static void kinds_that_people_tell_apart(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const kind_row *r = &rows[i];
        if (dct_kind_is_same(&r->a, &r->b) != r->same ||
            dct_kind_is_same(&r->b, &r->a) != r->same) {
            fail_msg("%s: %s kind", r->name, r->same ? "not one" : "one");
        }
    }
}

static void widening_keeps_what_is_told(void **state) {
    (void)state;
    dct_kind k = {.clock = {5000, 5100}};
    dct_kind_widen(&k, &(dct_kind){.type = "x", .capacity = {900, 900}, .clock = {5050, 5300}});
    dct_kind_widen(&k, &(dct_kind){.type = "y", .capacity = {800, 1024}});
    dct_kind_widen(&k, &(dct_kind){.clock = {4900, 4900}});
    assert_string_equal(k.type, "x");
    assert_int_equal(k.capacity[0], 800);
    assert_int_equal(k.capacity[1], 1024);
    assert_int_equal(k.clock[0], 4900);
    assert_int_equal(k.clock[1], 5300);
}

// ---- L3 domains ----

enum { CPUS = 8 };

typedef struct l3_row {
    const char *name;
    int32_t package[CPUS], numa[CPUS], l3[CPUS], domains[CPUS];
} l3_row;

static const l3_row machines[] = {
    {"an L3 a package",
     {0, 0, 0, 0, 1, 1, 1, 1},
     {0},
     {0, 0, 0, 0, 1, 1, 1, 1},
     {0, 0, 0, 0, 1, 1, 1, 1}},
    {"no L3",
     {0, 0, 0, 0, 1, 1, 1, 1},
     {0},
     {-1, -1, -1, -1, -1, -1, -1, -1},
     {0, 0, 0, 0, 1, 1, 1, 1}},
    {"no L3, two nodes a package",
     {0, 0, 0, 0, 1, 1, 1, 1},
     {0, 0, 1, 1, 2, 2, 3, 3},
     {-1, -1, -1, -1, -1, -1, -1, -1},
     {0, 0, 1, 1, 2, 2, 3, 3}},
    {"outside of the L3", {0}, {0}, {0, 0, 0, 0, 0, 0, -1, -1}, {0, 0, 0, 0, 0, 0, 1, 1}},
    {"outside ones first", {0}, {0}, {-1, -1, 0, 0, 0, 0, 1, 1}, {0, 0, 1, 1, 1, 1, 2, 2}},
    {"outside ones between", {0}, {0}, {0, 0, -1, -1, 1, 1, -1, -1}, {0, 0, 1, 1, 2, 2, 1, 1}},
    {"outside ones of two packages",
     {0, 0, 0, 0, 1, 1, 1, 1},
     {0},
     {0, 0, -1, -1, 1, 1, -1, -1},
     {0, 0, 1, 1, 2, 2, 3, 3}},
    {"CPUs in no package",
     {-1, -1, 0, 0, 0, 0, -1, -1},
     {-1, -1, 0, 0, 0, 0, -1, -1},
     {-1, -1, 5, 5, -1, -1, -1, -1},
     {0, 0, 1, 1, 2, 2, 0, 0}},
    {"holes in the allowed set", {0}, {0}, {3, 7, 7, 9, 9, 12, 12, 15}, {0, 1, 1, 2, 2, 3, 3, 4}},
};

static void cores_outside_of_the_l3(void **state) {
    (void)state;
    for (size_t m = 0; m < sizeof machines / sizeof *machines; m++) {
        const l3_row *r = &machines[m];
        dct_place items[CPUS];
        for (int i = 0; i < CPUS; i++) {
            items[i] = (dct_place){.package = r->package[i], .numa = r->numa[i], .l3 = r->l3[i]};
        }
        dct_places_share_l3(&(dct_places){items, CPUS});
        for (int i = 0; i < CPUS; i++) {
            if (items[i].l3 != r->domains[i]) {
                fail_msg("%s: CPU %d is in domain %d, not %d", r->name, i, items[i].l3,
                         r->domains[i]);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_that_people_tell_apart),
        cmocka_unit_test(widening_keeps_what_is_told),
        cmocka_unit_test(cores_outside_of_the_l3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
