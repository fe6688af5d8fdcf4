// SPDX-License-Identifier: BSD-2-Clause
// The verdicts of several threads: the rates of false alarms and detections on launches of two
// threads that were recorded on a shared machine.
#include "bench/ab/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "recorded.h"

enum { RUNS = 300, SUITE = 26 };

typedef struct rates {
    int verdicts[VERDICT_CANNOT_TELL + 1];
    double seconds; // a case, on average
} rates;

static rates play(const pool *p, const trial_rules *rules) {
    uint64_t seed = 1;
    rates found = {.seconds = 0.0};
    for (int run = 0; run < RUNS; run++) {
        trial t = {.name = p->name};
        while (trial_is_open(&t)) {
            recorded one = pool_draw(p, &seed);
            launch l = {.several = true,
                        .quickest = one.quickest,
                        .mean = one.mean,
                        .together = one.together,
                        .seconds = one.seconds};
            trial_add(&t, rules, &l);
        }
        found.verdicts[t.verdict]++;
        found.seconds += t.seconds / RUNS;
    }
    return found;
}

static void print_rates(const pool *p, const rates *r) {
    print_message("%-8s %-9s %2d %% slower: no change %5.1f, regression %5.1f, cannot tell %5.1f "
                  "%%; %4.1f s\n",
                  p->condition, p->name, p->slowed, 100.0 * r->verdicts[VERDICT_NO_CHANGE] / RUNS,
                  100.0 * r->verdicts[VERDICT_REGRESSION] / RUNS,
                  100.0 * r->verdicts[VERDICT_CANNOT_TELL] / RUNS, r->seconds);
}

// The least percentage of the runs in which a slowdown must be found; 0: none. Rates from few
// launches say nothing, and neither does 3 % of operands from memory.
static int least_found(const pool *p) {
    bool few = p->count < 6, memory = strcmp(p->name, "cold") == 0;
    return few || p->slowed == 0 ? 0 : p->slowed >= 5 ? 95 : memory ? 0 : 65;
}

static void check_rates(const pool *p, const rates *r) {
    bool crowd = strcmp(p->condition, "crowd") == 0;
    bool noisy = strcmp(p->condition, "hog") == 0 && strcmp(p->name, "cold") == 0;
    assert_int_equal(r->verdicts[VERDICT_IMPROVEMENT], 0);
    if (p->slowed > 0) {
        assert_int_equal(r->verdicts[VERDICT_NO_CHANGE], 0);
    } else {
        assert_int_equal(r->verdicts[VERDICT_REGRESSION], 0);
    }
    if (!crowd) {
        assert_true(100 * r->verdicts[VERDICT_REGRESSION] >= least_found(p) * RUNS);
        assert_true(p->slowed > 0 || noisy || 100 * r->verdicts[VERDICT_NO_CHANGE] >= 99 * RUNS);
    }
}

// With up to one neighbour a CPU, equal builds are called equal and what was slowed is found, but
// for operands from memory. In a crowd, where the threads rarely run at the same time, there is
// rarely a verdict, and early; never a wrong one.
static void test_recorded_threads(void **state) {
    (void)state;
    trial_rules rules = trial_rules_make(&VERDICT_STANDARD, SUITE);
    int told = 0, crowded = 0;
    assert_int_equal(pool_count, 94);
    for (int i = 0; i < pool_count; i++) {
        rates r = play(&pools[i], &rules);
        print_rates(&pools[i], &r);
        check_rates(&pools[i], &r);
        if (strcmp(pools[i].condition, "crowd") == 0 && pools[i].slowed < 5) {
            crowded += RUNS;
            told += RUNS - r.verdicts[VERDICT_CANNOT_TELL];
            assert_true(r.seconds < 30.0);
        }
    }
    assert_true(told * 10 < crowded);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_recorded_threads)};
    return cmocka_run_group_tests(tests, read_threads, NULL);
}
