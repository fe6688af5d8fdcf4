// SPDX-License-Identifier: BSD-2-Clause
// Matrix products of any layout on libdecoct.
#ifndef BLAS_MULTIPLY_H
#define BLAS_MULTIPLY_H

#include <stdint.h>

// Element (i, j) is data[i * row + j * col]; strides may be negative where the matrix is a vector.
typedef struct blas_view {
    const float *data;
    int64_t row, col;
    int64_t next; // from one product of a batch to the next
} blas_view;

// y = alpha x b + beta y: x (m, k), b (k, n), y (m, n).
typedef struct blas_product {
    int64_t m, n, k, batch; // at least 1, k at least 0
    float alpha, beta;      // with beta 0, y is not read; with alpha 0, x and b are not read
    blas_view x, b;
    float *y;
    int64_t y_row, y_col, y_next;
} blas_product;

void blas_multiply(const blas_product *p);

// The same by three loops, without a context and without memory.
void blas_multiply_simply(const blas_product *p);

#endif
