// SPDX-License-Identifier: BSD-2-Clause
#include "simulate_common.h"

#include <math.h>

const char *const common_names[COMMON_RULES] = {"U test, p < .05", "mean > 5 %", "mean > 10 %"};

// Mann and Whitney's U test as scipy computes it without ties: the normal approximation with a
// correction for continuity.
static common_says u_test(const double *a, const double *b, int count) {
    double u = 0.0, n = count;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < count; j++) {
            u += b[j] > a[i] ? 1.0 : b[j] == a[i] ? 0.5 : 0.0;
        }
    }
    double beyond = fabs(u - 0.5 * n * n) - 0.5;
    double p = erfc(beyond / sqrt(n * n * (2.0 * n + 1.0) / 12.0) / sqrt(2.0));
    return p >= 0.05 ? COMMON_EQUAL : u > 0.5 * n * n ? COMMON_SLOWER : COMMON_FASTER;
}

static common_says compare_means(const double *a, const double *b, int count, double threshold) {
    double sums[2] = {0.0, 0.0};
    for (int i = 0; i < count; i++) {
        sums[0] += a[i];
        sums[1] += b[i];
    }
    double change = sums[1] / sums[0] - 1.0;
    return change > threshold ? COMMON_SLOWER : change < -threshold ? COMMON_FASTER : COMMON_EQUAL;
}

void common_rules(const double *a, const double *b, int count, common_says says[COMMON_RULES]) {
    says[COMMON_U_TEST] = u_test(a, b, count);
    says[COMMON_MEAN_5] = compare_means(a, b, count, 0.05);
    says[COMMON_MEAN_10] = compare_means(a, b, count, 0.10);
}
