// SPDX-License-Identifier: BSD-2-Clause
// What `decoct peers` shows: a line a row, and all of it as JSON.
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "row.h"

#include <decoct/decoct.h>
#include <stdio.h>

typedef struct report report;

// The lines go to `text`. NULL: no memory.
report *report_new(int rounds, int argc, char **argv, FILE *text);
void report_free(report *r);
// Before the peers: each is limited to AVX2.
void report_limited(report *r);
void report_peer(report *r, const peer *p, bool there, const char *note);
// Our side of the rows that follow: the backend that was asked for, and the backends that serve.
// Both must live until those rows are reported.
void report_ours(report *r, const char *backend, const decoct_context *ctx);
// Before the first row: how many will be measured, for the line of progress.
void report_plan(report *r, int rows);
// Before a row is measured.
void report_begin_row(report *r, const row_shape *shape, int32_t threads);
// After a row that was not measured: an error, or the run was interrupted.
void report_end_row(report *r);
// How many peers gave a wrong result.
int report_row(report *r, const row_shape *shape, int32_t threads, const peer *const *peers,
               int count, const row_result *result);
// Of drawn rows: the seed, before the first one, and the worst ratio of each kind, after the last.
void report_seed(report *r, const char *seed);
void report_worst(report *r);
// After the last row: what the machine did meanwhile.
void report_machine(report *r);
// Then each row of the plan that was not measured, in its order, and why there are such rows.
void report_left(report *r, const row_shape *shape, int32_t threads, const char *backend);
void report_complete(report *r, bool interrupted);
// "-": to standard output. False: the file cannot be written; a message on stderr.
bool report_write(const report *r, const char *path);
// The same before a long run: could it be written?
bool report_try(const char *path);

#endif
