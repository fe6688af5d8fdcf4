// SPDX-License-Identifier: BSD-2-Clause
// What else happened on the machine during a comparison: shown, and nothing is left out for it.
#ifndef BENCH_AB_NOISE_H
#define BENCH_AB_NOISE_H

#include "session.h"

typedef struct ab_noise {
    int pairs, disturbed; // something else took the CPU from a worker while it measured
    int woke;             // turns in which the worker that should have slept did not
    int no_waiting;       // cases in which waiting was not looked at: too many disturbed pairs
    int no_together; // cases of several threads, of which it is not known whether they ran together
    double slow;     // share of the control kernels above 1.1 times their 5 % quantile
    bool noisy;      // that share is large: the host is busy with something else
} ab_noise;

ab_noise ab_noise_of(const ab_session *s);

#endif
