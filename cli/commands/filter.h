// SPDX-License-Identifier: BSD-2-Clause
// Which result files, and which rows of them, a report is about. Zeroed: all.
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include "results.h"

#include <stdbool.h>

typedef struct result_filter {
    const char *cpu;           // a part of the CPU's name, in either case
    const char *since, *until; // dates, "2026-11" or "2026-11-26"; both ends count
    const char *dtype;         // "bf16"
} result_filter;

// Is this a date, or the beginning of one?
bool filter_is_date(const char *text);
bool filter_takes_file(const result_filter *f, const results_file *file);
// The ceilings of a machine belong to every type.
bool filter_takes_row(const result_filter *f, const results_row *row);

#endif
