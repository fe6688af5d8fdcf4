// SPDX-License-Identifier: BSD-2-Clause
// The NEON backend. 32 registers of 4: a tile of 6 x 16 takes 24 for sums, 4 for w, 2 for x.
//
// FMLA has a latency of 4 cycles (Arm's optimization guides for Neoverse N1, V1, V2; 3 to 4 on
// Apple's cores) and two pipes (N1) or four (V1, V2, Apple), so that at least 8 to 16 sums must be
// under way. FMLAs a cycle by llvm-mca 19, x packed, one step of k a turn (llvm-mca 14 knows
// neither N1 nor V1 and takes both for a Cortex-A57):
//    tile  registers  loads a FMLA   A53    N1    V1    V2
//    8x8         20          0.25   0.50  2.00  3.99  3.99
//    8x12        29          0.21   0.59  2.00  3.99  3.99
//    6x16        30          0.23   0.57  2.00  3.99  3.99
//    4x24        31          0.29   0.55  2.00  3.99  3.99
//    7x16        34: two too many
// All that fit keep the pipes of the large cores full. 6 x 16 has whole panels of the 16 lanes. The
// code as compiled runs at 2.00, 3.99, 3.99 (gcc 12 and clang 14), and on the A53, which waits for
// each load, at 0.52 and 0.59. Two steps a turn gain nothing, and gcc puts sums on the stack then.
#ifndef NEON_SHEET_H
#define NEON_SHEET_H

#define TILE_ROWS 6
#define PANEL_VECS 1
#define TILE_STEPS 1
#define TWO_ROWS_VECS 2
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
