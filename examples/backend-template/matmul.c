// SPDX-License-Identifier: BSD-2-Clause
// The product y = x w of f32. Each element of y is one chain of fused multiply-adds over k, which
// no kernel may cut or reorder; so the lanes of a vector are 16 columns of y, and a tile of rows
// keeps several chains under way.
#include "mine.h"

#include <math.h>
#include <string.h>

// Columns of a panel of packed w, which is (k, PANEL), and rows of a tile.
enum { PANEL = 16, TILE = 4 };

// Elements [0, cols) of `rows` rows of y, in one panel.
static inline void tile(const decoct_matmul_piece *a, int rows, const float *x, const float *panel,
                        int64_t cols, float *y, const float *bias) {
    float sum[TILE][PANEL] = {{0}};
    for (int i = 0; i < rows && a->accumulate; i++) {
        memcpy(sum[i], y + i * a->y.stride, (size_t)cols * sizeof *y);
    }
    for (int64_t p = 0; p < a->k; p++, panel += PANEL) {
        for (int i = 0; i < rows; i++) {
            float xp = x[i * a->x.stride + p];
#pragma omp simd
            for (int l = 0; l < PANEL; l++) {
                sum[i][l] = fmaf(xp, panel[l], sum[i][l]);
            }
        }
    }
    for (int i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j++) {
            y[i * a->y.stride + j] = bias ? sum[i][j] + bias[j] : sum[i][j];
        }
    }
}

void mine_matmul(const decoct_matmul_piece *a) {
    for (int64_t j = 0; j < a->cols; j += PANEL) {
        const float *panel = (const float *)((const char *)a->w + j / PANEL * a->w_stride);
        const float *x = a->x.data, *bias = a->bias ? a->bias + j : NULL;
        float *y = (float *)a->y.data + j;
        int64_t cols = a->cols - j < PANEL ? a->cols - j : PANEL, i = 0;
        for (; i + TILE <= a->rows; i += TILE) {
            tile(a, TILE, x + i * a->x.stride, panel, cols, y + i * a->y.stride, bias);
        }
        for (; i < a->rows; i++) {
            tile(a, 1, x + i * a->x.stride, panel, cols, y + i * a->y.stride, bias);
        }
    }
}

void mine_pack(const decoct_pack_piece *a) {
    const float *w = a->w;
    float *panel = a->panel;
    for (int64_t p = 0; p < a->k; p++, panel += PANEL) {
        for (int64_t j = 0; j < PANEL; j++) {
            panel[j] = j < a->cols ? w[p * a->row_stride + j * a->col_stride] : 0.0f;
        }
    }
}
