// SPDX-License-Identifier: BSD-2-Clause
// Operands of benchmarks: reproducible numbers.
#ifndef BENCH_OPERANDS_H
#define BENCH_OPERANDS_H

#include <decoct/decoct.h>

// `count` floats in [-scale, scale) on a cache line, the same for the same seed; free with free().
// NULL: no memory.
float *operand_new(int64_t count, float scale, uint64_t seed);

// Causal attention of the last q_len of kv_len positions; q and out are (q_len, heads * head_dim),
// k and v (kv_len, heads * head_dim): the heads stand side by side in a row, as a decoder has them.
decoct_attention_args operand_attention(int64_t heads, int64_t head_dim, int64_t q_len,
                                        int64_t kv_len, const float *q, const float *k,
                                        const float *v, float *out);

#endif
