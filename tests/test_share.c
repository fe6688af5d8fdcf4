// SPDX-License-Identifier: BSD-2-Clause
// The share of the ceiling from made-up pieces and probes (bench/measure/share.c).
#include "bench/measure/share.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_percent(double given, double wanted) {
    if (!(fabs(given - wanted) < 1e-9)) {
        fail_msg("%.17g instead of %.17g", given, wanted);
    }
}

// Pieces that take twice as long as the ceiling says, on CPU 0.
static shares half_of_it(int count) {
    shares s = {.count = count};
    for (int i = 0; i <= count; i++) {
        s.roof[i] = (share_moment){1.0, 0};
        if (i < count) {
            s.ours[i] = (share_moment){2.0, 0};
        }
    }
    return s;
}

static void test_plain(void **state) {
    (void)state;
    shares s = half_of_it(9);
    assert_percent(share_percent(&s), 50.0);
    assert_percent(share_roof(&s), 1.0);
    s.wall = true;
    assert_percent(share_percent(&s), 50.0);
    assert_percent(share_roof(&s), 1.0);
}

// A probe that lost its CPU for ten times its length must not lift the share of the pieces beside
// it: their other probe is the better one.
static void test_a_preempted_probe(void **state) {
    (void)state;
    shares s = half_of_it(1);
    s.roof[0].seconds = 11.0;
    assert_percent(share_percent(&s), 50.0);
    s = half_of_it(9);
    for (int i = 0; i <= 9; i += 2) {
        s.roof[i].seconds = 11.0;
    }
    assert_percent(share_percent(&s), 50.0);
}

static void test_some_preempted_pieces(void **state) {
    (void)state;
    shares s = half_of_it(9);
    for (int i = 0; i < 4; i++) {
        s.ours[i].seconds = 30.0;
    }
    assert_percent(share_percent(&s), 50.0);
    s.ours[4].seconds = 30.0;
    assert_percent(share_percent(&s), 100.0 / 30.0);
    s.wall = true; // of wall time the quickest ones, wherever they are
    s.roof[3].seconds = 0.5;
    assert_percent(share_percent(&s), 25.0);
}

// One CPU may be slower than another: only what ran on the same one is compared.
static void test_another_cpu(void **state) {
    (void)state;
    shares s = half_of_it(3);
    s.roof[0] = (share_moment){0.25, 1};
    s.roof[1] = (share_moment){1.5, 0};
    s.roof[2] = (share_moment){0.25, 1};
    s.roof[3] = (share_moment){0.25, 1};
    assert_percent(share_percent(&s), 75.0); // pieces 0 and 1; piece 2 has no probe on its CPU
    for (int i = 0; i <= 3; i++) {
        s.roof[i] = (share_moment){1.0, 1};
    }
    assert_percent(share_percent(&s), 50.0); // better than nothing
}

static void test_nothing_to_compare(void **state) {
    (void)state;
    shares s = half_of_it(0);
    assert_percent(share_percent(&s), 0.0);
    assert_percent(share_roof(&s), 0.0);
    s = half_of_it(3);
    for (int i = 0; i <= 3; i++) {
        s.roof[i].seconds = 0.0; // the probes failed
    }
    assert_percent(share_percent(&s), 0.0);
    s.wall = true;
    assert_percent(share_percent(&s), 0.0);
    s = half_of_it(3);
    s.roof[1].seconds = 0.0;
    assert_percent(share_percent(&s), 50.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_a_preempted_probe),
        cmocka_unit_test(test_some_preempted_pieces),
        cmocka_unit_test(test_another_cpu),
        cmocka_unit_test(test_nothing_to_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
