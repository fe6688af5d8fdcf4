// SPDX-License-Identifier: BSD-2-Clause
// What the lines of ops.def and dtypes.def mean to code inside this project; it is not installed.
#ifndef DECOCT_LISTS_H
#define DECOCT_LISTS_H

#include <decoct/types.h>

// What an operation needs besides x and y, each for (rows, cols) of y.
enum {
    DCT_NEEDS_SCALE = 1 << 0,   // a factor for x; 0 means 1
    DCT_NEEDS_EPS = 1 << 1,     // finite, not negative
    DCT_MAY_GAIN = 1 << 2,      // gain (cols), may be NULL
    DCT_MAY_BIAS = 1 << 3,      // bias (cols), may be NULL
    DCT_NEEDS_BIAS = 1 << 4,    // bias (cols)
    DCT_MAY_UP = 1 << 5,        // up (rows, cols), a second input, may be NULL
    DCT_NEEDS_IDS = 1 << 6,     // ids (rows), x is a table of table_rows rows
    DCT_READS_Y = 1 << 7,       // y is an input, too
    DCT_ANY_DTYPE = 1 << 8,     // x may have any type; otherwise f32
    DCT_NEEDS_BETA = 1 << 9,    // a factor for y; 0: y is not read
    DCT_NEEDS_ANGLES = 1 << 10, // cosine and sine (rows, rotary_dim / 2); heads of head_dim columns
};

#define DECOCT_OP(NAME, name, needs, forms, cost) DCT_OP_INDEX_##NAME,
enum {
#include <decoct/ops.def>
    DCT_OPS // how many operations there are
};
#undef DECOCT_OP

#define DECOCT_DTYPE(NAME, name, bits, block, bytes) DCT_DTYPE_INDEX_##NAME,
enum {
#include <decoct/dtypes.def>
    DCT_DTYPES // how many types there are
};
#undef DECOCT_DTYPE

#endif
