// SPDX-License-Identifier: BSD-2-Clause
// The AVX2 + FMA backend. 16 registers of 8: a tile of 6 x 16 takes 12 for sums, 2 for w, 1 for x.
#define TILE_ROWS 6
#define PANEL_VECS 1
#define TILE_STEPS 4
#define TWO_ROWS_VECS 2
#define TILE_ROWS_LIST(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define ATTEND_TILES 16
#define BACKEND_NAME "avx2"
#define BACKEND_FEATURES (DECOCT_CPU_AVX2 | DECOCT_CPU_FMA)
#define BACKEND_PRIORITY 200
#define K_BLOCK 384
#define N_BLOCK 8192
#define M_BLOCK 96

#include "vec.h"

#include "../simd/table.h"
