// SPDX-License-Identifier: BSD-2-Clause
// The alternation of `decoct peers`: medians, intervals, which peers are measured.
#include "bench/machine/clock.h"
#include "bench/measure/contest.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// n ratios 1, 2, ..., n in a mixed order.
static interval ratios(int n) {
    contestant ours = {0}, other = {0};
    for (int i = 0; i < n; i++) {
        ours.seconds[i] = 0.5;
        other.seconds[i] = 0.5 * (1.0 + (double)(i * 7 % n));
    }
    return contest_ratio(&ours, &other, n);
}

// The ranks of the sign test with at least 95 %: tables give [1, 6] for 6, [2, 9] for 10, [4, 12]
// for 15, [6, 15] for 20 (Conover, Practical Nonparametric Statistics, table A3).
static void test_intervals(void **state) {
    (void)state;
    static const int expected[][3] = {{5, 1, 5}, {6, 1, 6}, {10, 2, 9}, {15, 4, 12}, {20, 6, 15}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        int n = expected[i][0];
        interval found = ratios(n);
        assert_true(found.median == 0.5 * (double)(n + 1));
        assert_true(found.low == (double)expected[i][1]);
        assert_true(found.high == (double)expected[i][2]);
    }
}

// The clock of this test, instead of the library's: the time of a call is in its counter.
static double now;

double clock_now(void) {
    return now;
}

typedef struct counter {
    int calls, fail_at;
    double seconds;
} counter;

static bool count(void *data) {
    counter *c = data;
    now += c->seconds;
    return ++c->calls != c->fail_at;
}

static void test_turns(void **state) {
    (void)state;
    counter a = {.seconds = 0.25}, b = {.seconds = 0x1p-10}, broken = {.fail_at = 3};
    contestant list[] = {{.name = "a", .run = count, .data = &a},
                         {.name = "b", .run = count, .data = &b},
                         {.name = "broken", .run = count, .data = &broken}};
    contest_options options = {.rounds = 5, .least_seconds = 0.125};
    contest_run(list, 3, &options);
    assert_int_equal(list[0].calls, 1);   // one call is longer than a turn must be
    assert_int_equal(list[1].calls, 154); // 1, 10, 100 are too few; then a fifth more than needed
    assert_int_equal(a.calls, 2 + 5 * 2); // warm-up and calibration; a round warms up again
    assert_int_equal(b.calls, 1 + 1 + 10 + 100 + 154 + 5 * 155);
    for (int i = 0; i < 5; i++) {
        assert_true(list[0].seconds[i] == 0.25 && list[1].seconds[i] == 0x1p-10);
    }
    assert_false(list[0].failed);
    assert_true(list[2].failed);
    assert_int_equal(broken.calls, 3);
}

// One in a process of its own warms up there.
static double count_calls(void *data, int64_t calls) {
    counter *c = data;
    c->calls += (int)calls;
    return c->calls > c->fail_at ? -1.0 : 0.25 * (double)calls;
}

static void test_turns_of_processes(void **state) {
    (void)state;
    counter a = {.fail_at = 100}, broken = {.fail_at = 1};
    contestant list[] = {{.name = "a", .turn = count_calls, .data = &a},
                         {.name = "broken", .turn = count_calls, .data = &broken}};
    contest_options options = {.rounds = 5, .least_seconds = 0.125};
    contest_run(list, 2, &options);
    assert_int_equal(a.calls, 2 + 5);
    assert_true(list[0].seconds[4] == 0.25 && !list[0].failed);
    assert_true(list[1].failed);
    assert_int_equal(broken.calls, 2); // not called again
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_intervals),
                                       cmocka_unit_test(test_turns),
                                       cmocka_unit_test(test_turns_of_processes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
