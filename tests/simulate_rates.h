// SPDX-License-Identifier: BSD-2-Clause
// Rates of simulated comparisons, with their uncertainty.
#ifndef TESTS_SIMULATE_RATES_H
#define TESTS_SIMULATE_RATES_H

#include "simulate_suite.h"

enum { TALLY_MAX = 8192 };

// What some comparisons ended with.
typedef struct tally {
    int runs, verdicts[VERDICT_CANNOT_TELL + 1];
    int different[COMMON_RULES], slower[COMMON_RULES]; // said by the common rules
    double launches;                                   // of all runs
    double seconds[TALLY_MAX];                         // of each
} tally;

void tally_add(tally *t, const simulated_outcome *o);

// The mean of `count` >= 1 values, and what 95 % of them do not exceed; the latter sorts them.
double mean_of(const double *values, int count);
double most_of(double *values, int count);

// The bounds that `hits` of `runs` leave for the true rate, each with 95 % (Clopper and Pearson).
double rate_least(int hits, int runs);
double rate_most(int hits, int runs);

// The part of the runs that a test does, in percent: it has fewer where they are slow.
extern int rate_percent;
// How many runs that part of `whole` is; at least 2.
int rate_runs(int whole);
// Fails unless `hits` of `runs` show that the true rate is at most (at least) `limit`. With a part
// of the runs only they cannot: then it fails if they show the opposite.
void rate_check_at_most(const char *what, int hits, int runs, double limit);
void rate_check_at_least(const char *what, int hits, int runs, double limit);
// Fails only if the runs show the opposite.
void rate_check_not_above(const char *what, int hits, int runs, double limit);
void rate_check_not_below(const char *what, int hits, int runs, double limit);

#endif
