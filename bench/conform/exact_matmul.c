// SPDX-License-Identifier: BSD-2-Clause
// The matrix product in float64, and the bound of decoct_matmul.
#include "exact.h"

#include <math.h>

// |error| <= (k + 2) u sum |x b| + k 2^-150, in whatever order the products are added. A value that
// the sum continues from is one more term of it; adding the bias is one more rounding.
void exact_multiply(const exact_product *p, exact_result y) {
    double *sum = y.exact, *size = y.bound;
    for (int64_t j = 0; j < p->cols; j++) {
        sum[j] = p->before ? (double)p->before[j] : 0.0;
        size[j] = fabs(sum[j]);
    }
    for (int64_t i = 0; i < p->k; i++) {
        const float *w = p->w + i * p->row_stride;
        for (int64_t j = 0; j < p->cols; j++) {
            double product = (double)p->x[i] * (double)w[j * p->col_stride];
            sum[j] += product;
            size[j] += fabs(product);
        }
    }
    for (int64_t j = 0; j < p->cols; j++) {
        double bound = (double)(p->k + 2) * EXACT_U * size[j] + (double)p->k * 0x1p-150;
        if (p->bias) {
            sum[j] += (double)p->bias[j];
            bound += EXACT_U * (fabs(sum[j]) + bound);
        }
        y.bound[j] = bound;
    }
}
