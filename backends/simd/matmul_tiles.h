// SPDX-License-Identifier: BSD-2-Clause
// Many rows of a product are cut into tiles, and each tile is a call of a function.
#ifndef SIMD_MATMUL_TILES_H
#define SIMD_MATMUL_TILES_H

#include "tile.h"

// The tile of a panel at these rows of x and y. Where a tile is changes in registers: through
// memory the next one would wait for it (docs/tuning.md).
INLINE tile_args tile_at(const tile_args *panel, const float *x, float *y, uintptr_t ask) {
    tile_args t = *panel;
    t.x = x;
    t.y = y;
    t.ask = ask;
    return t;
}

typedef void matmul_tile(int rows, const tile_args *t, const float *x, float *y, uintptr_t ask);

// As many tiles as needed, of nearly the same height, so that 8 rows are 4 + 4 rather than 6 + 2:
// `tall` tiles of `rows` rows, then others of one row less. Small products feel each division.
typedef struct matmul_cut {
    int rows, tall, tiles;
} matmul_cut;

INLINE matmul_cut matmul_cut_rows(int64_t rows, int most) {
    if (rows <= most) {
        return (matmul_cut){(int)rows, 1, 1};
    }
    unsigned all = (unsigned)rows, tiles = (all + (unsigned)most - 1) / (unsigned)most;
    unsigned each = all / tiles, tall = all - each * tiles;
    return tall ? (matmul_cut){(int)each + 1, (int)tall, (int)tiles}
                : (matmul_cut){(int)each, (int)tiles, (int)tiles};
}

#endif
