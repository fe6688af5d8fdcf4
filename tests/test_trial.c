// SPDX-License-Identifier: BSD-2-Clause
// The verdict of launches of two builds: quickest calls, the guard on the mean, waiting, bits.
#include "bench/ab/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "recorded.h"

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
    trial_rules rules = trial_rules_make(&VERDICT_STANDARD, 1);
    assert_true(fabs(trial_change(&t, &rules).median - 0.1) < 1e-3); // what the verdict comes from
    t = play(0.03, 0.1, 0.1, 0);
    assert_true(fabs(trial_change(&t, &rules).median - 0.03) < 1e-3);
    assert_int_equal(play(-0.1, 0.1, 0.1, 0).verdict, VERDICT_CANNOT_TELL); // faster and slower
    t = play(0.0, 0.03, 0.03, 0);                                           // within its margin
    assert_int_equal(t.verdict, VERDICT_NO_CHANGE);
    assert_null(t.why);
    t = play(0.0, log(1.04), 0.0, 0); // at its margin: to its last look, and not decided
    assert_int_equal(t.verdict, VERDICT_NO_CHANGE);
    assert_int_equal(t.count, 36);
    assert_non_null(strstr(t.why, "not decided"));
}

// It needs more launches than the quickest calls, which are called equal after 12.
static void test_waiting(void **state) {
    (void)state;
    trial t = play(0.0, 0.0, 0.2, 15);
    assert_int_equal(t.verdict, VERDICT_REGRESSION);
    assert_non_null(t.why);
    assert_int_equal(t.count, 18);
    trial_rules rules = trial_rules_make(&VERDICT_STANDARD, 1);
    assert_true(fabs(trial_change(&t, &rules).median - 0.2) < 1e-3);
    t = play(0.0, 0.0, 0.2, 4); // too few undisturbed pairs: not looked at
    assert_int_equal(t.verdict, VERDICT_NO_CHANGE);
    assert_false(t.waiting_looked_at);
    assert_int_equal(t.count, 12);
}

// One of 26 cases, whose mean and wall time scatter by up to these parts; ends after `most`
// launches.
typedef struct scattered {
    double quickest, mean, wall, mean_scatter, wall_scatter;
    int most;
    verdict verdict;
    const char *why; // a part of it; NULL: none
} scattered;

static void check_scattered(const scattered *s) {
    static trial t;
    trial_rules rules = trial_rules_make(&VERDICT_STANDARD, 26);
    t = (trial){.name = "made up"};
    while (trial_is_open(&t) && t.count < s->most) {
        double noise = ((t.count * 7) % 11 - 5) / 5.0;
        launch l = {.quickest = s->quickest + 1e-3 * noise,
                    .mean = s->mean + s->mean_scatter * noise,
                    .wall = s->wall + s->wall_scatter * noise,
                    .undisturbed = 15,
                    .seconds = 0.1};
        trial_add(&t, &rules, &l);
    }
    trial_end(&t, &rules, "the budget was spent");
    assert_int_equal(t.verdict, s->verdict);
    assert_int_equal(t.why != NULL, s->why != NULL);
    if (s->why && !strstr(t.why, s->why)) {
        fail_msg("\"%s\", not \"%s\"", t.why, s->why);
    }
}

// What is far slower is never "no change", because it scatters or because the budget ended before
// the launches of an alarm; and "cannot tell" says how many it needs.
static void test_far_slower(void **state) {
    (void)state;
    static const scattered table[] = {
        {0.0, 0.3, 0.0, 0.12, 0.0, 64, VERDICT_REGRESSION, "the mean of all calls is slower"},
        {0.0, 0.0, 0.35, 0.0, 0.12, 64, VERDICT_REGRESSION, "it waits"},
        {0.0, 0.1, 0.0, 0.01, 0.0, 17, VERDICT_CANNOT_TELL,
         "mean of all calls seems slower, but 17 launches are too few for an alarm among 26 cases: "
         "it needs 18"},
        {0.0, 0.0, 0.7, 0.0, 0.01, 17, VERDICT_CANNOT_TELL,
         "wall time seems longer, but 17 launches are too few"},
        {0.05, 0.05, 0.05, 0.001, 0.001, 17, VERDICT_CANNOT_TELL,
         "slower by its interval, but 17 launches are too few for an alarm among 26 cases: it "
         "needs "
         "18"},
        {-0.05, -0.05, -0.05, 0.001, 0.001, 17, VERDICT_CANNOT_TELL, "faster by its interval, but"},
        {0.0, 0.0, 0.0, 0.001, 0.001, 11, VERDICT_CANNOT_TELL, "the budget was spent"},
        {0.0, 0.0, 0.0392, 0.001, 0.02, 64, VERDICT_NO_CHANGE, "the wall time is not decided"},
        {0.0, 0.1, 0.1, 0.2, 0.0, 64, VERDICT_REGRESSION, "it waits"},
        {0.0, 0.03, 0.03, 0.001, 0.001, 64, VERDICT_NO_CHANGE, NULL}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        check_scattered(&table[i]);
    }
}

// An alarm of the guard or of waiting counts although the quickest calls stay undecided, which is
// so at the margin; but not if these are faster.
static void test_undecided_and_slower(void **state) {
    (void)state;
    static const scattered table[] = {
        {0.0198, 0.3, 0.0198, 0.001, 0.001, 64, VERDICT_REGRESSION, "not decided, the mean"},
        {0.0198, 0.0198, 0.3, 0.001, 0.001, 64, VERDICT_REGRESSION, "not decided, the wall time"},
        {0.0198, 0.3, 0.0, 0.001, 0.001, 20, VERDICT_REGRESSION, "not decided, the mean"},
        {-0.05, 0.3, 0.0, 0.001, 0.001, 64, VERDICT_CANNOT_TELL, "are faster, but the mean"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        check_scattered(&table[i]);
    }
}

// Several threads: what the wall time of undisturbed pairs says, the mean of all calls says as
// well. Where the threads cannot run at the same time, "no change" says nothing; a change does.
static void test_several_threads(void **state) {
    (void)state;
    static const struct {
        double quickest, together;
        verdict verdict;
        bool has_reason;
    } table[] = {{0.0, 1.0, VERDICT_NO_CHANGE, false},
                 {0.0, 0.09, VERDICT_NO_CHANGE, false},
                 {0.0, 0.07, VERDICT_CANNOT_TELL, true},
                 {0.0, LAUNCH_NOT_KNOWN, VERDICT_NO_CHANGE, false},
                 {0.0198, 0.07, VERDICT_CANNOT_TELL, true}, // at the margin: no more launches
                 {0.05, 0.07, VERDICT_REGRESSION, false},
                 {-0.05, 0.07, VERDICT_IMPROVEMENT, false}};
    trial_rules rules = trial_rules_make(&VERDICT_STANDARD, 1);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        trial t = {.name = "made up"};
        for (int j = 0; j < SIGNED_RANK_MAX && trial_is_open(&t); j++) {
            double noise = 1e-3 * ((j * 7) % 11 - 5) / 5.0;
            launch l = {.several = true,
                        .quickest = table[i].quickest + noise,
                        .mean = table[i].quickest + noise,
                        .wall = 0.2,
                        .undisturbed = 15,
                        .together = table[i].together};
            trial_add(&t, &rules, &l);
        }
        assert_int_equal(t.verdict, table[i].verdict);
        assert_int_equal(t.count, 12);
        assert_int_equal(t.why != NULL, table[i].has_reason);
        assert_false(t.waiting_looked_at);
    }
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
    assert_true(many.rule.alarm < one.rule.alarm && many.guard.alarm < many.rule.alarm);
    assert_int_equal(many.guard.last, 36);
    assert_true(many.guard.margin == 0.04);
    assert_int_equal(trial_rules_make(&VERDICT_QUICK, 25).guard.last, 32);
}

// All chances of an alarm: both directions of the quickest calls, one of the guard and of waiting.
static double chance(const trial_rules *r, int cases) {
    int guards = 2 * verdict_looks(&r->guard);
    return cases * (2 * verdict_looks(&r->rule) * r->rule.alarm + guards * r->guard.alarm);
}

// Whatever the noise, a suite of equal builds raises an alarm in at most one percent of the runs,
// and cases that left the family do not change that.
// A change that was made on purpose: 8 launches of VERDICT_QUICK are enough for its interval, 12
// for an alarm.
static void test_changes_that_are_no_alarm(void **state) {
    (void)state;
    for (int cases = 0; cases < 2; cases++) {
        trial_rules rules = trial_rules_make(&VERDICT_QUICK, cases);
        static trial one;
        one = (trial){.name = "made up"};
        while (trial_is_open(&one)) {
            launch l = {.quickest = 0.05, .mean = 0.05, .wall = 0.05, .seconds = 0.1};
            trial_add_to(&one, 1, 0, &rules, &l);
        }
        assert_int_equal(one.verdict, VERDICT_REGRESSION);
        assert_int_equal(one.count, cases == 0 ? 8 : 12);
    }
}

static void test_family(void **state) {
    (void)state;
    const verdict_rule *const rules[] = {&VERDICT_STANDARD, &VERDICT_QUICK};
    for (int i = 0; i < 2; i++) {
        for (int cases = 1; cases <= 200; cases++) {
            trial_rules r = trial_rules_make(rules[i], cases);
            char text[256];
            assert_true(chance(&r, cases) <= 0.01 * (1.0 + 1e-12));
            assert_true(cases == 1 || chance(&r, cases) >= 0.009);
            assert_true(trial_rules_check(&r, text, sizeof text));
            for (int found = 0; found < cases; found += 7) {
                trial_rules left = trial_rules_left(&r, found);
                assert_true(chance(&left, cases - found) <= 0.01 * (1.0 + 1e-12));
            }
            assert_true(trial_rules_left(&r, cases + 1).rule.alarm > 0.0);
        }
    }
}

enum { CASES = 25 };
static trial family[CASES]; // large

// A launch of case `at`, with a change that is plain but needs more launches the smaller the level.
static void add_changed(int at, const trial_rules *rules) {
    launch l = {.quickest = 0.05 + 1e-4 * family[at].count, .mean = 0.05, .seconds = 0.1};
    trial_add_to(family, CASES, at, rules, &l);
}

// Launches until the last case is found, when the other 24 have this verdict.
static int launches_until_found(verdict others) {
    trial_rules rules = trial_rules_make(&VERDICT_STANDARD, CASES);
    for (int i = 0; i < CASES; i++) {
        family[i] = (trial){.name = "other", .verdict = i + 1 < CASES ? others : VERDICT_OPEN};
    }
    while (trial_is_open(&family[CASES - 1])) {
        add_changed(CASES - 1, &rules);
    }
    assert_int_equal(family[CASES - 1].verdict, VERDICT_REGRESSION);
    return family[CASES - 1].count;
}

// 2^-12 is below the level of one case, but not below that of one of 25. What was called equal or
// undecided stays in the family: only what was found changed leaves it.
static void test_cases_that_were_found_leave_the_family(void **state) {
    (void)state;
    double all = trial_rules_make(&VERDICT_STANDARD, CASES).rule.alarm;
    double one = trial_rules_make(&VERDICT_STANDARD, 1).rule.alarm;
    assert_int_equal(launches_until_found(VERDICT_REGRESSION), 12);
    assert_true(family[CASES - 1].alarm == one);
    assert_int_equal(launches_until_found(VERDICT_IMPROVEMENT), 12);
    const verdict stay[] = {VERDICT_NO_CHANGE, VERDICT_CANNOT_TELL, VERDICT_OPEN};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(launches_until_found(stay[i]), 18);
        assert_true(family[CASES - 1].alarm == all);
    }
}

static bool is_refused(int first, int last, int cases, const char *why) {
    verdict_rule rule = VERDICT_STANDARD;
    char text[256] = "";
    rule.first = first;
    rule.last = last;
    trial_rules r = trial_rules_make(&rule, cases);
    bool refused = !trial_rules_check(&r, text, sizeof text);
    return refused && strstr(text, why);
}

// The last look must be able to raise an alarm, of the guard, too.
static void test_rules_that_cannot_raise_an_alarm(void **state) {
    (void)state;
    char text[256];
    assert_true(is_refused(2, 2, 1, "alpha 0.001 needs at least 10"));
    assert_true(is_refused(10, 10, 2, "use at least --launches 10:16"));
    assert_true(is_refused(12, 12, 26, "for 26 cases with 1 look each"));
    assert_true(is_refused(12, 17, 200, "use at least --launches 12:24"));
    verdict_rule rule = VERDICT_STANDARD;
    rule.last = 24;
    trial_rules enough = trial_rules_make(&rule, 200);
    assert_true(trial_rules_check(&enough, text, sizeof text));
}

// ---- Recorded launches: the whole rule, for a suite of 26 cases ----

enum { RUNS = 300, SUITE = 26 };

typedef struct rates {
    int verdicts[VERDICT_CANNOT_TELL + 1];
    double seconds; // a case, on average
} rates;

// Runs with the quickest calls of one pool and the mean of all calls of another one.
static rates play_recorded(const pool *quickest, const pool *mean) {
    trial_rules rules = trial_rules_make(&VERDICT_STANDARD, SUITE);
    uint64_t seed = 1;
    rates found = {.seconds = 0.0};
    for (int run = 0; run < RUNS; run++) {
        trial t = {.name = quickest->name};
        while (trial_is_open(&t)) {
            recorded one = pool_draw(quickest, &seed);
            recorded other = mean == quickest ? one : pool_draw(mean, &seed);
            launch l = {.quickest = one.quickest, .mean = other.mean, .seconds = one.seconds};
            trial_add(&t, &rules, &l);
        }
        found.verdicts[t.verdict]++;
        found.seconds += t.seconds / RUNS;
    }
    return found;
}

static void check_rates(const pool *p, const rates *r) {
    int compute = strcmp(p->name, "cold") != 0;
    print_message("%-11s %-9s %2d %% slower: no change %5.1f, regression %5.1f, cannot tell %5.1f "
                  "%%; %4.1f s\n",
                  p->condition, p->name, p->slowed, 100.0 * r->verdicts[VERDICT_NO_CHANGE] / RUNS,
                  100.0 * r->verdicts[VERDICT_REGRESSION] / RUNS,
                  100.0 * r->verdicts[VERDICT_CANNOT_TELL] / RUNS, r->seconds);
    assert_int_equal(r->verdicts[VERDICT_IMPROVEMENT], 0);
    if (p->slowed == 0) {
        assert_int_equal(r->verdicts[VERDICT_REGRESSION], 0);
        assert_true(100 * r->verdicts[VERDICT_NO_CHANGE] >= 99 * RUNS);
        return;
    }
    assert_int_equal(r->verdicts[VERDICT_NO_CHANGE], 0);
    if (p->slowed >= 5 || compute) { // 3 % from memory: found or "cannot tell"
        assert_true(100 * r->verdicts[VERDICT_REGRESSION] >= (p->slowed >= 5 ? 99 : 90) * RUNS);
    }
}

// No alarm with equal builds, which are called equal; what was slowed is found; and what it costs.
static void test_recorded_launches(void **state) {
    (void)state;
    static const struct {
        const char *condition;
        double least, most; // seconds a case of equal builds, on average
    } costs[] = {{"quiet", 4.0, 6.0}, {"hog", 4.0, 6.0}, {"busy", 6.0, 8.5}};
    assert_int_equal(pool_count, 80);
    for (int i = 0; i < pool_count; i++) {
        rates r = play_recorded(&pools[i], &pools[i]);
        check_rates(&pools[i], &r);
    }
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        static const char *const names[] = {"matmul", "softmax", "attention", "block", "cold"};
        double seconds = 0.0;
        for (int j = 0; j < 5; j++) {
            const pool *p = pool_find(costs[i].condition, names[j], 0);
            seconds += play_recorded(p, p).seconds / 5.0;
        }
        print_message("%s: %.1f s a case\n", costs[i].condition, seconds);
        assert_in_range((int)(10.0 * seconds), (int)(10.0 * costs[i].least),
                        (int)(10.0 * costs[i].most));
    }
}

// A slowdown of some calls: the quickest ones are as before, the mean is 10 % up. What is equal
// raises no alarm (above).
static void test_recorded_guard(void **state) {
    (void)state;
    for (int i = 0; i < pool_count; i++) {
        if (pools[i].slowed == 10) {
            const pool *equal = pool_find(pools[i].condition, pools[i].name, 0);
            rates r = play_recorded(equal, &pools[i]);
            assert_int_equal(r.verdicts[VERDICT_REGRESSION], RUNS);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_slower_and_faster),
        cmocka_unit_test(test_guard),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_far_slower),
        cmocka_unit_test(test_undecided_and_slower),
        cmocka_unit_test(test_several_threads),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_rules_for_many_cases),
        cmocka_unit_test(test_changes_that_are_no_alarm),
        cmocka_unit_test(test_family),
        cmocka_unit_test(test_cases_that_were_found_leave_the_family),
        cmocka_unit_test(test_rules_that_cannot_raise_an_alarm),
        cmocka_unit_test(test_recorded_launches),
        cmocka_unit_test(test_recorded_guard)};
    return cmocka_run_group_tests(tests, read_pools, NULL);
}
