// SPDX-License-Identifier: BSD-2-Clause
// Is build B slower than build A? The decision over paired launches of both; other files measure
// them.
//
// A launch gives one estimate: the median, over its pairs, of log(B / A), where A and B are the CPU
// times of the quickest call of a sample. The launch is the unit of replication, since memory
// layout differs between launches and moves all pairs of one. Launches are looked at in steps; each
// look compares the signed-rank interval with the margin. tests/fixtures/ab holds recorded launches
// that the constants were chosen with.
#ifndef BENCH_VERDICT_H
#define BENCH_VERDICT_H

#include "interval.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum verdict {
    VERDICT_OPEN,        // not decided yet: more launches are needed
    VERDICT_NO_CHANGE,   // the interval is within the margin
    VERDICT_REGRESSION,  // the interval is above the margin
    VERDICT_IMPROVEMENT, // the interval is below the margin
    VERDICT_CANNOT_TELL  // undecided after the last look, or too noisy to continue
} verdict;

typedef struct verdict_rule {
    double margin; // a ratio - 1; smaller changes are not reported
    double alpha;  // of one look, at each end of the interval
    double alarm;  // a change is reported only if, besides, equal builds are this improbable
    int first, step, last; // launches at the first look, between looks, at the last look
    double scatter;        // of the launches: above it not even "no change" can be reached, so that
                           // there are no more launches unless the interval is beyond the margin
} verdict_rule;

// margin 2 %, alpha 0.001, 12 launches and 6 more a look up to 60.
extern const verdict_rule VERDICT_STANDARD;
// alpha 0.005, 8 launches and 4 more a look up to 32.
extern const verdict_rule VERDICT_QUICK;

// "no change", "regression", ...
const char *verdict_name(verdict v);

// The estimate of one launch: the median of `pairs` >= 1 logarithms of ratios. Sorts them.
double verdict_launch(double *log_ratios, int pairs);
// Whether `launches` is a number of launches at which the rule looks.
bool verdict_is_look(const verdict_rule *rule, int launches);
// How often it looks, and at how many of `launches` launches it looked last; 0: not yet.
int verdict_looks(const verdict_rule *rule);
int verdict_last_look(const verdict_rule *rule, int launches);
// One look at `launches` >= 1 estimates; *found (may be NULL) is their interval, in logarithms.
verdict verdict_look(const verdict_rule *rule, const double *estimates, int launches,
                     interval *found);
// Looks in turn at the first `launches` estimates in their order; *used is how many it needed.
verdict verdict_sequence(const verdict_rule *rule, const double *estimates, int launches, int *used,
                         interval *found);
// Sets `alarm` so that a suite of `cases` equal pairs reports a change in at most `family` of all
// runs, whatever the noise: `family` is divided among the cases, their looks and both directions.
void verdict_rule_share(verdict_rule *rule, int cases, double family);
// How many launches a level needs: n of them reach 2^-n at best. More than SIGNED_RANK_MAX: too
// many.
int verdict_launches_for(double level);
// Whether the last look can reach this level.
bool verdict_reaches(const verdict_rule *rule, double level);
// False if the rule cannot work, with the reason at `text`: margin, alpha and steps in range, and
// the last look able to reach alpha.
bool verdict_rule_check(const verdict_rule *rule, char *text, size_t size);

#endif
