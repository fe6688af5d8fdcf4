// SPDX-License-Identifier: BSD-2-Clause
// How a register tile reads w: all vectors of one step of k, and what it asks memory for.
#ifndef SIMD_TILE_W_H
#define SIMD_TILE_W_H

#include "tile_args.h"
#include "unroll.h"

#include <decoct/backend.h>
#include <stdbool.h>

enum { PANEL = PANEL_VECS * LANES };

// Few rows go against several panels at once, or too few sums would be in flight: FEW_ROWS_LIST(X)
// of the sheet has X(rows, vectors of packed f32, vectors of other w). One row: TILE_VECS_MAX.
enum { TILE_VECS_MAX = 4 };

// bf16 is packed in pairs where the ISA says VEC_PAIRS, else column by column.
#ifndef VEC_PAIRS
enum { PAIR_APART = 0, PAIR_VECS = 1 };
INLINE void vec_load_pairs(int spare, const uint16_t *p, vec *to) {
    (void)spare;
    *to = vec_load_bf16(p);
}
#endif

// Half a vector takes less time where the ISA says VEC_HALF.
#ifndef VEC_HALF
enum { HALF_LANES = 0 };
#define vec_load_half vec_load_first
#endif

// Is half a vector enough for the last of these columns?
INLINE bool tile_ends_in_half(int64_t cols) {
    const int64_t last = (int64_t)((uint64_t)(cols - 1) % LANES);
    return HALF_LANES > 0 && last < HALF_LANES;
}

// Is vector v of a tile half a vector?
INLINE bool tile_is_half(int vecs, int kind, int v) {
    return kind & HALF && v == vecs - 1;
}

// How many columns of vector v exist: 16 for all but the last ones.
INLINE int64_t tile_cols(int vecs, int kind, const tile_args *a, int v) {
    const int64_t left = a->cols - (int64_t)v * LANES;
    return tile_is_half(vecs, kind, v) && left > HALF_LANES ? HALF_LANES : left;
}

// The first `cols` of 16 elements, the others 0.
INLINE vec tile_load(const float *p, int64_t cols) {
    return cols >= LANES ? vec_load(p) : cols > 0 ? vec_load_first(p, cols) : vec_set(0.0f);
}

// w, some numbers further on.
INLINE const void *tile_w_move(int kind, const void *w, int64_t numbers) {
    return (const char *)w + numbers * (kind & (W_F16 | W_BF16) ? 2 : 4);
}

// Vector v of w at one k.
INLINE const void *tile_w(int kind, const tile_args *a, const void *w, int v) {
    return tile_w_move(kind, w, v / PANEL_VECS * a->panel_stride + v % PANEL_VECS * LANES);
}

// On x86 a multiply-add can read memory, and gcc 12 reads w again for each of two or three rows
// (not of more). So w is held in registers where all fit in: VEC_HELD of the ISA, or 0
// (docs/tuning.md).
#ifndef VEC_HELD
enum { VEC_HELD = 0 };
INLINE void vec_hold(vec *a) {
    (void)a;
}
#endif
enum { HOLD_ROWS = 3 };
INLINE bool tile_is_held(int rows, int vecs) {
    return rows > 1 && rows <= HOLD_ROWS && (rows + 1) * vecs <= VEC_HELD;
}

// Where they do not fit in, several steps of k in one turn leave a sum in memory.
INLINE bool tile_is_tight(int rows, int vecs, int kind) {
    return VEC_HELD > 0 && rows > 1 && rows <= HOLD_ROWS && !tile_is_held(rows, vecs) &&
           !(kind & W_STREAM);
}

INLINE void tile_hold(int vecs, vec b[TILE_VECS_MAX]) {
    UNROLL
    for (int v = 0; v < TILE_VECS_MAX; v++) {
        if (v < vecs) {
            vec_hold(&b[v]);
        }
    }
}

// All vectors of w at one k.
INLINE void tile_load_w(int rows, int vecs, int kind, const tile_args *a, const void *w,
                        vec b[TILE_VECS_MAX]) {
    UNROLL
    for (int v = 0; v < TILE_VECS_MAX; v++) {
        if (v < vecs) {
            const void *from = tile_w(kind, a, w, v);
            if (kind & W_F16) {
                b[v] = vec_load_f16(from);
            } else if (!(kind & W_BF16)) {
                const int64_t cols = tile_cols(vecs, kind, a, v);
                b[v] = tile_is_half(vecs, kind, v) ? vec_load_half(from, cols)
                       : kind & W_PART             ? tile_load(from, cols)
                                                   : vec_load(from);
            } else if (v % PAIR_VECS == 0) {
                vec_load_pairs(rows < TILE_ROWS, from, &b[v]);
            }
        }
    }
}

// Asks for what some steps of all panels, from w on, will need AHEAD_BYTES later, even beyond the
// end.
INLINE void tile_ask_w(int steps, int vecs, int kind, const tile_args *a, const void *w) {
    const int line = 64, lines = steps * PANEL * (int)sizeof(uint16_t) / line;
    UNROLL
    for (int v = 0; v < TILE_VECS_MAX; v += PANEL_VECS) {
        UNROLL
        for (int i = 0; v < vecs && i < lines; i++) {
            uintptr_t from = (uintptr_t)tile_w(kind, a, w, v) + AHEAD_BYTES;
            const void *ahead = (const void *)(from + (uintptr_t)(i * line));
            if (AHEAD_L2) {
                __builtin_prefetch(ahead, 0, 2);
            } else {
                __builtin_prefetch(ahead);
            }
        }
    }
}

// Asks for as much of another row as the tile has columns: into L1, or `far`, into L2, what is
// needed after more than L1 holds. By the last number of each vector: rows of any length begin
// anywhere in a line, so that a tile reads one line more than it has vectors, whose first one the
// tile to the left has read (docs/tuning.md).
INLINE void tile_ask_row(int vecs, bool far, uintptr_t row) {
    UNROLL
    for (int v = 0; v < TILE_VECS_MAX; v++) {
        const void *line = (const void *)(row + ((uintptr_t)v * LANES + LANES - 1) * sizeof(float));
        if (v < vecs && far) {
            __builtin_prefetch(line, 0, 2);
        } else if (v < vecs) {
            __builtin_prefetch(line);
        }
    }
}

// W_AHEAD: a tile asks for rows of w some steps ahead, and near its end for the first rows of the
// columns to the right, where the next tile begins. Bytes from one row to the one to ask for.
typedef struct rows_ahead {
    int64_t end; // from this step on `beyond`
    uintptr_t within, beyond;
} rows_ahead;

INLINE rows_ahead tile_rows_ahead(int rows, int vecs, const tile_args *a) {
    const int64_t steps = AHEAD_STEPS(rows) < a->k ? AHEAD_STEPS(rows) : a->k, end = a->k - steps;
    const uintptr_t row = (uintptr_t)a->w_stride * sizeof(float);
    const uintptr_t right = (uintptr_t)vecs * LANES * sizeof(float);
    return (rows_ahead){end, (uintptr_t)steps * row, right - (uintptr_t)end * row};
}

// What a turn of 16-bit numbers reads is asked for as rows of f32, half as many; a turn of one step
// asks for each line twice.
enum {
    HALF_STEPS = (TILE_STEPS + 1) / 2,
    HALF_ASK = PANEL * TILE_STEPS / HALF_STEPS * (int)sizeof(uint16_t)
};

// What a turn of `steps` steps asks for, as its kind says, in as many panels as the tile has.
// Returns the row of the next turn.
INLINE uintptr_t tile_ask_ahead(int steps, int vecs, int kind, const tile_args *a, const void *w,
                                uintptr_t ask) {
    if (kind & W_STREAM) {
        tile_ask_w(steps, vecs, kind, a, w);
    }
    const int all = kind & (W_F16 | W_BF16) ? (steps + 1) / 2 : steps;
    const int asked = kind & W_ASK_ALL ? all : kind & W_ASK ? 1 : 0;
    const int wide = vecs < PANEL_VECS ? vecs : PANEL_VECS;
    UNROLL
    for (int i = 0; i < TILE_STEPS; i++) {
        UNROLL
        for (int v = 0; v < TILE_VECS_MAX; v += PANEL_VECS) {
            if (i < asked && v < vecs) {
                tile_ask_row(wide, true, (uintptr_t)tile_w(0, a, (const void *)ask, v));
            }
        }
        ask += i < asked ? (uintptr_t)a->ask_step : 0;
    }
    return ask;
}

#endif
