// SPDX-License-Identifier: BSD-2-Clause
// x of a register tile: where its rows are, and how they meet w.
#ifndef SIMD_TILE_X_H
#define SIMD_TILE_X_H

#include "tile_args.h"
#include "unroll.h"

#include <stdbool.h>

// A tile of one vector may be higher where the sheet has TALL_ROWS and TALL_LIST(X), the heights
// above TILE_ROWS.
#ifndef TALL_ROWS
#define TALL_ROWS TILE_ROWS
#define TALL_LIST(X)
#endif

// The rows of x at one step of k. Every third row has a pointer of its own, and the two
// rows after it are a stride and two strides away, which an x86 address holds: with one pointer for
// 14 rows gcc 12 computes addresses in the loop (docs/tuning.md).
enum { X_GROUP = 3, X_POINTERS = (TALL_ROWS + X_GROUP - 1) / X_GROUP };
typedef struct tile_x {
    const float *row[X_POINTERS]; // packed rows are next to each other: the first one is enough
    int64_t stride;
} tile_x;

INLINE tile_x tile_x_at(int rows, int packed, const float *x, int64_t stride) {
    tile_x at = {.stride = packed ? 1 : stride};
    UNROLL
    for (int i = 0; i < X_POINTERS; i++) {
        at.row[i] = packed || i * X_GROUP >= rows ? x : x + i * X_GROUP * stride;
    }
    return at;
}

INLINE void tile_x_move(tile_x *at, int64_t floats) {
    UNROLL
    for (int i = 0; i < X_POINTERS; i++) {
        at->row[i] += floats;
    }
}

// x of the rows of a tile at one step, each to be multiplied with several vectors. On x86 a
// broadcast comes with the load; an ISA that does it another way defines VEC_FACTORS and its own
// version, which may read all rows from the first pointer.
#ifndef VEC_FACTORS
typedef struct factors {
    const float *const *row; // every third one
    int64_t stride;
    int packed;
} factors;
INLINE factors factors_take(int rows, int packed, const float *const *row, int64_t stride) {
    (void)rows;
    return (factors){row, stride, packed};
}
INLINE const float *factors_at(factors f, int r) {
    return f.packed ? f.row[0] + r : f.row[r / X_GROUP] + r % X_GROUP * f.stride;
}
// x[r] y + z.
INLINE vec factors_fma(factors f, int r, vec y, vec z) {
    return vec_fma(vec_set(*factors_at(f, r)), y, z);
}
#ifdef VEC_HALF
INLINE vec factors_fma_half(factors f, int r, vec y, vec z) {
    return vec_fma_half(*factors_at(f, r), y, z);
}
#endif
#endif

#ifndef VEC_HALF
#define factors_fma_half factors_fma
#endif

// Rows whose multiply-adds read x one by one, where the ISA says VEC_FMA_APART: where w becomes f32
// on the way, by the units that also broadcast x for several vectors. The CPU broadcasts elsewhere
// for an FMA that reads memory. Every third row makes enough room, and leaves loads to spare, which
// all rows would not (docs/tuning.md). To widen bf16 takes less: a tile of more than a panel has
// room.
#ifdef VEC_FMA_APART
INLINE bool factors_apart(int rows, int vecs, int kind, int r) {
    const bool widens = kind & W_F16 || (kind & W_BF16 && vecs <= PANEL_VECS);
    return widens && rows > 1 && rows <= APART_MOST && r % X_GROUP == 0;
}
INLINE vec factors_fma_apart(factors f, int r, vec y, vec z) {
    return vec_fma_apart(factors_at(f, r), y, z);
}
#else
INLINE bool factors_apart(int rows, int vecs, int kind, int r) {
    (void)rows, (void)vecs, (void)kind, (void)r;
    return false;
}
#define factors_fma_apart factors_fma
#endif

#endif
