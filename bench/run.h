// SPDX-License-Identifier: BSD-2-Clause
// Measures a plan, some cases at a time, and keeps a result file of it: what `decoct sweep`,
// `decoct bench --suite` and `decoct roofline` have in common.
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "bench.h"
#include "measure/plan.h"
#include "rows/record_file.h"

#include <argp.h>

typedef struct run_options {
    choices choices;
    const char *out; // NULL: no file
    bool resume, overwrite;
    bool list;     // only show what would be measured
    bool strict;   // not where the machine is unfit
    double budget; // seconds; 0: as long as it takes
    int repetitions;
    double min_time;
    bool how; // some of the options above was given that only a file or a run needs
} run_options;

// An argp child: -o, --json, --resume, --overwrite, --budget, --repetitions, --min-time; its input
// is a run_options. Their defaults are set when parsing begins. The choices have parsers of their
// own.
extern const struct argp run_parser;

// Which cases a run has.
enum { RUN_CASES = 1, RUN_CEILINGS = 2 };

typedef struct bench_run {
    const char *command; // "decoct sweep"
    run_options *options;
    bench_look *look; // NULL: the machine is not examined
    plan plan;
    record_file results;
    double begin; // by clock_budget
} bench_run;

// Measures; `parts` are RUN_ flags, `argv` goes to the file. Returns an exit code; r->results has
// the rows. Close it whatever the code is.
int run_all(bench_run *r, run_options *options, int parts, char **argv);
void run_close(bench_run *r);

// True where the result file itself goes to standard output, which then holds nothing else.
bool run_prints_file(const run_options *options);
// What commands print of rows.
void run_print_rows(const bench_run *r);

#endif
