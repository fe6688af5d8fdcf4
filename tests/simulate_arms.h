// SPDX-License-Identifier: BSD-2-Clause
// Workers of `decoct ab` on a simulated machine. simulate_arms.c defines the functions of
// bench/ab/arm.h, the control kernel, the clock and the choice of CPUs, so that the program's own
// launches (bench/ab/launch.c) run on it: the order in a pair, the CPU, the medians.
#ifndef TESTS_SIMULATE_ARMS_H
#define TESTS_SIMULATE_ARMS_H

#include "simulate_machine.h"

#include "bench/ab/launch.h"

// How B differs from A.
typedef struct simulated_change {
    double slowed;  // part by which each call is longer
    double some;    // part by which one call in four is longer
    double waiting; // part by which the wall time alone is longer
    double link;    // part that another layout of the file costs, the same in all launches
} simulated_change;

// Launches of this case on this machine, until the next call.
void simulated_arms_use(simulated_machine *m, const simulated_kind *kind,
                        const simulated_change *change);
// Measures one launch by launch_run(); free() its pairs.
launch simulated_launch(int pairs, uint64_t *seed);

#endif
