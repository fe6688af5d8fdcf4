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
        head_stride;      // heads side by side, each with as many queries, one after the other
    uintptr_t head_ahead; // bytes from what one head prefetches to what the next one does
} turned_keys;

// Columns [d, d + cols) of square p prefetch as many lines as they have themselves, so that memory
// is asked evenly: the lines of some rows, each at the same column. `dense`, a constant: the rows
// are end to end, and the lines are asked for in the order of memory, twice: requests into L2 alone
// leave the next step to wait for L2, and those into L1 alone wait for memory.
INLINE void attend_ask(attend_ahead ahead, bool dense, int cols, int64_t p, int64_t d) {
    const uintptr_t line = LANES * sizeof(float), row = dense ? line : ahead.stride;
    const int64_t rows = SQUARE * cols / LANES, first = p * SQUARE + d % LANES / cols * rows;
    const uintptr_t from =
        ahead.from + (uintptr_t)(d / LANES) * (dense ? LANES * line : ahead.column);
    UNROLL
    for (int64_t i = 0; i < rows; i++) {
        const uintptr_t at = from + (uintptr_t)(first + i) * row;
        attend_prefetch(at);
        if (dense) {
            attend_prefetch_near(at - ahead.lead);
        }
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

// `cols` columns from d on of square p: the keys are turned, and added to the sums.
INLINE void turned_cols(int rows, int cols, bool dense, bool whole, const turned_keys *a, int p,
                        int64_t d, slice acc[TURNED_ROWS][VEC_SLICES]) {
    slice column[SQUARE];
    // Where rows may not exist, the address of the first one may be out of range.
    const float *k =
        whole ? a->k + p * SQUARE * a->stride : attend_row(a->k, p * SQUARE, a->stride);
    const int64_t left = whole ? SQUARE : clamp(a->count - p * SQUARE, 0, SQUARE);
    if (cols == SQUARE) {
        slice_turn(k + d, a->stride, left, column);
    } else {
        slice_turn_cols(k + d, a->stride, left, column);
    }
    attend_ask(a->ahead, dense, cols, p, d);
    UNROLL
    for (int i = 0; i < cols; i++) {
        UNROLL
        for (int r = 0; r < TURNED_ROWS; r++) {
            if (r < rows) {
                slice x = slice_set(a->q[(d + i) * rows + r]);
                acc[r][p] = slice_fma(x, column[i], acc[r][p]);
            }
        }
    }
}

// Scores (rows, LANES) at `to`. Constants: `cols`, the columns that are turned together, TURN_COLS
// or SQUARE; `whole`, all keys exist; `dense`, their rows are end to end.
INLINE void turned_step(int rows, int cols, bool dense, bool whole, const turned_keys *a,
                        float *to) {
    slice acc[TURNED_ROWS][VEC_SLICES];
    UNROLL
    for (int i = 0; i < TURNED_ROWS * VEC_SLICES; i++) {
        acc[i / VEC_SLICES][i % VEC_SLICES] = slice_set(0.0f);
    }
    int64_t d = 0;
    for (; d + cols <= a->dim; d += cols) {
        UNROLL
        for (int p = 0; p < VEC_SLICES; p++) {
            turned_cols(rows, cols, dense, whole, a, p, d, acc);
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
INLINE void turned_heads(int rows, int cols, bool dense, turned_keys a, float *to) {
    for (int64_t h = 0; h < a.heads; h++) {
        if (a.count == TURNED_KEYS) {
            turned_step(rows, cols, dense, true, &a, to);
        } else {
            turned_step(rows, cols, dense, false, &a, to);
        }
        a.k = attend_row(a.k, 1, a.head_stride);
        a.ahead.from += a.head_ahead;
        a.q += rows * a.dim;
        to += rows * WEIGHT_STRIDE;
    }
}

// The first `most` keys of which `count` exist: a few keys of all heads before the next ones, so
// that memory is read in its order.
INLINE void turned_rows(int rows, int cols, bool dense, const turned_keys *keys, int64_t count,
                        int64_t most, float *to) {
    turned_keys a = *keys;
    for (int64_t j = 0; j < most; j += TURNED_KEYS) {
        a.count = clamp(count - j, 0, TURNED_KEYS);
        turned_heads(rows, cols, dense, a, to + j);
        a.k = attend_row(a.k, TURNED_KEYS, a.stride);
        a.ahead.from += TURNED_KEYS * a.ahead.stride;
    }
}

// A function of its own for each number of rows; for few rows also for rows of keys that are end to
// end, and for whole squares.
#define TURNED_FUNCTION(name, rows, cols, dense)                                                   \
    TILE_FUNCTION name(const turned_keys *a, int64_t count, int64_t most, float *to) {             \
        turned_rows(rows, cols, dense, a, count, most, to);                                        \
    }
TURNED_FUNCTION(turned_1, 1, TURN_COLS, false)
TURNED_FUNCTION(turned_2, 2, TURN_COLS, false)
TURNED_FUNCTION(turned_3, 3, TURN_COLS, false)
TURNED_FUNCTION(turned_4, 4, TURN_COLS, false)
TURNED_FUNCTION(turned_dense_1, 1, TURN_COLS, true)
TURNED_FUNCTION(turned_dense_2, 2, TURN_COLS, true)
TURNED_FUNCTION(turned_dense_3, 3, TURN_COLS, true)
TURNED_FUNCTION(turned_dense_4, 4, TURN_COLS, true)
TURNED_FUNCTION(turned_squares_1, 1, SQUARE, false)
TURNED_FUNCTION(turned_squares_2, 2, SQUARE, false)
TURNED_FUNCTION(turned_squares_3, 3, SQUARE, false)
TURNED_FUNCTION(turned_squares_4, 4, SQUARE, false)
#if TURNED_ROWS > 4
TURNED_FUNCTION(turned_5, 5, TURN_COLS, false)
TURNED_FUNCTION(turned_6, 6, TURN_COLS, false)
TURNED_FUNCTION(turned_7, 7, TURN_COLS, false)
TURNED_FUNCTION(turned_8, 8, TURN_COLS, false)
#endif

typedef void turned_function(const turned_keys *a, int64_t count, int64_t most, float *to);
static turned_function *const turned_by_rows[TURNED_ROWS] = {
    turned_1, turned_2, turned_3, turned_4,
#if TURNED_ROWS > 4
    turned_5, turned_6, turned_7, turned_8,
#endif
};
static turned_function *const turned_dense_by_rows[TURNED_ROWS] = {turned_dense_1, turned_dense_2,
                                                                   turned_dense_3, turned_dense_4};
static turned_function *const turned_squares_by_rows[TURNED_ROWS] = {
    turned_squares_1, turned_squares_2, turned_squares_3, turned_squares_4};

// Keys are turned as they are read: they are not packed, and few rows need them.
static bool attend_turns(const attend_group *g) {
    return !g->a->keys && g->rows <= TURNED_ROWS;
}

// Rows of keys are end to end, and those of one step are in a page or two.
static bool turned_dense(const attend_group *g) {
    const decoct_attention_piece *a = g->a;
    return g->rows <= TURNED_FEW && a->k_stride == a->head_dim && a->head_dim <= DENSE_DIM;
}

// Parts of squares need fewer shuffles and registers, but read each line more than once: where rows
// are a multiple of 4 KiB apart, the lines of a square have evicted each other from L1 by then.
static turned_function *turned_for(const attend_group *g) {
    const bool same_set = g->a->k_stride % (4096 / (int64_t)sizeof(float)) == 0;
    turned_function *few = turned_dense(g) ? turned_dense_by_rows[g->rows - 1]
                           : same_set      ? turned_squares_by_rows[g->rows - 1]
                                           : 0;
    return few ? few : turned_by_rows[g->rows - 1];
}

// The raw scores at `to` of all rows for the first `most` of the `count` keys from `first` on.
static void attend_turned(const attend_group *g, int64_t first, int64_t count, int64_t most,
                          float *to) {
    turned_keys keys = {.k = attend_k(g->a, first),
                        .stride = g->a->k_stride,
                        .dim = g->a->head_dim,
                        .q = g->q,
                        .ahead = g->k_ahead,
                        .heads = 1};
    turned_for(g)(&keys, count, most, to);
}

// The raw scores of the block at `first`: of a run of blocks when the run begins.
static void attend_turned_run(attend_group *g, int64_t first) {
    const decoct_attention_piece *a = g->a;
    const attend_ahead ahead = g->k_ahead;
    if (first >= g->run_end) {
        const int64_t blocks = turned_dense(g) ? attend_run_blocks(a) : 1;
        const int64_t last = attend_last(g, 0, g->rows);
        g->run_first = first;
        g->run_end = first + blocks * KEYS;
        for (int64_t i = 0; i < blocks && first + i * KEYS < last; i++) {
            const int64_t at = first + i * KEYS;
            g->k_ahead.from = ahead.from + (uintptr_t)(i * KEYS) * ahead.stride;
            attend_turned(g, at, clamp(a->kv_len - at, 0, KEYS), attend_most(g, 0, g->rows, at),
                          g->run + i * attend_run_stride(a));
        }
        g->k_ahead = ahead;
    }
    g->weight = g->run + (first - g->run_first) / KEYS * attend_run_stride(a);
}

#endif
