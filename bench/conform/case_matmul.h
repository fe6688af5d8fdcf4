// SPDX-License-Identifier: BSD-2-Clause
// One case of a matrix product: its operands, packing, both calls, the comparison.
#ifndef CONFORM_CASE_MATMUL_H
#define CONFORM_CASE_MATMUL_H

#include "cases.h"

typedef struct product_shape {
    int64_t rows, cols, k;       // at most m_block, and k_block
    int64_t x_gap, y_gap, w_gap; // a stride is the columns and the gap
    conform_where x_where, y_where, others;
    bool plain;      // w is not packed
    bool keeps;      // it is plain, and packed on the way by `plain_pack`
    bool transposed; // w is packed from (cols, k)
    bool bias, accumulate;
    bool no_scratch;
    bool cut;         // two pieces, of which the second continues from the first
    bool joined;      // the gaps are columns, too, that the kernel is not asked for
    bool memory_only; // the results are not compared
    bool near;        // compared with float64 whatever the bits
    const cases_special *special;
    bool all_special;   // not only x
    bool whole, packed; // a whole matrix product; b is packed by the candidate
    int threads;        // of the host of a whole product
    int64_t patterns;   // w is all numbers of 16 bits from this one on, x is 1; -1: it is not
} product_shape;
extern const product_shape product_plain; // aligned, dense, with a bias

// Of a unit of matrix products.
const decoct_matmul_kernel *product_kernel(const conform_probe *p);
// Runs it, made smaller where the kernel has smaller blocks; false after a finding.
bool product_run(conform_probe *p, const char *reason, const product_shape *s);

#endif
