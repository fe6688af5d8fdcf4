// SPDX-License-Identifier: BSD-2-Clause
// How far apart two CPUs are.
#ifndef BENCH_DISTANCE_H
#define BENCH_DISTANCE_H

#include <stdint.h>

// Nanoseconds that a cache line takes from one CPU to another and back, the median of some dozen
// trips; about 0.2 ms in all. 0: it could not be measured. A hypervisor may move the CPUs of a
// running machine, from one L3 cache to another or onto one core: then the time of work that shares
// data between threads changes.
double distance_ns(int32_t from, int32_t to);

#endif
