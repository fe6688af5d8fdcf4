// SPDX-License-Identifier: BSD-2-Clause
// Keys and values in the layout of caches that most libraries prefer: head by head.
#ifndef BENCH_CACHES_H
#define BENCH_CACHES_H

#include "peer.h"

// A copy (heads, kv_len, head_dim) of c->key or c->value; heads: those of the case, or its
// kv_heads. Aligned to 64 bytes; free() it. NULL: no memory.
float *caches_by_heads(const peer_case *c, const float *from, int64_t heads);

#endif
