// SPDX-License-Identifier: BSD-2-Clause
// Products by three loops, for what the library refuses: no memory, factors that are not finite,
// outputs that overlap inputs. BLAS has no way to report a failure.
#include "multiply.h"

#include <math.h>

// What is left if x b counts nothing: y = beta y.
static void scale(const blas_product *p, float *y) {
    for (int64_t i = 0; i < p->m; i++) {
        for (int64_t j = 0; j < p->n; j++) {
            float *to = &y[i * p->y_row + j * p->y_col];
            *to = p->beta != 0.0f ? p->beta * *to : 0.0f;
        }
    }
}

static float chain(const blas_product *p, const float *x, const float *b) {
    float sum = 0.0f;
    for (int64_t i = 0; i < p->k; i++) {
        sum = fmaf(x[i * p->x.col], b[i * p->b.row], sum);
    }
    return sum;
}

static void multiply(const blas_product *p, const float *x, const float *b, float *y) {
    for (int64_t i = 0; i < p->m; i++) {
        for (int64_t j = 0; j < p->n; j++) {
            float *to = &y[i * p->y_row + j * p->y_col];
            float sum = chain(p, &x[i * p->x.row], &b[j * p->b.col]);
            *to = p->beta != 0.0f ? fmaf(p->alpha, sum, p->beta * *to) : p->alpha * sum;
        }
    }
}

void blas_multiply_simply(const blas_product *p) {
    for (int64_t i = 0; i < p->batch; i++) {
        float *y = p->y + i * p->y_next;
        if (p->alpha == 0.0f || p->k == 0) {
            scale(p, y);
        } else {
            multiply(p, p->x.data + i * p->x.next, p->b.data + i * p->b.next, y);
        }
    }
}
