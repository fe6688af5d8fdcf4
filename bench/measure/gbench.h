// SPDX-License-Identifier: BSD-2-Clause
// Google Benchmark for C: the measurement loop, its flags and its JSON.
#ifndef GBENCH_H
#define GBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

// Reads the --benchmark_* flags (and the library's own BENCHMARK_* variables). Errors were reported
// on stderr.
gbench_ready gbench_initialize(int argc, char **argv);
// One more key of the context in the JSON.
void gbench_context(const char *key, const char *value);
// Registers a benchmark; time is wall time, since the work is done by several threads. data must
// stay valid until gbench_run has returned. The function is called several times.
void gbench_register(const char *name, gbench_function function, void *data);
// Runs what the flags ask for; how many benchmarks matched.
size_t gbench_run(void);

// One sample of a benchmark: the mean over its iterations, in microseconds.
typedef struct gbench_sample {
    const char *name;
    int64_t iterations;
    double real_time, cpu_time;
    const char *error; // NULL: all went well
    const void *run;   // for gbench_figure
} gbench_sample;
typedef void (*gbench_listener)(void *data, const gbench_sample *sample);

// The same without output: each sample goes to the listener. Afterwards nothing is registered, and
// the next ones can be. Returns how many benchmarks there were.
size_t gbench_listen(gbench_listener listener, void *data);
// A figure that the benchmark reported with gbench_rate (per second) or gbench_value; 0 if it did
// not.
double gbench_figure(const gbench_sample *sample, const char *name);

// What Google Benchmark says about this machine.
typedef struct gbench_cache {
    const char *type; // "Data", "Instruction", "Unified"
    int level;
    int64_t size;
    int sharing;
} gbench_cache;
typedef struct gbench_machine {
    const char *host, *date;
    int cpus;
    double mhz;
    int scaling; // 1 enabled, 0 disabled, -1 unknown
    double load[3];
    int loads;
    gbench_cache caches[16];
    int cache_count;
} gbench_machine;
// The strings live until the next call.
void gbench_describe(gbench_machine *out);

// In the benchmark: true for each iteration to run.
bool gbench_keep_running(gbench_state *state);
// Between them the clock can be stopped, for about 0.3 us.
void gbench_stop_clock(gbench_state *state);
void gbench_start_clock(gbench_state *state);
// A figure of one iteration, shown per second: GFLOP, GB, tokens.
void gbench_rate(gbench_state *state, const char *name, double per_iteration);
// A figure that is shown as it is.
void gbench_value(gbench_state *state, const char *name, double value);
// A text of this benchmark beside its figures.
void gbench_label(gbench_state *state, const char *words);
// How many iterations this sample has: those of the search grow, those of repetitions are equal.
int64_t gbench_iterations(const gbench_state *state);
// Ends this benchmark as failed, with a message. Not after a good sample of the same benchmark: the
// library checks that all samples have as many iterations, and aborts.
void gbench_fail(gbench_state *state, const char *words);

#ifdef __cplusplus
}
#endif
#endif
