// SPDX-License-Identifier: BSD-2-Clause
// An A/B comparison for the report: its data for the page, and what it found in a sentence.
#ifndef CLI_REPORT_AB_H
#define CLI_REPORT_AB_H

#include "results_ab.h"

// `json` for the page; `headline` ("B is slower in 2 of 26 cases") and `counts` of all verdicts.
// Allocated, free() each.
typedef struct report_ab {
    char *json, *headline, *counts;
} report_ab;

// Of a file with a comparison; `shown` is its name in the report.
report_ab report_ab_make(const results_file *file, const char *shown);
void report_ab_free(report_ab *ab);

#endif
