// SPDX-License-Identifier: BSD-2-Clause
// One case of an operation on rows: its operands, both calls, the comparison.
#ifndef CONFORM_CASE_ROWS_H
#define CONFORM_CASE_ROWS_H

#include "cases.h"

// Operands that may be missing.
enum { ROWS_GAIN = 1, ROWS_BIAS = 2, ROWS_UP = 4, ROWS_BETA = 8, ROWS_ALL = 15 };

typedef struct rows_shape {
    int32_t form;
    int64_t rows, cols, x_gap, y_gap; // a stride is cols and the gap
    conform_where x_where, y_where, others;
    float scale;             // of the numbers
    float factor, beta, eps; // of the operation
    int given;               // ROWS_ of those that are not NULL
    bool joined;             // the gaps are columns, too, that the kernel is not asked for
    bool memory_only;        // the results are not compared
    bool in_place;
    bool streams;           // y may be stored past the caches, where that can be asked
    bool near;              // compared with float64 whatever the bits
    bool partial, unturned; // rotary_dim: less than head_dim; 0
    const cases_special *special;
    bool all_special; // not only x, y and what is always there
    const struct hard_row *hard;
    bool whole;  // a whole operation
    int threads; // of its host
} rows_shape;
extern const rows_shape rows_plain; // aligned, dense, with all operands

bool rows_has(const conform_probe *p, uint32_t bits); // DCT_NEEDS_
int32_t rows_forms(const conform_probe *p);
// ROWS_ of the operands that may be missing.
int rows_optional(const conform_probe *p);
// 2^exponent of a normal number.
float rows_power(int exponent);
// Runs it; false after a finding.
bool rows_run(conform_probe *p, const char *reason, const rows_shape *s);

#endif
