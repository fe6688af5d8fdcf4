// SPDX-License-Identifier: BSD-2-Clause
// The AVX2 + FMA backend. 16 registers of 8: a tile of 6 x 16 takes 12 for sums, 2 for w, 1 for x.
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
// A panel of 768 steps (48 KiB) streams from L2 and is no slower for it; what costs is taking the
// sums out of y and back between blocks of k.
#define K_BLOCK 768
#define N_BLOCK 1024
#define PACK_COLS 128
#define M_BLOCK 48

#include "vec.h"

#include "../simd/table.h"
