// SPDX-License-Identifier: BSD-2-Clause
// One case of an A/B comparison: its launches so far, and their verdict.
#ifndef BENCH_AB_TRIAL_H
#define BENCH_AB_TRIAL_H

#include "launch.h"

#include "measure/signed_rank.h"
#include "measure/verdict.h"

typedef struct trial_rules {
    verdict_rule rule;  // of the quickest calls
    verdict_rule guard; // of the mean of all calls: a slowdown of some calls only
    double seconds;     // after it and three times the first look: "cannot tell"
    int cases;          // that the chance of a false alarm is divided among
} trial_rules;

typedef struct trial {
    const char *name;
    const work_case *what;
    int count;
    launch launches[SIGNED_RANK_MAX];
    double seconds; // that they took
    verdict verdict;
    const char *why;  // of the verdict, beyond the quickest calls; NULL: nothing to add
    char reason[192]; // what `why` points to if it has numbers, so that a copy needs its own
    verdict quickest, guard, waiting;
    bool waiting_looked_at;
    interval found; // of the quickest calls; logarithms of B / A
    double alarm;   // the level that a change had to reach at the last look
    bool different_bits;
    char error[CHANNEL_ERROR]; // "" unless it could not be measured
} trial;

// The rules for `cases` cases: the same chance of a false alarm in a suite as in one case. 0: that
// a change is found is not an alarm, so the level of an interval is enough.
trial_rules trial_rules_make(const verdict_rule *rule, int cases);
// The rules of the next look when `found` of the cases have been found changed (Holm's procedure,
// for sequential looks: Bartroff and Song 2014). What was found has left the family, so that the
// chance of a false alarm is divided among the others. Valid because the first false alarm comes
// while all of the equal cases are still in it.
trial_rules trial_rules_left(const trial_rules *rules, int found);
// False if no alarm is possible with these rules, with the reason and the number of launches that
// would be enough at `text`.
bool trial_rules_check(const trial_rules *rules, char *text, size_t size);

// Adds a launch, whose pairs the trial then owns, and looks where the rules look.
void trial_add(trial *t, const trial_rules *rules, const launch *l);
// The same for trial `at` of a family of `count`: with the rules that are left now.
void trial_add_to(trial *family, int count, int at, const trial_rules *rules, const launch *l);
// Whether it was found changed.
bool trial_is_changed(const trial *t);
// The last launch is in.
void trial_end(trial *t, const trial_rules *rules, const char *why);
bool trial_is_open(const trial *t);
// Whether B has other bits than A although both builds state the same arithmetic.
bool trial_bits_differ(const trial *t);
// The figure of the launches that the verdict comes from: the quickest calls, or, where these did
// not show the regression, the mean of all calls or the wall time.
typedef enum trial_figure { TRIAL_QUICKEST, TRIAL_MEAN, TRIAL_WALL } trial_figure;
trial_figure trial_decided_by(const trial *t);
// Its change, in logarithms of B / A.
interval trial_change(const trial *t, const trial_rules *rules);
// The smallest change, as a part, that would not have been called "no change"; 0: not computed.
double trial_smallest(const trial *t, const trial_rules *rules);

// Frees what its launches own.
void trial_free(trial *t);

#endif
