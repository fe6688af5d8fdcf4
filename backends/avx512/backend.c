// SPDX-License-Identifier: BSD-2-Clause
// The AVX-512 backend. 32 registers of 16: a tile of 14 x 32 takes 28 for sums, 2 for w, 1 for x.
#define TILE_ROWS 14
#define PANEL_VECS 2
#define TILE_STEPS 2
#define TWO_ROWS_VECS 4
#define TILE_ROWS_LIST(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define ATTEND_TILES 8
#define BACKEND_NAME "avx512"
#define BACKEND_FEATURES (DECOCT_CPU_AVX512 | DECOCT_CPU_AVX2 | DECOCT_CPU_FMA)
#define BACKEND_PRIORITY 300
// From a first attempt on one Zen 5 core (2026-11-23): with k in blocks of 192 to 384 the sums
// travel too often (200-215 against 223-235 GFLOP/s). Not tuned since: build/bench/tune finds
// better ones.
#define K_BLOCK 768
#define N_BLOCK 1024
#define PACK_COLS 0
#define M_BLOCK 112

#include "vec.h"

#include "../simd/table.h"
