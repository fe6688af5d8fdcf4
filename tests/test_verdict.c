// SPDX-License-Identifier: BSD-2-Clause
// The decision over paired launches: the signed-rank distribution against tables, each verdict, and
// the rates of false alarms and detections on launches that were recorded on a shared machine.
#include "bench/measure/signed_rank.h"
#include "bench/measure/verdict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorded.h"

// ---- The interval ----

// Critical values of the signed-rank test (Hollander, Wolfe, Chicken: Nonparametric Statistical
// Methods, table A.4): P(W <= w) <= alpha at most up to this w; -1: alpha cannot be reached.
static void test_critical_values(void **state) {
    (void)state;
    static const struct {
        int n;
        double alpha;
        int w;
    } table[] = {{5, 0.025, -1},  {6, 0.025, 0},    {8, 0.025, 3},
                 {10, 0.025, 8},  {12, 0.025, 13},  {20, 0.025, 52},
                 {25, 0.005, 68}, {30, 0.025, 137}, {50, 0.025, 434}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_int_equal(signed_rank_cut(table[i].n, table[i].alpha), table[i].w + 1);
    }
    assert_int_equal(signed_rank_cut(12, 0x1p-12), 1);
    assert_int_equal(signed_rank_cut(12, 0x1p-12 * 0.999), 0);
}

static void test_interval(void **state) {
    (void)state;
    const double values[] = {3, 1, 2, 6, 4, 5};
    interval found = signed_rank_interval(values, 6, 0.025);
    assert_true(found.median == 3.5 && found.low == 1.0 && found.high == 6.0);
    found = signed_rank_interval(values, 5, 0.025);
    assert_true(isinf(found.low) && isinf(found.high));
}

// ---- Verdicts ----

// `count` estimates around `centre`, `apart` from one to the next, in an order that is not sorted.
static verdict judge(double centre, double apart, int count, int *used) {
    double values[60];
    for (int i = 0; i < count; i++) {
        values[i] = centre + apart * (double)((i * 7) % count - count / 2);
    }
    interval found;
    return verdict_sequence(&VERDICT_STANDARD, values, count, used, &found);
}

static void test_verdicts(void **state) {
    (void)state;
    int used;
    assert_int_equal(judge(0.0, 1e-4, 12, &used), VERDICT_NO_CHANGE);
    assert_int_equal(used, 12);
    assert_int_equal(judge(0.05, 1e-4, 12, &used), VERDICT_REGRESSION);
    assert_int_equal(judge(-0.05, 1e-4, 12, &used), VERDICT_IMPROVEMENT);
    assert_int_equal(judge(0.019, 1e-3, 18, &used), VERDICT_OPEN);
    assert_int_equal(used, 18);
    assert_int_equal(judge(0.0, 0.02, 18, &used), VERDICT_CANNOT_TELL); // too noisy
    assert_int_equal(used, 12);
    assert_int_equal(judge(log(1.02), 1e-3, 60, &used), VERDICT_CANNOT_TELL); // on the margin
    assert_int_equal(used, 60);
    assert_int_equal(judge(0.0, 1e-4, 11, &used), VERDICT_OPEN);
    assert_int_equal(used, 0);
}

// With many cases 12 launches are too few for an alarm (2^-12 is more than its share), 18 are
// enough.
static void test_share(void **state) {
    (void)state;
    verdict_rule rule = VERDICT_STANDARD;
    double values[18];
    for (int i = 0; i < 18; i++) {
        values[i] = 0.05 + 1e-4 * i;
    }
    verdict_rule_share(&rule, 25, 0.01);
    assert_int_equal(verdict_look(&rule, values, 12, NULL), VERDICT_OPEN);
    assert_int_equal(verdict_look(&rule, values, 18, NULL), VERDICT_REGRESSION);
    verdict_rule_share(&rule, 1, 0.5);
    assert_true(rule.alarm == rule.alpha);
    assert_int_equal(verdict_look(&rule, values, 12, NULL), VERDICT_REGRESSION);
}

// However the launches scatter, a change beyond the margin waits for the launches of an alarm; what
// is not beyond it ends.
static void test_scatter(void **state) {
    (void)state;
    verdict_rule rule = VERDICT_STANDARD;
    double slower[18], around[18];
    for (int i = 0; i < 18; i++) {
        around[i] = 0.02 * (double)((i * 7) % 18 - 9);
        slower[i] = 0.5 + around[i];
    }
    verdict_rule_share(&rule, 26, 0.01);
    assert_int_equal(verdict_look(&rule, around, 12, NULL), VERDICT_CANNOT_TELL);
    assert_int_equal(verdict_look(&rule, slower, 12, NULL), VERDICT_OPEN);
    assert_int_equal(verdict_look(&rule, slower, 18, NULL), VERDICT_REGRESSION);
    for (int i = 0; i < 18; i++) {
        slower[i] = -slower[i];
    }
    assert_int_equal(verdict_look(&rule, slower, 12, NULL), VERDICT_OPEN);
    assert_int_equal(verdict_look(&rule, slower, 18, NULL), VERDICT_IMPROVEMENT);
}

static void test_launch(void **state) {
    (void)state;
    double odd[] = {0.3, -9.0, 0.1}, even[] = {0.4, 0.2, 9.0, 0.0};
    assert_true(verdict_launch(odd, 3) == 0.1);
    assert_true(fabs(verdict_launch(even, 4) - 0.3) < 1e-15);
}

static bool is_refused(const verdict_rule *r, const char *why) {
    char text[256] = "";
    return !verdict_rule_check(r, text, sizeof text) && strstr(text, why);
}

static bool is_valid(const verdict_rule *r) {
    char text[256];
    return verdict_rule_check(r, text, sizeof text);
}

static void test_rules(void **state) {
    (void)state;
    assert_true(is_valid(&VERDICT_STANDARD) && is_valid(&VERDICT_QUICK));
    verdict_rule r = VERDICT_STANDARD;
    r.margin = NAN;
    assert_true(is_refused(&r, "margin"));
    r = VERDICT_STANDARD;
    r.last = 65;
    assert_true(is_refused(&r, "FIRST:LAST"));
    r = (verdict_rule){.margin = 0.02, .alpha = 0.0002, .first = 8, .step = 4, .last = 12};
    assert_true(is_refused(&r, "at 12 launches, reaches 0.00024 at best; alpha 0.0002 needs at "
                               "least 13"));
    r.last = 15; // the last look is at 12
    assert_true(is_refused(&r, "at 12 launches"));
    r.last = 16;
    assert_true(is_valid(&r));
    r.alpha = 1e-20;
    assert_true(is_refused(&r, "needs more than 64"));
    r = VERDICT_STANDARD;
    verdict_rule_share(&r, 25, 0.01); // 9 looks
    assert_true(fabs(r.alarm - 0.01 / 450.0) < 1e-12);
}

static void test_looks(void **state) {
    (void)state;
    for (int n = 0; n <= 66; n++) {
        bool look = n >= 12 && n <= 60 && n % 6 == 0;
        assert_int_equal(verdict_is_look(&VERDICT_STANDARD, n), look);
        assert_int_equal(verdict_last_look(&VERDICT_STANDARD, n), n < 12   ? 0
                                                                  : n > 60 ? 60
                                                                           : n - n % 6);
    }
    assert_int_equal(verdict_looks(&VERDICT_STANDARD), 9);
    assert_int_equal(verdict_looks(&VERDICT_QUICK), 7);
    assert_int_equal(verdict_launches_for(0.001), 10);
    assert_int_equal(verdict_launches_for(0x1p-12), 12);
    assert_int_equal(verdict_launches_for(0.0), SIGNED_RANK_MAX + 1);
}

// ---- Recorded launches ----

enum { RUNS = 1000 };

// How often RUNS runs, each of launches drawn from the pool, end with each verdict.
static void count_verdicts(const pool *p, const verdict_rule *rule, int *counts) {
    uint64_t seed = 1;
    memset(counts, 0, (VERDICT_CANNOT_TELL + 1) * sizeof *counts);
    for (int run = 0; run < RUNS; run++) {
        double drawn[SIGNED_RANK_MAX];
        int used;
        for (int i = 0; i < rule->last; i++) {
            drawn[i] = pool_draw(p, &seed).quickest;
        }
        counts[verdict_sequence(rule, drawn, rule->last, &used, NULL)]++;
    }
}

// Equal builds raise no alarm and are called equal; what was slowed is found, and never called
// equal. From memory ("cold") 3 % is found or "cannot tell".
static void test_recorded_launches(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const verdict_rule *rule;
        int equal, found_5, found_3; // the least percentage of the runs
    } rules[] = {{"standard", &VERDICT_STANDARD, 99, 99, 90},
                 {"quick", &VERDICT_QUICK, 95, 99, 80}};
    assert_int_equal(pool_count, 80);
    for (int i = 0; i < 2 * pool_count; i++) {
        const pool *p = &pools[i / 2];
        int c[VERDICT_CANNOT_TELL + 1];
        count_verdicts(p, rules[i % 2].rule, c);
        print_message("%-8s %-11s %-9s %2d %% slower: no change %5.1f, regression %5.1f, cannot "
                      "tell %5.1f %%\n",
                      rules[i % 2].name, p->condition, p->name, p->slowed,
                      100.0 * c[VERDICT_NO_CHANGE] / RUNS, 100.0 * c[VERDICT_REGRESSION] / RUNS,
                      100.0 * c[VERDICT_CANNOT_TELL] / RUNS);
        assert_int_equal(c[VERDICT_OPEN] + c[VERDICT_IMPROVEMENT], 0);
        if (p->slowed == 0) {
            assert_int_equal(c[VERDICT_REGRESSION], 0);
            assert_true(100 * c[VERDICT_NO_CHANGE] >= RUNS * rules[i % 2].equal);
            continue;
        }
        assert_int_equal(c[VERDICT_NO_CHANGE], 0);
        if (p->slowed >= 5) {
            assert_true(100 * c[VERDICT_REGRESSION] >= RUNS * rules[i % 2].found_5);
        } else if (strcmp(p->name, "cold") != 0) {
            assert_true(100 * c[VERDICT_REGRESSION] >= RUNS * rules[i % 2].found_3);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_critical_values),
                                       cmocka_unit_test(test_interval),
                                       cmocka_unit_test(test_verdicts),
                                       cmocka_unit_test(test_share),
                                       cmocka_unit_test(test_scatter),
                                       cmocka_unit_test(test_launch),
                                       cmocka_unit_test(test_rules),
                                       cmocka_unit_test(test_looks),
                                       cmocka_unit_test(test_recorded_launches)};
    return cmocka_run_group_tests(tests, read_pools, NULL);
}
