// SPDX-License-Identifier: BSD-2-Clause
// The exp of the avx2 backend.
#include "../backends/avx2/vec.h"

#include "../backends/simd/exp.h"
#include "exp_range.h"

void exp_range_avx2(int64_t count, const float *x, float *y) {
    for (int64_t i = 0; i < count; i += LANES) {
        vec_store(y + i, vec_exp(vec_load(x + i)));
    }
}
