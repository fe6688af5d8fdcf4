// SPDX-License-Identifier: BSD-2-Clause
// Opens and runs cases. Their operations are in catalogue.c.
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "case.h"

// Bytes of the operands of a case, about; 0 for a model in a folder.
double work_need(const work_case *c);
// Prepares operands; on failure a message at `error`.
decoct_status work_open(const work_case *c, bench_work **out, char *error, uint64_t error_size);
// The same on a context that stays the caller's, and on a model for the operation that needs one.
decoct_status work_open_on(decoct_context *ctx, const decoct_model *model, const work_case *c,
                           bench_work **out, char *error, uint64_t error_size);
void work_close(bench_work *w);
// The CPU of worker 0 under the case's pin policy, seen on a context that does nothing else; -1:
// unknown, or not pinned.
int32_t work_first_cpu(const work_case *c);
// Runs it once.
decoct_status work_run(bench_work *w);
// What a run costs; of fma and read and copy known after the first one.
work_cost work_costs(const bench_work *w);
// The same before it is opened; of a model nothing is known then.
work_cost work_expect(const work_case *c);
// Operations to open a case and run it once, about, counting also what is not a FLOP.
double work_effort(const bench_work *w);
// The result of one run: `count` floats; NULL: no result.
const float *work_output(bench_work *w, int64_t *count);
// An operand by its part in the operation (roles.h); NULL: no such operand.
float *work_operand(const bench_work *w, int role);
// Rows of the result that can be computed without the others: how many, and floats of each; 0: rows
// cannot be computed alone.
int64_t work_rows_count(const bench_work *w);
int64_t work_row_width(const bench_work *w);
// Only the first ones, since a row depends on those before it?
bool work_rows_from_first(const bench_work *w);
// Computes these rows alone: out (count, work_row_width).
decoct_status work_rows(bench_work *w, const int64_t *rows, int64_t count, float *out);
// The case, with what became known by opening it.
const work_case *work_what(const bench_work *w);
// The kernels of the library that a run calls, between blanks: for served_by.
const char *work_kernels(const bench_work *w);
decoct_context *work_context(bench_work *w);
const char *work_error(const bench_work *w);

#endif
