// SPDX-License-Identifier: BSD-2-Clause
// The RISC-V V backends, one for each length of the registers: VECTOR_BITS.
//
// By reasoning and not by measurement: no machine was at hand, and an emulator has no speed. The 16
// lanes are a group of 4, 2 or 1 of the 32 registers, and a panel is as wide as the scalar
// backend's, whose kernels take over on threads of another length. A tile has a group for each of
// its rows and one for w; its factors come from the scalar unit. That is 7 of 8 groups at 128 bits,
// and at the other lengths as many sums as cores with two pipes and a latency of 4 to 7 cycles
// need.
#ifndef RVV_SHEET_H
#define RVV_SHEET_H

#if VECTOR_BITS == 128
#define TILE_ROWS 6
#define TILE_ROWS_LIST(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define ATTEND_TILES 16
#define BACKEND_NAME "rvv_128"
#define BACKEND_FEATURES (DECOCT_CPU_RVV | DECOCT_CPU_RVV_128)
#elif VECTOR_BITS == 256
#define TILE_ROWS 12
#define TILE_ROWS_LIST(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define ATTEND_TILES 8
#define BACKEND_NAME "rvv_256"
#define BACKEND_FEATURES (DECOCT_CPU_RVV | DECOCT_CPU_RVV_256)
#else
#define TILE_ROWS 14
#define TILE_ROWS_LIST(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define ATTEND_TILES 8
#define BACKEND_NAME "rvv_512"
#define BACKEND_FEATURES (DECOCT_CPU_RVV | DECOCT_CPU_RVV_512)
#endif
#define BACKEND_PRIORITY 100
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
