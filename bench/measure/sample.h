// SPDX-License-Identifier: BSD-2-Clause
// Times one case inside Google Benchmark: pieces of some milliseconds with a measurement of the
// ceiling between them, the output's hash after each sample, and what else happened in that time.
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include "gbench.h"
#include "sample_case.h"

void sample_free(sample_case *c);

// The function of a benchmark; data is a sample_case. Figures of a sample: GFLOP/s, GB/s, tokens/s,
// pct_of_roof, roof (GFLOP/s or GB/s), MHz, line_ns, control_ns, IPC, W; "void" where it was
// stopped or failed and has no meaning.
void sample_take(gbench_state *state, void *data);

// The main figure of a case, and its unit; 0 if it does not have one.
double sample_rate(const work_cost *cost, double seconds, const char **unit);

#endif
