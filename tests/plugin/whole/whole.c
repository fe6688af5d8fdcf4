// SPDX-License-Identifier: BSD-2-Clause
// A library of whole operations as a plugin: products that are summed in double from the last step
// to the first, and softmax in double, which give other bits. It declines k of 7, weights of 11
// columns and softmax of 7 columns. WHOLE_OLD: a table of an older header, whose struct ended with
// `matmul`. WHOLE_MISSING: its library is not there. WHOLE_WRONG: softmax without its scale, and
// weights that lose their last row. WHOLE_LATE: beyond the sizes of the exam the last number of a
// product is wrong, or NaN for many steps.
#include <decoct/backend.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct copy {
    int64_t n;
    double b[];
} copy;

static double element_of_b(const decoct_whole_matmul *a, int64_t p, int64_t j) {
    const copy *c = a->packed;
    const float *b = a->b.data;
    return c                 ? c->b[p * c->n + j]
           : a->b_transposed ? (double)b[j * a->b.stride + p]
                             : (double)b[p * a->b.stride + j];
}

static float element(const decoct_whole_matmul *a, int64_t i, int64_t j) {
    const float *x = (const float *)a->x.data + i * a->x.stride;
    double sum = a->bias ? (double)a->bias[j] : 0.0;
    for (int64_t p = a->k - 1; p >= 0; p--) {
        sum += (double)x[p] * element_of_b(a, p, j);
    }
    return (float)sum;
}

static void row(void *data, int64_t i, int32_t worker) {
    const decoct_whole_matmul *a = data;
    float *y = (float *)a->y.data + i * a->y.stride;
    (void)worker;
    for (int64_t j = 0; j < a->n; j++) {
        y[j] = element(a, i, j);
    }
}

static int32_t matmul(const decoct_host *host, const decoct_whole_matmul *call) {
    decoct_whole_matmul a = *call;
    if (a.k == 7) {
        return 1;
    }
    host->run(host->context, a.m, row, &a);
#ifdef WHOLE_LATE
    if (a.n > 100) {
        ((float *)a.y.data)[(a.m - 1) * a.y.stride + a.n - 1] += a.k > 300 ? NAN : 1.0f;
    }
#endif
    return 0;
}

static int32_t pack(const decoct_host *host, const decoct_whole_weights *w, void **packed) {
    decoct_whole_matmul a = {.b = w->b, .b_transposed = w->b_transposed};
    copy *c = w->n == 11 ? NULL : malloc(sizeof *c + (size_t)(w->k * w->n) * sizeof *c->b);
    (void)host;
    for (int64_t i = 0; c && i < w->k * w->n; i++) {
        c->n = w->n;
        c->b[i] = element_of_b(&a, i / w->n, i % w->n);
#ifdef WHOLE_WRONG
        c->b[i] = i / w->n == w->k - 1 ? 0.0 : c->b[i];
#endif
    }
    *packed = c;
    return !c;
}

static void softmax_row(void *data, int64_t i, int32_t worker) {
    const decoct_rows_piece *a = data;
    const float *x = (const float *)a->x.data + i * a->x.stride;
    float *y = (float *)a->y.data + i * a->y.stride, max = -INFINITY, scale = a->scale;
    double sum = 0.0;
    (void)worker;
#ifdef WHOLE_WRONG
    scale = 1.0f;
#endif
    for (int64_t j = 0; j < a->cols; j++) {
        max = max > x[j] * scale ? max : x[j] * scale;
    }
    max = max == -INFINITY ? 0.0f : max;
    for (int64_t j = 0; j < a->cols; j++) {
        y[j] = (float)exp((double)(x[j] * scale - max));
        sum += (double)y[j];
    }
    for (int64_t j = 0; j < a->cols; j++) {
        y[j] = sum == 0.0 ? 0.0f : (float)((double)y[j] / sum);
    }
}

static int32_t rows(const decoct_host *host, decoct_op op, const decoct_rows_piece *call) {
    decoct_rows_piece a = *call;
    if (op != DECOCT_OP_SOFTMAX || a.cols == 7) {
        return 1;
    }
    host->run(host->context, a.rows, softmax_row, &a);
    return 0;
}

static int32_t open_library(char *reason, uint64_t size) {
#ifdef WHOLE_MISSING
    snprintf(reason, size, "libvendor.so.9: cannot open shared object file");
    return 1;
#else
    (void)reason;
    return size == 0;
#endif
}

static const decoct_whole_kernels whole = {.dtypes = 1u << DECOCT_F32,
                                           .bits = DECOCT_BITS_OTHER,
                                           .matmul = matmul,
                                           .pack = pack,
                                           .release = free,
                                           .rows_ops = UINT64_C(1) << DECOCT_OP_SOFTMAX,
                                           .rows = rows,
                                           .open = open_library};

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {
#ifdef WHOLE_OLD
    .struct_size = offsetof(decoct_backend, whole_size),
#else
    .struct_size = sizeof(decoct_backend),
    .whole_size = sizeof whole,
#endif
    .abi = DECOCT_BACKEND_ABI,
    .name = "whole",
    .version = "1",
    .priority = 1000,
    .bits = DECOCT_BITS_OTHER,
    .whole = &whole};
