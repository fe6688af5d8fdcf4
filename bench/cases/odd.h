// SPDX-License-Identifier: BSD-2-Clause
// Sizes and numbers that kernels get wrong.
#ifndef BENCH_ODD_H
#define BENCH_ODD_H

#include <math.h>
#include <stdint.h>

// Around 1, 8, 16, 32 and 64: tails.
static const int64_t odd_dims[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65};
enum { ODD_DIMS = sizeof odd_dims / sizeof *odd_dims };

// Zeros of both signs, denormals, products that become denormal, huge numbers, infinities. NaN has
// a line of its own: it hides everything else.
static const float odd_numbers[][4] = {{0.0f, -0.0f, 0x1p-149f, -0x1p-149f},
                                       {0x1p-75f, -0x1p-75f, -0x1.8p-127f, 0x1p-126f},
                                       {0x1.fffffep127f, -0x1.fffffep127f, 0x1p100f, -0.0f},
                                       {INFINITY, -INFINITY, 0.0f, 1.0f},
                                       {-INFINITY, -INFINITY, -INFINITY, -88.0f},
                                       {NAN, 1.0f, -1.0f, 0.0f}};
enum { ODD_NUMBERS = sizeof odd_numbers / sizeof *odd_numbers };

#endif
