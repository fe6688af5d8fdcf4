// SPDX-License-Identifier: BSD-2-Clause
// A kernel that never changes and is not in the library: if its time changes, the machine has
// changed.
#ifndef BENCH_CONTROL_H
#define BENCH_CONTROL_H

#include <stdint.h>

enum { CONTROL_STEPS = 100000 }; // of one measurement: 0.1 to 0.4 ms

// Does `steps` steps of it.
void control_run(int64_t steps);
// CPU time of this thread, in nanoseconds.
double control_clock(void);
// Nanoseconds of CPU time that CONTROL_STEPS steps take now.
double control_measure(void);

#endif
