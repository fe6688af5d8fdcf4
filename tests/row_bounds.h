// SPDX-License-Identifier: BSD-2-Clause
// What one row must be, in float64, and how far it may be off, of operations that have no
// check_NAME.c of their own.
#ifndef ROW_BOUNDS_H
#define ROW_BOUNDS_H

#include "layer_norm_bound.h"
#include "rows_kit.h"

#include <math.h>
#include <string.h>

// u (|z - max z| + 6 + n/16) relative, and the smallest denormal; z = scale x is exact for powers
// of two.
static double softmax_error(const rows_row *r) {
    double max = -INFINITY, sum = 0.0, rows = 0.0, worst = 0.0, scale = (double)r->a->scale;
    for (int64_t j = 0; j < r->a->cols; j++) {
        double z = scale * (double)r->x[j]; // not fmax: gcc 12 for AArch64 breaks down over it
        max = z > max ? z : max;
    }
    for (int64_t j = 0; j < r->a->cols; j++) {
        sum += exp(scale * (double)r->x[j] - max);
    }
    for (int64_t j = 0; j < r->a->cols; j++) {
        double z = scale * (double)r->x[j] - max, exact = exp(z) / sum;
        double bound = CHECK_U * (fabs(z) + 6.0 + (double)r->a->cols / 16.0) * exact + 0x1p-149;
        worst = check_worse(worst, fabs((double)r->y[j] - exact) / bound);
        rows += (double)r->y[j];
    }
    return r->a->cols ? check_worse(worst, fabs(rows - 1.0) / 0x1p-20) : 0.0;
}

static double norm_error(const rows_row *r) {
    return layer_norm_error(r->x, r->a->gain, r->a->bias, r->a->eps, r->y, r->a->cols);
}

// gelu(x) = x c(x) with 0 <= c <= 1. tanh form: relative error of c is that of exp(2u), |2u| u or
// so. Where exp(-2u) overflows the result is 0 instead of a denormal below |x| 2^-128. erf form: 1
// + erf cancels for negative x, so its bound is relative to |x|.
static double gelu_number_error(int32_t form, float x, float y) {
    double v = (double)x, exact, bound;
    if (form == DECOCT_GELU_TANH) {
        double t = 2.0 * sqrt(2.0 / M_PI) * (v + 0.044715 * v * v * v);
        exact = v / (1.0 + exp(-t));
        bound = CHECK_U * (6.0 + 4.0 * fabs(t)) * fabs(exact) + fabs(v) * 0x1p-128 + 0x1p-149;
    } else {
        exact = 0.5 * v * erfc(-v / M_SQRT2);
        bound = CHECK_U * 5.0 * fabs(v) + 0x1p-149;
    }
    return fabs((double)y - exact) / bound;
}

static double gelu_error(const rows_row *r) {
    double worst = 0.0;
    for (int64_t j = 0; j < r->a->cols; j++) {
        worst = check_worse(worst, gelu_number_error(r->a->form, r->x[j], r->y[j]));
    }
    return worst;
}

// One rounding: the sum of two floats in f32 is the rounded exact one.
static double sum_error(const rows_row *r) {
    double worst = 0.0;
    for (int64_t j = 0; j < r->a->cols; j++) {
        float right = r->x[j] + (r->a->bias ? r->a->bias[j] : r->before[j]);
        worst = check_worse(worst, r->y[j] == right ? 0.0 : 2.0);
    }
    return worst;
}

static double copy_error(const rows_row *r) {
    return check_same_bits(r->x, r->y, r->a->cols) ? 0.0 : 2.0;
}

// Roundings of beta y, of the fused sum and of adding the bias.
static double axpby_error(const rows_row *r) {
    double worst = 0.0;
    for (int64_t j = 0; j < r->a->cols; j++) {
        double kept = r->a->beta != 0.0f ? (double)r->a->beta * (double)r->before[j] : 0.0;
        double sum = (double)r->a->scale * (double)r->x[j] + kept;
        double exact = sum + (r->a->bias ? (double)r->a->bias[j] : 0.0);
        double bound =
            CHECK_U * (1.0 + 0x1p-20) * (fabs(kept) + fabs(sum) + fabs(exact)) + 0x1p-147;
        worst = check_worse(worst, fabs((double)r->y[j] - exact) / bound);
    }
    return worst;
}

// NULL: another check has it.
static double (*row_error_of(decoct_op op))(const rows_row *row) {
    static double (*const all[DCT_OPS])(const rows_row *row) = {
        [DECOCT_OP_SOFTMAX] = softmax_error, [DECOCT_OP_LAYER_NORM] = norm_error,
        [DECOCT_OP_GELU] = gelu_error,       [DECOCT_OP_ADD] = sum_error,
        [DECOCT_OP_BIAS] = sum_error,        [DECOCT_OP_EMBEDDING] = copy_error,
        [DECOCT_OP_AXPBY] = axpby_error};
    return all[op];
}

#endif
