// SPDX-License-Identifier: BSD-2-Clause
// Suites of equal builds: false alarms, "no change", and what they cost.
#include "simulate_tests.h"

#include "simulate_kinds.h"
#include "simulate_rates.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SUITES = 200 };

typedef struct suites {
    int count, alarms, common[COMMON_RULES]; // suites with at least one change reported
    tally cache, memory;                     // cases
    double seconds[SUITES];
} suites;

static void add_suite(suites *s, const simulated_outcome outcomes[SUITE_CASES]) {
    bool alarm = false, common[COMMON_RULES] = {false};
    double seconds = 0.0;
    for (int i = 0; i < SUITE_CASES; i++) {
        const simulated_outcome *o = &outcomes[i];
        tally_add(o->kind == &simulated_kinds[MEMORY] ? &s->memory : &s->cache, o);
        alarm = alarm || o->verdict == VERDICT_REGRESSION || o->verdict == VERDICT_IMPROVEMENT;
        seconds += o->seconds;
        for (int c = 0; c < COMMON_RULES; c++) {
            common[c] = common[c] || o->common[c] != COMMON_EQUAL;
        }
    }
    for (int c = 0; c < COMMON_RULES; c++) {
        s->common[c] += common[c];
    }
    s->alarms += alarm;
    s->seconds[s->count++] = seconds;
}

static void play(suites *s, const simulated_noise *noise, const trial_rules *rules, bool shares,
                 int count, int seed) {
    memset(s, 0, sizeof *s);
    for (int i = 0; i < count; i++) {
        simulated_outcome outcomes[SUITE_CASES];
        simulated_machine m =
            simulated_machine_make(noise, simulated_seed((uint64_t)(seed * SUITES + i)));
        simulated_suite(&m, rules, shares, outcomes);
        add_suite(s, outcomes);
    }
}

static double part(int count, int runs) {
    return 100.0 * count / runs;
}

// ---- The rules ----

static void print_costs(const char *rule, const char *noise, suites *s) {
    print_message(
        "| %s | %s | %d of %d | %.1f; %.1f | %.1f; %.1f | %.1f (%.1f); %.1f (%.1f) | "
        "%.1f (%.1f) |\n",
        rule, noise, s->alarms, s->count, part(s->cache.verdicts[VERDICT_NO_CHANGE], s->cache.runs),
        part(s->memory.verdicts[VERDICT_NO_CHANGE], s->memory.runs),
        s->cache.launches / s->cache.runs, s->memory.launches / s->memory.runs,
        mean_of(s->cache.seconds, s->cache.runs), most_of(s->cache.seconds, s->cache.runs),
        mean_of(s->memory.seconds, s->memory.runs), most_of(s->memory.seconds, s->memory.runs),
        mean_of(s->seconds, s->count) / 60.0, most_of(s->seconds, s->count) / 60.0);
}

static void print_common(const char *noise, const suites *s) {
    print_message("  %s, two stored runs of equal builds differ; at least one of %d cases does:",
                  noise, SUITE_CASES);
    for (int c = 0; c < COMMON_RULES; c++) {
        print_message(
            " %s %.0f; %.0f %%%s", common_names[c],
            part(s->cache.different[c] + s->memory.different[c], s->cache.runs + s->memory.runs),
            part(s->common[c], s->count), c + 1 < COMMON_RULES ? "," : "\n");
    }
}

// Equal builds raise no alarm and are called equal, at the cost that the documentation states.
static void check_rule(const char *name, const verdict_rule *rule, int seed, double most_launches) {
    trial_rules rules = trial_rules_make(rule, SUITE_CASES);
    int alarms = 0, count = 0;
    for (int n = 0; n < NOISES; n++) {
        static suites s;
        play(&s, &simulated_noises[n], &rules, true, rate_runs(SUITES), seed + n);
        print_costs(name, simulated_noises[n].name, &s);
        print_common(simulated_noises[n].name, &s);
        rate_check_not_above("suites with an alarm", s.alarms, s.count, 0.01);
        rate_check_at_least("no change, from a cache", s.cache.verdicts[VERDICT_NO_CHANGE],
                            s.cache.runs, 0.99);
        rate_check_at_least("no change, from memory", s.memory.verdicts[VERDICT_NO_CHANGE],
                            s.memory.runs, 0.9);
        assert_true(s.cache.launches <= most_launches * s.cache.runs);
        alarms += s.alarms;
        count += s.count;
    }
    rate_check_at_most("suites with an alarm on all machines", alarms, count, 0.01);
}

void test_equal_builds(void **state) {
    (void)state;
    print_message("| rule | machine | suites with an alarm | \"no change\" %%, from a cache; from "
                  "memory | launches | s a case, mean (95 %%) | minutes a suite, mean (95 %%) |\n");
    check_rule("standard", &VERDICT_STANDARD, 100, 18.0);
    check_rule("quick", &VERDICT_QUICK, 200, 13.0);
}

// ---- Alpha alone ----

// The margin hides a wrong alpha as long as the noise is below it. With hardly a margin, 24
// launches at most and noise of any size the alarms are those of alpha and its shares alone.
void test_shares(void **state) {
    (void)state;
    verdict_rule rule = VERDICT_STANDARD;
    rule.margin = 1e-5;
    rule.last = 24;
    trial_rules rules = trial_rules_make(&rule, SUITE_CASES);
    int runs = rate_runs(600), alarms = 0;
    uint64_t seed = simulated_seed(300 * SUITES);
    for (int run = 0; run < runs; run++) {
        static trial trials[SUITE_CASES];
        bool alarm = false;
        for (int i = 0; i < SUITE_CASES; i++) {
            trials[i] = (trial){.name = "noise"};
            while (trial_is_open(&trials[i])) {
                launch l = {.quickest = 0.01 * simulated_normal(&seed),
                            .mean = 0.2 * simulated_normal(&seed)};
                trial_add_to(trials, SUITE_CASES, i, &rules, &l);
            }
            alarm = alarm || trial_is_changed(&trials[i]);
        }
        alarms += alarm;
    }
    rate_check_not_above("suites with an alarm, almost no margin", alarms, runs, 0.01);
}

// A change exactly as large as the margin is neither: each of 9 looks calls it so with at most
// 0.1 %.
void test_margin(void **state) {
    (void)state;
    trial_rules rules = trial_rules_make(&VERDICT_STANDARD, SUITE_CASES);
    int runs = rate_runs(800), verdicts[VERDICT_CANNOT_TELL + 1] = {0};
    uint64_t seed = simulated_seed(500 * SUITES);
    for (int run = 0; run < runs; run++) {
        static trial t;
        t = (trial){.name = "noise"};
        while (trial_is_open(&t)) {
            launch l = {.quickest =
                            log1p(VERDICT_STANDARD.margin) + 0.01 * simulated_normal(&seed)};
            trial_add(&t, &rules, &l);
        }
        verdicts[t.verdict]++;
    }
    rate_check_not_above("as slow as the margin, called \"no change\"", verdicts[VERDICT_NO_CHANGE],
                         runs, 0.01);
    rate_check_not_above("as slow as the margin, found", verdicts[VERDICT_REGRESSION], runs, 0.01);
}

// Looks after each launch, p < 0.05 each time, no margin and no share: the simulation has to show
// that this is a bad rule, or it could not show that another one is good.
void test_bad_rule(void **state) {
    (void)state;
    static suites s;
    verdict_rule bad = {.margin = 1e-9,
                        .alpha = 0.025,
                        .alarm = 0.025,
                        .first = 6,
                        .step = 1,
                        .last = 30,
                        .scatter = INFINITY};
    trial_rules rules = trial_rules_make(&bad, 1);
    rules.rule.alarm = bad.alarm;
    play(&s, &simulated_noises[0], &rules, false, rate_runs(20), 400);
    int alarms = s.cache.runs - s.cache.verdicts[VERDICT_CANNOT_TELL];
    rate_check_at_least("cases with an alarm by a bad rule", alarms, s.cache.runs, 0.2);
    rate_check_at_least("suites with an alarm by a bad rule", s.alarms, s.count, 0.8);
}
