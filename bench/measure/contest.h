// SPDX-License-Identifier: BSD-2-Clause
// Times several ways of doing the same thing side by side: in each round every contestant has its
// turn, in an order that changes from round to round, so that a slow minute of the machine affects
// all alike. Ratios are taken within a round; the result is their median over the rounds.
#ifndef BENCH_CONTEST_H
#define BENCH_CONTEST_H

#include "interval.h"

#include <stdbool.h>
#include <stdint.h>

enum { CONTEST_MAX = 64, CONTEST_ROUNDS_MAX = 99 };

typedef struct contestant {
    const char *name;
    bool (*run)(void *data); // does it once; false: it failed and is not run again
    // Instead of run, for one in a process of its own: calls it once untimed and then `calls`
    // times. Seconds of these together; below 0: it failed.
    double (*turn)(void *data, int64_t calls);
    void *data;
    bool failed;
    int64_t calls;                      // in one turn
    double seconds[CONTEST_ROUNDS_MAX]; // of one call, by round
} contestant;

typedef struct contest_options {
    int rounds;           // >= 1
    double least_seconds; // the least duration of a turn
    double pause;         // seconds between turns: another library's threads fall asleep in it
} contest_options;

void contest_run(contestant *list, int count, const contest_options *options);

// Median of one contestant's seconds.
double contest_seconds(const contestant *c, int rounds);
// The time of `other` as a multiple of `ours`: the median of the rounds' ratios, and
// its interval.
interval contest_ratio(const contestant *ours, const contestant *other, int rounds);

#endif
