// SPDX-License-Identifier: BSD-2-Clause
// The summary and the annotations of `decoct gate`: what they state, and that texts of others stay
// texts. (JUnit: test_gate.c.)
#include "gate_kit.h"

#include <unistd.h>

static const char *read_text(accept_list *list, const char *text) {
    char path[] = "decoct-accept-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    const char *wrong = accept_read(list, path, "2026-11-26");
    unlink(path);
    return wrong;
}

static void expect(const char *text, const char *part) {
    if (!strstr(text, part)) {
        fail_msg("not there: %s\n%s", part, text);
    }
}

static void test_summary(void **state) {
    (void)state;
    gate g = equal_gate();
    set_cases("sf?");
    trials[3].name = "m|x`<y>";
    snprintf(trials[3].error, sizeof trials[3].error, "a | b <script> *c*");
    trials[4].why = "the budget was spent";
    set_change(&trials[4], VERDICT_CANNOT_TELL, 0.02);
    trials[4].quickest = VERDICT_OPEN;
    g.session.budget = 75.0;
    assert_null(read_text(&g.accepted, "2026-11-25 ^b/ old | reason\n"
                                       "2027-01-01 ^c/1 not needed\n"
                                       "2027-01-01 ^gone/ matches nothing\n"));
    gate_decide(&g, false);
    char *text = report(&g, gate_markdown);
    assert_ptr_equal(strstr(text, "## Performance gate: 1 of 9 cases became slower; 1 could not"),
                     text);
    expect(text, "### Slower (1)");
    expect(text, "| `a/1` | +5.0 % | +4.7 to +5.3 % | 52 µs |  |");
    expect(text, "### Faster (1)");
    expect(text, "| `a/2` | -5.0 % | -5.3 to -4.7 % |");
    expect(text, "### No verdict (2)");
    expect(text, "the budget was spent");
    expect(text, "| `m\\|x'<y>` |");
    expect(text, "a \\| b &lt;script&gt; \\*c\\*");
    expect(text, "<b>No change</b> in 4 cases; in each of them a change above about 2.3 % would "
                 "probably have been found");
    expect(text, "**Self-check passed**");
    expect(text,
           "The time budget of 1 min 15 s ended before all were decided: 1 of 9 cases were left");
    expect(text, "`^b/`, until 2026-11-25 has expired");
    expect(text, "old \\| reason");
    expect(text, "`^gone/`, until 2027-01-01 names no case");
    expect(text, "`^c/1`, until 2027-01-01 was not needed");
    expect(text, "Measured in 3 min 20 s on a machine.");
    expect(text, "Candidate: new, lib/b.so");
    free(text);
    accept_free(&g.accepted);
}

// What the figures mean, beside them.
static void test_summary_explains_itself(void **state) {
    (void)state;
    gate g = equal_gate();
    trials[5].why = "the mean of all calls is not decided";
    snprintf(trials[5].launches[0].served[0], CHANNEL_WORD, "avx2");
    snprintf(trials[5].launches[0].served[1], CHANNEL_WORD, "avx512");
    trials[6].waiting_looked_at = true;
    g.session.arms[0].threads = g.session.arms[1].threads = 1;
    g.session.launch.pairs = 15;
    gate_decide(&g, false);
    char *text = report(&g, gate_markdown);
    expect(text, "| 52 µs | a change above about 2.3 % would probably have been found |");
    expect(text, "would probably have been found; the mean of all calls is not decided |");
    expect(text, "and if chance does that so rarely that fewer than 1 % of all runs");
    expect(text, "Waiting (sleep, locks) was not looked at in 8 of 9 cases");
    expect(text, "- Backend of the baseline: avx2; of the candidate: avx512\n");
    expect(text,
           "- Time: the CPU time of the quickest call of a sample; a launch is the median of 15 ");
    expect(text, "they miss the true change with a probability of 0.1 % at each end\n");
    expect(text, "docs/regression-testing.md");
    free(text);
}

static void test_summary_of_a_machine_that_is_unfit(void **state) {
    (void)state;
    gate g = equal_gate();
    set_cases("s");
    set_change(&equal[0], VERDICT_IMPROVEMENT, -0.04);
    gate_decide(&g, false);
    char *text = report(&g, gate_markdown);
    expect(text,
           "**Self-check failed**: a/1: a build and its copy measured as \"improvement\" (-4.0 %)");
    expect(
        text,
        "| `a/1` | improvement: -4.0 % (-4.3 to -3.7 %) | regression: +5.0 % (+4.7 to +5.3 %) |");
    assert_null(strstr(text, "### Slower")); // it cannot be relied on
    free(text);
}

static void test_summary_of_a_self_check_that_did_not_finish(void **state) {
    (void)state;
    gate g = equal_gate();
    set_cases("s-");
    equal[1].verdict = VERDICT_CANNOT_TELL;
    equal[1].quickest = VERDICT_OPEN;
    equal[1].why = "the budget was spent";
    g.session.budget = g.seconds = 100.0;
    gate_decide(&g, false);
    char *text = report(&g, gate_markdown);
    expect(text,
           "**Self-check did not finish**: b/1: not decided: the budget was spent. 8 of 9 "
           "cases were decided, but they are not reported, because the self-check did not finish "
           "in 1 min 40 s. Run the gate again with a larger "
           "--budget.\n");
    assert_null(strstr(text, "were left")); // one figure of what was decided
    expect(text, "- Backend of both builds: not known\n");
    free(text);
    set_cases("---------");
    gate_decide(&g, false);
    text = report(&g, gate_markdown);
    expect(text, "the budget was spent. No case is reported, because the self-check did not");
    free(text);
}

static void test_summary_of_builds_that_cannot_be_measured(void **state) {
    (void)state;
    gate g = equal_gate();
    set_cases("aaaaaaaaa");
    make_case(&equal[0], "a/1");
    equal[0].verdict = equal[0].quickest = VERDICT_OPEN;
    gate_decide(&g, false);
    char *text = report(&g, gate_markdown);
    expect(text, "## Performance gate: baseline and candidate have no common C ABI\n");
    expect(text, "| libdecoct.so.0 lacks a function of the C ABI that this program uses |");
    expect(text, "**Self-check did not finish**");
    assert_null(strstr(text, "quieter machine"));
    free(text);
}

static void test_summary_of_too_many_without_a_verdict(void **state) {
    (void)state;
    gate g = equal_gate();
    set_cases("-???");
    gate_decide(&g, false);
    char *text = report(&g, gate_markdown);
    expect(text, "so this is not a pass.");
    expect(text, "| too noisy: repeated launches scatter by more than 5 % |");
    expect(text, "| `a/1` |  |  | - | budget before the first look, which needs 12 launches |");
    free(text);
    set_change(&trials[0], VERDICT_NO_CHANGE, 0.001);
    set_change(&trials[1], VERDICT_NO_CHANGE, 0.001);
    trials[2].count = 60;
    gate_decide(&g, false);
    text = report(&g, gate_markdown);
    assert_null(strstr(text, "not a pass"));
    expect(text, "after 60 launches, the most that are made, the interval still crosses 2 %");
    free(text);
}

static void test_summary_of_what_does_not_count(void **state) {
    (void)state;
    gate g = equal_gate();
    set_cases("s==s");
    assert_null(
        read_text(&g.accepted, "2027-01-01 ^a/ exact now\n2027-01-02 quarantine ^b/1 noisy\n"));
    gate_decide(&g, false);
    char *text = report(&g, gate_markdown);
    expect(text, "### Changed, and accepted (1)");
    expect(text, "until 2027-01-01: exact now");
    expect(text, "### In quarantine: shown, not counted (1)");
    expect(text, "measured as \"regression\"; until 2027-01-02: noisy");
    assert_null(strstr(text, "was not needed"));
    free(text);
    accept_free(&g.accepted);
}

static void test_annotations(void **state) {
    (void)state;
    gate g = equal_gate();
    set_cases("s");
    trials[1].name = "x\n::error::100%";
    snprintf(trials[1].error, sizeof trials[1].error, "a: b, c\r");
    assert_null(read_text(&g.accepted, "2026-11-25 ^b/ old\n"));
    gate_decide(&g, false);
    char *text = report(&g, gate_annotate);
    expect(text,
           "::error title=Performance gate::1 of 9 cases became slower; 1 could not be measured\n");
    expect(text, "::error title=Slower::a/1: +5.0 %25 time (+4.7 %25 to +5.3 %25)\n");
    expect(text, "::error title=Could not be measured::x%0A::error::100%25: a: b, c%0D\n");
    expect(text, "::warning title=Expired entry::^b/, until 2026-11-25: old\n");
    free(text);
    accept_free(&g.accepted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_summary_explains_itself),
        cmocka_unit_test(test_summary_of_a_machine_that_is_unfit),
        cmocka_unit_test(test_summary_of_a_self_check_that_did_not_finish),
        cmocka_unit_test(test_summary_of_builds_that_cannot_be_measured),
        cmocka_unit_test(test_summary_of_too_many_without_a_verdict),
        cmocka_unit_test(test_summary_of_what_does_not_count),
        cmocka_unit_test(test_annotations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
