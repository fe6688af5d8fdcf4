// SPDX-License-Identifier: BSD-2-Clause
// Matrix product, w in packed panels of PANEL columns or row by row as it lies.
#ifndef SIMD_MATMUL_H
#define SIMD_MATMUL_H

#include "tile.h"

#include <decoct/backend.h>

// ---- One or two rows ----

// Rows of w that are read side by side when w comes plain and is wide: streams that hardware
// fetches ahead, while y waits in the L1 cache. (2 x 2304 x 768, avx2 on Zen 4: 66 GFLOP/s, against
// 37 column by column; at 256 columns the short chains cost more than that, 72 against 86.)
enum { PLAIN_STEPS = 16, PLAIN_WIDE = 1024 };

// Against as many panels at once as keep enough sums under way. `plain`: w is not packed.
INLINE void matmul_few_steps(int rows, int vecs, int plain, const decoct_matmul_piece *a,
                             tile_args t) {
    const int64_t wide = (int64_t)vecs * LANES, next = plain ? PANEL : a->panel_stride;
    const float *bias = t.bias;
    for (int64_t j = 0; j < a->cols; j += PANEL) {
        int64_t left = a->cols - j;
        t.bias = bias ? bias + j : 0;
        t.cols = left < wide ? left : wide;
        if (plain ? left >= wide : left > wide - PANEL) { // all panels are there
            tile(rows, vecs, 0, plain ? 0 : PANEL, &t);
            t.w += (wide - PANEL) / PANEL * next;
            t.y += wide - PANEL;
            j += wide - PANEL;
        } else if (!plain || left >= PANEL) {
            t.cols = left < PANEL ? left : PANEL;
            tile(rows, PANEL_VECS, 0, plain ? 0 : PANEL, &t);
        } else {
            tile(rows, PANEL_VECS, W_PART, 0, &t);
        }
        t.w += next;
        t.y += PANEL;
    }
}

INLINE void matmul_few_rows(int rows, int vecs, int plain, const decoct_matmul_piece *a) {
    tile_args t = {.k = a->k,
                   .x = a->x,
                   .x_stride = a->x_stride,
                   .w = a->w,
                   .w_stride = plain ? a->panel_stride : PANEL,
                   .panel_stride = plain ? PANEL : a->panel_stride,
                   .y = a->y,
                   .y_stride = a->y_stride,
                   .accumulate = a->accumulate};
    for (; plain && a->cols >= PLAIN_WIDE && t.k > PLAIN_STEPS; t.accumulate = 1) {
        int64_t left = t.k - PLAIN_STEPS;
        t.k = PLAIN_STEPS;
        matmul_few_steps(rows, vecs, plain, a, t);
        t.k = left;
        t.x += PLAIN_STEPS;
        t.w += PLAIN_STEPS * t.w_stride;
    }
    t.bias = a->bias;
    matmul_few_steps(rows, vecs, plain, a, t);
}

// ---- Many rows ----

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

// Rows of x that are a multiple of 4 KiB apart share one set of the L1 cache, which has 8 ways or
// more: a higher tile would drive its own rows out (14 rows 4 KiB apart: 92, 8 rows: 117 GFLOP/s on
// Zen 4).
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

// How the operands come: w row by row instead of in panels, x from matmul_pack_x.
typedef struct matmul_form {
    bool plain, packed;
} matmul_form;

// `count` tiles of `rows` rows from `row` on, for the panel at column j.
static void matmul_tiles(const decoct_matmul_piece *a, matmul_form form, int rows, int64_t count,
                         int64_t row, int64_t j) {
    const bool below = row + count * rows < a->rows, right = j + PANEL < a->cols;
    tile_args t = {.k = a->k,
                   .x = form.packed ? a->scratch + row * a->k : a->x + row * a->x_stride,
                   .x_stride = a->x_stride,
                   .w = form.plain ? a->w + j : a->w + j / PANEL * a->panel_stride,
                   .w_stride = form.plain ? a->panel_stride : PANEL,
                   .y = a->y + row * a->y_stride + j,
                   .y_stride = a->y_stride,
                   .bias = a->bias ? a->bias + j : 0,
                   .cols = a->cols - j < PANEL ? a->cols - j : PANEL,
                   .accumulate = a->accumulate,
                   .count = count,
                   .x_next = rows * (form.packed ? a->k : a->x_stride),
                   .y_next = rows * a->y_stride};
    t.y_ahead = below ? t.y + count * t.y_next : right ? a->y + j + PANEL : t.y;
    if (count == 0) {
        return;
    }
    if (form.packed) {
        tile_rows_packed(rows, &t);
    } else if (PANEL_VECS > 1 && t.cols <= LANES) {
        tile_rows_narrow(rows, &t);
    } else if (!form.plain) {
        tile_rows(rows, &t);
    } else if (t.cols == PANEL) {
        tile_rows_plain(rows, &t);
    } else {
        tile_rows_part(rows, &t);
    }
}

static void matmul_many_rows(const decoct_matmul_piece *a, matmul_form form) {
    const matmul_cut cut = matmul_cut_rows(a->rows, matmul_most_rows(a, form.packed));
    if (form.packed) {
        matmul_pack_x(a, &cut);
    }
    for (int64_t j = 0; j < a->cols; j += PANEL) {
        matmul_tiles(a, form, cut.rows, cut.tall, 0, j);
        matmul_tiles(a, form, cut.rows - 1, cut.low, cut.tall * cut.rows, j);
    }
}

INLINE void matmul_any(const decoct_matmul_piece *a, int plain) {
    if (a->rows == 1) {
        matmul_few_rows(1, TILE_VECS_MAX, plain, a);
    } else if (a->rows == 2) {
        matmul_few_rows(2, TWO_ROWS_VECS, plain, a);
    } else {
        bool packed = !plain && PACK_COLS > 0 && a->scratch && a->cols >= PACK_COLS;
        matmul_many_rows(a, (matmul_form){plain, packed});
    }
}

static void matmul_run(const decoct_matmul_piece *a) {
    matmul_any(a, 0);
}

static void matmul_plain(const decoct_matmul_piece *a) {
    matmul_any(a, 1);
}

// ---- Packing ----

// Rows of w are copied by vectors, a transposed w is turned square by square.
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

#endif
