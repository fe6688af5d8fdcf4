// SPDX-License-Identifier: BSD-2-Clause
// The bridge to Google Benchmark. Names are kept as they were registered: no "/real_time" suffix,
// so that results of different versions can be compared by name.
#include "gbench.h"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <vector>

struct gbench_state {
    benchmark::State *state;
};

namespace {

// A reporter that takes the suffix away.
template <class Base> class Plain : public Base {
  public:
    using Base::Base;
    void ReportRuns(const std::vector<benchmark::BenchmarkReporter::Run> &runs) override {
        std::vector<benchmark::BenchmarkReporter::Run> plain(runs);
        for (auto &run : plain) {
            run.run_name.time_type.clear();
        }
        Base::ReportRuns(plain);
    }
};

bool json_out = false;     // --benchmark_out is given
bool json_display = false; // --benchmark_format=json

} // namespace

extern "C" {

bool gbench_initialize(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        json_out = json_out || std::strncmp(argv[i], "--benchmark_out=", 16) == 0;
        json_display = json_display || std::strcmp(argv[i], "--benchmark_format=json") == 0;
    }
    benchmark::Initialize(&argc, argv);
    return !benchmark::ReportUnrecognizedArguments(argc, argv);
}

void gbench_context(const char *key, const char *value) {
    benchmark::AddCustomContext(key, value);
}

void gbench_register(const char *name, gbench_function function, void *data) {
    benchmark::RegisterBenchmark(name,
                                 [function, data](benchmark::State &state) {
                                     gbench_state bridge = {&state};
                                     function(&bridge, data);
                                 })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
}

size_t gbench_run(void) {
    std::unique_ptr<benchmark::BenchmarkReporter> display, file;
    if (json_display) {
        display.reset(new Plain<benchmark::JSONReporter>());
    } else {
        using Console = benchmark::ConsoleReporter;
        display.reset(new Plain<Console>(isatty(STDOUT_FILENO) ? Console::OO_ColorTabular
                                                               : Console::OO_Tabular));
    }
    if (json_out) {
        file.reset(new Plain<benchmark::JSONReporter>());
    }
    size_t count = benchmark::RunSpecifiedBenchmarks(display.get(), file.get());
    benchmark::Shutdown();
    return count;
}

bool gbench_keep_running(gbench_state *state) {
    return state->state->KeepRunning();
}

void gbench_pause(gbench_state *state) {
    state->state->PauseTiming();
}

void gbench_resume(gbench_state *state) {
    state->state->ResumeTiming();
}

void gbench_rate(gbench_state *state, const char *name, double per_iteration) {
    state->state->counters[name] =
        benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

void gbench_fail(gbench_state *state, const char *words) {
    state->state->SkipWithError(words);
}

} // extern "C"
