// SPDX-License-Identifier: BSD-2-Clause
// The standard suites: the same cases everywhere, so that results can be compared.
#ifndef BENCH_SUITES_H
#define BENCH_SUITES_H

#include <stdint.h>

// The operations that are measured where no other are named: without a suite, and with one.
#define DEFAULT_OPS "matmul,softmax,attention,block,prefill,decode"
#define SUITE_OPS DEFAULT_OPS ",generate,layer_norm,rms_norm,gelu_tanh,silu"

// Types of the weights: the usual one, all, or all others.
typedef enum suite_types { SUITE_F32, SUITE_ALL_TYPES, SUITE_OTHER_TYPES } suite_types;

typedef struct suite_part {
    const char *op, *seq, *heads, *head_dim; // lists as on the command line; op NULL ends a suite
    int64_t layers;
    suite_types types;
    const char *block; // NULL: blocks of a GPT with the part's heads
} suite_part;

#define SUITE_NAMES "ci, cpu"
// "ci": one shape of each kind and regime, for a pull request: under 2 minutes on 2 cores.
// "cpu": the space that a review of a CPU shows: about 7 minutes on 2 cores.
// NULL: there is no such suite.
const suite_part *suite_find(const char *name);

#endif
