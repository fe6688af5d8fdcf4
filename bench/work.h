// SPDX-License-Identifier: BSD-2-Clause
// One piece of work to be timed: an operation at one shape, with threads, pinning and backend.
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include <decoct/decoct.h>

typedef struct work_case {
    const char *op; // "matmul", "softmax", "attention", "prefill", "decode"
    int64_t seq, heads, head_dim;
    int32_t threads;
    const char *pin, *backend; // backend NULL: the library's choice
    const char *model;         // folder: prefill and decode run all of it; NULL: one block
    // Sizes of that model, known once it is open; 0: one block with d_ffn = 4 d.
    int64_t layers, d_ffn, vocabulary;
} work_case;

typedef struct work work;

// The operations, one line of words each; NULL ends the list.
typedef struct work_op {
    const char *name, *words;
} work_op;
extern const work_op work_ops[];

// Prepares operands; on failure words at `error`.
decoct_status work_open(const work_case *c, work **out, char *error, uint64_t error_size);
void work_close(work *w);
// Does it once.
decoct_status work_run(work *w);
// Floating-point operations of one run, and bytes that must come from memory.
double work_flops(const work_case *c);
double work_bytes(const work_case *c);
// Tokens that one run gets through; 0 where that means nothing.
double work_tokens(const work_case *c);
// The case, with what became known by opening it.
const work_case *work_what(const work *w);
const char *work_backend(const work *w);
const char *work_error(const work *w);

#endif
