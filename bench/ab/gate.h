// SPDX-License-Identifier: BSD-2-Clause
// What a gate found: the self-check, the comparison, and what follows from both.
#ifndef BENCH_AB_GATE_H
#define BENCH_AB_GATE_H

#include "accept.h"
#include "session.h"

enum { GATE_CHECKS = 3 }; // cases of the self-check

// The self-check: equal builds must be called equal, and an injected slowdown must be found.
typedef struct gate_check {
    int count;
    trial equal[GATE_CHECKS], slowed[GATE_CHECKS];
    double inject;
    bool fit; // both hold for every case
    char error[CHANNEL_ERROR];
} gate_check;

typedef struct gate {
    ab_session session;
    gate_check check;
    accept_list accepted;
    bool strict;
    double seconds;
    int code;         // the exit code
    char verdict[96]; // and the first line of the summary
} gate;

// Runs the self-check on up to three cases of the session, cases without memory traffic first.
void gate_check_run(gate *g);
void gate_check_free(gate_check *c);
// Counts the verdicts of the session, and decides.
void gate_decide(gate *g, bool interrupted);
// How many cases have this verdict and are (not) accepted; failed cases do not have a verdict.
int gate_count(const gate *g, verdict v, bool is_accepted);

// Creates the folder of the reports, and checks that they can be written there. False: with a
// message on standard error.
bool gate_prepare(const gate *g, const char *folder);
// Writes verdict.json, junit.xml and summary.md to the folder, and prints the summary. False: with
// a message on standard error.
bool gate_report(const gate *g, const char *folder, char **argv);

#endif
