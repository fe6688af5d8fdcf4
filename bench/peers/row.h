// SPDX-License-Identifier: BSD-2-Clause
// One row of `decoct peers`: a shape, its operands, the turns of all libraries, and the figures.
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include "measure/contest.h"
#include "ours.h"
#include "peer.h"

enum { PEERS_MAX = 12 };

typedef struct row_shape {
    const char *kind; // "matmul", "plain", "cold", "softmax", "attention"
    int64_t dims[4];
    decoct_dtype dtype; // of the weights; peers have the same numbers as f32
} row_shape;

// The rows in order; false: there are no more.
bool row_shape_at(int index, row_shape *out);

// "m:512/n:2304/k:768", "m:1/n:2304/k:768/dtype:bf16"
void row_name(const row_shape *shape, char *name, size_t size);

// A peer that was found.
typedef struct row_peer {
    const peer *peer;
    void *library;
} row_peer;

typedef struct row_figure {
    bool there;     // it offers the operation
    char why[160];  // why not, or that its result is wrong
    double rate;    // in the row's unit
    interval ratio; // ours to theirs: above 1 we are faster
    double
        deviation; // largest difference from ours, as a share of what the accuracy formula allows
} row_figure;

typedef struct row_result {
    const char *unit; // "GFLOP/s" or "GB/s"
    double ours;
    interval share; // of the ceiling measured in the same rounds
    const char *ceiling;
    row_figure peers[PEERS_MAX];
    int best; // index of the fastest peer with a right result that is not ours, -1: no peer
} row_result;

// False and a message at `error` if our own side failed.
bool row_run(const row_shape *shape, int32_t threads, ours *us, const row_peer *peers, int count,
             const contest_options *options, row_result *out, char *error, size_t size);

#endif
