// SPDX-License-Identifier: BSD-2-Clause
// The AVX2 + FMA backend. 16 registers of 8: a tile of 6 x 16 uses 12 for sums, 2 for w, 1 for x.
#ifndef AVX2_SHEET_H
#define AVX2_SHEET_H

#define TILE_ROWS 6
#define PANEL_VECS 1
#if defined(__clang__)
#define TILE_STEPS 4
#define REST_ROWS 2 // clang 14 runs out of registers with 3 beside two panels
#else
#define TILE_STEPS 2 // gcc 12 runs out of registers with 4
#define REST_ROWS 3  // 8 rows are 5 + 3: 4 x 16 has just as many sums as multiply-adds in flight
#endif
#define REST_HALF 2      // 6 + 2: w of 16 bits needs registers
#define AHEAD_BYTES 4096 // docs/tuning.md
#define AHEAD_L2 1       // else into L1
#if !defined(__clang__)
#define WIDE_ROWS 3 // a tile of 3 x 32 uses 12 registers for sums, 3 for x, 1 for w
#define WIDE_VECS 2
#define WIDE_LIST(X) X(1) X(2) X(3)
#define WIDE_PLAIN_ROWS 9
#define WIDE_W (1 << 16)
#define WIDE_SHORT_ROWS 48
#define WIDE_SHORT_K 64
#define WIDE_MANY_ROWS 96
#define WIDE_MANY_K 128
#define WIDE_NARROW 256
#define WIDE_NARROWER 80
#define WIDE_ASKERS 4
#define WIDE_ALIGN 32
#endif
#define FEW_ROWS_LIST(X) X(1, 4, 4) X(2, 3, 2) X(3, 2, 2) X(4, 1, 1)
#define TILE_ROWS_LIST(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define ATTEND_TILES 16
#define BACKEND_NAME "avx2"
#define BACKEND_FEATURES (DECOCT_CPU_AVX2 | DECOCT_CPU_FMA)
#define BACKEND_PRIORITY 200
// Block sizes, found by build/bench/tune: the tables are in docs/tuning.md. The choice is good on
// Zen 3 and Zen 4; larger blocks would not fit the 512 KiB of L2 that Zen 3 has. A panel of 768
// steps (48 KiB) streams from L2 and is no slower for it; the cost is loading and storing the sums
// in y between blocks of k.
#define K_BLOCK 768
#define N_BLOCK 1024
#define M_BLOCK 96
// Rows of x are packed for tiles of 6 rows from this number of columns on: 6 rows that are a
// multiple of 64 bytes apart wait for each other on Zen 3, though not on Zen 4 (docs/tuning.md).
#define PACK_COLS 64

#include "vec.h"

#endif
