// SPDX-License-Identifier: BSD-2-Clause
// Products of few rows: one tile has all of them, and goes along w.
#ifndef SIMD_MATMUL_FEW_H
#define SIMD_MATMUL_FEW_H

#include "tile.h"

#include <decoct/backend.h>

// Where functions take the constant `kind` of a tile, also: w comes row by row, unpacked.
enum { PLAIN = 1 << 11 };

// From one panel of w to the next, or from one row of a plain w to the next, in numbers.
INLINE int64_t matmul_w_stride(const decoct_matmul_piece *a, int kind) {
    return a->w_stride >> (kind & (W_F16 | W_BF16) ? 1 : 2);
}

// Rows of w that are read side by side when w is unpacked and wide, for one or two rows of x:
// streams that hardware fetches ahead, while y waits in the L1 cache. With few columns the short
// chains cost more than that. More rows of x have too many sums in y for it: w is prefetched, which
// their step is long enough for (docs/tuning.md).
enum { PLAIN_STEPS = 16, PLAIN_WIDE = 288, PLAIN_SHORT = 2 };

// Bytes. What is more rows than hardware fetches fast enough for, and is done in one tile, asks for
// w so far ahead (docs/tuning.md).
enum { ASK_NEAR = 6144 };

// What such a tile asks for from its first step on: where the next panel is not behind this one, or
// w of 16 bits, all of that panel.
INLINE uintptr_t matmul_few_ask(int kind, int64_t next, int64_t left, const tile_args *t) {
    if (!(kind & (W_F16 | W_BF16)) && next == t->k * PANEL) {
        return (uintptr_t)t->w + ASK_NEAR;
    }
    return (uintptr_t)tile_w_move(kind, t->w, left > PANEL ? next : 0);
}

// Takes one tile of `vecs` vectors from t, the last columns of unpacked w with W_PART.
INLINE void matmul_few_take(int rows, int vecs, int kind, const decoct_matmul_piece *a,
                            int64_t next, tile_args *t, int64_t *j) {
    const int64_t wide = (int64_t)vecs * LANES, left = a->cols - *j;
    t->cols = left < wide ? left : wide;
    if ((kind & (W_ASK | W_ASK_ALL)) == W_ASK_ALL) {
        t->ask = matmul_few_ask(kind, next, left, t);
    }
    tile(rows, vecs, kind, kind & PLAIN || kind & W_PART ? 0 : PANEL, t);
    const int64_t panels = vecs < PANEL_VECS ? 1 : vecs / PANEL_VECS;
    t->w = tile_w_move(kind, t->w, panels * next);
    t->y += wide;
    t->bias = t->bias ? t->bias + wide : 0;
    *j += wide;
}

// Against as many panels at once as keep enough sums in flight; what is left by fewer, at last by
// one vector if that is enough.
INLINE void matmul_few_steps(int rows, int vecs, int kind, const decoct_matmul_piece *a,
                             tile_args t) {
    const bool plain = kind & PLAIN;
    const int64_t next = plain ? PANEL : matmul_w_stride(a, kind);
    const int half = vecs / 2 / PANEL_VECS * PANEL_VECS;
    for (int64_t j = 0; j < a->cols;) {
        const int64_t whole = a->cols - j + (plain ? 0 : PANEL - 1); // packed panels are whole
        if (whole >= (int64_t)vecs * LANES) {
            matmul_few_take(rows, vecs, kind, a, next, &t, &j);
        } else if (half > PANEL_VECS && whole >= (int64_t)half * LANES) {
            matmul_few_take(rows, half, kind, a, next, &t, &j);
        } else if (whole >= PANEL) {
            matmul_few_take(rows, PANEL_VECS, kind, a, next, &t, &j);
        } else if (PANEL_VECS > 1 && whole <= LANES) {
            matmul_few_take(rows, 1, W_PART, a, next, &t, &j);
        } else {
            matmul_few_take(rows, PANEL_VECS, W_PART, a, next, &t, &j);
        }
    }
}

// `ask`: what tiles of the kind W_ASK ask for first, and `ask_step` bytes further on from then on.
INLINE void matmul_few_rows(int rows, int vecs, int kind, const decoct_matmul_piece *a,
                            uintptr_t ask, int64_t ask_step) {
    const int plain = kind & PLAIN;
    tile_args t = {.k = a->k,
                   .x = a->x.data,
                   .x_stride = a->x.stride,
                   .w = a->w,
                   .w_stride = plain ? matmul_w_stride(a, kind) : PANEL,
                   .panel_stride = plain ? PANEL : matmul_w_stride(a, kind),
                   .y = a->y.data,
                   .y_stride = a->y.stride,
                   .accumulate = a->accumulate,
                   .ask = ask,
                   .ask_step = ask_step};
    const bool wide = plain && rows <= PLAIN_SHORT && a->cols >= PLAIN_WIDE;
    for (; wide && t.k > PLAIN_STEPS; t.accumulate = 1) {
        int64_t left = t.k - PLAIN_STEPS;
        t.k = PLAIN_STEPS;
        matmul_few_steps(rows, vecs, kind, a, t);
        t.k = left;
        t.x += PLAIN_STEPS;
        t.w = tile_w_move(kind, t.w, PLAIN_STEPS * t.w_stride);
    }
    t.bias = a->bias;
    matmul_few_steps(rows, vecs, kind, a, t);
}

INLINE bool matmul_is_few(int64_t rows) {
#define CASE(n, packed_vecs, vecs) case n:
    switch (rows) {
        FEW_ROWS_LIST(CASE)
        return true;
    default:
        return false;
    }
#undef CASE
}

// `form`: that of w.
INLINE void matmul_few(int rows, int vecs, int form, const decoct_matmul_piece *a) {
    const bool one_panel = rows > 1 && vecs == PANEL_VECS;
    const int plain = rows > PLAIN_SHORT ? form | W_AHEAD : form;
    const int packed = one_panel ? form | W_ASK_ALL : form ? form | W_STREAM : form;
    const int64_t step = form & (W_F16 | W_BF16) ? HALF_ASK : PANEL * sizeof(float);
    matmul_few_rows(rows, vecs, form & PLAIN ? plain : packed, a, 0, step);
}

INLINE void matmul_few_any(const decoct_matmul_piece *a, int form) {
#define CASE(n, packed_vecs, vecs)                                                                 \
    case n:                                                                                        \
        matmul_few(n, form ? vecs : packed_vecs, form, a);                                         \
        break;
    switch (a->rows) {
        FEW_ROWS_LIST(CASE)
    default:
        break;
    }
#undef CASE
}

// Functions of their own: what they keep in vector registers comes back from there behind the
// multiply-adds of the call before, also what products of many rows need (docs/tuning.md).
#define MATMUL_FEW static __attribute__((noinline)) void

MATMUL_FEW matmul_packed_few(const decoct_matmul_piece *a) {
    matmul_few_any(a, 0);
}

MATMUL_FEW matmul_plain_few(const decoct_matmul_piece *a) {
    matmul_few_any(a, PLAIN);
}

MATMUL_FEW matmul_f16_few(const decoct_matmul_piece *a) {
    matmul_few_any(a, W_F16);
}

MATMUL_FEW matmul_bf16_few(const decoct_matmul_piece *a) {
    matmul_few_any(a, W_BF16);
}

#endif
