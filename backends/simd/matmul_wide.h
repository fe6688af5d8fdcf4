// SPDX-License-Identifier: BSD-2-Clause
// Tiles that are wide instead of high, of several vectors and fewer rows.
#ifndef SIMD_MATMUL_WIDE_H
#define SIMD_MATMUL_WIDE_H

#include "matmul_few.h"
#include "matmul_tiles.h"

// A sheet with WIDE_ROWS and WIDE_LIST(X), the heights up to it, has tiles of WIDE_VECS vectors.
// Its other constants are those of matmul_is_wide and, as WIDE_ASKERS, how many tiles ask for the
// next columns of packed w, or 0: wide tiles ask for no w.
#ifndef WIDE_ROWS
#define WIDE_ROWS 0
#define WIDE_VECS PANEL_VECS
#define WIDE_LIST(X) X(1)
#define WIDE_PLAIN_ROWS 0
#define WIDE_W 0
#define WIDE_SHORT_ROWS 0
#define WIDE_SHORT_K 0
#define WIDE_MANY_ROWS 0
#define WIDE_MANY_K 0
#define WIDE_NARROW 0
#define WIDE_NARROWER 0
#define WIDE_ASKERS 0
#define WIDE_ALIGN 1
#endif
enum { WIDE = WIDE_VECS * LANES };

// `kind` Y_ASK: the place in y is asked for.
INLINE void tile_wide(int rows, int kind, int64_t w_step, const tile_args *t) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        if (kind & Y_ASK) {                                                                        \
            tile_ask(n, WIDE_VECS, t->y, t->y_stride);                                             \
        }                                                                                          \
        tile(n, WIDE_VECS, kind | WHOLE, w_step, t);                                               \
        break;
    switch (rows) {
        WIDE_LIST(CASE)
    default:
        break;
    }
#undef CASE
}

#define MATMUL_WIDE(name, kind, w_step)                                                            \
    TILE_FUNCTION name(int rows, const tile_args *a, const float *x, float *y, uintptr_t ask) {    \
        const tile_args t = tile_at(a, x, y, ask);                                                 \
        tile_wide(rows, kind, w_step, &t);                                                         \
    }

// Unpacked w and packed w, y that is in cache and y that is asked for; the same while w is asked
// for.
MATMUL_WIDE(wide_plain, 0, 0)
MATMUL_WIDE(wide_plain_asking, Y_ASK, 0)
MATMUL_WIDE(wide_plain_ahead, Y_ASK | W_AHEAD, 0)
MATMUL_WIDE(wide_packed, 0, PANEL)
MATMUL_WIDE(wide_packed_asking, Y_ASK, PANEL)
MATMUL_WIDE(wide_packed_next, Y_ASK | W_ASK, PANEL)

// Wide tiles come quicker one after the other, and store more of a row of y at once: the shorter k
// is, the more that counts. They read fewer rows of x a step, so x is not packed for them: the
// fewer columns there are, the more that counts. But they read more of w a step, which has to be in
// cache, as WIDE_W numbers are expected to be, or used by many rows; and rows of unpacked w begin
// on WIDE_ALIGN bytes, where a vector that is in two lines takes two loads. One high tile is better
// than two wide ones of half its rows. Measured (docs/tuning.md), not derived.
enum {
    WIDE_Y = 1 << 14,    // numbers of y that is not asked for
    WIDE_NEAR = 1 << 12, // numbers of unpacked w that is not asked for
};

INLINE bool matmul_is_wide(const decoct_matmul_piece *a, int kind) {
    if (WIDE_ROWS == 0 || a->cols < WIDE || kind & (W_F16 | W_BF16)) {
        return false;
    }
    if (kind & PLAIN) {
        return a->rows >= WIDE_PLAIN_ROWS && a->k * a->cols <= WIDE_W &&
               ((uintptr_t)a->w | (uintptr_t)a->w_stride) % WIDE_ALIGN == 0;
    }
    return (a->rows >= WIDE_SHORT_ROWS && (a->k <= WIDE_SHORT_K || a->cols <= WIDE_NARROW)) ||
           (a->rows >= WIDE_MANY_ROWS && a->k <= WIDE_MANY_K) ||
           (a->rows > TILE_ROWS && a->cols <= WIDE_NARROWER);
}

// The tiles of WIDE columns of unpacked w, of which the first one asks for w, and then for the
// columns to the right.
INLINE void matmul_wide_plain(const decoct_matmul_piece *a, const matmul_cut *cut,
                              const tile_args *t, float *y) {
    const float *x = a->x.data;
    matmul_tile *rest = a->rows * a->cols > WIDE_Y ? wide_plain_asking : wide_plain;
    matmul_tile *run = WIDE_ASKERS && a->k * a->cols > WIDE_NEAR ? wide_plain_ahead : rest;
    for (int i = 0; i < cut->tiles; i++) {
        const int rows = i < cut->tall ? cut->rows : cut->rows - 1;
        run(rows, t, x, y, 0);
        x += rows * t->x_stride;
        y += rows * t->y_stride;
        run = rest;
    }
}

// Asks for the beginning of the rows of x behind those of a tile, even if they do not exist:
// hardware fetches a row ahead only once some lines of it were read (docs/tuning.md).
enum { WIDE_X_LINES = 8, WIDE_X_K = 256 };

INLINE void matmul_ask_x(int rows, const tile_args *t, const float *x) {
    const uintptr_t line = 64, stride = (uintptr_t)t->x_stride * sizeof(float);
    for (int r = rows; r < rows + WIDE_ROWS; r++) {
        for (int i = 0; i < WIDE_X_LINES; i++) {
            const uintptr_t at = (uintptr_t)x + (uintptr_t)r * stride + (uintptr_t)i * line;
            __builtin_prefetch((const void *)at, 0, 2);
        }
    }
}

// The tiles of WIDE columns of packed w, of which the last `askers` ask for the next columns. The
// first columns may find x in memory.
INLINE void matmul_wide_packed(const decoct_matmul_piece *a, const matmul_cut *cut, int askers,
                               const tile_args *t, float *y, bool first) {
    const float *x = a->x.data;
    uintptr_t ask = t->ask;
    matmul_tile *run = a->rows * a->cols > WIDE_Y ? wide_packed_asking : wide_packed;
    for (int i = 0; i < cut->tiles; i++) {
        const int rows = i < cut->tall ? cut->rows : cut->rows - 1;
        if (WIDE_ASKERS && first && t->k >= WIDE_X_K) {
            matmul_ask_x(rows, t, x);
        }
        if (i < cut->tiles - askers) {
            run(rows, t, x, y, 0);
        } else {
            wide_packed_next(rows, t, x, y, ask);
            ask += (uintptr_t)(t->ask_step * t->k);
        }
        x += rows * t->x_stride;
        y += rows * t->y_stride;
    }
}

// Returns where less than WIDE columns are left.
INLINE int64_t matmul_wide(const decoct_matmul_piece *a, int kind, tile_args *t) {
    const matmul_cut cut = matmul_cut_rows(a->rows, WIDE_ROWS);
    const int64_t step = kind & PLAIN ? WIDE : WIDE / PANEL * matmul_w_stride(a, 0);
    const int most = cut.tiles < WIDE_ASKERS ? cut.tiles : WIDE_ASKERS;
    int64_t j = 0;
    t->cols = WIDE;
    for (; j + WIDE <= a->cols; j += WIDE) {
        float *y = (float *)a->y.data + j;
        t->bias = a->bias ? a->bias + j : 0;
        if (kind & PLAIN) {
            matmul_wide_plain(a, &cut, t, y);
        } else {
            const int askers = a->cols - j >= 2 * WIDE ? most : 0;
            t->ask = (uintptr_t)((const float *)t->w + step);
            t->ask_step = askers > 0 ? (int64_t)(PANEL * sizeof(float)) / askers : 0;
            matmul_wide_packed(a, &cut, askers, t, y, j == 0);
        }
        t->w = (const float *)t->w + step;
    }
    t->ask_step = PANEL * sizeof(float);
    return j;
}

#endif
