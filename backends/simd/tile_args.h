// SPDX-License-Identifier: BSD-2-Clause
// What a register tile works on: its kind, which is a constant of its code, and its operands.
#ifndef SIMD_TILE_ARGS_H
#define SIMD_TILE_ARGS_H

#include <stdint.h>

// Kinds of tiles, for the constant `kind`.
enum {
    X_PACKED = 1,  // x is from tile_pack
    RAGGED = 2,    // after the first k steps each row takes those it sees
    W_PART = 4,    // columns of w beyond `cols` do not exist
    W_AHEAD = 8,   // rows of w are far apart: each step asks for one some steps ahead
    W_F16 = 16,    // w is f16
    W_BF16 = 32,   // w is bf16, packed in pairs: see vec_load_pairs
    W_STREAM = 64, // w of 16 bits that is read once, from memory: it is asked for AHEAD_BYTES ahead
    W_ASK = 128,   // each turn of TILE_STEPS, or of one step, asks for one row at `ask`
    WHOLE = 256,   // all columns exist
    Y_ASK = 512,   // one tile, whose place in y is prefetched
    W_KEEP = 1024, // w is unpacked, and is stored in a packed panel at `keep`, for other tiles
    SCALED = 4096, // y continues, each row multiplied by its factor first; 2048 is of matmul.c
    W_ASK_ALL = 8192, // as W_ASK, but as many bytes as the turn reads
    HALF = 16384,     // the last vector has HALF_LANES columns or fewer, as the ISA says VEC_HALF
};

// W_AHEAD: tiles of wide panels, and high ones, prefetch many steps ahead, and into L2: rows of w
// are often a multiple of 4 KiB apart, and would evict each other from L1. The others reach few
// steps, into L1. Measured (docs/tuning.md), not derived.
enum { AHEAD_HIGH = 7 }; // rows
#define AHEAD_FAR(rows) (PANEL_VECS > 1 || (rows) >= AHEAD_HIGH)
#define AHEAD_STEPS(rows) (AHEAD_FAR(rows) ? 128 : 16)

// x (rows, k), w (k, vecs * 16), y (rows, vecs * 16).
typedef struct tile_args {
    int64_t k;
    const float *x;
    int64_t x_stride;     // not used when x is packed
    const void *w;        // f32, or as its kind says; strides are in numbers
    int64_t w_stride;     // from one k to the next
    int64_t panel_stride; // from one panel of w to the next, where there are several
    float *keep;          // W_KEEP
    float *y;
    int64_t y_stride;
    const float *bias; // or NULL
    int64_t cols;      // columns of y that exist, <= vecs * 16
    int32_t accumulate;
    const float *factor; // SCALED: (rows)
    // RAGGED: after the first k steps, which all rows do, row r does those steps p < k_most for
    // which bit p of seen[r] is set.
    const uint64_t *seen;
    int64_t k_most;
    // How many such tiles there are, one after the other, and the way from each to the next; not
    // with Y_ASK.
    int64_t count, x_next, w_next, y_next;
    uintptr_t ask;    // W_ASK: what the first row of w prefetches, even if it does not exist
    int64_t ask_step; // bytes from one to the next
} tile_args;

#endif
