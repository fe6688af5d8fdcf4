// SPDX-License-Identifier: BSD-2-Clause
// One launch of an A/B comparison: two fresh worker processes on one CPU, pairs of samples in
// turns.
#ifndef BENCH_AB_LAUNCH_H
#define BENCH_AB_LAUNCH_H

#include "arm.h"

#include "cases/work.h"

enum { LAUNCH_PAIRS_MAX = 99 };
// In place of a chance.
enum { LAUNCH_NOT_KNOWN = -1 };

typedef struct launch_setting {
    const char *worker; // the program
    int pairs;          // <= LAUNCH_PAIRS_MAX
    double sample_seconds;
    int64_t calls_least;
    double inject; // part of B's time by which B is slowed; 0: not slowed
} launch_setting;

// One pair: the samples of A and of B, which took turns. Times are nanoseconds of one run, but for
// the control kernel, whose measurement is always the same work.
typedef struct launch_pair {
    float quickest[2]; // CPU time, of the quickest call
    float cpu[2];      // CPU time, the mean of all calls
    float wall[2];     // wall time, the mean of all calls
    float control[2];  // CPU time of the control kernel, just before the sample
    uint8_t first;     // the arm that measured first
    bool disturbed;    // something took the CPU from a worker while it measured
} launch_pair;

// What one launch found; logarithms of B / A. The figures have the six digits of a file, so that
// the same verdict follows from a launch that was read back.
typedef struct launch {
    int order;       // among the launches of the comparison
    int32_t cpu;     // the quickest one of the launch; one thread is bound to it
    bool several;    // an arm has several threads: wall time in place of CPU time
    double quickest; // median over the pairs, of the CPU time of a sample's quickest call
    double mean; // of the CPU time of all calls of the launch; of several threads the median over
                 // the pairs, of the mean wall time
    double together; // chance that two threads of an arm had their CPUs at the same time, in the
                     // arm with the lower one; of one thread, that it had its CPU; or not known
    double wall; // median over the undisturbed pairs, of the mean wall time; 0 without such pairs
    int undisturbed;       // pairs in which nothing took the CPU from either worker
    int woke;              // pairs in which the one that should have slept did not
    double control;        // median CPU time of the control kernel, in nanoseconds
    double control_change; // median over the pairs, of the control kernel's CPU time
    double seconds;        // wall time of all of it
    double run[2];         // CPU time of one run, of A and of B, in nanoseconds
    int64_t delay;         // steps of the control kernel by which each call of B was slowed
    cpu_set_t ran[2];      // where the threads of A and of B were found
    uint32_t arithmetic[2];
    char served[2][CHANNEL_WORD]; // the backend of each arm's matmul
    bool has_hash, same_bits;
    int pair_count;
    launch_pair *pairs; // NULL: not kept; free() it
} launch;

// Measures `what` (threads 1) with both arms; `seed` drives the order, the paddings and the CPU.
// Ends both workers. False: a message at `error` (CHANNEL_ERROR bytes), and nothing to free.
bool launch_run(const launch_setting *s, arm *a, arm *b, const work_case *what, uint64_t *seed,
                launch *out, char *error);

#endif
