// SPDX-License-Identifier: BSD-2-Clause
// Comparisons on a simulated machine, judged by the program's own code, and by common rules on the
// same samples.
#ifndef TESTS_SIMULATE_SUITE_H
#define TESTS_SIMULATE_SUITE_H

#include "simulate_arms.h"
#include "simulate_common.h"

#include "bench/ab/trial.h"

enum { SUITE_CASES = 26, SUITE_PAIRS = 15 };

typedef struct simulated_outcome {
    const simulated_kind *kind;
    verdict verdict;
    int launches;
    double seconds;
    common_says common[COMMON_RULES];
} simulated_outcome;

// All cases of a suite of equal builds, in turns. `shares` false: `rules` apply to each case as
// they are, and no chance of a false alarm is divided among the cases.
void simulated_suite(simulated_machine *m, const trial_rules *rules, bool shares,
                     simulated_outcome outcomes[SUITE_CASES]);
// One case of such a suite, changed as `change` says, with the rules that a session makes of `rule`
// for a whole suite; the launches of the others only pass time.
simulated_outcome simulated_case(simulated_machine *m, const simulated_kind *kind,
                                 const simulated_change *change, const verdict_rule *rule);

#endif
