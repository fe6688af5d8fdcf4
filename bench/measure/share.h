// SPDX-License-Identifier: BSD-2-Clause
// The share of its ceiling that a case reached in one sample, from pieces of the case and probes of
// the ceiling in turns.
#ifndef BENCH_SHARE_H
#define BENCH_SHARE_H

#include <stdbool.h>

enum { SHARE_PIECES = 256 };

// The quickest of some calls one after the other: seconds of one run, and the CPU of this thread.
typedef struct share_moment {
    double seconds; // 0: it failed
    int cpu;        // -1: unknown
} share_moment;

typedef struct shares {
    share_moment ours[SHARE_PIECES]; // piece i is between the probes i and i + 1
    share_moment roof[SHARE_PIECES + 1];
    int count;
    bool wall; // the times are wall time, of several threads: see share_percent
} shares;

// In %: the median over the pieces, each against the quicker one of the two probes beside it that
// ran on the same CPU. CPU time of one thread is not lengthened by others on the CPU; wall time is,
// so of wall time the quickest piece and the quickest probe of the whole sample are compared: only
// they are likely to have had all their CPUs. 0: nothing can be compared.
double share_percent(const shares *s);
// Seconds of a run under the ceiling, likewise; 0: unknown.
double share_roof(const shares *s);

#endif
