// SPDX-License-Identifier: BSD-2-Clause
// The examination of one backend, for the command.
#ifndef BENCH_CONFORM_EXAMINE_H
#define BENCH_CONFORM_EXAMINE_H

#include "candidate.h"

typedef struct examine_options {
    const char *path; // of the plugin; NULL: a backend inside the program
    const char *name; // of that
    const char *ops;  // "softmax,matmul": names of slots; NULL: all
    const char *dtypes;
    const char *tests; // a pattern of fnmatch for "softmax/bits"; NULL: all
    int level;
    uint64_t seed;
} examine_options;

typedef enum examine_verdict {
    EXAMINE_PASSED,
    EXAMINE_FAILED,
    EXAMINE_UNTRIED // all of it; what is not tried in part is a finding of that kind
} examine_verdict;

// What one test found.
typedef struct examine_result {
    char name[64]; // "softmax/bits"
    int unit;      // of the survey; -1: the file and its table
    examine_verdict verdict;
    double seconds;
    double worst; // error in units of its bound
    bool has_worst;
    int count, kept; // findings, and those that were kept
    conform_finding findings[PAGE_FINDINGS];
} examine_result;

typedef struct examine_report {
    candidate_survey survey;
    examine_result *results; // the first one is that of the table
    int count;
    double seconds;
    char untried[2][160]; // checks that this machine cannot do, ""
} examine_report;

// Called before each test and, with NULL, at the end.
typedef void examine_progress(void *data, const char *name, int done, int total);

// False: no memory, or no process could be started.
bool examine(const examine_options *options, examine_progress *progress, void *data,
             examine_report *out);
// The names of the tests that would run, one call each. False as above.
void examine_free(examine_report *report);
const char *examine_reason_meaning(const char *reason);

#endif
