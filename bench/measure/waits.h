// SPDX-License-Identifier: BSD-2-Clause
// How long the threads of this process were ready to run and had no CPU.
#ifndef BENCH_WAITS_H
#define BENCH_WAITS_H

// Seconds so far, of all threads together; -1 where the kernel does not count it.
double waits_now(void);

#endif
