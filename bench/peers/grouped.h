// SPDX-License-Identifier: BSD-2-Clause
// Attention as libraries see it that have one set of keys for each head: query heads that share
// keys are rows of one product, so that keys are read once. In a whole prompt each head has its own
// copy of the keys instead, because the mask would become as many times longer.
#ifndef BENCH_GROUPED_H
#define BENCH_GROUPED_H

#include "peer.h"

// q and the result are (heads, rows, head_dim), keys and values (heads, kv_len, head_dim).
typedef struct grouped {
    int64_t heads, rows;
} grouped;

grouped grouped_of(const peer_case *c);

// q by heads, times `scale`. free() it; NULL: no memory.
float *grouped_queries(const peer_case *c, grouped g, float scale);

// (rows, kv_len): what is added to a score, 0 or minus infinity. free() it; NULL: no memory.
float *grouped_mask(const peer_case *c, grouped g);

// The result by heads, dense, as c->y has it.
void grouped_finish(const peer_case *c, grouped g, const float *result);

#endif
