// SPDX-License-Identifier: BSD-2-Clause
// Shapes between those of rows.def, drawn at random: no dimension is outside those of the named
// rows of the kind, and no shape costs more than the largest. The same for the same seed.
#ifndef BENCH_DRAW_H
#define BENCH_DRAW_H

#include "shapes.h"

#include <stdint.h>

// The number of a seed's text, "2026-11-26".
uint64_t draw_seed(const char *text);
// The next drawn shape that `accept` agrees to; false: it agreed to not one of many.
bool draw_shape(uint64_t *seed, bool (*accept)(const void *data, const row_shape *shape),
                const void *data, row_shape *out);

#endif
