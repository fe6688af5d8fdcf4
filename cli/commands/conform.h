// SPDX-License-Identifier: BSD-2-Clause
// What `decoct conform` found, as text, JSON and a page.
#ifndef CLI_CONFORM_H
#define CLI_CONFORM_H

#include "cli.h"

#include "bench/conform/examine.h"

#include <jansson.h>

// One backend as the outputs show it.
typedef struct conform_outcome {
    const char *given; // the argument of the command
    const examine_options *options;
    const examine_report *report;
} conform_outcome;

// How many tests of a unit there are, failed, and were not run; the largest error in units of its
// bound.
typedef struct conform_summary {
    int tests, failed, untried;
    double worst;
    bool has_worst;
} conform_summary;
conform_summary conform_summarize(const examine_report *report, int unit);

// What the examination as a whole says, also if no kernel was tried, and the exit code of that.
typedef struct conform_verdict {
    int code; // CLI_OK: conforms; CLI_WRONG: does not; others: was not tried
    char text[PAGE_TEXT + 128];
} conform_verdict;
conform_verdict conform_judge(const examine_report *report);

void conform_put_terminal(const conform_outcome *outcome, FILE *to);
bool conform_put_page(FILE *to, const void *outcome);
// NULL: no memory.
json_t *conform_json(const conform_outcome *outcome);

#endif
