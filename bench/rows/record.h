// SPDX-License-Identifier: BSD-2-Clause
// Rows and context of a result file, as docs/results.md describes them.
#ifndef BENCH_RECORD_H
#define BENCH_RECORD_H

#include "cases/choices.h"
#include "measure/gbench.h"
#include "measure/interval.h"
#include "measure/sample.h"

#include <jansson.h>

enum { SAMPLES_MAX = 99 };

// The samples of one case.
typedef struct measured {
    int count;
    int64_t iterations;
    double real[SAMPLES_MAX], cpu[SAMPLES_MAX]; // microseconds
    double share[SAMPLES_MAX], roof[SAMPLES_MAX], mhz[SAMPLES_MAX];
    double line[SAMPLES_MAX];    // nanoseconds; 0: unknown, or one worker
    double control[SAMPLES_MAX]; // nanoseconds of the control kernel
} measured;

// A string; bytes that are not UTF-8 (a path may be anything) become question marks.
json_t *record_text(const char *words);
void record_add(measured *m, const gbench_sample *sample);
// Of those samples that have a value; 0 if there are none.
interval record_median(const double *values, int count);
// What was unusual while it was measured, and which figures are impossible or useless: lists of
// messages.
json_t *record_disturbed(const sample_case *c, const measured *m, int cpus);
json_t *record_invalid(const sample_case *c, const measured *m);
// A row, whose fields rows.def lists; NULL: no memory, or no samples.
json_t *record_row(const sample_case *c, const measured *m);
// The row of a case that could not run; NULL: no memory.
json_t *record_failed(const sample_case *c);

// How a file was made.
typedef struct record_setting {
    const choices *choices;
    char *const *command; // ends with NULL
    int repetitions;
    double min_time;
    int planned;
    bool complete;
} record_setting;

// The machine as the library and the system describe it; NULL: no memory, or a message on stderr.
json_t *record_machine(const char *command);
// The context of a file; it owns the machine from then on.
json_t *record_context(json_t *machine, const record_setting *setting);

#endif
