// SPDX-License-Identifier: BSD-2-Clause
// What a gate found: the self-check, the comparison, and what follows from both.
#ifndef BENCH_AB_GATE_H
#define BENCH_AB_GATE_H

#include "accept.h"
#include "session.h"
#include "twin.h"

#include <stdio.h>

enum { GATE_CHECKS = 3 }; // cases of the self-check

// The control kernel never changes: if it is slower beside one build, the machine has changed.
typedef struct gate_control {
    verdict verdict;
    interval found; // logarithms of its time beside B / beside A
    int rounds;     // values that the verdict comes from: one a round, the median over its cases
    double slow;    // share of the kernels that took more than 1.1 times their 5 % quantile
    bool noisy;     // that share is large: the host is busy with something else
} gate_control;

// The self-check: equal builds must be called equal, and an injected slowdown must be found.
typedef struct gate_check {
    const char *other;        // another build of the baseline; NULL: a copy is made
    twin twin;                // that copy
    ab_session equal, slowed; // the baseline against its twin, and against the slowed twin
    double inject;            // part by which that one is slowed
    bool computes;            // the cases use the caches, not memory
    gate_control control;
    char error[CHANNEL_ERROR]; // "" unless the self-check could not begin
} gate_check;

// What a case means for the gate.
typedef enum gate_outcome {
    GATE_EQUAL,
    GATE_SLOWER,
    GATE_FASTER,
    GATE_UNDECIDED,
    GATE_ACCEPTED,    // slower or faster, as intended
    GATE_QUARANTINED, // its verdict does not count
    GATE_OTHER_BITS,
    GATE_FAILED, // it could not be measured
    GATE_OUTCOMES
} gate_outcome;

typedef struct gate {
    ab_session session;
    const char *names[2]; // of baseline and candidate, for readers; NULL: their paths
    gate_check check;
    accept_list accepted;
    bool strict;
    double seconds;
    int code;                 // the exit code
    char verdict[256];        // and the first line of the summary
    int count[GATE_OUTCOMES]; // cases of each outcome
    char machine[512];        // for readers
    char builds[2][512];      // the same
} gate;

// ---- The self-check ----

// Indices of the cases that suit the self-check best, at most GATE_CHECKS: they compute from the
// caches, take long enough, and are of different operations. *computes is false if the best one
// does not: then it is the only one.
int gate_choose(const ab_session *s, int chosen[GATE_CHECKS], bool *computes);
// Finds or makes the twin, and makes the two sessions of the self-check. False: with `error`.
bool gate_check_open(gate *g);
void gate_check_close(gate_check *c);
// A reason to end at once, for ab_sessions_run: the self-check can no longer succeed, or no case
// can be measured. NULL: continue.
const char *gate_ended(const void *gate);
// The control kernel over the launches of all cases.
gate_control gate_control_judge(const ab_session *s);

// ---- The decision ----

gate_outcome gate_outcome_of(const gate *g, const trial *t);
// The entry that the outcome "accepted" or "quarantined" comes from; NULL: it is another outcome.
const accepted *gate_entry_of(const gate *g, const trial *t);
// "slower", "accepted", ...: of the files.
const char *gate_outcome_name(gate_outcome o);
// Counts the outcomes of the session's cases, and decides. `interrupted`: by a signal.
void gate_decide(gate *g, bool interrupted);

typedef enum gate_fitness {
    GATE_FIT,
    GATE_UNFINISHED, // the run ended before
    GATE_UNFIT,
    GATE_NOT_RUN // it could not be measured
} gate_fitness;

// Did the budget, a signal or the self-check end this case before it was decided?
bool gate_was_cut(const trial *t);
// Did the self-check succeed? If not, the reason.
gate_fitness gate_check_result(const gate_check *c, char *why, size_t size);

// ---- The reports ----

void gate_markdown(FILE *to, const gate *g);
void gate_junit(FILE *to, const gate *g);
// Prints lines that GitHub's log shows as annotations.
void gate_annotate(FILE *to, const gate *g);

// Removes the reports of an earlier run, which must not be read if this run fails. False: with a
// message on standard error, as below.
bool gate_clear(const gate *g, const char *folder);
// Creates the folder of the reports, and checks that they can be written there.
bool gate_prepare(const gate *g, const char *folder);
// Writes verdict.json, junit.xml and summary.md to the folder, prints the summary, and informs
// GitHub where it runs this program.
bool gate_report(gate *g, const char *folder, char **argv);

#endif
