// SPDX-License-Identifier: BSD-2-Clause
#include "operands.h"

#include <stdlib.h>

float *operand_new(int64_t count, float scale, uint64_t seed) {
    size_t bytes = ((size_t)count * sizeof(float) + 63) / 64 * 64;
    float *data = aligned_alloc(64, bytes ? bytes : 64);
    seed++;
    for (int64_t i = 0; data && i < count; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        data[i] = (float)(int32_t)(seed >> 32) * (scale * 0x1p-31f);
    }
    return data;
}
