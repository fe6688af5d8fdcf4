// SPDX-License-Identifier: BSD-2-Clause
// The NEON backend. 32 registers of 4: a tile of 6 x 16 uses 24 for sums, 4 for w, 2 for x.
//
// FMLA has a latency of 4 cycles (Arm's optimization guides for Neoverse N1, V1, V2; 3 to 4 on
// Apple's cores) and two pipes (N1) or four (V1, V2, Apple), so that at least 8 to 16 sums must be
// in flight. All tiles that fit keep the pipes of the large cores full (docs/tuning.md, by
// llvm-mca); 6 x 16 has whole panels of the 16 lanes. Two steps a turn gain nothing, and gcc puts
// sums on the stack then.
#ifndef NEON_SHEET_H
#define NEON_SHEET_H

#define TILE_ROWS 6
#define PANEL_VECS 1
#define TILE_STEPS 1
#define AHEAD_BYTES 1024 // docs/tuning.md
#define AHEAD_L2 0       // else into L1
#define FEW_ROWS_LIST(X) X(1, 4, 4) X(2, 2, 2)
#define TILE_ROWS_LIST(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define ATTEND_TILES 16
#define BACKEND_NAME "neon"
#define BACKEND_FEATURES DECOCT_CPU_NEON
#define BACKEND_PRIORITY 100
// Block sizes, by reasoning and not by measurement: no AArch64 machine was at hand
// (build/bench/tune finds better ones on one). A panel of 512 steps (32 KiB) and a tile of x (12
// KiB) fit the 64 KiB of L1 that N1, V1 and V2 have, 48 packed rows (96 KiB) the L2 even of small
// cores.
#define K_BLOCK 512
#define N_BLOCK 1024
#define PACK_COLS 64
#define M_BLOCK 48

#include "vec.h"

#endif
