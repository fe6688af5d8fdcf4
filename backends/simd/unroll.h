// SPDX-License-Identifier: BSD-2-Clause
// UNROLL before a loop of constant bounds, up to UNROLL_MOST: its arrays then live in registers.
#ifndef SIMD_UNROLL_H
#define SIMD_UNROLL_H

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
enum { UNROLL_MOST = 16 };

#endif
