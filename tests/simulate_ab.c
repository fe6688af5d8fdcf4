// SPDX-License-Identifier: BSD-2-Clause
// What the rule of `decoct ab` can do, by simulation: how often a suite of equal builds raises an
// alarm, how often a slower build is found, what it costs, and what common rules say about the same
// samples. Launches and verdicts are the program's own code (bench/ab/launch.c, trial.c), the
// machine is simulated (simulate_machine.c). Seeds are fixed: each run prints the same rates.
//
//   simulate_ab [PERCENT]   does only that part of the runs, where they are slow
#include "simulate_tests.h"

#include "simulate_rates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded),  cmocka_unit_test(test_equal_builds),
        cmocka_unit_test(test_shares),    cmocka_unit_test(test_margin),
        cmocka_unit_test(test_bad_rule),  cmocka_unit_test(test_slower_calls),
        cmocka_unit_test(test_some_calls)};
    rate_percent = argc > 1 ? atoi(argv[1]) : 100;
    if (rate_percent < 100) {
        printf("%d %% of the runs: too few to show small rates, which are only not refuted\n",
               rate_percent);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
