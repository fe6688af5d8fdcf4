// SPDX-License-Identifier: BSD-2-Clause
// The register tile that matmul and attention share: `rows` x (`vecs` * 16) outputs stay in
// registers while k runs. Called with constants for rows, vecs and tail, it unrolls into plain
// FMAs: one load of w and one broadcast of x feed many of them. The sheet.h of the ISA chooses its
// tile: TILE_ROWS, PANEL_VECS (vectors side by side; a packed panel has as many),
// TILE_ROWS_LIST(X).
#ifndef SIMD_TILE_H
#define SIMD_TILE_H

#include "square.h"
#include "tile_w.h"
#include "tile_x.h"
#include "tile_y.h"

// x (rows, k) column by column, (k, rows): a tile then reads one stream of memory. From unpacked
// rows it reads as many streams as it has rows, and where these are a multiple of the cache's banks
// apart (768 floats, 1024 floats) they wait for each other on Zen 3 (docs/tuning.md).
//
// Squares are transposed in registers and stored whole; values beyond a row of `rows` are
// overwritten by the next one, so `packed` needs room for TILE_PACK_SPILL more floats. Squares
// further down come first, since they spill into the rows of those above.
enum { TILE_PACK_SPILL = SQUARE };
INLINE void tile_pack(int rows, int64_t k, const float *x, int64_t x_stride, float *packed) {
    int64_t p = 0;
    for (; p + SQUARE <= k; p += SQUARE) {
        for (int r = (rows - 1) / SQUARE * SQUARE; r >= 0; r -= SQUARE) {
            int64_t left = rows - r < SQUARE ? rows - r : SQUARE;
            vec_transpose(x + r * x_stride + p, x_stride, left, packed + p * rows + r, rows);
        }
    }
    for (; p < k; p++) {
        for (int r = 0; r < rows; r++) {
            packed[p * rows + r] = x[r * x_stride + p];
        }
    }
}

// The rest of a ragged tile; `w` and `x` are at step k. w is loaded once for all rows.
INLINE void tile_ragged(int rows, int vecs, const tile_args *a, const float *w, const float *x,
                        vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    for (int64_t p = a->k; p < a->k_most; p++, w += a->w_stride, x++) {
        vec b[TILE_VECS_MAX];
        tile_load_w(rows, vecs, 0, a, w, b);
        tile_hold(vecs, b);
        UNROLL
        for (int r = 0; r < TALL_ROWS; r++) {
            if (r < rows && (a->seen[r] >> p & 1)) {
                UNROLL
                for (int v = 0; v < TILE_VECS_MAX; v++) {
                    if (v < vecs) {
                        acc[r][v] = vec_fma(vec_set(x[r * a->x_stride]), b[v], acc[r][v]);
                    }
                }
            }
        }
    }
}

// One step of k for the rows `from` to `rows`: acc += x w.
INLINE void tile_step(int from, int rows, int vecs, int kind, const tile_args *a, const void *w,
                      const tile_x *x, vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    vec b[TILE_VECS_MAX];
    tile_load_w(rows, vecs, kind, a, w, b);
    if (tile_is_held(rows, vecs)) {
        tile_hold(vecs, b);
    }
    const factors f = factors_take(rows, kind & X_PACKED, x->row, x->stride);
    UNROLL
    for (int r = 0; r < TALL_ROWS; r++) {
        UNROLL
        for (int v = 0; v < TILE_VECS_MAX; v++) {
            if (r >= from && r < rows && v < vecs) {
                acc[r][v] = tile_is_half(vecs, kind, v) ? factors_fma_half(f, r, b[v], acc[r][v])
                            : factors_apart(rows, vecs, kind, r)
                                ? factors_fma_apart(f, r, b[v], acc[r][v])
                                : factors_fma(f, r, b[v], acc[r][v]);
            }
        }
    }
}

// W_KEEP: one row of w goes where it is packed. The tile has loaded it for its sums.
INLINE float *tile_keep(int vecs, const float *w, float *keep) {
    UNROLL
    for (int v = 0; v < TILE_VECS_MAX; v++) {
        if (v < vecs) {
            vec_store(keep + v * LANES, vec_load(w + v * LANES));
        }
    }
    return keep + vecs * LANES;
}

// More stores at once than STORES_MOST of the ISA hold up the multiply-adds of the tile that
// follows: they wait in the same queue (docs/tuning.md). So the last LAST_STEPS steps come
// LAST_SUMS sums at a time, and each group is stored before the next one has its steps. Not where
// steps do other work as well.
#ifndef STORES_MOST
enum { STORES_MOST = TALL_ROWS * TILE_VECS_MAX, LAST_STEPS = 0, LAST_SUMS = 1 };
#endif
INLINE bool tile_ends_in_groups(int rows, int vecs, int kind) {
    return rows * vecs > STORES_MOST && !(kind & (RAGGED | W_KEEP | W_STREAM | W_ASK | W_ASK_ALL));
}

// How many of the k steps are those of all rows.
INLINE int64_t tile_steps_of_all(int rows, int vecs, int kind, int64_t k) {
    return !tile_ends_in_groups(rows, vecs, kind) ? k : k > LAST_STEPS ? k - LAST_STEPS : 0;
}

// Where a tile is in w and x after the steps of all rows, and how far the next step of k is.
typedef struct tile_place {
    const void *w;
    int64_t w_stride;
    tile_x x;
    int64_t x_step;
} tile_place;

// Ends the tile: with the `steps` steps that are left where it ends in groups. The first group also
// asks for rows of w, as W_AHEAD does it near the end of k.
INLINE void tile_finish(int rows, int vecs, int kind, bool whole, const tile_args *a,
                        const tile_place *place, int64_t steps, uintptr_t bytes,
                        vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    if (!tile_ends_in_groups(rows, vecs, kind)) {
        tile_end(0, rows, vecs, kind, whole, a, acc);
        return;
    }
    const int group = LAST_SUMS > vecs ? LAST_SUMS / vecs : 1;
    UNROLL
    for (int r = 0; r < TALL_ROWS; r++) {
        if (r < rows && r % group == 0) {
            const int to = r + group < rows ? r + group : rows;
            tile_place at = *place;
            for (int64_t p = 0; p < steps; p++) {
                if (kind & W_AHEAD && r == 0) {
                    tile_ask_row(vecs, AHEAD_FAR(rows), (uintptr_t)at.w + bytes);
                }
                tile_step(r, to, vecs, kind, a, at.w, &at.x, acc);
                at.w = tile_w_move(kind, at.w, at.w_stride);
                tile_x_move(&at.x, at.x_step);
            }
            tile_end(r, to, vecs, kind, whole, a, acc);
        }
    }
}

// `w_step`: w_stride where it is a constant, else 0.
// The loops run to constants and test inside: so both compilers unroll them before they decide what
// lives in registers. clang 14 leaves the sums in memory when the bounds become constant only by
// inlining.
// Several steps of k a turn (TILE_STEPS): 21 instead of 25 instructions for the 12 FMAs of a 6 x 16
// tile. Alone on a core both run at the FMA peak; not when the sibling hyperthread takes every
// other slot (docs/tuning.md).
INLINE void tile(int rows, int vecs, int kind, int64_t w_step, const tile_args *a) {
    vec acc[TALL_ROWS][TILE_VECS_MAX];
    const bool whole = kind & WHOLE || a->cols == (int64_t)vecs * LANES;
    tile_begin(rows, vecs, kind, whole, a, acc);
    const void *w = a->w;
    const int64_t w_stride = w_step ? w_step : a->w_stride;
    const int64_t x_step = kind & X_PACKED ? rows : 1;
    tile_x x = tile_x_at(rows, kind & X_PACKED, a->x, a->x_stride);
    uintptr_t ask = a->ask;
    const int64_t k = tile_steps_of_all(rows, vecs, kind, a->k);
    int64_t p = 0;
    const bool turns = w_step && !tile_is_tight(rows, vecs, kind);
    for (; turns && p + TILE_STEPS <= k; p += TILE_STEPS) {
        ask = tile_ask_ahead(TILE_STEPS, vecs, kind, a, w, ask);
        UNROLL
        for (int i = 0; i < TILE_STEPS; i++) {
            tile_step(0, rows, vecs, kind, a, w, &x, acc);
            w = tile_w_move(kind, w, w_stride);
            tile_x_move(&x, x_step);
        }
    }
    float *keep = a->keep;
    const rows_ahead ahead = tile_rows_ahead(rows, vecs, a);
    uintptr_t bytes = ahead.within;
    for (int64_t end = kind & W_AHEAD ? ahead.end : k; p < k; end = k, bytes = ahead.beyond) {
        for (; p < end; p++) {
            ask = turns ? ask : tile_ask_ahead(1, vecs, kind & W_ASK, a, w, ask);
            if (kind & W_AHEAD) {
                tile_ask_row(vecs, AHEAD_FAR(rows), (uintptr_t)w + bytes);
            }
            tile_step(0, rows, vecs, kind, a, w, &x, acc);
            keep = kind & W_KEEP ? tile_keep(vecs, w, keep) : keep;
            w = tile_w_move(kind, w, w_stride);
            tile_x_move(&x, x_step);
        }
    }
    if (kind & RAGGED) {
        tile_ragged(rows, vecs, a, w, x.row[0], acc);
    }
    const tile_place place = {w, w_stride, x, x_step};
    tile_finish(rows, vecs, kind, whole, a, &place, a->k - k, ahead.beyond, acc);
}

// Prefetches a tile of y, to be written after its last step. Its lines are in as many pages as it
// has rows, which hardware does not predict: stores of small k wait for them one after the other
// (docs/tuning.md).
INLINE void tile_ask(int rows, int vecs, const float *y, int64_t y_stride) {
    AFRESH(y_stride);
    UNROLL
    for (int r = 0; r < TALL_ROWS; r++) {
        UNROLL
        for (int v = 0; v < TILE_VECS_MAX; v++) {
            if (r < rows && v < vecs) {
                __builtin_prefetch(y + r * y_stride + v * LANES, 1);
            }
        }
    }
}

// All `count` tiles; with Y_ASK one: a loop around it would keep what it knows of the next one in
// registers (docs/tuning.md).
INLINE void tiles(int rows, int vecs, int kind, int64_t w_step, const tile_args *a) {
    if (kind & Y_ASK) {
        tile_ask(rows, vecs, a->y, a->y_stride);
        tile(rows, vecs, kind, w_step, a);
        return;
    }
    tile_args t = *a;
    for (int64_t i = 0; i < a->count; i++) {
        tile(rows, vecs, kind, w_step, &t);
        t.x += t.x_next;
        t.w = tile_w_move(kind, t.w, t.w_next);
        t.ask += (uintptr_t)t.w_next * sizeof(float);
        t.y += t.y_next;
    }
}

// `rows` is a constant in each case, so that each becomes a loop of its own.
INLINE void tile_rows(int rows, int vecs, int kind, int64_t w_step, const tile_args *a) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        tiles(n, vecs, kind, w_step, a);                                                           \
        break;
#define TALL_CASE(n)                                                                               \
    case n:                                                                                        \
        if (vecs == 1) {                                                                           \
            tiles(n, 1, kind, w_step, a);                                                          \
        }                                                                                          \
        break;
    switch (rows) {
        TILE_ROWS_LIST(CASE)
        TALL_LIST(TALL_CASE)
    default:
        break;
    }
#undef TALL_CASE
#undef CASE
}

INLINE void tile_pack_rows(int rows, int64_t k, const float *x, int64_t x_stride, float *packed) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        tile_pack(n, k, x, x_stride, packed);                                                      \
        break;
    switch (rows) {
        TILE_ROWS_LIST(CASE)
    default:
        break;
    }
#undef CASE
}

// A function of its own for each kind: the loops of one do not use registers of another's.
#define TILE_FUNCTION static __attribute__((noinline)) void

#endif
