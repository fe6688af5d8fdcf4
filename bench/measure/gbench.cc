// SPDX-License-Identifier: BSD-2-Clause
// The bridge to Google Benchmark. Names are kept as they were registered: no "/real_time" suffix,
// so that results of different versions can be compared by name.
#include "gbench.h"

#include "terminal.h"

extern "C" {
#include "cases/nearest.h"
}

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

struct gbench_state {
    benchmark::State *state;
};

namespace {

const std::string SUFFIX = "/real_time";

// A reporter that removes the suffix, and the line in which Debian's library calls itself a debug
// build: that is about the library; the context describes this program.
template <class Base> class Plain : public Base {
  public:
    using Base::Base;
    bool ReportContext(const benchmark::BenchmarkReporter::Context &context) override {
        std::ostream &err = Base::GetErrorStream();
        std::stringstream words;
        Base::SetErrorStream(&words);
        bool go_on = Base::ReportContext(context);
        Base::SetErrorStream(&err);
        for (std::string line; std::getline(words, line);) {
            if (line.find("Library was built as DEBUG") == std::string::npos) {
                err << line << '\n';
            }
        }
        return go_on;
    }
    void ReportRuns(const std::vector<benchmark::BenchmarkReporter::Run> &runs) override {
        std::vector<benchmark::BenchmarkReporter::Run> plain(runs);
        for (auto &run : plain) {
            run.run_name.time_type.clear();
        }
        Base::ReportRuns(plain);
    }
};

using Console = Plain<benchmark::ConsoleReporter>;
using Json = Plain<benchmark::JSONReporter>;
using Reporter = std::unique_ptr<benchmark::BenchmarkReporter>;

// What the flags say about output; the library does not report it.
struct Output {
    std::string file, format = "console", file_format = "json";
    std::string color = "auto";
    bool list = false;
};
Output output;

// The value of a flag, from the environment or, stronger, from the command line.
void read_flag(const char *name, int argc, char **argv, std::string *value) {
    std::string variable = name, flag = std::string("--") + name;
    for (char &c : variable) {
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    if (const char *set = std::getenv(variable.c_str())) {
        *value = set;
    }
    for (int i = 1; i < argc; i++) {
        if (flag == argv[i]) {
            *value = "true";
        } else if (std::strncmp(argv[i], (flag + "=").c_str(), flag.size() + 1) == 0) {
            *value = argv[i] + flag.size() + 1;
        }
    }
}

// The library would end the program with 0 at a bad format and with 1 at a bad file.
gbench_ready read_output(int argc, char **argv) {
    std::string list;
    read_flag("benchmark_out", argc, argv, &output.file);
    read_flag("benchmark_format", argc, argv, &output.format);
    read_flag("benchmark_out_format", argc, argv, &output.file_format);
    read_flag("benchmark_color", argc, argv, &output.color);
    read_flag("benchmark_list_tests", argc, argv, &list);
    output.list = !list.empty() && std::strchr("tTyY1", list[0]);
    for (const std::string *format : {&output.format, &output.file_format}) {
        if (*format != "json" && *format != "console") {
            std::cerr << argv[0] << ": the format '" << *format
                      << "' is neither json nor console\n";
            return GBENCH_USAGE;
        }
    }
    if (!output.file.empty() && !std::ofstream(output.file, std::ios::app)) {
        std::cerr << argv[0] << ": cannot write to " << output.file << ": " << std::strerror(errno)
                  << '\n';
        return GBENCH_FILE;
    }
    return GBENCH_READY;
}

// What the library did not take: an unknown flag, or one whose value it has just reported.
gbench_ready refuse(int argc, char **argv) {
    static const char names[] =
        "filter repetitions min_time out out_format format color list_tests "
        "report_aggregates_only display_aggregates_only context "
        "counters_tabular enable_random_interleaving perf_counters time_unit";
    static const char prefix[] = "--benchmark_";
    for (int i = 1; i < argc; i++) {
        std::string flag(argv[i], std::strcspn(argv[i], "="));
        nearest near = nearest_to(flag.c_str() + sizeof prefix - 1);
        nearest_offer_all(&near, names);
        bool known = near.best[0] && near.distance == 0;
        std::cerr << argv[0] << ": "
                  << (known ? "wrong value: '" : "Google Benchmark has no flag '")
                  << (known ? argv[i] : flag.c_str()) << "'"
                  << (known ? "" : nearest_hint(&near, prefix)) << '\n';
    }
    return argc > 1 ? GBENCH_USAGE : GBENCH_READY;
}

// --benchmark_color is auto, or "true", "yes", "1".
bool colours() {
    return output.color == "auto" ? terminal_has_colours(STDOUT_FILENO)
                                  : std::strchr("tTyY1", output.color[0]) != nullptr;
}

Reporter make_reporter(const std::string &format, bool colour) {
    if (format == "json") {
        return Reporter(new Json());
    }
    return Reporter(new Console(colour ? Console::OO_ColorTabular : Console::OO_Tabular));
}

// The filter is matched against names with the suffix: "$" means the end without it.
std::string filter() {
    std::string given = benchmark::GetBenchmarkFilter(), wanted;
    for (size_t i = 0; i < given.size(); i++) {
        bool end = given[i] == '$' && (i == 0 || given[i - 1] != '\\');
        wanted += end ? "(" + SUFFIX + ")?$" : given.substr(i, 1);
    }
    return wanted;
}

// Passes each sample to a C function and prints nothing.
class Listener : public benchmark::BenchmarkReporter {
  public:
    Listener(gbench_listener function, void *data) : function(function), data(data) {
    }
    bool ReportContext(const Context &) override {
        return true;
    }
    void ReportRuns(const std::vector<Run> &runs) override {
        for (const Run &run : runs) {
            if (run.run_type == Run::RT_Iteration) {
                std::string name = run.benchmark_name();
                name.resize(std::min(name.size(), name.rfind(SUFFIX)));
                gbench_sample sample = {name.c_str(),
                                        run.iterations,
                                        run.GetAdjustedRealTime(),
                                        run.GetAdjustedCPUTime(),
                                        run.error_occurred ? run.error_message.c_str() : nullptr,
                                        &run};
                function(data, &sample);
            }
        }
    }

  private:
    gbench_listener function;
    void *data;
};

} // namespace

extern "C" {

gbench_ready gbench_initialize(int argc, char **argv) {
    gbench_ready ready = read_output(argc, argv);
    if (ready == GBENCH_READY) {
        benchmark::Initialize(&argc, argv);
        ready = refuse(argc, argv);
    }
    return ready;
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
    Reporter display = make_reporter(output.format, colours()), file;
    if (!output.file.empty()) {
        file = make_reporter(output.file_format, false);
    }
    std::stringstream names;
    if (output.list) {
        display->SetOutputStream(&names);
    }
    size_t count = benchmark::RunSpecifiedBenchmarks(display.get(), file.get(), filter());
    for (std::string line; std::getline(names, line);) {
        std::cout << line.substr(0, line.rfind(SUFFIX)) << '\n';
    }
    benchmark::Shutdown();
    return count;
}

size_t gbench_listen(gbench_listener listener, void *data) {
    Listener reporter(listener, data);
    size_t count = benchmark::RunSpecifiedBenchmarks(&reporter, nullptr, "all");
    benchmark::ClearRegisteredBenchmarks();
    return count;
}

double gbench_figure(const gbench_sample *sample, const char *name) {
    const auto &counters =
        static_cast<const benchmark::BenchmarkReporter::Run *>(sample->run)->counters;
    auto found = counters.find(name);
    return found == counters.end() ? 0.0 : found->second.value;
}

void gbench_describe(gbench_machine *out) {
    const benchmark::CPUInfo &cpu = benchmark::CPUInfo::Get();
    static std::string date;
    char text[64];
    std::time_t now = std::time(nullptr);
    std::tm parts;
    localtime_r(&now, &parts);
    std::strftime(text, sizeof text, "%FT%T%z", &parts);
    date = text;
    date.insert(date.size() - 2, ":"); // +0100 is +01:00 in RFC 3339
    *out = {};
    out->host = benchmark::SystemInfo::Get().name.c_str();
    out->date = date.c_str();
    out->cpus = cpu.num_cpus;
    out->mhz = cpu.cycles_per_second * 1e-6;
    out->scaling = cpu.scaling == benchmark::CPUInfo::UNKNOWN
                       ? -1
                       : cpu.scaling == benchmark::CPUInfo::ENABLED;
    out->loads = getloadavg(out->load, 3);
    for (const auto &cache : cpu.caches) {
        if (out->cache_count < 16) {
            out->caches[out->cache_count++] = {cache.type.c_str(), cache.level, cache.size,
                                               cache.num_sharing};
        }
    }
}

bool gbench_keep_running(gbench_state *state) {
    return state->state->KeepRunning();
}

void gbench_rate(gbench_state *state, const char *name, double per_iteration) {
    state->state->counters[name] =
        benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

void gbench_label(gbench_state *state, const char *words) {
    state->state->SetLabel(words);
}

int64_t gbench_iterations(const gbench_state *state) {
    return static_cast<int64_t>(state->state->max_iterations);
}

void gbench_stop_clock(gbench_state *state) {
    state->state->PauseTiming();
}

void gbench_start_clock(gbench_state *state) {
    state->state->ResumeTiming();
}

void gbench_value(gbench_state *state, const char *name, double value) {
    state->state->counters[name] = benchmark::Counter(value);
}

void gbench_fail(gbench_state *state, const char *words) {
    state->state->SkipWithError(words);
}

} // extern "C"
