// SPDX-License-Identifier: BSD-2-Clause
// One row of `decoct peers`: a shape, its operands, the turns of all libraries, and the figures.
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include "measure/contest.h"
#include "ours.h"
#include "peer.h"
#include "shapes.h"
#include "side.h"

enum { PEERS_MAX = 20 };

// A row whose interval leaves this much room around its median cannot be judged.
#define ROW_JUDGED 0.05

// How all rows of a run are measured.
typedef struct row_setting {
    int32_t threads;
    const char *backend; // NULL: the best
    peer_request request;
    ours us; // one thread, for the driver: the work is done by another context in its own process
    double limit; // seconds that a peer may take to open a case, and for a turn
    contest_options contest;
} row_setting;

typedef struct row_figure {
    bool there;         // it offers the operation
    char why[SIDE_WHY]; // why not, or that its result is wrong
    double rate;        // in the row's unit
    interval ratio;     // ours to theirs: above 1 we are faster
    double
        deviation; // largest difference from ours, as a share of what the accuracy formula allows
    bool stopped;  // its threads did not sleep after a turn, so they were stopped
    double awake;  // the part of the others' turns in which it used a CPU
} row_figure;

typedef struct row_result {
    const char *unit; // "GFLOP/s" or "GB/s"
    double ours;
    interval share; // of the ceiling measured in the same rounds
    row_figure us;  // only how it slept
    row_figure peers[PEERS_MAX];
    int best; // index of the fastest peer with a right result that is not ours, -1: no peer
} row_result;

// Is the interval narrow enough for its median to mean something?
bool row_judged(const interval *ratio);

// False and a message at `error` if our own side failed.
bool row_run(const row_shape *shape, const row_setting *setting, const peer *const *peers,
             int count, row_result *out, char *error, size_t size);

#endif
