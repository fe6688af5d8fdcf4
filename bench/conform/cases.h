// SPDX-License-Identifier: BSD-2-Clause
// What the files of cases share: how a result is judged, and numbers that kernels get wrong.
#ifndef CONFORM_CASES_H
#define CONFORM_CASES_H

#include "exact.h"
#include "tests.h"

enum { CASES_LANES = DECOCT_LANES };

// Columns from `cols` to the next multiple of 16: with such a gap every row is aligned to 64 bytes
// if the first one is.
int64_t cases_gap(int64_t cols);

// The first `cols` columns of a matrix.
conform_matrix cases_columns(const conform_matrix *m, int64_t cols);

// ---- Judging ----

// Room for (rows, cols) of exact results.
exact_result cases_exact_room(int64_t rows, int64_t cols);
void cases_exact_free(exact_result r);
// Row i of them.
exact_result cases_exact_row(exact_result r, int64_t i, int64_t cols);
// How the bound of an exact result is counted for this kernel.
exact_order cases_order(const conform_probe *p);
// Are all elements alike? Records nothing.
bool cases_same(const conform_matrix *a, const conform_matrix *b);
// Is a difference in a case with this reason judged by the plain case of the same size: is that
// wrong, too, the reason is "bits".
bool cases_is_aspect(const char *reason);
// Compares with results in float64, whose bounds become those of other bits where such are
// declared: four times as large, and 2^-120 more. In place of "bits" the reason is "accuracy".
bool cases_near(conform_probe *p, const char *reason, const conform_matrix *given, exact_result r);

// ---- Special numbers ----

// A kind of operand: its numbers are some of these, or one in `every` is.
typedef struct cases_special {
    const char *name;
    int every;
    float values[4];
} cases_special;
extern const cases_special cases_specials[];
extern const int cases_special_count;
float cases_special_number(conform_probe *p, const cases_special *kind);

// Fills a matrix with random numbers in [-scale, scale), or, with a kind, with special ones among
// them.
void cases_fill(conform_probe *p, conform_matrix *m, float scale, const cases_special *kind);

#endif
