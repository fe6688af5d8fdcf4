// SPDX-License-Identifier: BSD-2-Clause
// UNROLL before a loop of constant bounds, up to UNROLL_MOST: its arrays then live in registers.
#ifndef SIMD_UNROLL_H
#define SIMD_UNROLL_H

// A pragma takes no expression: the highest tile needs a number of its own.
#if defined(TILE_ROWS) && TILE_ROWS > 16
enum { UNROLL_MOST = 24 };
#define UNROLL_GCC _Pragma("GCC unroll 24")
#else
enum { UNROLL_MOST = 16 };
#define UNROLL_GCC _Pragma("GCC unroll 16")
#endif

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL UNROLL_GCC
#endif

#endif
