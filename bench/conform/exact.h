// SPDX-License-Identifier: BSD-2-Clause
// What operations must give, in float64, and how far a result in f32 may be from it: the bounds
// that decoct.h, rows.h and types.h state, each at one place. No kernel is named here.
#ifndef CONFORM_EXACT_H
#define CONFORM_EXACT_H

#include <decoct/decoct.h>

#include <stdbool.h>

#define EXACT_U 0x1p-24 // unit round-off of f32

// A result and its bound, element by element.
typedef struct exact_result {
    double *exact, *bound;
} exact_result;

// For a sum of n elements that are added in any order there are n roundings; in the order of the
// definition, by 16 lanes and chunks of 1024, fewer: that is what the bounds of the headers count.
typedef enum exact_order { EXACT_DEFINED, EXACT_ANY_ORDER } exact_order;

// ---- Matrix product ----

// One row of y = x w + bias, continued from `before` unless it is NULL.
typedef struct exact_product {
    int64_t cols, k;
    const float *x;                 // (k)
    const float *w;                 // element (p, j) is w[p * row_stride + j * col_stride]
    int64_t row_stride, col_stride; // in elements
    const float *bias, *before;     // (cols) or NULL
} exact_product;
// (cols) of both.
void exact_multiply(const exact_product *p, exact_result y);

// ---- Attention ----

// One query of one head. It sees the keys [first, last) whose mask is not -inf.
typedef struct exact_query {
    int64_t head_dim, value_dim, kv_len, first, last;
    const float *q, *k, *v; // (head_dim), (kv_len, head_dim), (kv_len, value_dim)
    int64_t k_stride, v_stride;
    const float *mask; // (kv_len) or NULL
    double scale;
    float softcap;
    const float *slope, *sink; // of its head, or NULL
    int64_t position;          // of the query among the keys
    exact_order order;
} exact_query;
// weights (kv_len), out (value_dim).
void exact_attend(const exact_query *q, exact_result weights, exact_result out);

// ---- Operations on rows ----

// One row; what an operation does not read is NULL or 0.
typedef struct exact_row {
    decoct_op op;
    int32_t form;
    int64_t cols;
    const float *x, *up, *gain, *bias; // (cols); x of an embedding: the row of the table
    const float *before;               // y as it was before
    float scale, beta, eps;
    const float *cosine, *sine; // (rotary_dim / 2)
    int64_t head_dim, rotary_dim;
    exact_order order;
} exact_row;
// (cols) of both; false: the operation is unknown here. A bound of 0: exactly this number.
bool exact_row_of(const exact_row *r, exact_result y);

// |given - exact| in units of the bound: up to 1 is fine.
static inline double exact_distance(double given, double exact, double bound) {
    double error = given > exact ? given - exact : exact - given; // NaN stays
    return error == 0.0 ? 0.0 : error / bound;
}

#endif
