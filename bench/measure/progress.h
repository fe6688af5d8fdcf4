// SPDX-License-Identifier: BSD-2-Clause
// One line on stderr that says how far a long run is: in place on a terminal, elsewhere a new line
// now and then.
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include "sample.h"

typedef struct progress {
    int done, total;
    int before; // done by an earlier run
    double begin, budget, shown;
    bool terminal;
} progress;

progress progress_begin(int done, int total, double budget);
// Says how far it is, followed by `words`, unless that was done a moment ago.
void progress_say(progress *p, const char *words);
// The same with the case that was sampled last; NULL: none.
void progress_show(progress *p, const sample_case *now);
// Takes the line away.
void progress_end(progress *p);

#endif
