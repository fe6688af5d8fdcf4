// SPDX-License-Identifier: BSD-2-Clause
// One line on stderr with the progress of a long run: in place on a terminal, elsewhere a new line
// now and then. Nothing is printed unless the run calls these functions: see ticker.h for work that
// cannot.
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stdbool.h>

typedef struct progress {
    int done, total; // total 0: unknown; the time that has passed is shown instead
    int before;      // done by an earlier run
    double begin, budget, shown;
    double pause; // seconds between two lines; 0: no lines at all
    bool terminal, drawn;
} progress;

// A run that takes long: the first line comes at once.
progress progress_begin(int done, int total, double budget);
// A run that may be short: the first line comes after 2 seconds, and only on a terminal.
progress progress_begin_late(int total);
// Prints the progress, followed by `text`, unless that was done a moment ago.
void progress_say(progress *p, const char *text);
// The same with an estimate of the caller's: `seconds` (below 0: unknown) until `aim` is reached.
void progress_say_until(progress *p, double seconds, const char *aim, const char *text);
// Removes the line, until the next one is printed.
void progress_end(progress *p);

#endif
