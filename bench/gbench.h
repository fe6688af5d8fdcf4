// SPDX-License-Identifier: BSD-2-Clause
// Google Benchmark for C: the measurement loop, its flags and its JSON. gbench.cc is the only C++.
#ifndef GBENCH_H
#define GBENCH_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gbench_state gbench_state;
typedef void (*gbench_function)(gbench_state *state, void *data);

typedef enum gbench_ready {
    GBENCH_READY,
    GBENCH_USAGE, // a flag is unknown or has a bad value
    GBENCH_FILE   // --benchmark_out cannot be written
} gbench_ready;

// Takes the --benchmark_* flags (and the library's own BENCHMARK_* variables). What is wrong was
// said on stderr.
gbench_ready gbench_initialize(int argc, char **argv);
// One more key of the context in the JSON.
void gbench_context(const char *key, const char *value);
// Registers a benchmark; time is wall time, since the work is done by several threads. data must
// stay valid until gbench_run has returned. The function is called several times.
void gbench_register(const char *name, gbench_function function, void *data);
// Runs what the flags ask for; how many benchmarks matched.
size_t gbench_run(void);

// In the benchmark: true for each iteration to run.
bool gbench_keep_running(gbench_state *state);
// A figure of one iteration, shown per second: GFLOP, GB, tokens.
void gbench_rate(gbench_state *state, const char *name, double per_iteration);
// Ends this benchmark as failed, with words.
void gbench_fail(gbench_state *state, const char *words);

#ifdef __cplusplus
}
#endif
#endif
