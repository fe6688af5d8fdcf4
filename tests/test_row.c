// SPDX-License-Identifier: BSD-2-Clause
// What a row is made of, from made-up samples (bench/rows/record_row.c).
#include "bench/rows/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const sample_case one = {
    .what = {.op = "barrier", .backend = "scalar", .pin = "none"}, .name = "barrier", .workers = 1};

static double figure(const json_t *row, const char *key) {
    return json_number_value(json_object_get(row, key));
}

// The clock of the second and third sample was half as fast, for both sides.
static void test_control_is_paired(void **state) {
    (void)state;
    measured m = {.count = 3, .real = {10.0, 21.0, 24.0}, .control = {1e5, 2.2e5, 2e5}};
    json_t *row = record_row(&one, &m);
    assert_non_null(row);
    assert_float_equal(figure(row, "control_ns"), 2e5, 0.0);
    assert_float_equal(figure(row, "control_ratio"), 0.1, 1e-6);
    json_decref(row);
}

static void test_no_control(void **state) {
    (void)state;
    measured m = {.count = 2, .real = {10.0, 21.0}};
    json_t *row = record_row(&one, &m);
    assert_true(json_is_null(json_object_get(row, "control_ns")));
    assert_true(json_is_null(json_object_get(row, "control_ratio")));
    json_decref(row);
}

static void test_counted(void **state) {
    (void)state;
    measured m = {.count = 1, .real = {10.0}};
    sample_case c = one;
    json_t *row = record_row(&c, &m);
    assert_true(json_is_null(json_object_get(row, "ipc")));
    assert_string_equal(json_string_value(json_object_get(row, "counters_unknown")),
                        "this case was not counted");
    assert_null(json_object_get(row, "tokens_per_joule"));
    json_decref(row);
    c.cost.tokens = 8.0;
    c.counted = (counted){.runs = 4,
                          .seconds = 2.0,
                          .joules = 60.0,
                          .memory_joules = 4.0,
                          .counters = {.errors = {[COUNTER_LLC_MISSES] = 2},
                                       .values = {4000.0, 10000.0, 6.0, 0.0, 0.0, 7.0},
                                       .shares = {1.0, 1.0, 0.5, 1.0, 0.0, 1.0, 1.0, 1.0},
                                       .cycles_seconds = 2e-6,
                                       .threads = 2},
                          .unknown = "llc_misses: not offered by the CPU"};
    row = record_row(&c, &m);
    assert_float_equal(figure(row, "ipc"), 2.5, 1e-12);
    assert_float_equal(figure(row, "counted_mhz"), 2000.0, 1e-9);
    assert_float_equal(figure(row, "instructions"), 2500.0, 1e-9);
    assert_float_equal(figure(row, "branch_misses"), 1.5, 1e-12);
    assert_true(json_is_null(json_object_get(row, "llc_misses")));
    assert_int_equal(json_integer_value(json_object_get(row, "counted_page_faults")), 7);
    assert_float_equal(figure(row, "joules"), 15.0, 1e-12);
    assert_float_equal(figure(row, "memory_joules"), 1.0, 1e-12);
    assert_float_equal(figure(row, "watts"), 30.0, 1e-12);
    assert_float_equal(figure(row, "tokens_per_joule"), 0.5, 1e-12);
    json_t *scaled = json_object_get(row, "counters_scaled");
    assert_int_equal(json_array_size(scaled), 1);
    assert_string_equal(json_string_value(json_array_get(scaled, 0)),
                        "branch_misses: counted 50 % of the time");
    assert_non_null(strstr(json_string_value(json_object_get(row, "counters_unknown")), "llc"));
    assert_true(json_is_null(json_object_get(row, "energy_unknown")));
    json_decref(row);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_is_paired),
        cmocka_unit_test(test_no_control),
        cmocka_unit_test(test_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
