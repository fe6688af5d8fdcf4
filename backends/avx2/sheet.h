// SPDX-License-Identifier: BSD-2-Clause
// The AVX2 + FMA backend. 16 registers of 8: a tile of 6 x 16 takes 12 for sums, 2 for w, 1 for x.
#ifndef AVX2_SHEET_H
#define AVX2_SHEET_H

#define TILE_ROWS 6
#define PANEL_VECS 1
#if defined(__clang__)
#define TILE_STEPS 4
#else
#define TILE_STEPS 2 // gcc 12 runs out of registers with 4
#endif
#define TWO_ROWS_VECS 2
#define TILE_ROWS_LIST(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define ATTEND_TILES 16
#define BACKEND_NAME "avx2"
#define BACKEND_FEATURES (DECOCT_CPU_AVX2 | DECOCT_CPU_FMA)
#define BACKEND_PRIORITY 200
// Block sizes, found by build/bench/tune on one Zen 3 core (AMD EPYC, gcc 12.2, 2026-11-23): share
// of the FMA peak at 8 x 2304 x 768, 64 x 2304 x 768, 512 x 2304 x 768, 512 x 768 x 3072, 1024^3
// and 256 x 2048 x 8192, and the geometric mean, in per cent.
//   k_block m_block n_block    8   64  512 down 1024 wide   mean
//       192      96     512   80   83   87   81   85   78   82.3
//       256      96     512   86   84   91   85   87   81   85.5
//       384      96     512   83   88   90   89   88   80   86.0
//       768      96     512   90   88   91   88   91   80   87.8
//       768      48     512   91   88   91   90   90   79   88.2
//       768      96    1024   89   90   90   87   91   82   88.2
//       768      96    4096   85   89   89   86   91   86   87.6
// And on one Zen 4 core (2026-11-25):
//       768      48    1024   90   96   94   95   94   83   91.8
//       768      96    1024   89   96   94   91   94   88   92.0
//       768      96    4096   90   97   95   93   94   89   92.9
//      1024      48    1024   89   97   95   95   96   85   92.7
//      1536      96    4096   90   98   96   93   97   91   93.9
// The choice is good on both; larger blocks would not fit the 512 KiB of L2 that Zen 3 has. A panel
// of 768 steps (48 KiB) streams from L2 and is no slower for it; what costs is taking the sums out
// of y and back between blocks of k.
#define K_BLOCK 768
#define N_BLOCK 1024
#define M_BLOCK 96
// Rows of x are packed from so many columns on: 6 rows that are a multiple of 64 bytes apart wait
// for each other on Zen 3 (86 instead of 101 GFLOP/s), though not on Zen 4.
#define PACK_COLS 64

#include "vec.h"

#endif
