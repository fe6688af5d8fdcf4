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

// The same number, but the compiler does not know that. Addresses that are computed from it are
// then computed where they are used; gcc 12 would keep them all through the loops between, in
// vector registers, and what comes from those waits behind the multiply-adds (docs/tuning.md).
#define AFRESH(number) __asm__ volatile("" : "+r"(number))

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL UNROLL_GCC
#endif

#endif
