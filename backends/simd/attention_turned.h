// SPDX-License-Identifier: BSD-2-Clause
// Raw scores of few queries from unpacked keys, which are turned in registers and read once.
#ifndef SIMD_ATTENTION_TURNED_H
#define SIMD_ATTENTION_TURNED_H

#include "attention_state.h"

// Keys of one step.
enum { TURNED_KEYS = LANES };

// LANES keys: `count` of them exist, the others count as 0.
typedef struct turned_keys {
    const float *k;
    int64_t stride, count, dim;
    const float *q; // (dim, rows)
    attend_ahead ahead;
    int64_t heads,
        head_stride; // heads side by side, each with as many queries, one after the other
} turned_keys;

// Square p of the columns from d on prefetches as many lines as it has itself, so that memory is
// asked evenly: the lines of some rows, each at the same column. `dense`, a constant: the rows are
// end to end, and the lines are asked for in the order of memory.
INLINE void attend_ask(attend_ahead ahead, bool dense, int64_t p, int64_t d) {
    const int64_t rows = SQUARE * SQUARE / LANES, first = d % LANES / SQUARE * rows;
    const int64_t row = dense ? LANES : ahead.stride, column = dense ? LANES * LANES : LANES;
    UNROLL
    for (int64_t i = 0; i < rows; i++) {
        int64_t floats = (p * SQUARE + first + i) * row + d / LANES * column;
        __builtin_prefetch((const void *)(ahead.from + (uintptr_t)floats * sizeof(float)));
    }
}

// The columns that do not fill a square.
INLINE void turned_rest(int rows, const turned_keys *a, int64_t d,
                        slice acc[TURNED_ROWS][VEC_SLICES]) {
    for (; d < a->dim; d++) {
        float column[LANES] = {0.0f};
        for (int64_t i = 0; i < a->count; i++) {
            column[i] = a->k[i * a->stride + d];
        }
        for (int p = 0; p < VEC_SLICES; p++) {
            slice keys = slice_load(column + p * SQUARE);
            UNROLL
            for (int r = 0; r < rows; r++) {
                acc[r][p] = slice_fma(slice_set(a->q[d * rows + r]), keys, acc[r][p]);
            }
        }
    }
}

// Scores (rows, LANES) at `to`. Constants: `whole`, all keys exist; `dense`, their rows are end to
// end.
INLINE void turned_step(int rows, bool dense, bool whole, const turned_keys *a, float *to) {
    slice acc[TURNED_ROWS][VEC_SLICES];
    UNROLL
    for (int i = 0; i < TURNED_ROWS * VEC_SLICES; i++) {
        acc[i / VEC_SLICES][i % VEC_SLICES] = slice_set(0.0f);
    }
    int64_t d = 0;
    for (; d + SQUARE <= a->dim; d += SQUARE) {
        UNROLL
        for (int p = 0; p < VEC_SLICES; p++) {
            slice column[SQUARE];
            int64_t left = whole ? SQUARE : clamp(a->count - p * SQUARE, 0, SQUARE);
            slice_turn(a->k + p * SQUARE * a->stride + d, a->stride, left, column);
            attend_ask(a->ahead, dense, p, d);
            UNROLL
            for (int i = 0; i < SQUARE; i++) {
                UNROLL
                for (int r = 0; r < TURNED_ROWS; r++) {
                    if (r < rows) {
                        slice x = slice_set(a->q[(d + i) * rows + r]);
                        acc[r][p] = slice_fma(x, column[i], acc[r][p]);
                    }
                }
            }
        }
    }
    turned_rest(rows, a, d, acc);
    UNROLL
    for (int i = 0; i < TURNED_ROWS * VEC_SLICES; i++) {
        if (i / VEC_SLICES < rows) {
            int r = i / VEC_SLICES, p = i % VEC_SLICES;
            slice_store(to + r * WEIGHT_STRIDE + p * SQUARE, acc[r][p]);
        }
    }
}

// One step of all heads.
INLINE void turned_heads(int rows, bool dense, turned_keys a, float *to) {
    for (int64_t h = 0; h < a.heads; h++) {
        if (a.count == TURNED_KEYS) {
            turned_step(rows, dense, true, &a, to);
        } else {
            turned_step(rows, dense, false, &a, to);
        }
        a.k += a.head_stride;
        a.ahead.from += (uintptr_t)a.head_stride * sizeof(float);
        a.q += rows * a.dim;
        to += rows * WEIGHT_STRIDE;
    }
}

// The first `most` keys of which `count` exist: a few keys of all heads before the next ones, so
// that memory is read in its order.
INLINE void turned_rows(int rows, bool dense, turned_keys a, int64_t count, int64_t most,
                        float *to) {
    for (int64_t j = 0; j < most; j += TURNED_KEYS) {
        a.count = clamp(count - j, 0, TURNED_KEYS);
        turned_heads(rows, dense, a, to + j);
        a.k += TURNED_KEYS * a.stride;
        a.ahead.from += (uintptr_t)(TURNED_KEYS * a.ahead.stride) * sizeof(float);
    }
}

// A function of its own for each number of rows, and for rows of keys that are end to end.
#define TURNED_FUNCTION(rows)                                                                      \
    TILE_FUNCTION turned_##rows(turned_keys a, int64_t count, int64_t most, float *to) {           \
        turned_rows(rows, false, a, count, most, to);                                              \
    }                                                                                              \
    TILE_FUNCTION turned_dense_##rows(turned_keys a, int64_t count, int64_t most, float *to) {     \
        turned_rows(rows, true, a, count, most, to);                                               \
    }
TURNED_FUNCTION(1)
TURNED_FUNCTION(2)
TURNED_FUNCTION(3)
TURNED_FUNCTION(4)

// Keys are turned as they are read: they are not packed, and few rows need them.
static bool attend_turns(const attend_group *g) {
    return !g->a->keys && g->rows <= TURNED_ROWS;
}

// Rows of keys are end to end, and those of one step are in a page or two.
static bool turned_dense(const decoct_attention_piece *a) {
    return a->k_stride == a->head_dim && a->head_dim <= DENSE_DIM;
}

// The raw scores of all rows for the first `most` of the `count` keys from `first` on; of `heads`
// groups, whose arrays are one after the other.
static void attend_turned(const attend_group *g, int64_t heads, int64_t first, int64_t count,
                          int64_t most) {
    static void (*const by_rows[][TURNED_ROWS])(turned_keys, int64_t, int64_t, float *) = {
        {turned_1, turned_2, turned_3, turned_4},
        {turned_dense_1, turned_dense_2, turned_dense_3, turned_dense_4}};
    turned_keys keys = {.k = attend_k(g->a, first),
                        .stride = g->a->k_stride,
                        .dim = g->a->head_dim,
                        .q = g->q,
                        .ahead = g->k_ahead,
                        .heads = heads,
                        .head_stride = g->a->k_head_stride};
    by_rows[turned_dense(g->a)][g->rows - 1](keys, count, most, g->weight);
}

#endif
