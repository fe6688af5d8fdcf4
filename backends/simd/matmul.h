// SPDX-License-Identifier: BSD-2-Clause
// Matrix product over packed panels of PANEL columns.
#ifndef SIMD_MATMUL_H
#define SIMD_MATMUL_H

#include "tile.h"

#include <decoct/backend.h>

// One or two rows against several panels at once.
INLINE void matmul_few_rows(int rows, int vecs, const decoct_matmul_piece *a) {
    const int64_t wide = (int64_t)vecs * LANES;
    for (int64_t j = 0; j < a->cols; j += wide) {
        int64_t cols = a->cols - j < wide ? a->cols - j : wide;
        tile_args t = {.k = a->k,
                       .x = a->x,
                       .x_stride = a->x_stride,
                       .w = a->w + j / PANEL * a->panel_stride,
                       .w_stride = PANEL,
                       .panel_stride = a->panel_stride,
                       .y = a->y + j,
                       .y_stride = a->y_stride,
                       .bias = a->bias ? a->bias + j : 0,
                       .cols = cols,
                       .accumulate = a->accumulate};
        if (cols > wide - PANEL) { // all panels are there
            tile(rows, vecs, 0, 0, PANEL, &t);
            continue;
        }
        for (int64_t done = 0; done < cols; done += PANEL) {
            t.cols = cols - done < PANEL ? cols - done : PANEL;
            tile(rows, PANEL_VECS, 0, 0, PANEL, &t);
            t.w += a->panel_stride;
            t.y += PANEL;
            t.bias = t.bias ? t.bias + PANEL : 0;
        }
    }
}

// As many tiles as needed, of nearly the same height, so that 8 rows are 4 + 4 rather than 6 + 2:
// `tall` tiles of `rows` rows, then `low` ones of one row less.
typedef struct matmul_cut {
    int rows;
    int64_t tall, low;
} matmul_cut;

static matmul_cut matmul_cut_rows(int64_t rows, int64_t most) {
    int64_t tiles = (rows + most - 1) / most, tall = rows % tiles;
    return tall ? (matmul_cut){(int)(rows / tiles) + 1, tall, tiles - tall}
                : (matmul_cut){(int)(rows / tiles), tiles, 0};
}

// Rows of x that are a multiple of 4 KiB apart share one set of the L1 cache, which has 8 ways or more:
// a higher tile would drive its own rows out (14 rows 4 KiB apart: 92, 8 rows: 117 GFLOP/s on Zen 4).
enum { ALIASED_FLOATS = 1024, ALIASED_ROWS = 8 };

static int64_t matmul_most_rows(const decoct_matmul_piece *a, bool packed) {
    bool aliased = !packed && a->x_stride % ALIASED_FLOATS == 0;
    return aliased && ALIASED_ROWS < TILE_ROWS ? ALIASED_ROWS : TILE_ROWS;
}

// x in tiles, one after the other.
static void matmul_pack_x(const decoct_matmul_piece *a, const matmul_cut *cut) {
    int64_t row = 0;
    for (int64_t i = 0; i < cut->tall + cut->low; i++) {
        int rows = i < cut->tall ? cut->rows : cut->rows - 1;
        tile_pack_rows(rows, a->k, a->x + row * a->x_stride, a->x_stride, a->scratch + row * a->k);
        row += rows;
    }
}

// `count` tiles of `rows` rows from `row` on, for the panel at column j.
static void matmul_tiles(const decoct_matmul_piece *a, bool packed, int rows, int64_t count,
                         int64_t row, int64_t j) {
    const bool below = row + count * rows < a->rows, right = j + PANEL < a->cols;
    tile_args t = {.k = a->k,
                   .x = packed ? a->scratch + row * a->k : a->x + row * a->x_stride,
                   .x_stride = a->x_stride,
                   .w = a->w + j / PANEL * a->panel_stride,
                   .w_stride = PANEL,
                   .y = a->y + row * a->y_stride + j,
                   .y_stride = a->y_stride,
                   .bias = a->bias ? a->bias + j : 0,
                   .cols = a->cols - j < PANEL ? a->cols - j : PANEL,
                   .accumulate = a->accumulate,
                   .count = count,
                   .x_next = rows * (packed ? a->k : a->x_stride),
                   .y_next = rows * a->y_stride};
    t.y_ahead = below ? t.y + count * t.y_next : right ? a->y + j + PANEL : t.y;
    if (count == 0) {
        return;
    }
    if (packed) {
        tile_rows_packed(rows, &t);
    } else {
        tile_rows(rows, &t);
    }
}

static void matmul_run(const decoct_matmul_piece *a) {
    if (a->rows == 1) {
        matmul_few_rows(1, TILE_VECS_MAX, a);
        return;
    }
    if (a->rows == 2) {
        matmul_few_rows(2, TWO_ROWS_VECS, a);
        return;
    }
    const bool packed = PACK_COLS && a->scratch && a->cols >= PACK_COLS;
    const matmul_cut cut = matmul_cut_rows(a->rows, matmul_most_rows(a, packed));
    if (packed) {
        matmul_pack_x(a, &cut);
    }
    for (int64_t j = 0; j < a->cols; j += PANEL) {
        matmul_tiles(a, packed, cut.rows, cut.tall, 0, j);
        matmul_tiles(a, packed, cut.rows - 1, cut.low, cut.tall * cut.rows, j);
    }
}

// Rows of w that lie next to each other are copied by vectors; a transposed w column by column.
static void matmul_pack(int64_t k, int64_t cols, const float *w, int64_t row_stride,
                        int64_t col_stride, float *panel) {
    int64_t there = cols < PANEL ? cols : PANEL;
    if (col_stride == 1) {
        for (int64_t p = 0; p < k; p++) {
            UNROLL
            for (int v = 0; v < PANEL_VECS; v++) {
                vec a = tile_load(w + p * row_stride + v * LANES, there - v * LANES);
                vec_store(panel + p * PANEL + v * LANES, a);
            }
        }
        return;
    }
    for (int64_t j = 0; j < PANEL; j++) {
        for (int64_t p = 0; p < k; p++) {
            panel[p * PANEL + j] = j < there ? w[p * row_stride + j * col_stride] : 0.0f;
        }
    }
}

#endif
