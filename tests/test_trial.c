// SPDX-License-Identifier: BSD-2-Clause
// The verdict of launches of two builds: quickest calls, the guard on the mean, waiting, bits.
#include "bench/ab/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

// Launches whose figures scatter by 0.1 % around these, until the trial ends; at most 64.
static trial play(double quickest, double mean, double wall, int undisturbed) {
    trial_rules rules = trial_rules_make(&VERDICT_STANDARD, 1);
    trial t = {.name = "made up"};
    for (int i = 0; i < SIGNED_RANK_MAX && trial_is_open(&t); i++) {
        double noise = 1e-3 * ((i * 7) % 11 - 5) / 5.0;
        launch l = {.quickest = quickest + noise,
                    .mean = mean + noise,
                    .wall = wall + noise,
                    .undisturbed = undisturbed,
                    .seconds = 0.1,
                    .has_hash = true,
                    .same_bits = true};
        trial_add(&t, &rules, &l);
    }
    return t;
}

static void test_equal(void **state) {
    (void)state;
    trial t = play(0.0, 0.0, 0.0, 15);
    trial_rules rules = trial_rules_make(&VERDICT_STANDARD, 1);
    assert_int_equal(t.verdict, VERDICT_NO_CHANGE);
    assert_int_equal(t.count, 12);
    assert_int_equal(t.guard, VERDICT_NO_CHANGE);
    assert_true(t.waiting_looked_at);
    assert_null(t.why);
    assert_true(trial_smallest(&t, &rules) > 0.02 && trial_smallest(&t, &rules) < 0.023);
}

static void test_slower_and_faster(void **state) {
    (void)state;
    assert_int_equal(play(0.03, 0.03, 0.03, 15).verdict, VERDICT_REGRESSION);
    assert_int_equal(play(-0.03, -0.03, -0.03, 15).verdict, VERDICT_IMPROVEMENT);
    assert_int_equal(play(0.0198, 0.0, 0.0, 15).verdict, VERDICT_CANNOT_TELL); // at the margin
}

// A slowdown of some calls only does not show in the quickest one.
static void test_guard(void **state) {
    (void)state;
    trial t = play(0.0, 0.1, 0.1, 0);
    assert_int_equal(t.verdict, VERDICT_REGRESSION);
    assert_int_equal(t.quickest, VERDICT_NO_CHANGE);
    assert_non_null(t.why);
    assert_false(t.waiting_looked_at);
    assert_int_equal(play(-0.1, 0.1, 0.1, 0).verdict, VERDICT_CANNOT_TELL); // faster and slower
    assert_int_equal(play(0.0, 0.03, 0.03, 0).verdict, VERDICT_NO_CHANGE);  // within its margin
}

static void test_waiting(void **state) {
    (void)state;
    trial t = play(0.0, 0.0, 0.2, 15);
    assert_int_equal(t.verdict, VERDICT_REGRESSION);
    assert_non_null(t.why);
    t = play(0.0, 0.0, 0.2, 4); // too few undisturbed pairs: not looked at
    assert_int_equal(t.verdict, VERDICT_NO_CHANGE);
    assert_false(t.waiting_looked_at);
}

static void test_ends(void **state) {
    (void)state;
    trial_rules rules = trial_rules_make(&VERDICT_STANDARD, 1);
    trial t = {.name = "made up"};
    launch l = {.quickest = 0.0, .has_hash = true, .same_bits = false};
    trial_add(&t, &rules, &l);
    assert_true(trial_is_open(&t) && t.different_bits);
    trial_end(&t, &rules, "the budget was spent");
    assert_int_equal(t.verdict, VERDICT_CANNOT_TELL);
    assert_string_equal(t.why, "the budget was spent");
    snprintf(t.error, sizeof t.error, "broken");
    assert_false(trial_is_open(&t));
}

// The guard looks at multiples of the same steps, up to 36 launches.
static void test_rules_for_many_cases(void **state) {
    (void)state;
    trial_rules one = trial_rules_make(&VERDICT_STANDARD, 1);
    trial_rules many = trial_rules_make(&VERDICT_STANDARD, 25);
    assert_true(many.rule.alarm < one.rule.alarm && many.guard.alarm == many.rule.alarm);
    assert_int_equal(many.guard.last, 36);
    assert_true(many.guard.margin == 0.04);
    assert_int_equal(trial_rules_make(&VERDICT_QUICK, 25).guard.last, 32);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal), cmocka_unit_test(test_slower_and_faster),
        cmocka_unit_test(test_guard), cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_ends),  cmocka_unit_test(test_rules_for_many_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
