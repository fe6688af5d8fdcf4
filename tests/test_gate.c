// SPDX-License-Identifier: BSD-2-Clause
// From verdicts to the exit code of `decoct gate`, and changes that are accepted.
#include "bench/ab/gate.h"
#include "bench/cases/exits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { CASES = 9 };

// A gate of nine equal cases whose self-check passed.
static gate equal_gate(trial *trials) {
    static const char *const names[CASES] = {"a/1", "a/2", "a/3", "b/1", "b/2",
                                             "b/3", "c/1", "c/2", "c/3"};
    gate g = {.session = {.trials = trials, .count = CASES}, .check = {.fit = true}};
    for (int i = 0; i < CASES; i++) {
        trials[i] = (trial){.name = names[i], .verdict = VERDICT_NO_CHANGE, .count = 1};
        trials[i].launches[0] = (launch){.arithmetic = {2, 2}, .has_hash = true, .same_bits = true};
    }
    return g;
}

static int decide(gate *g, const char *words) {
    gate_decide(g, false);
    assert_non_null(strstr(g->verdict, words));
    return g->code;
}

static trial trials[CASES]; // large

static void test_codes(void **state) {
    (void)state;
    gate g = equal_gate(trials);
    assert_int_equal(decide(&g, "no regression in 9 of 9 cases"), EXIT_OK);
    trials[1].verdict = VERDICT_IMPROVEMENT;
    assert_int_equal(decide(&g, "no regression"), EXIT_OK);
    trials[2].verdict = VERDICT_CANNOT_TELL;
    assert_int_equal(decide(&g, "no regression in 8 of 9"), EXIT_OK);
    g.strict = true;
    assert_int_equal(decide(&g, "have no verdict"), EXIT_INCONCLUSIVE);
    trials[3].verdict = VERDICT_REGRESSION;
    assert_int_equal(decide(&g, "1 of 9 cases became slower"), EXIT_REGRESSION);
    trials[4].different_bits = true;
    assert_int_equal(decide(&g, "different bits"), EXIT_WRONG);
    g.session.allow_different_bits = true;
    assert_int_equal(decide(&g, "slower"), EXIT_REGRESSION);
    g.session.allow_different_bits = false;
    trials[4].launches[0].arithmetic[1] = 3; // another definition: other bits are expected
    assert_int_equal(decide(&g, "slower"), EXIT_REGRESSION);
    gate_decide(&g, true);
    assert_int_equal(g.code, EXIT_INTERRUPTED);
}

// A quarter may be undecided; with more the gate does not judge, and no verdict is not a pass.
static void test_unclear(void **state) {
    (void)state;
    gate g = equal_gate(trials);
    trials[0].verdict = trials[1].verdict = VERDICT_CANNOT_TELL;
    assert_int_equal(decide(&g, "no regression"), EXIT_OK);
    trials[2].verdict = VERDICT_CANNOT_TELL;
    assert_int_equal(decide(&g, "could not judge 3 of 9"), EXIT_INVALID);
    for (int i = 0; i < 3; i++) {
        trials[i].verdict = VERDICT_OPEN;
        snprintf(trials[i].error, sizeof trials[i].error, "broken");
    }
    assert_int_equal(decide(&g, "could not judge 3 of 9"), EXIT_INTERNAL);
}

static void test_self_check(void **state) {
    (void)state;
    gate g = equal_gate(trials);
    trials[0].verdict = VERDICT_REGRESSION;
    g.check.fit = false;
    assert_int_equal(decide(&g, "self-check failed"), EXIT_INVALID);
    snprintf(g.check.error, sizeof g.check.error, "no room");
    assert_int_equal(decide(&g, "could not run"), EXIT_INTERNAL);
}

static void test_accepted(void **state) {
    (void)state;
    gate g = equal_gate(trials);
    trials[0].verdict = trials[3].verdict = VERDICT_REGRESSION;
    assert_null(accept_add(&g.accepted, "^a/"));
    assert_int_equal(decide(&g, "1 of 9"), EXIT_REGRESSION);
    assert_null(accept_add(&g.accepted, "^b/1$"));
    assert_int_equal(decide(&g, "no regression"), EXIT_OK);
    assert_non_null(accept_add(&g.accepted, "("));
    accept_free(&g.accepted);
}

static const char *read_text(accept_list *list, const char *text) {
    char path[] = "decoct-accept-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    const char *wrong = accept_read(list, path, "2026-11-26");
    unlink(path);
    return wrong;
}

static void test_accepted_file(void **state) {
    (void)state;
    accept_list list = {.count = 0};
    assert_null(read_text(&list, "# comment\n\n2026-11-26 ^a/ until today\r\n"
                                 "2026-11-25  ^b/\tuntil yesterday\n"));
    assert_int_equal(list.count, 2);
    assert_string_equal(accept_find(&list, "a/1")->reason, "until today");
    assert_null(accept_find(&list, "b/1"));
    assert_true(list.items[1].expired);
    accept_free(&list);
    static const char *const wrong[] = {"2026-11 ^a/ why\n", "2027-01-01 ^a/\n", "2027-01-01\n",
                                        "tomorrow ^a/ why\n", "2027-01-01 ( why\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_non_null(strstr(read_text(&list, wrong[i]), "line 1: "));
    }
    accept_free(&list);
    assert_non_null(strstr(accept_read(&list, "/nowhere/at/all", "2026-11-26"), "No such file"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_codes), cmocka_unit_test(test_unclear),
                                       cmocka_unit_test(test_self_check),
                                       cmocka_unit_test(test_accepted),
                                       cmocka_unit_test(test_accepted_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
