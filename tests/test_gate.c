// SPDX-License-Identifier: BSD-2-Clause
// From verdicts to the exit code of `decoct gate`, and its self-check.
#include "gate_kit.h"

#include "bench/cases/exits.h"

// ---- Exit codes ----

typedef struct row {
    const char *cases;               // letters of set_cases
    const char *accept, *quarantine; // expressions, or NULL
    bool strict, allow_bits;
    const char *check; // what is wrong with the self-check: letters, see below
    int code;
    const char *line; // the whole first line
} row;

#define ALL "could not judge 9 of 9 cases: the self-check failed"

static const row table[] = {
    {.cases = "", .code = EXIT_OK, .line = "no regression in 9 of 9 cases"},
    {.cases = "ff", .code = EXIT_OK, .line = "no regression in 9 of 9 cases; 2 became faster"},
    {.cases = "ff",
     .strict = true,
     .code = EXIT_OK,
     .line = "no regression in 9 of 9 cases; 2 became faster"},
    // Undecided: up to a quarter passes without --strict.
    {.cases = "??", .code = EXIT_OK, .line = "no regression in 7 of 9 cases; 2 without a verdict"},
    {.cases = "?",
     .strict = true,
     .code = EXIT_INCONCLUSIVE,
     .line = "1 of 9 cases have no verdict"},
    {.cases = "???", .code = EXIT_INVALID, .line = "could not judge 3 of 9 cases"},
    {.cases = "???", .strict = true, .code = EXIT_INVALID, .line = "could not judge 3 of 9 cases"},
    {.cases = "---------", .code = EXIT_INVALID, .line = "could not judge 9 of 9 cases"},
    {.cases = "???f",
     .code = EXIT_INVALID,
     .line = "could not judge 3 of 9 cases; 1 became faster"},
    // A regression is certain whatever the others are.
    {.cases = "s", .code = EXIT_REGRESSION, .line = "1 of 9 cases became slower"},
    {.cases = "sf?",
     .code = EXIT_REGRESSION,
     .line = "1 of 9 cases became slower; 1 without a verdict, 1 became faster"},
    {.cases = "s????????",
     .strict = true,
     .code = EXIT_REGRESSION,
     .line = "1 of 9 cases became slower; 8 without a verdict"},
    {.cases = "sx",
     .code = EXIT_REGRESSION,
     .line = "1 of 9 cases became slower; 1 could not be measured"},
    // A case that fails is not a pass, and not a matter of noise.
    {.cases = "x", .code = EXIT_INTERNAL, .line = "could not measure 1 of 9 cases"},
    {.cases = "x???",
     .code = EXIT_INTERNAL,
     .line = "could not measure 1 of 9 cases; 3 without a verdict"},
    {.cases = "xxxxxxxxx", .code = EXIT_INTERNAL, .line = "could not measure 9 of 9 cases"},
    {.cases = "xxxxxxxxx",
     .check = "ef",
     .code = EXIT_INTERNAL,
     .line = "could not measure 9 of 9 cases"},
    {.cases = "aaaaaaaaa",
     .check = "f",
     .code = EXIT_SKIPPED,
     .line = "baseline and candidate have no common C ABI"},
    {.cases = "aaaaaaaax", .code = EXIT_INTERNAL, .line = "could not measure 9 of 9 cases"},
    {.cases = "a", .code = EXIT_INTERNAL, .line = "could not measure 1 of 9 cases"},
    {.cases = "x",
     .accept = "^a/",
     .code = EXIT_INTERNAL,
     .line = "could not measure 1 of 9 cases"},
    {.cases = "x",
     .quarantine = "^a/",
     .code = EXIT_INTERNAL,
     .line = "could not measure 1 of 9 cases; 2 in quarantine"},
    // Bits.
    {.cases = "b", .code = EXIT_WRONG, .line = "1 of 9 cases give different bits"},
    {.cases = "bs???x",
     .code = EXIT_WRONG,
     .line =
         "1 of 9 cases give different bits; 1 became slower, 1 could not be measured, 3 without "
         "a verdict"},
    {.cases = "b", .accept = ".", .code = EXIT_WRONG, .line = "1 of 9 cases give different bits"},
    {.cases = "b",
     .quarantine = "^a/1",
     .code = EXIT_WRONG,
     .line = "1 of 9 cases give different bits"},
    {.cases = "b", .check = "e", .code = EXIT_WRONG, .line = "1 of 9 cases give different bits"},
    {.cases = "b", .allow_bits = true, .code = EXIT_OK, .line = "no regression in 9 of 9 cases"},
    {.cases = "bs",
     .allow_bits = true,
     .code = EXIT_REGRESSION,
     .line = "1 of 9 cases became slower"},
    {.cases = "d", .code = EXIT_OK, .line = "no regression in 9 of 9 cases"},
    // Accepted: a change passes; no verdict is still no verdict.
    {.cases = "sf",
     .accept = "^a/",
     .code = EXIT_OK,
     .line = "no regression in 7 of 9 cases; 2 changed as accepted"},
    {.cases = "s==s",
     .accept = "^a/",
     .code = EXIT_REGRESSION,
     .line = "1 of 9 cases became slower; 1 changed as accepted"},
    {.cases = "???", .accept = "^a/", .code = EXIT_INVALID, .line = "could not judge 3 of 9 cases"},
    {.cases = "s?",
     .accept = "^a/",
     .strict = true,
     .code = EXIT_INCONCLUSIVE,
     .line = "1 of 9 cases have no verdict; 1 changed as accepted"},
    {.cases = "sssssssss",
     .accept = ".",
     .code = EXIT_OK,
     .line = "no regression in 0 of 9 cases; 9 changed as accepted"},
    // Quarantine: neither slower nor undecided, and not one of M.
    {.cases = "sss",
     .quarantine = "^a/",
     .code = EXIT_OK,
     .line = "no regression in 6 of 9 cases; 3 in quarantine"},
    {.cases = "???",
     .quarantine = "^a/",
     .strict = true,
     .code = EXIT_OK,
     .line = "no regression in 6 of 9 cases; 3 in quarantine"},
    {.cases = "???s",
     .quarantine = "^a/",
     .code = EXIT_REGRESSION,
     .line = "1 of 9 cases became slower; 3 in quarantine"},
    {.cases = "=??", // a quarter of those that count
     .quarantine = "^a/1",
     .code = EXIT_OK,
     .line = "no regression in 6 of 9 cases; 2 without a verdict, 1 in quarantine"},
    {.cases = "===??",
     .quarantine = "^a/",
     .code = EXIT_INVALID,
     .line = "could not judge 2 of 6 cases; 3 in quarantine"},
    {.cases = "s",
     .accept = "^a/",
     .quarantine = "^a/",
     .code = EXIT_OK,
     .line = "no regression in 6 of 9 cases; 3 in quarantine"},
    {.cases = "",
     .quarantine = ".",
     .code = EXIT_NOTHING,
     .line = "nothing to judge: all 9 cases are in quarantine"},
    // The self-check decides before any verdict on time.
    {.cases = "", .check = "e", .code = EXIT_INVALID, .line = ALL},
    {.cases = "s", .check = "i", .code = EXIT_INVALID, .line = ALL},
    {.cases = "x", .check = "n", .code = EXIT_INVALID, .line = ALL},
    {.cases = "", .check = "u", .code = EXIT_INVALID, .line = ALL},
    {.cases = "s",
     .check = "o",
     .code = EXIT_INVALID,
     .line = "could not judge 9 of 9 cases: the self-check did not finish"},
    {.cases = "", .check = "oe", .code = EXIT_INVALID, .line = ALL},
    {.cases = "", .check = "ok", .code = EXIT_INVALID, .line = ALL},
    {.cases = "", .check = "c", .code = EXIT_INVALID, .line = ALL},
    {.cases = "", .check = "k", .code = EXIT_INVALID, .line = ALL},
    {.cases = "", .check = "K", .code = EXIT_OK, .line = "no regression in 9 of 9 cases"},
    {.cases = "", .check = "z", .code = EXIT_OK, .line = "no regression in 9 of 9 cases"},
    {.cases = "s", .check = "f", .code = EXIT_INTERNAL, .line = "the self-check could not run"},
    {.cases = "s", .check = "nf", .code = EXIT_INTERNAL, .line = "the self-check could not run"},
    {.cases = "", .check = "t", .code = EXIT_INTERNAL, .line = "the self-check could not run"},
    {.cases = "",
     .check = "b",
     .code = EXIT_WRONG,
     .line = "a copy of the baseline gives different bits than the baseline"},
    {.cases = "",
     .check = "b",
     .allow_bits = true,
     .code = EXIT_OK,
     .line = "no regression in 9 of 9 cases"},
};

static void break_check(gate *g, char letter) {
    static const struct {
        char letter;
        trial *of;
        verdict verdict;
    } verdicts[] = {{'e', equal, VERDICT_REGRESSION},  {'i', equal, VERDICT_IMPROVEMENT},
                    {'u', equal, VERDICT_CANNOT_TELL}, {'o', equal, VERDICT_OPEN},
                    {'n', slowed, VERDICT_NO_CHANGE},  {'c', slowed, VERDICT_CANNOT_TELL}};
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        if (letter == verdicts[i].letter) {
            verdicts[i].of[1].verdict = verdicts[i].verdict;
        }
    }
    if (letter == 'f') { // the last case of the last part
        snprintf(slowed[2].error, sizeof slowed[2].error, "died");
    } else if (letter == 't') {
        snprintf(g->check.error, sizeof g->check.error, "no room");
    } else if (letter == 'b') {
        equal[0].different_bits = true;
    } else if (letter == 'k') {
        g->check.control.verdict = VERDICT_REGRESSION;
    } else if (letter == 'K') {
        g->check.control.verdict = VERDICT_CANNOT_TELL;
    } else if (letter == 'z') { // a noisy host alone never makes a machine unfit
        g->check.control.slow = 0.9;
        g->check.control.noisy = true;
    }
}

static gate gate_of(const row *r) {
    gate g = equal_gate();
    set_cases(r->cases);
    g.strict = r->strict;
    g.session.allow_different_bits = r->allow_bits;
    for (const char *at = r->check; at && *at; at++) {
        break_check(&g, *at);
    }
    assert_true(!r->accept || !accept_add(&g.accepted, ACCEPT_CHANGE, r->accept));
    assert_true(!r->quarantine || !accept_add(&g.accepted, ACCEPT_QUARANTINE, r->quarantine));
    gate_decide(&g, false);
    return g;
}

static void test_table(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        gate g = gate_of(&table[i]);
        if (g.code != table[i].code || strcmp(g.verdict, table[i].line) != 0) {
            fail_msg("row %zu (%s): %d, %s", i, table[i].cases, g.code, g.verdict);
        }
        gate_decide(&g, true);
        assert_int_equal(g.code, EXIT_INTERRUPTED);
        accept_free(&g.accepted);
    }
}

// ---- The self-check ----

static void test_self_check_ends_the_run(void **state) {
    (void)state;
    gate g = equal_gate();
    assert_null(gate_ended(&g));
    equal[0].verdict = slowed[0].verdict = VERDICT_OPEN; // both may still succeed
    assert_null(gate_ended(&g));
    slowed[0].verdict = VERDICT_IMPROVEMENT;
    assert_non_null(gate_ended(&g));
    slowed[0].verdict = VERDICT_REGRESSION;
    snprintf(equal[2].error, sizeof equal[2].error, "died");
    assert_non_null(gate_ended(&g));
    g = equal_gate();
    set_cases("xxxxxxxx");
    assert_null(gate_ended(&g)); // one is left
    set_cases("xxxxxxxxx");
    assert_non_null(gate_ended(&g));
}

static void test_self_check_states_the_reason(void **state) {
    (void)state;
    char why[640];
    gate g = equal_gate();
    set_change(&equal[1], VERDICT_REGRESSION, 0.031);
    assert_int_equal(gate_check_result(&g.check, why, sizeof why), GATE_UNFIT);
    assert_string_equal(why, "b/1: a build and its copy measured as \"regression\" (+3.1 %)");
    g = equal_gate();
    g.check.inject = 0.04;
    set_change(&slowed[2], VERDICT_NO_CHANGE, 0.002);
    assert_int_equal(gate_check_result(&g.check, why, sizeof why), GATE_UNFIT);
    assert_non_null(
        strstr(why, "c/1: a slowdown of 4 %, made on purpose, measured as \"no change\""));
    g = equal_gate();
    slowed[0].verdict = VERDICT_CANNOT_TELL;
    slowed[0].quickest = VERDICT_OPEN;
    slowed[0].why = "the budget was spent";
    assert_int_equal(gate_check_result(&g.check, why, sizeof why), GATE_UNFINISHED);
    assert_string_equal(why, "a/1: not decided: the budget was spent");
}

// One value a round, the median over the cases: a single noisy case does not move it.
static void test_control_kernel(void **state) {
    (void)state;
    static const struct {
        double ratio, outlier;
        int rounds;
        verdict verdict;
    } rows[] = {{0.0, 0.5, 12, VERDICT_NO_CHANGE},
                {0.04, 0.04, 12, VERDICT_REGRESSION},
                {-0.04, 0.5, 12, VERDICT_IMPROVEMENT},
                {0.04, 0.04, 11, VERDICT_CANNOT_TELL},
                {0.0196, 0.0196, 12, VERDICT_CANNOT_TELL}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        gate g = equal_gate();
        for (int i = 0; i < CASES; i++) {
            trials[i].count = i < 3 ? rows[r].rounds : 6; // others end earlier
            for (int j = 0; j < trials[i].count; j++) {
                trials[i].launches[j].control_change =
                    (i == 0 ? rows[r].outlier : rows[r].ratio) + 1e-4 * (j % 5);
            }
        }
        gate_control c = gate_control_judge(&g.session);
        assert_int_equal(c.verdict, rows[r].verdict);
        assert_int_equal(c.rounds, rows[r].rounds);
        assert_false(c.noisy);
    }
}

static void test_noisy_host(void **state) {
    (void)state;
    for (int slow = 2; slow <= 3; slow++) { // of ten
        launch_pair pairs[5] = {{.first = 0}};
        gate g = equal_gate();
        for (int i = 0; i < 10; i++) {
            pairs[i / 2].control[i % 2] = i < slow ? 1.2e5f : 1.0e5f;
        }
        trials[4].launches[3].pairs = pairs;
        trials[4].launches[3].pair_count = 5;
        gate_control c = gate_control_judge(&g.session);
        assert_true(fabs(c.slow - 0.1 * slow) < 1e-9);
        assert_int_equal(c.noisy, slow == 3);
    }
}

// ---- Reports ----

// How often it begins.
static int count_elements(const char *xml, const char *element) {
    int count = 0;
    for (const char *at = xml; (at = strstr(at, element)); at++) {
        count++;
    }
    return count;
}

static void test_junit_fails_exactly_if_the_gate_does(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        gate g = gate_of(&table[i]);
        char *xml = report(&g, gate_junit), counts[128];
        int failures = count_elements(xml, "<failure "), errors = count_elements(xml, "<error ");
        assert_int_equal(failures + errors > 0, g.code != EXIT_OK);
        snprintf(counts, sizeof counts, "tests=\"17\" failures=\"%d\" errors=\"%d\" skipped=\"%d\"",
                 failures, errors, count_elements(xml, "<skipped "));
        assert_non_null(strstr(xml, counts)); // 3 + 3 + the kernel, 9 + the verdict
        free(xml);
        accept_free(&g.accepted);
    }
}

static int count_in(const row *r, const char *element) {
    gate g = gate_of(r);
    char *xml = report(&g, gate_junit);
    int count = count_elements(xml, element);
    free(xml);
    accept_free(&g.accepted);
    return count;
}

// Beside the verdict's own failure or error.
static void test_junit_elements(void **state) {
    (void)state;
    const row mixed = {.cases = "ssxf??s=", .accept = "^c/1"};
    assert_int_equal(count_in(&mixed, "<failure type=\"slower\""), 2); // not the accepted one
    assert_int_equal(count_in(&mixed, "<error type=\"failed\" message=\"broken\""), 1);
    assert_int_equal(count_in(&mixed, "<skipped message=\"undecided: +2.0 % (+1.7 % to +2.3 %)\""),
                     2);
    assert_int_equal(count_in(&mixed, "<failure type=\"gate\" message=\"exit code 10: 2 of 9"), 1);
    const row held = {.cases = "s=b", .quarantine = "^a/1"};
    assert_int_equal(count_in(&held, "<skipped message=\"quarantined"), 1);
    assert_int_equal(count_in(&held, "<failure type=\"different bits\""), 1);
    const row unfit = {.cases = "s", .check = "ek"};
    assert_int_equal(count_in(&unfit, "<skipped message=\"not judged"), CASES);
    assert_int_equal(count_in(&unfit, "<failure type=\"self-check\""), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table),
                                       cmocka_unit_test(test_self_check_ends_the_run),
                                       cmocka_unit_test(test_self_check_states_the_reason),
                                       cmocka_unit_test(test_control_kernel),
                                       cmocka_unit_test(test_noisy_host),
                                       cmocka_unit_test(test_junit_fails_exactly_if_the_gate_does),
                                       cmocka_unit_test(test_junit_elements)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
