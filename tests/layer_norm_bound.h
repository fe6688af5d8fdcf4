// SPDX-License-Identifier: BSD-2-Clause
// The error of a row of layer norm, in units of the bound that decoct.h states.
#ifndef LAYER_NORM_BOUND_H
#define LAYER_NORM_BOUND_H

#include "check.h"

#include <math.h>

// The bound of layer norm that decoct.h states. With A = mean of |x|, s = sqrt(variance + eps), z =
// (x - mean) / s and t = the additions of the longest chain and 6 more roundings:
//   |m - mean| <= t u A = e s: the rounded mean. It moves every d = x - m alike, and c removes it
//   again, but for the roundings of d (u |d|) and of c (t u mean |d|), and |d| / s <= |z| + e. d^2
//   and c^2 have relative errors of t + 4 and 2 t + 2 roundings, and are at most s^2 (1 + e)^2: so
//   has the variance, of which the root keeps half.
// Together rho (1 + |z|), and as much again for terms of second order, with rho = (t + 6) u (1 +
// e)^2 <= 1/4. Beyond that nothing is left of the row's deviation; what remains is that r <= 1 /
// sqrt(eps).
static double layer_norm_bound(double z, double steps, double size, double s, double eps) {
    double e = steps * CHECK_U * size / s;
    double rho = (steps + 6.0) * CHECK_U * (1.0 + e) * (1.0 + e);
    double tiny = 0x1p-149 * (steps + 2.0) / s; // denormals are rounded to multiples of 2^-149
    return (rho <= 0.25 ? 2.0 * rho : 10.0 * rho * s / sqrt(eps)) * (1.0 + fabs(z)) + tiny;
}

static double layer_norm_error(const float *x, const float *gain, const float *bias, float epsilon,
                               const float *y, int64_t n) {
    double mean = 0.0, size = 0.0, variance = 0.0, worst = 0.0, eps = (double)epsilon;
    for (int64_t j = 0; j < n; j++) {
        mean += ((double)x[j] - (double)x[0]) / (double)n; // a constant row: exactly
        size += fabs((double)x[j]) / (double)n;
    }
    for (int64_t j = 0; j < n; j++) {
        double d = (double)x[j] - (double)x[0] - mean;
        variance += d * d / (double)n;
    }
    double s = sqrt(variance + eps);
    double steps = (double)(n < 1024 ? n : 1024) / 16.0 + (double)n / 1024.0 + 6.0;
    for (int64_t j = 0; j < n; j++) {
        double z = ((double)x[j] - (double)x[0] - mean) / s;
        double g = gain ? (double)gain[j] : 1.0, b = bias ? (double)bias[j] : 0.0;
        double bound = layer_norm_bound(z, steps, size, s, eps) * fabs(g) +
                       CHECK_U * (fabs(z * g) + fabs(z * g + b)) + 0x1p-149;
        worst = check_worse(worst, fabs((double)y[j] - (z * g + b)) / bound);
    }
    return worst;
}

#endif
