// SPDX-License-Identifier: BSD-2-Clause
// Which rows are called disturbed or invalid, from made-up samples (bench/rows/record_validity.c).
#include "bench/rows/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 9 };

// Nine quiet samples of two workers.
static measured quiet(void) {
    measured m = {.count = SAMPLES};
    for (int i = 0; i < SAMPLES; i++) {
        m.real[i] = 100.0 + i % 3;
        m.share[i] = 60.0 + i % 3;
        m.mhz[i] = 3000.0;
        m.line[i] = 90.0;
    }
    return m;
}

static sample_case two_workers(void) {
    return (sample_case){.workers = 2,
                         .has_roof = true,
                         .watched = {.wall = 1.0, .steal = 0.0, .throttled_periods = 0}};
}

// The messages of a list, one a line.
static const char *text_of(json_t *list) {
    static char text[1024];
    size_t i;
    json_t *words;
    text[0] = '\0';
    json_array_foreach(list, i, words) {
        strcat(text, json_string_value(words));
        strcat(text, "\n");
    }
    json_decref(list);
    return text;
}

static const char *disturbed(const sample_case *c, const measured *m) {
    return text_of(record_disturbed(c, m, 2));
}

static const char *invalid(const sample_case *c, const measured *m) {
    return text_of(record_invalid(c, m));
}

static void test_quiet(void **state) {
    (void)state;
    sample_case c = two_workers();
    measured m = quiet();
    assert_string_equal(disturbed(&c, &m), "");
    assert_string_equal(invalid(&c, &m), "");
}

static void test_cpus_that_move(void **state) {
    (void)state;
    sample_case c = two_workers();
    measured m = quiet();
    for (int i = 0; i < 4; i++) {
        m.line[i] = 300.0;
    }
    assert_string_equal(disturbed(&c, &m), ""); // the times did not move with them
    for (int i = 0; i < 4; i++) {
        m.real[i] = 130.0;
    }
    assert_string_equal(disturbed(&c, &m),
                        "the CPUs moved: up to 300 ns apart, and the time with it\n");
    for (int i = 0; i < SAMPLES; i++) {
        m.real[i] = i < 4 ? 100.0 : 130.0; // slow where they were near
    }
    assert_string_equal(disturbed(&c, &m), "");
}

static void test_a_clock_that_moves(void **state) {
    (void)state;
    sample_case c = two_workers();
    measured m = quiet();
    for (int i = 0; i < 4; i++) {
        m.mhz[i] = 2000.0;
    }
    assert_string_equal(disturbed(&c, &m), "");
    for (int i = 0; i < 4; i++) {
        m.real[i] = 150.0;
    }
    assert_string_equal(disturbed(&c, &m), "clock moved by 33 %, and the time with it\n");
    memset(m.mhz, 0, sizeof m.mhz); // a CPU that has no chain for it
    assert_string_equal(disturbed(&c, &m), "");
}

static void test_what_the_system_counts(void **state) {
    (void)state;
    sample_case c = two_workers();
    measured m = quiet();
    c.watched = (watch){
        .wall = 1.0, .steal = 0.1, .waited = 0.5, .throttled_periods = 3, .major_faults = 7};
    assert_string_equal(disturbed(&c, &m), "steal 5.0 %\nwaited for a CPU 25 % of the time\n"
                                           "throttled in 3 periods\npages read from disk 7\n");
    c.watched = (watch){.wall = 1.0, .steal = -1.0, .waited = -1.0, .throttled_periods = -1};
    assert_string_equal(disturbed(&c, &m), "");
}

static void test_impossible_shares(void **state) {
    (void)state;
    sample_case c = two_workers();
    measured m = quiet();
    for (int i = 0; i < SAMPLES; i++) {
        m.share[i] = 104.0;
    }
    assert_string_equal(invalid(&c, &m), ""); // what measuring both sides allows
    for (int i = 0; i < SAMPLES; i++) {
        m.share[i] = 147.0;
    }
    assert_string_equal(invalid(&c, &m), "pct_of_roof is 147 %: nothing is above its ceiling\n");
    for (int i = 0; i < SAMPLES; i++) {
        m.share[i] = 10.0 * (i + 1);
    }
    assert_string_equal(invalid(&c, &m), "pct_of_roof is between 20.0 and 80.0 %\n");
    c.has_roof = false;
    assert_string_equal(invalid(&c, &m), "");
}

static void test_times_that_say_nothing(void **state) {
    (void)state;
    sample_case c = two_workers();
    measured m = quiet();
    for (int i = 0; i < SAMPLES; i++) {
        m.real[i] = i < 4 ? 100.0 : 230.0;
    }
    assert_string_equal(invalid(&c, &m), "real_time is between 100 and 230 us\n");
}

static void test_threads_that_waited(void **state) {
    (void)state;
    sample_case c = two_workers();
    measured m = quiet();
    c.watched.waited = 0.8;
    assert_string_equal(invalid(&c, &m), ""); // short runs: the quickest had both CPUs
    for (int i = 0; i < SAMPLES; i++) {
        m.real[i] = 5000.0;
    }
    assert_string_equal(
        invalid(&c, &m),
        "pct_of_roof is that of 2 threads that waited for a CPU 40 % of the time\n");
    c.workers = 1; // by CPU time
    assert_string_equal(invalid(&c, &m), "");
}

static void test_type_of_a_row(void **state) {
    (void)state;
    measured m = quiet();
    const decoct_dtype types[] = {DECOCT_F32, DECOCT_BF16};
    for (int i = 0; i < 2; i++) {
        sample_case c = two_workers();
        c.what = (work_case){.op = "matmul", .backend = "scalar", .pin = "none", .dtype = types[i]};
        json_t *row = record_row(&c, &m);
        assert_string_equal(json_string_value(json_object_get(row, "dtype")),
                            i == 0 ? "f32" : "bf16");
        assert_int_equal(json_integer_value(json_object_get(row, "workers")), 2);
        json_decref(row);
    }
}

static void test_row_of_a_failure(void **state) {
    (void)state;
    sample_case c = {.name = "a/b", .error = "needs 9 GB"};
    json_t *row = record_failed(&c);
    char *text = json_dumps(row, JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(text, "{\"error_message\":\"needs 9 GB\",\"error_occurred\":true,"
                              "\"name\":\"a/b\",\"run_name\":\"a/b\",\"run_type\":\"iteration\"}");
    free(text);
    json_decref(row);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_type_of_a_row),
        cmocka_unit_test(test_row_of_a_failure),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_cpus_that_move),
        cmocka_unit_test(test_a_clock_that_moves),
        cmocka_unit_test(test_what_the_system_counts),
        cmocka_unit_test(test_impossible_shares),
        cmocka_unit_test(test_times_that_say_nothing),
        cmocka_unit_test(test_threads_that_waited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
