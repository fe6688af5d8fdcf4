// SPDX-License-Identifier: BSD-2-Clause
// The operations on rows in float64, and the bounds that rows.h and types.h state.
#include "exact.h"

#include <math.h>
#include <stddef.h>

// Maxima are written out: gcc 12 for AArch64 breaks down over loops with fmax.
static double larger(double a, double b) {
    return a > b ? a : b;
}

// What a scale that is not a power of two adds: z = scale x is rounded.
static bool is_rounded(double scale) {
    return frexp(scale, &(int){0}) != 0.5;
}

// ---- Softmax ----

typedef struct row_sums {
    double max, most, sum; // of z, of |z|, of exp(z - max)
} row_sums;

static row_sums sums_of(const exact_row *r) {
    row_sums s = {.max = -INFINITY};
    double scale = (double)r->scale;
    for (int64_t j = 0; j < r->cols; j++) {
        s.max = larger(scale * (double)r->x[j], s.max);
        s.most = larger(fabs(scale * (double)r->x[j]), s.most);
    }
    for (int64_t j = 0; j < r->cols; j++) {
        s.sum += exp(scale * (double)r->x[j] - s.max);
    }
    return s;
}

static double softmax_steps(const exact_row *r) {
    return (double)r->cols / (r->order == EXACT_DEFINED ? 16.0 : 1.0);
}

// u (|z - max z| + 6 + cols / 16) relative, and the smallest denormal.
static void softmax(const exact_row *r, exact_result y) {
    row_sums s = sums_of(r);
    for (int64_t j = 0; j < r->cols; j++) {
        double z = (double)r->scale * (double)r->x[j];
        double rest = is_rounded((double)r->scale) ? fabs(z) + fabs(s.max) : 0.0;
        y.exact[j] = exp(z - s.max) / s.sum;
        y.bound[j] =
            EXACT_U * (fabs(z - s.max) + 6.0 + softmax_steps(r) + rest) * y.exact[j] + 0x1p-149;
    }
}

static void log_softmax(const exact_row *r, exact_result y) {
    row_sums s = sums_of(r);
    for (int64_t j = 0; j < r->cols; j++) {
        double z = (double)r->scale * (double)r->x[j];
        double rest = is_rounded((double)r->scale) ? fabs(z) + s.most : 0.0;
        y.exact[j] = z - s.max - log(s.sum);
        y.bound[j] = EXACT_U * (fabs(z - s.max) + 3.0 * fabs(y.exact[j]) + log((double)r->cols) +
                                softmax_steps(r) + 8.0 + rest);
    }
}

// ---- Norms ----

// t: the additions of the longest chain and 6 more roundings.
static double norm_steps(const exact_row *r) {
    double n = (double)r->cols;
    return (r->order == EXACT_DEFINED ? (n < 1024.0 ? n : 1024.0) / 16.0 + n / 1024.0 : n) + 6.0;
}

// With A = mean of |x|, s = sqrt(variance + eps), z = (x - mean) / s:
//   |m - mean| <= t u A = e s: the rounded mean. It moves every d = x - m alike, and c removes it
//   again, but for the roundings of d (u |d|) and of c (t u mean |d|), and |d| / s <= |z| + e. d^2
//   and c^2 have relative errors of t + 4 and 2 t + 2 roundings, and are at most s^2 (1 + e)^2: so
//   has the variance, of which the root keeps half.
// Together rho (1 + |z|), and as much again for terms of second order, with rho = (t + 6) u (1 +
// e)^2 <= 1/4. Beyond that nothing is left of the row's deviation; what remains is that r <= 1 /
// sqrt(eps).
static double layer_norm_bound(double z, double steps, double size, double s, double eps) {
    double e = steps * EXACT_U * size / s;
    double rho = (steps + 6.0) * EXACT_U * (1.0 + e) * (1.0 + e);
    double tiny = 0x1p-149 * (steps + 2.0) / s; // denormals are rounded to multiples of 2^-149
    return (rho <= 0.25 ? 2.0 * rho : 10.0 * rho * s / sqrt(eps)) * (1.0 + fabs(z)) + tiny;
}

static void layer_norm(const exact_row *r, exact_result y) {
    double mean = 0.0, size = 0.0, variance = 0.0, n = (double)r->cols, eps = (double)r->eps;
    for (int64_t j = 0; j < r->cols; j++) {
        mean += ((double)r->x[j] - (double)r->x[0]) / n; // a constant row: exactly
        size += fabs((double)r->x[j]) / n;
    }
    for (int64_t j = 0; j < r->cols; j++) {
        double d = (double)r->x[j] - (double)r->x[0] - mean;
        variance += d * d / n;
    }
    double s = sqrt(variance + eps), steps = norm_steps(r);
    for (int64_t j = 0; j < r->cols; j++) {
        double z = ((double)r->x[j] - (double)r->x[0] - mean) / s;
        double gain = r->gain ? (double)r->gain[j] : 1.0;
        y.exact[j] = z * gain + (r->bias ? (double)r->bias[j] : 0.0);
        y.bound[j] = layer_norm_bound(z, steps, size, s, eps) * fabs(gain) +
                     EXACT_U * (fabs(z * gain) + fabs(y.exact[j])) + 0x1p-149;
    }
}

static void rms_norm(const exact_row *r, exact_result y) {
    double squares = 0.0;
    for (int64_t j = 0; j < r->cols; j++) {
        squares += (double)r->x[j] * (double)r->x[j];
    }
    double root = sqrt(squares / (double)r->cols + (double)r->eps);
    for (int64_t j = 0; j < r->cols; j++) {
        double gain = r->gain ? (double)r->gain[j] : 1.0;
        y.exact[j] = (double)r->x[j] / root * gain;
        y.bound[j] = EXACT_U * (norm_steps(r) / 2.0 + 6.0) * fabs(y.exact[j]) +
                     0x1p-149 * (1.0 + fabs(gain));
    }
}

// ---- Activations ----

// gelu(x) = x c(x) with 0 <= c <= 1. tanh form: relative error of c is that of exp(2u), |2u| u or
// so. Where exp(-2u) overflows the result is 0 instead of a denormal below |x| 2^-128. erf form: 1
// + erf cancels for negative x, so its bound is relative to |x|.
static void gelu(const exact_row *r, exact_result y) {
    for (int64_t j = 0; j < r->cols; j++) {
        double x = (double)r->x[j];
        if (r->form == DECOCT_GELU_TANH) {
            double t = 2.0 * sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x);
            y.exact[j] = x / (1.0 + exp(-t));
            y.bound[j] =
                EXACT_U * (6.0 + 4.0 * fabs(t)) * fabs(y.exact[j]) + fabs(x) * 0x1p-128 + 0x1p-149;
        } else {
            y.exact[j] = 0.5 * x * erfc(-x / M_SQRT2);
            y.bound[j] = EXACT_U * 5.0 * fabs(x) + 0x1p-149;
        }
    }
}

static void silu(const exact_row *r, exact_result y) {
    for (int64_t j = 0; j < r->cols; j++) {
        double x = (double)r->x[j], up = r->up ? (double)r->up[j] : 1.0;
        y.exact[j] = x / (1.0 + exp(-x)) * up;
        y.bound[j] = EXACT_U * 5.0 * fabs(y.exact[j]) + 0x1p-128 * fabs(x * up) +
                     0x1p-149 * (1.0 + fabs(up));
    }
}

// ---- Sums and copies ----

// Rounded once: the sum of two floats in f32 is the rounded exact one.
static void add(const exact_row *r, exact_result y) {
    const float *other = r->op == DECOCT_OP_ADD ? r->before : r->bias;
    for (int64_t j = 0; j < r->cols; j++) {
        y.exact[j] = (double)(r->x[j] + other[j]);
        y.bound[j] = 0.0;
    }
}

static void copy(const exact_row *r, exact_result y) {
    for (int64_t j = 0; j < r->cols; j++) {
        y.exact[j] = (double)r->x[j];
        y.bound[j] = 0.0;
    }
}

// Roundings of beta y, of the fused sum and of adding the bias.
static void axpby(const exact_row *r, exact_result y) {
    for (int64_t j = 0; j < r->cols; j++) {
        double kept = r->beta != 0.0f ? (double)r->beta * (double)r->before[j] : 0.0;
        double sum = (double)r->scale * (double)r->x[j] + kept;
        y.exact[j] = sum + (r->bias ? (double)r->bias[j] : 0.0);
        y.bound[j] =
            EXACT_U * (1.0 + 0x1p-20) * (fabs(kept) + fabs(sum) + fabs(y.exact[j])) + 0x1p-147;
    }
}

// Columns that are not turned are copies.
static void rotary(const exact_row *r, exact_result y) {
    const bool pairs = r->form == DECOCT_ROTARY_PAIRS;
    const int64_t half = r->rotary_dim / 2;
    copy(r, y);
    for (int64_t at = 0; at < r->cols; at++) {
        int64_t head = at - at % r->head_dim, j = at % r->head_dim;
        if (j >= r->rotary_dim) {
            continue;
        }
        int64_t i = pairs ? j / 2 : j % half;
        bool second = pairs ? j % 2 : j >= half;
        double x0 = (double)r->x[head + (pairs ? 2 * i : i)];
        double x1 = (double)r->x[head + (pairs ? 2 * i + 1 : half + i)];
        double c = (double)r->cosine[i], s = (double)r->sine[i];
        y.exact[at] = second ? x1 * c + x0 * s : x0 * c - x1 * s;
        y.bound[at] = 2.0 * EXACT_U * (fabs(x0) + fabs(x1)) * larger(fabs(c), fabs(s)) + 0x1p-148;
    }
}

bool exact_row_of(const exact_row *r, exact_result y) {
    static void (*const all[])(const exact_row *r, exact_result y) = {
        [DECOCT_OP_SOFTMAX] = softmax,   [DECOCT_OP_LAYER_NORM] = layer_norm,
        [DECOCT_OP_GELU] = gelu,         [DECOCT_OP_ADD] = add,
        [DECOCT_OP_BIAS] = add,          [DECOCT_OP_EMBEDDING] = copy,
        [DECOCT_OP_AXPBY] = axpby,       [DECOCT_OP_LOG_SOFTMAX] = log_softmax,
        [DECOCT_OP_RMS_NORM] = rms_norm, [DECOCT_OP_SILU] = silu,
        [DECOCT_OP_ROTARY] = rotary};
    bool known = r->op >= 0 && (size_t)r->op < sizeof all / sizeof *all && all[r->op];
    if (known) {
        all[r->op](r, y);
    }
    return known;
}
