// SPDX-License-Identifier: BSD-2-Clause
// What an A/B comparison found, as a table and as a file.
#ifndef BENCH_AB_REPORT_H
#define BENCH_AB_REPORT_H

#include "trial.h"

#include "../choices.h"

#define AB_COMMAND "decoct ab"

typedef struct ab_session {
    arm arms[2];
    char worker[CHANNEL_PATH];
    launch_setting launch;
    trial_rules rules;
    bool allow_different_bits;
    trial *trials;
    int count;
} ab_session;

// Whether a case has other bits in B than in A although both builds have the same arithmetic.
bool ab_bits_differ(const ab_session *a);
// What is compared, and the table of verdicts.
void ab_print_arms(const ab_session *a);
void ab_print(const ab_session *a);
// False: not written, with a message on standard error.
bool ab_write(const ab_session *a, const choices *c, const char *path, char **argv);

#endif
