// SPDX-License-Identifier: BSD-2-Clause
#include "operands.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { LINE = 64, HUGE_PAGE = 1 << 21 };

// On huge pages where the system has them, as the library's own memory is: reading small ones is
// slower (docs/tuning.md), and a ceiling would be too low.
static float *allocate(size_t bytes) {
    size_t align = bytes < HUGE_PAGE ? LINE : HUGE_PAGE;
    size_t whole = (bytes + align - 1) / align * align;
    float *data = aligned_alloc(align, whole ? whole : align);
    if (data && align == HUGE_PAGE) {
        madvise(data, whole, MADV_HUGEPAGE); // a wish
    }
    return data;
}

float *operand_new(int64_t count, float scale, uint64_t seed) {
    float *data = allocate((size_t)count * sizeof(float));
    seed++;
    for (int64_t i = 0; data && i < count; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        data[i] = (float)(int32_t)(seed >> 32) * (scale * 0x1p-31f);
    }
    return data;
}

decoct_attention_args operand_attention(int64_t heads, int64_t head_dim, int64_t q_len,
                                        int64_t kv_len, const float *q, const float *k,
                                        const float *v, float *out) {
    int64_t d = heads * head_dim;
    return (decoct_attention_args){
        .struct_size = sizeof(decoct_attention_args),
        .causal = 1,
        .batch = 1,
        .heads = heads,
        .kv_heads = heads,
        .q_len = q_len,
        .kv_len = kv_len,
        .head_dim = head_dim,
        .q_offset = kv_len - q_len,
        .q = q,
        .k = k,
        .v = v,
        .out = out,
        .q_head_stride = head_dim,
        .q_stride = d,
        .k_head_stride = head_dim,
        .k_stride = d,
        .v_head_stride = head_dim,
        .v_stride = d,
        .out_head_stride = head_dim,
        .out_stride = d,
    };
}
