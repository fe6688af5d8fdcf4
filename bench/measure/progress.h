// SPDX-License-Identifier: BSD-2-Clause
// One line on stderr with the progress of a long run: in place on a terminal, elsewhere a new line
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
// Prints the progress, followed by `words`, unless that was done a moment ago.
void progress_say(progress *p, const char *words);
// The same with an estimate of the caller's: `seconds` (below 0: unknown) until `aim` is reached.
void progress_say_until(progress *p, double seconds, const char *aim, const char *words);
// The same with the case that was sampled last; NULL: no case.
void progress_show(progress *p, const sample_case *now);
// Removes the line.
void progress_end(progress *p);

#endif
