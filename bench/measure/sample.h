// SPDX-License-Identifier: BSD-2-Clause
// Times one case inside Google Benchmark: pieces of some milliseconds with a measurement of the
// ceiling between them, the output's hash after each sample, and what else happened in that time.
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include "cases/work.h"
#include "gbench.h"
#include "shelf.h"
#include "watch.h"

#include <jansson.h>

enum { SAMPLE_NAME = 320 };

// What is known of a case; zeroed but for `what`, `name` and `shelf`.
struct sample_case {
    work_case what;
    char name[SAMPLE_NAME];
    shelf *shelf;
    char error[256]; // "" unless it could not run
    bool always;     // its output is checked, however long that takes
    bool wrong;      // the output of a sample was not what it must be
    uint64_t hash;
    reference reference; // what it must be
    bool has_reference;
    bool has_hash;
    work_cost cost;
    int64_t heads, head_dim, layers; // as opened: of a model they are its own
    bool has_roof, memory_roof;
    json_t *served; // owned: kernel to the backend that serves it
    watch watched;
    int64_t moves; // of workers from CPU to CPU
    int32_t workers;
    int32_t *bound, *seen; // CPU of each worker, -1: not bound
    char pin_error[256];
    double last_rate, last_pct; // for the line of progress
    int64_t iterations;         // of the last sample
    bool asked_about_pin, given_up;
};

void sample_free(sample_case *c);

// The function of a benchmark; data is a sample_case. Figures of a sample: GFLOP/s, GB/s, tokens/s,
// pct_of_roof, roof (GFLOP/s or GB/s), MHz, line_ns; "void" where it was stopped or failed and has
// no meaning.
void sample_take(gbench_state *state, void *data);

// The main figure of a case, and its unit; 0 if it does not have one.
double sample_rate(const work_cost *cost, double seconds, const char **unit);

#endif
