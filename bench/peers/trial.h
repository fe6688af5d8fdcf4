// SPDX-License-Identifier: BSD-2-Clause
// Which of a library's ways to do a case is the fastest? Tried when the case is opened.
#ifndef BENCH_TRIAL_H
#define BENCH_TRIAL_H

#include <stdbool.h>

// Seconds of the fastest of up to twenty runs, as many as fit into a fifth of a second. At least
// two, unless the first is far from `least`, the time of another way (INFINITY: not known).
// INFINITY: a run failed.
double trial_best(bool (*run)(void *job), void *job, double least);

#endif
