// SPDX-License-Identifier: BSD-2-Clause
// The examination of one backend, for the command.
#ifndef BENCH_CONFORM_EXAMINE_H
#define BENCH_CONFORM_EXAMINE_H

#include "candidate.h"

enum { EXAMINE_OTHERS = 6, EXAMINE_SHAPE = 48, EXAMINE_PATH = 4096 };

// A backend whose speed is shown beside that of the candidate.
typedef struct examine_other {
    char name[CANDIDATE_TEXT];
    const char *path; // NULL: inside the program
} examine_other;

typedef struct examine_options {
    const char *path; // of the plugin; NULL: a backend inside the program
    const char *name; // of that
    const char *ops;  // "softmax,matmul": names of slots; NULL: all
    const char *dtypes;
    const char *tests; // a pattern of fnmatch for "softmax/bits"; NULL: all
    int level;
    uint64_t seed;
    examine_other others[EXAMINE_OTHERS];
    int other_count;
} examine_options;

typedef enum examine_verdict {
    EXAMINE_PASSED,
    EXAMINE_FAILED,
    EXAMINE_UNTRIED // all of it; what is not tried in part is a finding of that kind
} examine_verdict;

enum { EXAMINE_NAME = 64 };

// What one test found.
typedef struct examine_result {
    char name[EXAMINE_NAME]; // "softmax/bits"
    int unit;                // of the survey; -1: the file and its table
    examine_verdict verdict;
    double seconds;
    double worst; // error in units of its bound
    bool has_worst;
    int count, kept; // findings, and those that were kept
    conform_finding findings[PAGE_FINDINGS];
} examine_result;

enum { EXAMINE_CHECKS = 3 };

// One call of a unit on one thread.
typedef struct examine_speed {
    double seconds; // 0: not timed
    double share;   // of what the probes reach; 0: not known
    const char *roof;
    double others[EXAMINE_OTHERS]; // seconds; 0: that backend has no such kernel
    char shape[EXAMINE_SHAPE];
} examine_speed;

typedef struct examine_report {
    candidate_survey survey;
    bool examined[CANDIDATE_UNITS]; // units of which a test called a kernel
    examine_speed speeds[CANDIDATE_UNITS];
    examine_result *results; // the first one is that of the table
    int count, failed;
    int tried; // tests that called a kernel; of examine_list those that it named
    double seconds;
    const char *untried[EXAMINE_CHECKS]; // checks that cannot be done here, and why; NULL: done
} examine_report;

// Called before each test and, with NULL, at the end.
typedef void examine_progress(void *data, const char *name, int done, int total);

// False: no memory, or no process could be started.
bool examine(const examine_options *options, examine_progress *progress, void *data,
             examine_report *out);
// Calls `put` for each test that would run. False as above.
bool examine_list(const examine_options *options, void (*put)(const char *name),
                  examine_report *out);
void examine_free(examine_report *report);
// "softmax"; of a matrix product "matmul", whatever its types.
const char *examine_slot_name(const conform_unit *unit);
// All names that --op takes, separated by ", ".
void examine_slot_names(char *text, size_t size);
void examine_feature_names(uint64_t features, char *text, size_t size);
const char *examine_reason_meaning(const char *reason);

#endif
