// SPDX-License-Identifier: BSD-2-Clause
// How w is laid out in the packed panels of each type.
#ifndef SIMD_MATMUL_PACK_H
#define SIMD_MATMUL_PACK_H

#include "tile.h"

#include <decoct/backend.h>

// Rows of w are copied by vectors, a transposed w is turned square by square.
static void matmul_pack(const decoct_pack_piece *a) {
    const int64_t k = a->k, row_stride = a->row_stride, col_stride = a->col_stride;
    const int64_t there = a->cols < PANEL ? a->cols : PANEL;
    const float *w = a->w;
    float *panel = a->panel;
    if (col_stride == 1) {
        for (int64_t p = 0; p < k; p++) {
            UNROLL
            for (int v = 0; v < PANEL_VECS; v++) {
                vec row = tile_load(w + p * row_stride + v * LANES, there - v * LANES);
                vec_store(panel + p * PANEL + v * LANES, row);
            }
        }
        return;
    }
    int64_t p = 0;
    for (; row_stride == 1 && p + SQUARE <= k; p += SQUARE) {
        for (int64_t j = 0; j < PANEL; j += SQUARE) {
            int64_t rows = there - j < 0 ? 0 : there - j < SQUARE ? there - j : SQUARE;
            vec_transpose(w + p + j * col_stride, col_stride, rows, panel + p * PANEL + j, PANEL);
        }
    }
    for (; p < k; p++) {
        for (int64_t j = 0; j < PANEL; j++) {
            panel[p * PANEL + j] = j < there ? w[p * row_stride + j * col_stride] : 0.0f;
        }
    }
}

// Numbers of 16 bits; column j of a step goes to place[j].
static void matmul_pack_16(const decoct_pack_piece *a, const int *place) {
    const int64_t there = a->cols < PANEL ? a->cols : PANEL;
    uint16_t *panel = a->panel;
    for (int64_t p = 0; p < a->k; p++, panel += PANEL) {
        const uint16_t *w = (const uint16_t *)a->w + p * a->row_stride;
        for (int64_t j = 0; j < PANEL; j++) {
            panel[place[j]] = j < there ? w[j * a->col_stride] : 0;
        }
    }
}

static void matmul_pack_f16(const decoct_pack_piece *a) {
    int place[PANEL];
    for (int j = 0; j < PANEL; j++) {
        place[j] = j;
    }
    matmul_pack_16(a, place);
}

// Pairs of columns are a layout of our own.
static inline int64_t matmul_bf16_bytes(int64_t k) {
    return k * PANEL * (int64_t)sizeof(uint16_t);
}

// In pairs: see vec_load_pairs.
static void matmul_pack_bf16(const decoct_pack_piece *a) {
    int place[PANEL];
    for (int j = 0; j < PANEL; j++) {
        place[j] = PAIR_APART ? j % PAIR_APART * 2 + j / PAIR_APART : j;
    }
    matmul_pack_16(a, place);
}

#endif
