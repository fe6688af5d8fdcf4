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

INLINE void tile_store(float *p, vec a, int64_t cols) {
    if (cols >= LANES) {
        vec_store(p, a);
    } else if (cols > 0) {
        vec_store_first(p, a, cols);
    }
}

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

// One step of k: acc += x w.
INLINE void tile_step(int rows, int vecs, int kind, const tile_args *a, const void *w,
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
            if (r < rows && v < vecs) {
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

// acc = y. A tile whose columns all exist checks that once.
INLINE void tile_fetch(int rows, int vecs, int kind, bool whole, const tile_args *a,
                       vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    int64_t stride = a->y_stride;
    AFRESH(stride);
    UNROLL
    for (int r = 0; r < TALL_ROWS; r++) {
        UNROLL
        for (int v = 0; v < TILE_VECS_MAX; v++) {
            if (r < rows && v < vecs) {
                const float *from = a->y + r * stride + v * LANES;
                acc[r][v] = whole ? vec_load(from) : tile_load(from, tile_cols(vecs, kind, a, v));
            }
        }
    }
}

// acc = factor acc, row by row.
INLINE void tile_scale(int rows, int vecs, const tile_args *a, vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    UNROLL
    for (int r = 0; r < TALL_ROWS; r++) {
        UNROLL
        for (int v = 0; v < TILE_VECS_MAX; v++) {
            if (r < rows && v < vecs) {
                acc[r][v] = vec_mul(acc[r][v], vec_set(a->factor[r]));
            }
        }
    }
}

// acc = 0, or y to continue from.
INLINE void tile_begin(int rows, int vecs, int kind, bool whole, const tile_args *a,
                       vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    UNROLL
    for (int r = 0; r < TALL_ROWS; r++) {
        UNROLL
        for (int v = 0; v < TILE_VECS_MAX; v++) {
            acc[r][v] = vec_set(0.0f);
        }
    }
    if (kind & SCALED) {
        tile_fetch(rows, vecs, kind, true, a, acc);
        tile_scale(rows, vecs, a, acc);
    } else if (a->accumulate && whole) {
        tile_fetch(rows, vecs, kind, true, a, acc);
    } else if (a->accumulate) {
        tile_fetch(rows, vecs, kind, false, a, acc);
    }
}

// y = acc.
INLINE void tile_put(int rows, int vecs, int kind, bool whole, const tile_args *a,
                     vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    float *y = a->y; // read once: stores of vectors could change *a
    int64_t stride = a->y_stride;
    AFRESH(stride);
    UNROLL
    for (int r = 0; r < TALL_ROWS; r++) {
        UNROLL
        for (int v = 0; v < TILE_VECS_MAX; v++) {
            if (r < rows && v < vecs) {
                float *to = y + r * stride + v * LANES;
                tile_store(to, acc[r][v], whole ? LANES : tile_cols(vecs, kind, a, v));
            }
        }
    }
}

// acc += bias.
INLINE void tile_bias(int rows, int vecs, int kind, bool whole, const tile_args *a,
                      vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    UNROLL
    for (int v = 0; v < TILE_VECS_MAX; v++) {
        if (v < vecs) {
            const float *from = a->bias + v * LANES;
            vec bias = whole ? vec_load(from) : tile_load(from, tile_cols(vecs, kind, a, v));
            UNROLL
            for (int r = 0; r < TALL_ROWS; r++) {
                if (r < rows) {
                    acc[r][v] = vec_add(acc[r][v], bias);
                }
            }
        }
    }
}

// y = acc + bias.
INLINE void tile_end(int rows, int vecs, int kind, bool whole, const tile_args *a,
                     vec acc[TALL_ROWS][TILE_VECS_MAX]) {
    if (!(kind & SCALED) && a->bias) {
        tile_bias(rows, vecs, kind, whole, a, acc);
    }
    if (whole) {
        tile_put(rows, vecs, kind, true, a, acc);
    } else {
        tile_put(rows, vecs, kind, false, a, acc);
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
    const int64_t w_stride = w_step ? w_step : a->w_stride, k = a->k;
    const int64_t x_step = kind & X_PACKED ? rows : 1;
    tile_x x = tile_x_at(rows, kind & X_PACKED, a->x, a->x_stride);
    uintptr_t ask = a->ask;
    int64_t p = 0;
    const bool turns = w_step && !tile_is_tight(rows, vecs, kind);
    for (; turns && p + TILE_STEPS <= k; p += TILE_STEPS) {
        ask = tile_ask_ahead(TILE_STEPS, vecs, kind, a, w, ask);
        UNROLL
        for (int i = 0; i < TILE_STEPS; i++) {
            tile_step(rows, vecs, kind, a, w, &x, acc);
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
            tile_step(rows, vecs, kind, a, w, &x, acc);
            keep = kind & W_KEEP ? tile_keep(vecs, w, keep) : keep;
            w = tile_w_move(kind, w, w_stride);
            tile_x_move(&x, x_step);
        }
    }
    if (kind & RAGGED) {
        tile_ragged(rows, vecs, a, w, x.row[0], acc);
    }
    tile_end(rows, vecs, kind, whole, a, acc);
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
