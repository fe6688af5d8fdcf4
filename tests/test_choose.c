// SPDX-License-Identifier: BSD-2-Clause
// Which cases the self-check of `decoct gate` uses (bench/ab/gate_choose.c).
#include "bench/ab/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 8 };

static trial trials[MOST];
static work_case cases[MOST];

// A session of these cases; seq 0 ends the list.
static ab_session session_of(const work_case *list) {
    ab_session s = {.trials = trials};
    for (; list[s.count].seq; s.count++) {
        cases[s.count] = list[s.count];
        cases[s.count].heads = cases[s.count].head_dim ? 12 : 2;
        cases[s.count].head_dim = cases[s.count].head_dim ? cases[s.count].head_dim : 64;
        trials[s.count] = (trial){.name = list[s.count].op, .what = &cases[s.count]};
    }
    return s;
}

static void test_different_operations_that_compute(void **state) {
    (void)state;
    static const work_case list[] = {
        {.op = "decode", .seq = 128, .head_dim = 64, .layers = 4}, // streams its weights
        {.op = "matmul", .seq = 1, .head_dim = 64},                // the same
        {.op = "softmax", .seq = 8},                               // 1,000 numbers: too short
        {.op = "softmax", .seq = 128, .head_dim = 64},
        {.op = "softmax", .seq = 64, .head_dim = 64}, // cheaper, and long enough
        {.op = "attention", .seq = 1024, .head_dim = 64},
        {.op = "attention", .seq = 128, .head_dim = 64},
        {0}};
    ab_session s = session_of(list);
    int chosen[GATE_CHECKS];
    bool computes;
    assert_int_equal(gate_choose(&s, chosen, &computes), 3);
    assert_true(computes);
    assert_int_equal(chosen[0], 4);
    assert_int_equal(chosen[1], 6);
    assert_int_equal(chosen[2], 3); // the best of those left
}

static void test_few_cases(void **state) {
    (void)state;
    static const work_case small[] = {{.op = "softmax", .seq = 8}, {0}};
    ab_session s = session_of(small);
    int chosen[GATE_CHECKS];
    bool computes;
    assert_int_equal(gate_choose(&s, chosen, &computes), 1);
    assert_true(computes); // short, but not from memory
    static const work_case cold[] = {{.op = "decode", .seq = 128, .head_dim = 64, .layers = 4},
                                     {.op = "matmul", .seq = 1, .head_dim = 64},
                                     {0}};
    s = session_of(cold);
    assert_int_equal(gate_choose(&s, chosen, &computes), 1);
    assert_int_equal(chosen[0], 1); // the cheaper one
    assert_false(computes);
    static const work_case both[] = {{.op = "matmul", .seq = 1, .head_dim = 64},
                                     {.op = "attention", .seq = 128, .head_dim = 64},
                                     {0}};
    s = session_of(both);
    assert_int_equal(gate_choose(&s, chosen, &computes), 1); // never one from memory beside it
    assert_int_equal(chosen[0], 1);
    assert_true(computes);
}

// A large case of a known operation is noisier than two cases are few.
static void test_no_large_case_of_a_known_operation(void **state) {
    (void)state;
    static const work_case list[] = {{.op = "attention", .seq = 512, .head_dim = 64},
                                     {.op = "attention", .seq = 128, .head_dim = 64},
                                     {.op = "softmax", .seq = 64, .head_dim = 64},
                                     {0}};
    ab_session s = session_of(list);
    int chosen[GATE_CHECKS];
    bool computes;
    assert_int_equal(gate_choose(&s, chosen, &computes), 2);
    assert_int_equal(chosen[0], 2);
    assert_int_equal(chosen[1], 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_different_operations_that_compute),
                                       cmocka_unit_test(test_few_cases),
                                       cmocka_unit_test(test_no_large_case_of_a_known_operation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
