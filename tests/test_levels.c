// SPDX-License-Identifier: BSD-2-Clause
// The buffers of `decoct roofline` on described machines fit into the level they are named after.
#include "bench/machine/levels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

static levels of(const char *topology) {
    char text[1024];
    json_error_t error;
    snprintf(text, sizeof text, "{\"topology\": %s}", topology);
    json_t *machine = json_loads(text, 0, &error);
    if (!machine) {
        fail_msg("%s", error.text);
    }
    levels l = levels_read(machine);
    json_decref(machine);
    return l;
}

// Two packages of 64 cores with SMT, eight cores to an L3 of 32 MiB.
static const char SERVER[] = "{\"cpus\": 256, \"caches\": ["
                             "{\"level\": 1, \"size\": 49152, \"count\": 128},"
                             "{\"level\": 2, \"size\": 1048576, \"count\": 128},"
                             "{\"level\": 3, \"size\": 33554432, \"count\": 16}]}";
// Performance cores with larger caches than the efficiency cores.
static const char HYBRID[] = "{\"cpus\": 16, \"caches\": ["
                             "{\"level\": 1, \"size\": 49152, \"count\": 4},"
                             "{\"level\": 1, \"size\": 32768, \"count\": 8},"
                             "{\"level\": 2, \"size\": 1310720, \"count\": 4},"
                             "{\"level\": 2, \"size\": 2097152, \"count\": 2},"
                             "{\"level\": 3, \"size\": 18874368, \"count\": 1}]}";
static const char NO_L3[] = "{\"cpus\": 2, \"caches\": ["
                            "{\"level\": 1, \"size\": 32768, \"count\": 2},"
                            "{\"level\": 2, \"size\": 524288, \"count\": 1}]}";

static void check_names(const levels *l, const char *expected) {
    char names[64] = "";
    for (int i = 0; i < l->count; i++) {
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s ", l->items[i].name);
    }
    assert_string_equal(names, expected);
}

static void test_server(void **state) {
    (void)state;
    levels l = of(SERVER);
    check_names(&l, "L1 L2 L3 DRAM ");
    assert_int_equal(levels_bytes(&l, 0, 1), 24 * KIB);
    assert_int_equal(levels_bytes(&l, 0, 256),
                     8 * KIB); // siblings share a core: the least there is
    assert_int_equal(levels_bytes(&l, 1, 1), 512 * KIB);
    assert_int_equal(levels_bytes(&l, 2, 1), 16 * MIB);
    assert_int_equal(levels_bytes(&l, 2, 256), MIB);      // sixteen threads to a cache
    assert_int_equal(levels_bytes(&l, 3, 1), 1024 * MIB); // of 4 x 512 MiB: an eighth of 8 GiB
    assert_int_equal(levels_bytes(&l, 3, 256), 4 * MIB);
}

// Caches of more than a gigabyte, as AMD stacks them: memory is measured beyond them, or not at
// all.
static void test_large_caches(void **state) {
    (void)state;
    levels l =
        of("{\"cpus\": 96, \"caches\": [{\"level\": 3, \"size\": 100663296, \"count\": 12}]}, "
           "\"memory_bytes\": 412316860416");
    check_names(&l, "L3 DRAM ");
    assert_true(96 * levels_bytes(&l, 1, 96) > INT64_C(4500) * MIB); // 4 x 1152 MiB
    l = of("{\"cpus\": 96, \"caches\": [{\"level\": 3, \"size\": 100663296, \"count\": 12}]}, "
           "\"memory_bytes\": 8589934592");
    check_names(&l, "L3 ");
}

static void test_hybrid(void **state) {
    (void)state;
    levels l = of(HYBRID);
    check_names(&l, "L1 L2 L3 DRAM ");
    assert_int_equal(levels_bytes(&l, 3, 1), 72 * MIB);
}

static void test_no_l3(void **state) {
    (void)state;
    levels l = of(NO_L3);
    check_names(&l, "L1 L2 DRAM ");
    assert_int_equal(levels_bytes(&l, 1, 2), 128 * KIB);
    assert_int_equal(levels_bytes(&l, 2, 1), 64 * MIB); // beyond caches of unknown size
}

// Every buffer can be cut in two whole pieces of decoct_probe_cache.
static void test_nothing_known(void **state) {
    (void)state;
    static const char *const strange[] = {
        "null", "{}", "[]", "{\"cpus\": 1, \"caches\": [{}]}",
        "{\"cpus\": -1, \"caches\": [{\"level\": 1, \"size\": -5, \"count\": 0}, 7]}"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        levels l = of(strange[i]);
        check_names(&l, "DRAM ");
        for (int32_t threads = 1; threads < 5000; threads = 3 * threads + 1) {
            assert_int_equal(levels_bytes(&l, 0, threads) % (8 * KIB), 0);
            assert_true(levels_bytes(&l, 0, threads) >= 8 * KIB);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_server),
                                       cmocka_unit_test(test_large_caches),
                                       cmocka_unit_test(test_hybrid), cmocka_unit_test(test_no_l3),
                                       cmocka_unit_test(test_nothing_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
