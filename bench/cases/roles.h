// SPDX-License-Identifier: BSD-2-Clause
// The parts that operands play in an operation. The numbers are the seeds of hashed operands.
#ifndef BENCH_ROLES_H
#define BENCH_ROLES_H

enum {
    ROLE_X = 1,    // the first input: x, q
    ROLE_W = 2,    // matrices: b, weights, a table
    ROLE_BIAS = 3, // (cols)
    ROLE_GAIN = 4,
    ROLE_K = 5,
    ROLE_V = 6,
    ROLE_MASK = 7,
    ROLE_IDS = 8,
    ROLE_Y = 9,        // the result; of operations that add to it also an input
    ROLE_UP = 10,      // a second input like x
    ROLE_WEIGHTS = 11, // the second result of attention
    ROLE_BEFORE = 12,  // y before the first run
    ROLE_COSINE = 13,  // of angles (rows, half of the columns that are turned)
    ROLE_SINE = 14,
    ROLE_BLOCK = 16, // the 12 arrays of a block are 16 .. 27, in the order of decoct_block_args
    ROLES = 28
};

#endif
