// SPDX-License-Identifier: BSD-2-Clause
// A shared machine with two CPUs, simulated: how long a call takes on it, and why not always the
// same. The figures come from recorded samples of a virtual machine (Zen 3, two CPUs); each is
// explained in simulate_machine.c. Time is simulated too: nothing here reads a clock.
#ifndef TESTS_SIMULATE_MACHINE_H
#define TESTS_SIMULATE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

enum { SIMULATED_CPUS = 2 };

// What disturbs a machine.
typedef struct simulated_noise {
    const char *name;
    const char *recorded; // the condition of tests/fixtures/ab/launches.csv that it imitates
    double slow;          // part of the time in which a CPU is slow
    int neighbours;       // 1: on CPU 0, on and off; 2: one on each CPU, all the time
    double memory;        // how much of a kind's `sample` and `second` is left
} simulated_noise;

// A kind of case. Times in nanoseconds, the rest as parts of the time of a call.
typedef struct simulated_kind {
    const char *name;
    double call;   // the time of an undisturbed call
    int calls;     // in a sample
    double jitter; // mean of what a call takes longer than the quickest possible one
    double sample; // standard deviation between samples
    double layout; // standard deviation between launches, of each build; some have OUTLIER times it
    double second; // what the second sample of a pair takes longer, at most
    double slow;   // how much of a CPU's slowness it feels
    double shared; // what it takes longer while a neighbour uses the caches
    double drift;  // amplitude of slow changes: clock, temperature, the memory of the host
    double set_up; // nanoseconds until both workers are ready
} simulated_kind;

typedef struct simulated_cpu {
    double slow_changes, slowness; // slowness 0: not slow now
    bool steady;                   // slow in all calls of the spell to the same extent
    double neighbour_changes;
    bool neighbour;
    double slice; // CPU time that is left before the neighbour gets the CPU
} simulated_cpu;

typedef struct simulated_machine {
    const simulated_noise *noise;
    uint64_t seed;
    double now;           // nanoseconds
    double phase, period; // of the drift
    double spike;         // CPU time until the next spike
    simulated_cpu cpus[SIMULATED_CPUS];
} simulated_machine;

// One call: CPU time, and wall time, which is more if others had the CPU.
typedef struct simulated_call {
    double cpu, wall;
    int switches; // involuntary ones
} simulated_call;

simulated_machine simulated_machine_make(const simulated_noise *noise, uint64_t seed);
// A seed of its own for each number.
uint64_t simulated_seed(uint64_t number);
// Runs a call that takes `time` nanoseconds undisturbed; the machine's time advances.
simulated_call simulated_run(simulated_machine *m, int cpu, const simulated_kind *kind,
                             double time);
// Advances the machine's time by this many nanoseconds.
void simulated_pass(simulated_machine *m, double time);
// The slow changes at this time, as a factor.
double simulated_drift(const simulated_machine *m, const simulated_kind *kind);

// Random numbers: uniform in 0 .. 1, exponential with mean 1, normal with deviation 1.
double simulated_part(uint64_t *seed);
double simulated_exponential(uint64_t *seed);
double simulated_normal(uint64_t *seed);

#endif
