// SPDX-License-Identifier: BSD-2-Clause
// The exp of a vector backend: built once for each, with BACKEND_VEC_H and EXP_RANGE.
#include BACKEND_VEC_H

#include "backends/simd/exp.h"
#include "exp_range.h"

void EXP_RANGE(int64_t count, const float *x, float *y) {
    for (int64_t i = 0; i < count; i += LANES) {
        vec_store(y + i, vec_exp(vec_load(x + i)));
    }
}
