// SPDX-License-Identifier: BSD-2-Clause
// The SVE backends, one for each length of the registers: VECTOR_BITS.
//
// By reasoning and not by measurement: no machine was at hand, and an emulator has no speed. The 16
// lanes are 4, 2 or 1 registers, and a panel is as wide as NEON's, whose kernels take over on
// threads of another length. 32 registers hold at any length the sums of a tile of 24, w in 4, 2 or
// 1, and x in 2, 3 or 6, which FMLA reads element by element; that is what the CPUs at hand ask
// for: FMLA has a latency of 4 cycles and two pipes of 256 bits (Neoverse V1) or four of 128 (V2),
// of 9 and two of 512 (A64FX), so that 8, 16 or 18 sums must be in flight.
#ifndef SVE_SHEET_H
#define SVE_SHEET_H

#define UP_TO_12(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define UP_TO_24(X) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24)
#if VECTOR_BITS == 512
#define TILE_ROWS 24
#define TILE_ROWS_LIST(X) UP_TO_12(X) UP_TO_24(X)
#define ATTEND_TILES 6 // of 16 rows
#define BACKEND_NAME "sve_512"
#define BACKEND_FEATURES (DECOCT_CPU_SVE | DECOCT_CPU_SVE_512)
#define BACKEND_PRIORITY 130
#elif VECTOR_BITS == 256
#define TILE_ROWS 12
#define TILE_ROWS_LIST(X) UP_TO_12(X)
#define ATTEND_TILES 8
#define BACKEND_NAME "sve_256"
#define BACKEND_FEATURES (DECOCT_CPU_SVE | DECOCT_CPU_SVE_256)
#define BACKEND_PRIORITY 120
#else
#define TILE_ROWS 6
#define TILE_ROWS_LIST(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define ATTEND_TILES 16
#define BACKEND_NAME "sve_128"
#define BACKEND_FEATURES (DECOCT_CPU_SVE | DECOCT_CPU_SVE_128)
#define BACKEND_PRIORITY 90 // below NEON
#endif
#define PANEL_VECS 1
#define TILE_STEPS 1
#define AHEAD_BYTES 1024
#define AHEAD_L2 0 // else into L1
#define FEW_ROWS_LIST(X) X(1, 4, 4) X(2, 2, 2)
#define K_BLOCK 512
#define N_BLOCK 1024
#define PACK_COLS 64
#define M_BLOCK 48

#include "vec.h"

#endif
