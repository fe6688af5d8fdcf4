// SPDX-License-Identifier: BSD-2-Clause
// The memory that the driver of an A/B comparison shares with one worker process: the request and
// the answer of a turn (measure/lockstep.h).
#ifndef BENCH_AB_CHANNEL_H
#define BENCH_AB_CHANNEL_H

#include "measure/lockstep.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

enum { CHANNEL_FD = 3, CHANNEL_WORD = 96, CHANNEL_PATH = 1024, CHANNEL_ERROR = 512 };

typedef enum channel_order {
    CHANNEL_PROBE, // answers which library it has; fails if that has no such backend
    CHANNEL_OPEN,
    CHANNEL_CALIBRATE,
    CHANNEL_DELAY,
    CHANNEL_SAMPLE
} channel_order;

// One sample: some calls in a row, in nanoseconds. A call is `runs` runs of the operation, so that
// the clock does not matter. CPU time is that of the calling thread or, where `several` is set,
// that of all threads.
typedef struct channel_sample {
    double cpu, wall;             // of all calls
    double quickest;              // CPU time of the quickest call; wall time where `several` is set
    double control;               // CPU time of the control kernel, before it
    double waited;                // of all threads, ready to run but without a CPU; -1: unknown
    int64_t involuntary_switches; // of this process
    bool strayed;                 // a thread was found on a CPU that is not its own
} channel_sample;

typedef struct channel {
    lockstep_gate gate; // its orders are channel_order
    uint32_t size;      // sizeof(channel) as the driver knows it

    // Of CHANNEL_OPEN; the backend also of CHANNEL_PROBE.
    char op[CHANNEL_WORD], backend[CHANNEL_WORD]; // backend "": the library's choice
    char model[CHANNEL_PATH];                     // "": none
    char block[CHANNEL_WORD];                     // "": none
    int64_t seq, heads, head_dim, layers;
    int32_t dtype; // of the weights
    uint64_t seed;
    int32_t threads;
    bool several;           // this or the other arm has several threads
    char pin[CHANNEL_PATH]; // of the library
    bool bound;             // all threads are bound to `cpus`
    cpu_set_t cpus;
    int32_t heap_padding; // bytes allocated first, so that each launch has another heap

    // Of CHANNEL_CALIBRATE: the least duration and the least number of calls of a sample.
    double sample_seconds;
    int64_t calls_least;
    // Its answer, and the request of CHANNEL_DELAY and CHANNEL_SAMPLE.
    int64_t calls, runs;

    // Of CHANNEL_DELAY: the part of a call's time by which each call is to be slowed.
    double inject;
    // Its answer, and the request of CHANNEL_SAMPLE: steps of the control kernel after each call.
    int64_t delay;

    // Answers.
    bool failed;
    char error[CHANNEL_ERROR];
    char library[CHANNEL_PATH]; // the file that the worker's libdecoct came from
    char served[CHANNEL_WORD];  // the backend of matmul
    char names[CHANNEL_PATH];   // of the build's backends, if it does not know `backend`: "a, b"
    uint32_t version, arithmetic;
    bool has_hash;
    uint64_t hash;      // of the output of the last run
    int32_t seat;       // with a pin policy: the CPU of the calling thread; -1: not bound
    channel_sample sum; // its cpu and waited: of all samples so far
    cpu_set_t ran;      // where threads were found so far
    channel_sample sample;
} channel;

#endif
