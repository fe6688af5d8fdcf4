// SPDX-License-Identifier: BSD-2-Clause
// Softmax and its logarithm over the 16 lanes.
#ifndef SIMD_SOFTMAX_H
#define SIMD_SOFTMAX_H

#include "exp.h"
#include "rows.h"
#include "stream.h"
#include "sum.h"
#include "tile.h"

// scale x; `scaled` is 0 where scale is 1.
INLINE vec softmax_scale(const float *x, int scaled, vec scale, int64_t left) {
    vec z = tile_load(x, left);
    return scaled ? vec_mul(z, scale) : z;
}

// scale x - shift for `count` vectors, in z.
INLINE void softmax_shifted(int count, const float *x, int scaled, vec scale, vec shift,
                            int64_t left, vec *z) {
    UNROLL
    for (int i = 0; i < count; i++) {
        z[i] = vec_sub(softmax_scale(x + i * LANES, scaled, scale, left), shift);
    }
}

// e, but 0 in lanes that are not there.
INLINE vec softmax_there(vec e, int64_t left) {
    return left < LANES ? vec_blend_first(e, vec_set(0.0f), left) : e;
}

// The largest scale x, in two lanes of work: a maximum is the same in any order, and where a NaN is
// among them the whole row becomes NaN through its sum.
INLINE float softmax_max(int64_t cols, const float *x, int scaled, vec scale) {
    const vec hidden = vec_set(-__builtin_inff());
    vec max[2] = {hidden, hidden};
    int64_t j = 0;
    for (; j + 2 * LANES <= cols; j += 2 * LANES) {
        max[0] = vec_max(max[0], softmax_scale(x + j, scaled, scale, LANES));
        max[1] = vec_max(max[1], softmax_scale(x + j + LANES, scaled, scale, LANES));
    }
    for (; j < cols; j += LANES) {
        int64_t left = cols - j;
        vec z = softmax_scale(x + j, scaled, scale, left);
        max[0] = vec_max(max[0], left < LANES ? vec_blend_first(z, hidden, left) : z);
    }
    return vec_fold_max(vec_max(max[0], max[1]));
}

// to = from * factor.
INLINE void multiply_row(int64_t cols, vec factor, const float *from, float *to) {
    int64_t j = 0;
    for (; j + LANES <= cols; j += LANES) {
        vec_store(to + j, vec_mul(vec_load(from + j), factor));
    }
    if (j < cols) {
        tile_store(to + j, vec_mul(tile_load(from + j, cols - j), factor), cols - j);
    }
}

// Short rows, of at most HELD_VECS vectors, stay in registers, HELD_ROWS of them side by side: the
// steps of one row wait for each other, from its maximum to its last product. Where exp takes four
// vectors side by side, the pass of long rows is faster from four vectors on (docs/performance.md).
enum { HELD_ROWS = 4, HELD_MOST = 6, HELD_VECS = EXP_VECS < 4 ? HELD_MOST : 3 };

// exp(scale x - max) of row r of a piece, in e; the lanes of its sum.
INLINE vec softmax_held_exp(int vecs, const decoct_rows_piece *a, int64_t r, int scaled, vec *e) {
    const int64_t left = a->cols - (vecs - 1) * LANES; // of the last vector
    const vec hidden = vec_set(-__builtin_inff());
    vec max = hidden, sum = vec_set(0.0f);
    UNROLL
    for (int i = 0; i < vecs; i++) {
        const int64_t here = i + 1 < vecs ? LANES : left;
        e[i] = softmax_scale(rows_x(a, r) + i * LANES, scaled, vec_set(a->scale), here);
        max = vec_max(max, here < LANES ? vec_blend_first(e[i], hidden, here) : e[i]);
    }
    float top = vec_fold_max(max);
    vec shift = vec_set(top == -__builtin_inff() ? 0.0f : top);
    UNROLL
    for (int i = 0; i < vecs; i++) {
        e[i] = vec_sub(e[i], shift);
    }
    UNROLL
    for (int i = 0; i < vecs; i += EXP_VECS) {
        vec_exp_below(vecs - i < EXP_VECS ? vecs - i : EXP_VECS, e + i);
    }
    UNROLL
    for (int i = 0; i < vecs; i++) {
        sum = vec_add(sum, softmax_there(e[i], i + 1 < vecs ? LANES : left));
    }
    return sum;
}

INLINE void softmax_held(int rows, int vecs, const decoct_rows_piece *a, int64_t r, int scaled) {
    const int64_t left = a->cols - (vecs - 1) * LANES;
    vec e[HELD_ROWS][HELD_MOST], sum[HELD_ROWS];
    UNROLL
    for (int k = 0; k < rows; k++) {
        sum[k] = softmax_held_exp(vecs, a, r + k, scaled, e[k]);
    }
    UNROLL
    for (int k = 0; k < rows; k++) {
        float total = vec_fold(sum[k]);
        vec factor = vec_set(total == 0.0f ? 0.0f : 1.0f / total);
        UNROLL
        for (int i = 0; i < vecs; i++) {
            tile_store(rows_y(a, r + k) + i * LANES, vec_mul(e[k][i], factor),
                       i + 1 < vecs ? LANES : left);
        }
    }
}

INLINE void softmax_held_rows(int vecs, const decoct_rows_piece *a, int scaled) {
    int64_t r = 0;
    for (; r + HELD_ROWS <= a->rows; r += HELD_ROWS) {
        softmax_held(HELD_ROWS, vecs, a, r, scaled);
    }
    for (; r < a->rows; r++) {
        softmax_held(1, vecs, a, r, scaled);
    }
}

// ---- Long rows ----

// The maximum of a row is known some time after its last element, and so is its sum. A pass over
// one row also finds the maximum of the row ROW_LAG further down and multiplies the row ROW_LAG
// further up: nothing waits, and loads, stores and maxima are done beside the FMAs of exp. Each
// step prefetches what the next row will need, or in long rows what is ROW_AHEAD further on: less
// than 4 KiB, since lines that far apart share the few places of one set of L1. Where memory is
// far, in rows that are streamed, it is STREAMED_AHEAD.
enum { ROW_LAG = 2, ROW_AHEAD = 512, STREAMED_AHEAD = 1024 };

// Longer rows are not streamed: L2 does not hold the exps of ROW_LAG + 1 of them.
enum { STREAMED_COLS = 1 << 15 };

// What a pass does to the row further up: there is none; it is multiplied in its place; or its exps
// are elsewhere, in cache, and its results are streamed to memory.
enum { MULTIPLY_NONE, MULTIPLY_IN_PLACE, MULTIPLY_STREAMED };

typedef struct softmax_pass {
    const float *x, *later;     // the row, and the one whose maximum is found
    float *y;                   // exps of the row
    float *out;                 // of the row further up, if any: results, and in place its exps
    const float *before;        // streamed: its exps
    int64_t streamed;           // columns that are streamed
    uintptr_t x_ahead, y_ahead; // bytes to what is prefetched, even if it does not exist
    vec scale, shift, factor;
} softmax_pass;

INLINE void softmax_multiply(int how, const softmax_pass *a, int64_t j, int64_t left) {
    if (how == MULTIPLY_IN_PLACE) {
        tile_store(a->out + j, vec_mul(tile_load(a->out + j, left), a->factor), left);
    } else if (how == MULTIPLY_STREAMED && j < a->streamed) {
        vec_stream(a->out + j, vec_mul(vec_load(a->before + j), a->factor));
    }
}

// What is done for two other rows beside the exps of `count` vectors from column j on.
INLINE void softmax_beside(int count, int scaled, int how, const softmax_pass *a, int64_t j,
                           int64_t left, vec max[2]) {
    const vec hidden = vec_set(-__builtin_inff());
    UNROLL
    for (int i = 0; i < count; i++, j += LANES) {
        __builtin_prefetch((const void *)((uintptr_t)(a->later + j) + a->x_ahead));
        if (how != MULTIPLY_STREAMED) {
            __builtin_prefetch((const void *)((uintptr_t)(a->y + j) + a->y_ahead), 1);
        }
        vec z = softmax_scale(a->later + j, scaled, a->scale, left);
        z = left < LANES ? vec_blend_first(z, hidden, left) : z;
        max[i % 2] = vec_max(max[i % 2], z);
        softmax_multiply(how, a, j, left);
    }
}

// `count` vectors from column j on. All loads come before the stores of exps: a load whose address
// is that of an earlier store but for a multiple of 4 KiB, as often in rows of 2^n numbers, waits
// until the store has its data, here for a whole chain of exp.
INLINE void softmax_step(int count, int scaled, int how, const softmax_pass *a, int64_t j,
                         int64_t left, vec *sum, vec max[2]) {
    vec e[EXP_VECS];
    softmax_shifted(count, a->x + j, scaled, a->scale, a->shift, left, e);
    softmax_beside(count, scaled, how, a, j, left, max);
    vec_exp_below(count, e);
    UNROLL
    for (int i = 0; i < count; i++) {
        tile_store(a->y + j + i * LANES, e[i], left);
        *sum = vec_add(*sum, softmax_there(e[i], left));
    }
}

// The whole row; returns its sum, and the maximum of the later one.
INLINE float softmax_row(int64_t cols, int scaled, int how, const softmax_pass *a, float *top) {
    const vec hidden = vec_set(-__builtin_inff());
    vec total = vec_set(0.0f), max[2] = {hidden, hidden};
    for (int64_t first = 0; first < cols; first += DECOCT_SUM_CHUNK) {
        int64_t end = chunk_end(first, cols), j = first;
        vec sum = vec_set(0.0f);
        for (; j + EXP_VECS * LANES <= end; j += EXP_VECS * LANES) {
            softmax_step(EXP_VECS, scaled, how, a, j, LANES, &sum, max);
        }
        for (; j + LANES <= end; j += LANES) {
            softmax_step(1, scaled, how, a, j, LANES, &sum, max);
        }
        if (j < end) {
            softmax_step(1, scaled, how, a, j, end - j, &sum, max);
        }
        total = vec_add(total, sum);
    }
    *top = vec_fold_max(vec_max(max[0], max[1]));
    return vec_fold(total);
}

INLINE uintptr_t softmax_ahead(int streams, int64_t cols, int64_t stride) {
    const int64_t most = streams ? STREAMED_AHEAD : ROW_AHEAD;
    return (uintptr_t)(cols <= most ? stride : most) * sizeof(float);
}

// Where the exps of row i go. Streamed: the last rows of y are worked on last, and until then they
// hold, in turns, the exps of the rows before them, so that those never leave the cache.
INLINE float *softmax_exps(const decoct_rows_piece *a, int streams, int64_t i) {
    int64_t last = a->rows - 1;
    return rows_y(a, streams ? last - (last - i) % (ROW_LAG + 1) : i);
}

// What is done to the row ROW_LAG above row i. Streamed: whole vectors of y's alignment; the
// columns before and behind them are stored here.
INLINE int softmax_before(const decoct_rows_piece *a, int streams, int64_t i, softmax_pass *pass) {
    const int64_t row = i - ROW_LAG;
    if (row < 0) {
        return MULTIPLY_NONE;
    }
    float *to = rows_y(a, row), *from = softmax_exps(a, streams, row);
    pass->before = from;
    pass->out = to;
    if (from == to) {
        return MULTIPLY_IN_PLACE;
    }
    int64_t head = stream_head(to), end = head + (a->cols - head) / LANES * LANES;
    multiply_row(head, pass->factor, from, to);
    multiply_row(a->cols - end, pass->factor, from + end, to + end);
    pass->before = from + head;
    pass->out = to + head;
    pass->streamed = end - head;
    return MULTIPLY_STREAMED;
}

INLINE float softmax_pass_row(int64_t cols, int scaled, int how, const softmax_pass *pass,
                              float *top) {
    return how == MULTIPLY_NONE       ? softmax_row(cols, scaled, MULTIPLY_NONE, pass, top)
           : how == MULTIPLY_IN_PLACE ? softmax_row(cols, scaled, MULTIPLY_IN_PLACE, pass, top)
           : STREAMS                  ? softmax_row(cols, scaled, MULTIPLY_STREAMED, pass, top)
                                      : 0.0f;
}

INLINE void softmax_long_rows(const decoct_rows_piece *a, int scaled) {
    const int streams =
        STREAMS && a->y_streams && a->cols <= STREAMED_COLS && a->rows > ROW_LAG + 1;
    softmax_pass pass = {.scale = vec_set(a->scale),
                         .x_ahead = softmax_ahead(streams, a->cols, a->x.stride),
                         .y_ahead = streams ? 0 : softmax_ahead(0, a->cols, a->y.stride)};
    float top[ROW_LAG], factor[ROW_LAG]; // of row i at i % ROW_LAG
    for (int64_t i = 0; i < ROW_LAG && i < a->rows; i++) {
        top[i] = softmax_max(a->cols, rows_x(a, i), scaled, pass.scale);
    }
    for (int64_t i = 0; i < a->rows; i++) {
        float *own = &top[i % ROW_LAG], *inverse = &factor[i % ROW_LAG];
        pass.x = rows_x(a, i);
        pass.y = softmax_exps(a, streams, i);
        pass.later = i + ROW_LAG < a->rows ? rows_x(a, i + ROW_LAG) : pass.x;
        pass.shift = vec_set(*own == -__builtin_inff() ? 0.0f : *own);
        pass.factor = vec_set(i < ROW_LAG ? 0.0f : *inverse);
        int how = softmax_before(a, streams, i, &pass);
        float total = softmax_pass_row(a->cols, scaled, how, &pass, own);
        *inverse = total == 0.0f ? 0.0f : 1.0f / total;
    }
    for (int64_t i = a->rows < ROW_LAG ? 0 : a->rows - ROW_LAG; i < a->rows; i++) {
        float *y = rows_y(a, i);
        multiply_row(a->cols, vec_set(factor[i % ROW_LAG]), y, y);
    }
    if (streams) {
        vec_stream_end();
    }
}

INLINE void softmax_rows(const decoct_rows_piece *a, int scaled) {
    const int64_t vecs = (a->cols + LANES - 1) / LANES;
    switch (vecs <= HELD_VECS ? vecs : 0) {
    case 1:
        softmax_held_rows(1, a, scaled);
        break;
    case 2:
        softmax_held_rows(2, a, scaled);
        break;
    case 3:
        softmax_held_rows(3, a, scaled);
        break;
    case 4:
        softmax_held_rows(4, a, scaled);
        break;
    case 5:
        softmax_held_rows(5, a, scaled);
        break;
    case HELD_MOST:
        softmax_held_rows(HELD_MOST, a, scaled);
        break;
    default:
        softmax_long_rows(a, scaled);
    }
}

// Most rows come without a scale: a product less, since the FMA units are what exp waits for
// (docs/tuning.md).
static void softmax(const decoct_rows_piece *a) {
    if (a->scale == 1.0f) {
        softmax_rows(a, 0);
    } else {
        softmax_rows(a, 1);
    }
}

// ---- Its logarithm ----

// log(x) for x >= 1, or NaN: the sequence of backends/scalar, where it is explained.
INLINE float log_one(float x) {
    union {
        float value;
        uint32_t bits;
    } part = {.value = x};
    int32_t n = (int32_t)(part.bits - 0x3f3504f3u) >> 23;
    part.bits -= (uint32_t)n << 23;
    static const double series[] = {1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0};
    double f = ((double)part.value - 1.0) / ((double)part.value + 1.0), s = f * f, p = 1.0 / 13.0;
    UNROLL
    for (int i = 0; i < 6; i++) {
        p = p * s + series[i];
    }
    return x == x ? (float)((double)n * 0x1.62e42fefa39efp-1 + 2.0 * f * p) : x;
}

INLINE vec log_softmax_step(int count, const float *x, int scaled, vec scale, vec shift, vec sum,
                            int64_t left) {
    vec e[EXP_VECS];
    softmax_shifted(count, x, scaled, scale, shift, left, e);
    vec_exp_below(count, e);
    UNROLL
    for (int i = 0; i < count; i++) {
        sum = vec_add(sum, softmax_there(e[i], left));
    }
    return sum;
}

// The sum of exp(scale x - shift) of a row.
INLINE float log_softmax_sum(int64_t cols, const float *x, int scaled, vec scale, vec shift) {
    vec total = vec_set(0.0f);
    for (int64_t first = 0; first < cols; first += DECOCT_SUM_CHUNK) {
        int64_t end = chunk_end(first, cols), j = first;
        vec sum = vec_set(0.0f);
        for (; j + EXP_VECS * LANES <= end; j += EXP_VECS * LANES) {
            sum = log_softmax_step(EXP_VECS, x + j, scaled, scale, shift, sum, LANES);
        }
        for (; j + LANES <= end; j += LANES) {
            sum = log_softmax_step(1, x + j, scaled, scale, shift, sum, LANES);
        }
        if (j < end) {
            sum = log_softmax_step(1, x + j, scaled, scale, shift, sum, end - j);
        }
        total = vec_add(total, sum);
    }
    return vec_fold(total);
}

INLINE void log_softmax_store(int64_t cols, const float *x, int scaled, vec scale, vec shift,
                              vec log, int streams, float *y) {
    int64_t j = 0;
    for (; j + LANES <= cols; j += LANES) {
        vec z = vec_sub(vec_sub(softmax_scale(x + j, scaled, scale, LANES), shift), log);
        if (streams) {
            vec_stream(y + j, z);
        } else {
            vec_store(y + j, z);
        }
    }
    if (j < cols) {
        vec z = softmax_scale(x + j, scaled, scale, cols - j);
        tile_store(y + j, vec_sub(vec_sub(z, shift), log), cols - j);
    }
}

// Shorter rows are stored while the caches still have room for them; to stream them takes longer.
enum { LOG_STREAMED_COLS = 1 << 13 };

INLINE void log_softmax_rows(const decoct_rows_piece *a, int scaled) {
    const vec scale = vec_set(a->scale);
    const int streams = STREAMS && a->y_streams && a->cols >= LOG_STREAMED_COLS;
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = rows_x(a, i);
        float *y = rows_y(a, i);
        vec shift = vec_set(softmax_max(a->cols, x, scaled, scale));
        vec log = vec_set(log_one(log_softmax_sum(a->cols, x, scaled, scale, shift)));
        if (streams) {
            int64_t head = stream_head(y);
            head = head < a->cols ? head : a->cols;
            log_softmax_store(head, x, scaled, scale, shift, log, 0, y);
            log_softmax_store(a->cols - head, x + head, scaled, scale, shift, log, 1, y + head);
        } else {
            log_softmax_store(a->cols, x, scaled, scale, shift, log, 0, y);
        }
    }
    if (streams) {
        vec_stream_end();
    }
}

static void log_softmax(const decoct_rows_piece *a) {
    if (a->scale == 1.0f) {
        log_softmax_rows(a, 0);
    } else {
        log_softmax_rows(a, 1);
    }
}

#endif
