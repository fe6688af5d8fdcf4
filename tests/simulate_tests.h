// SPDX-License-Identifier: BSD-2-Clause
// The parts of simulate_ab.
#ifndef TESTS_SIMULATE_TESTS_H
#define TESTS_SIMULATE_TESTS_H

// simulate_recorded.c: the simulated machines are like the recorded one.
void test_recorded(void **state);
// simulate_equal.c: equal builds.
void test_equal_builds(void **state);
void test_shares(void **state);
void test_margin(void **state);
void test_bad_rule(void **state);
// simulate_slowed.c: slower builds.
void test_slower_calls(void **state);
void test_some_calls(void **state);

#endif
