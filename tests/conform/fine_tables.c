// SPDX-License-Identifier: BSD-2-Clause
// Plugins that must conform: scalar's kernels as they are, and some that compute in double
// precision, so that they give other bits and are more accurate.
#include "plugin.h"

void double_softmax(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = (const float *)a->x.data + i * a->x.stride;
        float *y = (float *)a->y.data + i * a->y.stride;
        double max = -INFINITY, sum = 0.0;
        for (int64_t j = 0; j < a->cols; j++) {
            // (With fmax gcc 12 for ARM ends with an internal error.)
            double z = (double)x[j] * (double)a->scale;
            max = z > max ? z : max;
        }
        max = max == -INFINITY ? 0.0 : max;
        for (int64_t j = 0; j < a->cols; j++) {
            sum += exp((double)x[j] * (double)a->scale - max);
        }
        for (int64_t j = 0; j < a->cols; j++) {
            double p = exp((double)x[j] * (double)a->scale - max);
            y[j] = (float)(sum == 0.0 ? 0.0 : p / sum);
        }
    }
}

static void double_matmul(const decoct_matmul_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = (const float *)a->x.data + i * a->x.stride;
        float *y = (float *)a->y.data + i * a->y.stride;
        for (int64_t j = 0; j < a->cols; j++) {
            const void *panel = (const char *)a->w + j / PANEL * a->w_stride;
            const float *w = (const float *)panel + j % PANEL;
            double sum = a->accumulate ? (double)y[j] : 0.0;
            for (int64_t p = 0; p < a->k; p++) {
                sum += (double)x[p] * (double)w[p * PANEL];
            }
            y[j] = (float)(a->bias ? sum + (double)a->bias[j] : sum);
        }
    }
}

static void compute_in_double(tables *t) {
    t->bits = DECOCT_BITS_OTHER;
    t->rows[DECOCT_OP_SOFTMAX].run = double_softmax;
    t->matmul[DECOCT_F32].run = double_matmul;
}

static void change_nothing(tables *t) {
    (void)t;
}

const mistake fine_tables[] = {
    {"right", .table = change_nothing},
    {"other_bits", .table = compute_in_double},
    {.name = NULL},
};
