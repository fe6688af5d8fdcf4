// SPDX-License-Identifier: BSD-2-Clause
// Distances between names, and which of several is suggested.
#include "cases/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void check_distance(const char *a, const char *b, int wanted) {
    assert_int_equal(nearest_distance(a, b), wanted);
    assert_int_equal(nearest_distance(b, a), wanted);
}

static void test_distances(void **state) {
    (void)state;
    check_distance("", "", 0);
    check_distance("next", "next", 0);
    check_distance("NEXT", "next", 0);
    check_distance("", "abc", 3);
    check_distance("nxt", "next", 1);  // inserted
    check_distance("newt", "next", 1); // replaced
    check_distance("enxt", "next", 1); // swapped
    check_distance("ca", "abc", 3);    // each letter is touched once
    check_distance("kitten", "sitting", 3);
    check_distance("abcd", "badc", 2);
}

static void test_long_names(void **state) {
    char longest[NEAREST_LENGTH], longer[NEAREST_LENGTH + 1];
    (void)state;
    memset(longest, 'a', sizeof longest);
    longest[NEAREST_LENGTH - 1] = '\0';
    memset(longer, 'a', sizeof longer);
    longer[NEAREST_LENGTH] = '\0';
    check_distance(longest, longest, 0);
    check_distance(longest, "", NEAREST_LENGTH - 1);
    check_distance(longer, longer, NEAREST_LENGTH);
    check_distance(longer, longest, NEAREST_LENGTH);
    nearest near = nearest_to(longer);
    nearest_offer(&near, "next");
    assert_string_equal(nearest_hint(&near, ""), "");
    near = nearest_to(longest);
    nearest_offer(&near, longest);
    assert_int_equal(strlen(nearest_hint(&near, "--")),
                     NEAREST_LENGTH - 1 + strlen("; did you mean '--'?"));
}

static void check_hint(const char *given, const char *names, const char *wanted) {
    nearest near = nearest_to(given);
    nearest_offer_all(&near, names);
    assert_string_equal(near.best, wanted);
}

static void test_suggestions(void **state) {
    (void)state;
    check_hint("nxt", "attend, next; generate", "next");
    check_hint("benchmark", "bench attend", "bench");
    check_hint("gen", "next, generate", "generate");
    check_hint("a", "ab, next", "ab");
    check_hint("xy", "ab, next", "");
    check_hint("brew", "bench, peers, hash", "");
    check_hint("", "ab", "");
    check_hint("anything", "", "");
    check_hint("cpi", "ci, cpu", "ci"); // the first of equals
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_distances),
                                       cmocka_unit_test(test_long_names),
                                       cmocka_unit_test(test_suggestions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
