// SPDX-License-Identifier: BSD-2-Clause
#include "control.h"

#include <time.h>

// A chain of dependent multiply-adds in registers: a step is the latency of two instructions.
void control_run(int64_t steps) {
    volatile double start = 1.0;
    double x = start;
    for (int64_t i = 0; i < steps; i++) {
        x = x * 0.999 + 0.001;
    }
    start = x;
}

double control_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double control_measure(void) {
    double before = control_clock();
    control_run(CONTROL_STEPS);
    return control_clock() - before;
}
