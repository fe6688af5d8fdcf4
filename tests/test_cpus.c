// SPDX-License-Identifier: BSD-2-Clause
// Which CPUs a launch of `decoct ab` gets.
#include "bench/ab/cpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { CPUS = 16 };

// Each CPU is drawn about equally often, none twice, and the others stay in the list.
static void test_draw(void **state) {
    (void)state;
    uint64_t seed = 1;
    int drawn_often[CPUS] = {0};
    for (int turn = 0; turn < 4000; turn++) {
        int32_t cpus[CPUS];
        uint32_t seen = 0;
        for (int32_t i = 0; i < CPUS; i++) {
            cpus[i] = i;
        }
        int drawn = cpus_draw(cpus, CPUS, 1, &seed);
        assert_int_equal(drawn, 4); // one, and three more to choose it from
        for (int i = 0; i < CPUS; i++) {
            seen |= UINT32_C(1) << cpus[i];
            drawn_often[cpus[i]] += i < drawn;
        }
        assert_int_equal(seen, 0xffff);
    }
    for (int i = 0; i < CPUS; i++) { // 1000 +- 27 each
        assert_in_range(drawn_often[i], 850, 1150);
    }
    int32_t cpus[CPUS] = {0};
    assert_int_equal(cpus_draw(cpus, CPUS, 12, &seed), 15);
    assert_int_equal(cpus_draw(cpus, CPUS, 15, &seed), 16);
    assert_int_equal(cpus_draw(cpus, 2, 2, &seed), 2); // all, where it is all
}

static void test_order(void **state) {
    (void)state;
    cpu_speed speeds[] = {{7, 3.0}, {2, 1.0}, {5, 2.0}};
    cpus_order(speeds, 3);
    assert_int_equal(speeds[0].cpu, 2);
    assert_int_equal(speeds[1].cpu, 5);
    assert_int_equal(speeds[2].cpu, 7);
}

static void test_list(void **state) {
    (void)state;
    cpu_set_t set;
    char text[8];
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    CPU_SET(3, &set);
    CPU_SET(11, &set);
    assert_true(cpus_list(&set, text, sizeof text));
    assert_string_equal(text, "0,3,11");
    CPU_SET(10, &set);
    assert_false(cpus_list(&set, text, sizeof text));
}

// As many as are allowed, and not one more; this process's own CPUs are as before.
static void test_choose(void **state) {
    (void)state;
    uint64_t seed = 1;
    cpu_set_t before, after;
    cpu_choice chosen;
    int allowed = cpus_allowed();
    assert_false(sched_getaffinity(0, sizeof before, &before));
    assert_int_equal(allowed, CPU_COUNT(&before));
    for (int needed = 1; needed <= allowed && needed <= 4; needed++) {
        assert_true(cpus_choose(needed, &seed, &chosen));
        assert_int_equal(CPU_COUNT(&chosen.all), needed);
        assert_true(CPU_ISSET((size_t)chosen.quickest, &chosen.all));
        CPU_AND(&after, &chosen.all, &before);
        assert_true(CPU_EQUAL(&after, &chosen.all));
    }
    assert_false(cpus_choose(allowed + 1, &seed, &chosen));
    assert_false(sched_getaffinity(0, sizeof after, &after));
    assert_true(CPU_EQUAL(&before, &after));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_draw), cmocka_unit_test(test_order),
                                       cmocka_unit_test(test_list), cmocka_unit_test(test_choose)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
