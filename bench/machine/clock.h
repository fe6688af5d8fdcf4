// SPDX-License-Identifier: BSD-2-Clause
// Time, and the clock of the CPU as measured without counters.
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

// Seconds of a clock that never jumps.
double clock_now(void);
// Seconds for time budgets, on a clock of their own: the time that the machine slept counts, and a
// test can replace this clock without touching what is measured.
double clock_budget(void);
// CPU seconds of this thread: time in which others had the CPU does not count.
double clock_thread(void);
// CPU time of all threads of this process, in seconds.
double clock_process(void);
// The effective clock of this thread's CPU in MHz, from a chain of dependent additions, which take
// a cycle each: some 0.1 ms. 0 on CPUs without a chain here. A thread that loses its CPU
// meanwhile sees a lower one: the best of a few short chains is taken.
double clock_mhz(void);

#endif
