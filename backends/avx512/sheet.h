// SPDX-License-Identifier: BSD-2-Clause
// The AVX-512 backend. 32 registers of 16: a tile of 14 x 32 takes 28 for sums, 2 for w, 1 for x.
#ifndef AVX512_SHEET_H
#define AVX512_SHEET_H

#define TILE_ROWS 14
#define PANEL_VECS 2
#define TILE_STEPS 2
#define TWO_ROWS_VECS 4
#define TILE_ROWS_LIST(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define ATTEND_TILES 8
#define BACKEND_NAME "avx512"
#define BACKEND_FEATURES (DECOCT_CPU_AVX512 | DECOCT_CPU_AVX2 | DECOCT_CPU_FMA)
#define BACKEND_PRIORITY 300
// Block sizes, found by build/bench/tune on one Zen 4 core (AMD EPYC, gcc 12.2, 2026-11-25): share
// of the FMA peak at 8 x 2304 x 768, 64 x 2304 x 768, 512 x 2304 x 768, 512 x 768 x 3072, 1024^3
// and 256 x 2048 x 8192, and the geometric mean, in per cent.
//   k_block m_block n_block    8   64  512 down 1024 wide   mean
//       384     112     256   96   97   95   96   94   91   94.9
//       768     112     256   98   98   96   96   95   93   96.1
//       768     112    1024   98   98   96   96   96   93   96.1
//      1024     112     256   98   99   96   97   97   94   96.7
//      1536      56     256   98   99   96   97   96   94   96.5
//      1536     112     256   98   99   96   97   97   95   97.0
//      1536     112    4096   98   99   96   97   97   94   96.8
//      1536     224     256   98   98   96   97   97   96   97.0
// Rows of x are not packed: a tile reads 14 streams as fast as one (117.6 and 117.8 GFLOP/s) unless
// they are a multiple of 4 KiB apart.
#define K_BLOCK 1536
#define N_BLOCK 256
#define PACK_COLS 0
#define M_BLOCK 112

#include "vec.h"

#endif
