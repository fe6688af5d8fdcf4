// SPDX-License-Identifier: BSD-2-Clause
// What a row is made of, from made-up samples (bench/rows/record_row.c).
#include "bench/rows/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_is_paired),
        cmocka_unit_test(test_no_control),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
