// SPDX-License-Identifier: BSD-2-Clause
// The file of an A/B comparison, whose figures are those that all other reports have.
#include "gate_kit.h"

#include "bench/ab/ab_report.h"

// The first case of the file of a comparison has this change as the one that decided.
static void expect_decided(const gate *g, const char *by, double estimate) {
    json_t *all = ab_comparison_json(&g->session);
    const json_t *one = json_array_get(json_object_get(all, "cases"), 0);
    const json_t *decided = json_object_get(one, "decided");
    assert_non_null(decided);
    assert_string_equal(json_string_value(json_object_get(one, "decided_by")), by);
    double given = json_number_value(json_object_get(decided, "estimate"));
    double calls = json_number_value(json_object_get(json_object_get(one, "change"), "estimate"));
    assert_true(fabs(given - estimate) < 1e-9 && fabs(calls - trials[0].found.median) < 1e-9);
    assert_true(json_number_value(json_object_get(decided, "low")) <= given);
    json_decref(all);
}

// Where the quickest calls are equal, the file has the change that the other reports show.
static void test_file_has_the_change_that_decided(void **state) {
    (void)state;
    gate g = equal_gate();
    snprintf(g.session.worker, sizeof g.session.worker, "no such worker");
    expect_decided(&g, "quickest", log1p(0.001));
    for (int i = 0; i < trials[0].count; i++) {
        trials[0].launches[i].mean = log1p(0.07);
        trials[0].launches[i].wall = log1p(0.09);
        trials[0].launches[i].undisturbed = 15;
    }
    trials[0].verdict = trials[0].waiting = VERDICT_REGRESSION;
    expect_decided(&g, "wall", log1p(0.09));
    trials[0].guard = VERDICT_REGRESSION;
    expect_decided(&g, "mean", log1p(0.07));
    set_cases("s");
    expect_decided(&g, "quickest", log1p(0.05));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_file_has_the_change_that_decided)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
