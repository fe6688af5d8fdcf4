// SPDX-License-Identifier: BSD-2-Clause
// The order of a run and what fits into a budget, on a clock of the test
// (bench/measure/schedule.c).
#include "bench/measure/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

// Two ceilings, then `shapes` shapes on two backends with three thread counts.
static plan make_plan(int shapes) {
    static const char *const backends[] = {"avx2", "scalar"};
    plan p = {.ceilings = 2, .count = 2 + 6 * shapes};
    p.cases = calloc((size_t)p.count, sizeof *p.cases);
    assert_non_null(p.cases);
    for (int i = 0; i < 2; i++) {
        p.cases[i].what = (work_case){.op = "fma", .threads = 1, .backend = backends[i]};
    }
    for (int i = 2; i < p.count; i++) {
        p.cases[i].what = (work_case){.op = "matmul",
                                      .seq = 8 * ((i - 2) / 6 + 1),
                                      .heads = 2,
                                      .head_dim = 16,
                                      .threads = (i - 2) % 6 / 2 + 1,
                                      .backend = backends[i % 2],
                                      .seed = 3};
    }
    return p;
}

static void test_blocks(void **state) {
    (void)state;
    enum { SHAPES = 40 };
    plan p = make_plan(SHAPES);
    schedule_block one[6 * SHAPES], again[6 * SHAPES], other[6 * SHAPES];
    bool seen[SHAPES] = {false};
    assert_int_equal(schedule_blocks(&p, 1, one), SHAPES);
    assert_int_equal(schedule_blocks(&p, 1, again), SHAPES);
    assert_int_equal(schedule_blocks(&p, 2, other), SHAPES);
    assert_memory_equal(one, again, SHAPES * sizeof *one);
    assert_memory_not_equal(one, other, SHAPES * sizeof *one);
    for (int b = 0; b < SHAPES; b++) {
        int shape = (one[b].first - 2) / 6;
        assert_int_equal(one[b].count, 6);
        assert_int_equal((one[b].first - 2) % 6, 0);
        assert_false(seen[shape]);
        seen[shape] = true;
    }
    free(p.cases);
}

static void test_more_work_takes_longer(void **state) {
    (void)state;
    sample_case small = {.what = {.op = "matmul", .seq = 8, .heads = 2, .head_dim = 16, .seed = 3}};
    sample_case large = {
        .what = {.op = "matmul", .seq = 8192, .heads = 32, .head_dim = 128, .seed = 3}};
    double short_time = schedule_seconds(&small, 9, 0.05, false);
    assert_true(short_time > 9 * 0.05 && short_time < 3.0);
    assert_true(schedule_seconds(&small, 18, 0.05, false) > 1.5 * short_time);
    assert_true(schedule_seconds(&large, 9, 0.05, false) > 20.0 * short_time);
    assert_true(schedule_seconds(&large, 9, 0.05, true) >
                schedule_seconds(&large, 9, 0.05, false)); // its reference
    sample_case scalar = large;
    scalar.what.backend = "scalar";
    assert_true(schedule_seconds(&scalar, 9, 0.05, false) >
                5.0 * schedule_seconds(&large, 9, 0.05, false));
}

static void test_a_budget_without_a_limit(void **state) {
    (void)state;
    schedule_budget b = schedule_begin(100.0, 0.0);
    assert_true(schedule_fits(&b, 1e6, 0.2, 1e9));
    assert_true(schedule_deadline(&b, 1.0) <= 0.0);
}

static void test_a_budget(void **state) {
    (void)state;
    schedule_budget b = schedule_begin(100.0, 10.0);
    assert_true(schedule_fits(&b, 100.0, 1.0, 10.0));
    assert_false(schedule_fits(&b, 100.0, 1.0, 10.1));
    assert_true(schedule_fits(&b, 105.0, 1.0, 4.9));
    assert_false(schedule_fits(&b, 105.0, 1.0, 5.1));
    assert_true(schedule_fits(&b, 101.0, 0.2, 0.9)); // ceilings: a fifth of it
    assert_false(schedule_fits(&b, 101.0, 0.2, 1.1));
    assert_true(schedule_deadline(&b, 1.0) > 110.4 && schedule_deadline(&b, 1.0) < 110.6);
    assert_true(schedule_deadline(&b, 0.2) > 102.0 && schedule_deadline(&b, 0.2) < 102.2);
}

// On a machine that is `slower` than expected, blocks of `cost` until the next does not fit: the
// time spent.
static double spend(double slower, double cost) {
    schedule_budget b = schedule_begin(0.0, 100.0);
    double now = 0.0, deadline = schedule_deadline(&b, 1.0);
    for (int i = 0; i < 1000 && schedule_fits(&b, now, 1.0, cost); i++) {
        double end = now + slower * cost;
        end = end > deadline ? deadline : end; // samples are cut off there
        schedule_learn(&b, cost, end - now);
        now = end;
    }
    return now;
}

static void test_no_overrun(void **state) {
    (void)state;
    for (double slower = 0.1; slower < 200.0; slower *= 1.7) {
        for (double cost = 0.01; cost < 60.0; cost *= 3.0) {
            assert_true(spend(slower, cost) <= 110.0 + 1e-9);
        }
    }
    assert_true(spend(1.0, 1.0) > 98.0);  // and it is used
    assert_true(spend(10.0, 1.0) > 80.0); // although blocks take ten times as long as expected
    assert_true(spend(10.0, 1.0) <= 100.0 + 1e-9); // learnt from the first one
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_more_work_takes_longer),
        cmocka_unit_test(test_a_budget_without_a_limit),
        cmocka_unit_test(test_a_budget),
        cmocka_unit_test(test_no_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
