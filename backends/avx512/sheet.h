// SPDX-License-Identifier: BSD-2-Clause
// The AVX-512 backend. 32 registers of 16: a tile of 14 x 32 uses 28 for sums, 2 for w, 1 for x.
#ifndef AVX512_SHEET_H
#define AVX512_SHEET_H

#define TILE_ROWS 14
#define PANEL_VECS 2
#define TILE_STEPS 2
#define AHEAD_BYTES 4096 // docs/tuning.md
#define AHEAD_L2 0       // else into L1
#define FEW_ROWS_LIST(X) X(1, 4, 4) X(2, 4, 4) X(3, 4, 4) X(4, 4, 4) X(5, 4, 4) X(6, 4, 4)
#define TILE_ROWS_LIST(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define WIDE_ROWS 6 // a tile of 6 x 64 uses 24 registers for sums, 4 for w
#define WIDE_VECS 4
#define WIDE_LIST(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define WIDE_PLAIN_ROWS 8
#define WIDE_W (1 << 15)
#define WIDE_SHORT_ROWS 20
#define WIDE_SHORT_K 64
#define WIDE_MANY_ROWS 96
#define WIDE_MANY_K 256
#define WIDE_NARROW 0
#define WIDE_NARROWER 0
#define WIDE_ASKERS 0
#define WIDE_ALIGN 1
#define STORES_MOST 12 // and how larger tiles end (docs/tuning.md)
#define LAST_STEPS 4
#define LAST_SUMS 8
#define TALL_ROWS 16 // 16 x 16 x 16 is one tile
#define TALL_LIST(X) X(15) X(16)
#define ATTEND_TILES 8
#define TURNED_ROWS 8
#define ONE_AHEAD 384 // docs/tuning.md
#define BACKEND_NAME "avx512"
#define BACKEND_FEATURES (DECOCT_CPU_AVX512 | DECOCT_CPU_AVX2 | DECOCT_CPU_FMA)
#define BACKEND_PRIORITY 300
// Block sizes, found by build/bench/tune: the table is in docs/tuning.md. Rows of x are not packed:
// a tile reads 14 streams as fast as one unless they are a multiple of 4 KiB apart.
#define K_BLOCK 1536
#define N_BLOCK 256
#define PACK_COLS 0
#define M_BLOCK 112

#include "vec.h"

#endif
