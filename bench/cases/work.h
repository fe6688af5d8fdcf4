// SPDX-License-Identifier: BSD-2-Clause
// One piece of work to be timed: an operation at one shape, with threads, pinning and backend.
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include <decoct/decoct.h>

#include <stdbool.h>

typedef struct work_case {
    const char *op; // one of work_op_name
    int64_t seq, heads, head_dim;
    int64_t layers; // decoder blocks in a row, of prefill and decode; 0: one
    int32_t threads;
    const char *pin, *backend;  // backend NULL: the library's choice
    const char *model;          // folder: prefill and decode run all of it; NULL: blocks
    const char *level;          // of read and copy: what holds the buffers, for the name
    int64_t bytes;              // of read and copy: a thread's buffers together
    bool allow_fallback;        // a rejected kernel of `backend` is another backend's to serve
    uint64_t seed;              // of the operands
    void (*opened)(void *data); // called when the context is open, before it has worked; or NULL
    void *opened_data;
} work_case;

// What one run does.
typedef struct work_cost {
    double flops; // multiplications and additions of the matrix products, as GFLOP/s counts them
    double arithmetic; // all operations of the definition, with exp and the like: what the ceiling
                       // counts
    double bytes;      // that it moves at least: every operand and result once
    double tokens;     // it gets through; 0 where that means nothing
    bool streams;      // its figure is GB/s: it does little else with what it reads
    bool copies;       // it writes about as much as it reads
} work_cost;

typedef struct work work;

// The names of the operations, and a line of words about each; NULL ends the list.
const char *work_op_name(int index);
const char *work_op_words(int index);
// Are these the ceilings of the machine (fma, read, copy) rather than an operation of a decoder?
bool work_is_ceiling(const char *op);
// Does the shape of this operation have a head_dim, layers?
bool work_has_head_dim(const char *op);
bool work_has_layers(const char *op);

// Memory that the operands of a case take, about, in bytes; 0 for a model in a folder.
double work_need(const work_case *c);
// Prepares operands; on failure words at `error`.
decoct_status work_open(const work_case *c, work **out, char *error, uint64_t error_size);
void work_close(work *w);
// Does it once.
decoct_status work_run(work *w);
// What a run costs; of fma and read and copy known after the first one.
work_cost work_costs(const work *w);
// The same before it is opened; of a model nothing is known then.
work_cost work_expect(const work_case *c);
// Operations to open a case and run it once, about, counting what is no FLOP too.
double work_effort(const work *w);
// The result of the last run: `count` floats; NULL: it has none.
const float *work_output(const work *w, int64_t *count);
// Rows of the result that can be computed without the others: how many, and floats of each; 0:
// none.
int64_t work_rows_count(const work *w);
int64_t work_row_width(const work *w);
// Only the first ones, since a row depends on those before it?
bool work_rows_from_first(const work *w);
// Computes these rows alone: out (count, work_row_width).
decoct_status work_rows(work *w, const int64_t *rows, int64_t count, float *out);
// The case, with what became known by opening it.
const work_case *work_what(const work *w);
// The kernels of the library that a run calls, between blanks: for served_by.
const char *work_kernels(const work *w);
decoct_context *work_context(work *w);
const char *work_error(const work *w);

#endif
