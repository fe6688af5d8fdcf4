// SPDX-License-Identifier: BSD-2-Clause
// Ctrl-C and SIGTERM during a long run: the first one asks for an orderly end.
#ifndef BENCH_STOP_H
#define BENCH_STOP_H

#include <signal.h>

// Not 0 once the run was asked to end.
extern volatile sig_atomic_t stop_asked;

// From now on the first signal sets stop_asked, and the second one, of either kind, ends the
// process as the system does: a kernel may never return. A signal that was ignored when the program
// started (shells do that for background jobs) stays ignored.
void stop_catch(void);

#endif
