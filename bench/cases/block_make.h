// SPDX-License-Identifier: BSD-2-Clause
// The blocks of a case, and the head behind them, with weights of any type.
#ifndef BENCH_BLOCK_MAKE_H
#define BENCH_BLOCK_MAKE_H

#include "op.h"

// How many layers the case has.
static inline int64_t block_layers(const bench_work *w) {
    return w->c.layers > 0 ? w->c.layers : 1;
}

// Fills w->blocks and, where the shape has a head, w->weights. The same numbers for every layer,
// packed once for each: they are at different places.
decoct_status block_make(bench_work *w);

#endif
