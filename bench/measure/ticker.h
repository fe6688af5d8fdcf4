// SPDX-License-Identifier: BSD-2-Clause
// Progress of work that says nothing by itself, such as reading a model: a thread of its own shows
// one line on a terminal's stderr after 2 seconds, four times a second. Elsewhere nothing is
// printed, and there is no thread. Not while something is measured: see progress.h.
#ifndef BENCH_TICKER_H
#define BENCH_TICKER_H

// Begins the line: "reading the model, 3 s", or "12/40, 5 s left  hiding words" if `total` is above
// 0. `what` is one line of ASCII and must live until ticker_end. A line that has begun before ends.
void ticker_begin(const char *what, int total);
// Of the total; from any thread.
void ticker_set(int done);
// Between these two, which any thread may call, other lines can be printed: the progress is removed
// meanwhile. Without a ticker they do nothing.
void ticker_hold(void);
void ticker_release(void);
// Removes the line. Does nothing if there is no line.
void ticker_end(void);

#endif
