// SPDX-License-Identifier: BSD-2-Clause
// A case: an operation of the catalogue at one shape, and how to run it.
#ifndef BENCH_CASE_H
#define BENCH_CASE_H

#include <decoct/decoct.h>

#include <stdbool.h>

// WORK_NAME: characters of an operation's name, with the end.
enum { WORK_NAME = 48, WORK_DIMS = 8 };

typedef struct bench_work bench_work; // an open case: work.h

typedef struct work_case {
    const char *op; // a name of the catalogue
    // The shape, as a decoder has it ...
    int64_t seq, heads, head_dim;
    int64_t layers; // decoder blocks in a row, of prefill, generate and decode; 0: one, or all
    // ... or the operation's own dims (cases.def); NULL: those that follow from the decoder's.
    const int64_t *dims;
    decoct_dtype dtype; // of the weights
    const char *output; // which one of an operation that has several; NULL: the timed one
    bool by_head;       // attention: keys and values (heads, len, dim), else (len, heads, dim)
    bool hashed;        // the operands of tests/golden/hashes.txt, else those of golden.def
    const bench_work *shares; // all operands but the weights are those of this one; NULL: its own
    int32_t threads;
    const char *pin, *backend;  // backend NULL: the library's choice
    const char *model;          // folder: prefill and decode run all of it; NULL: blocks
    const char *block;          // blocks of this model (blocks.def), and its head; NULL: of a GPT
    const char *level;          // of read and copy: what holds the buffers, for the name
    int64_t bytes;              // of read and copy: a thread's buffers together
    bool allow_fallback;        // another backend may serve a rejected kernel of `backend`
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
    double constant;   // of these: weights, or keys and values, which are only read
    double tokens;     // it gets through; 0 where that means nothing
    bool streams;      // its figure is GB/s: it does little else with what it reads
    bool copies;       // it writes about as much as it reads
} work_cost;

#endif
