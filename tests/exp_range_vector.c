// SPDX-License-Identifier: BSD-2-Clause
// exp, tanh and erf of a vector backend: built once for each, with BACKEND_VEC_H, EXP_RANGE,
// TANH_RANGE and ERF_RANGE.
#include BACKEND_VEC_H

#include "backends/simd/erf.h"
#include "backends/simd/exp.h"
#include "backends/simd/tanh.h"
#include "exp_range.h"

void EXP_RANGE(int64_t count, const float *x, float *y);
void TANH_RANGE(int64_t count, const float *x, float *y);
void ERF_RANGE(int64_t count, const float *x, float *y);

void EXP_RANGE(int64_t count, const float *x, float *y) {
    for (int64_t i = 0; i < count; i += LANES) {
        vec_store(y + i, vec_exp(vec_load(x + i)));
    }
}

void TANH_RANGE(int64_t count, const float *x, float *y) {
    for (int64_t i = 0; i < count; i += LANES) {
        vec_store(y + i, vec_tanh(vec_load(x + i)));
    }
}

void ERF_RANGE(int64_t count, const float *x, float *y) {
    for (int64_t i = 0; i < count; i += LANES) {
        vec_store(y + i, vec_erf(vec_load(x + i)));
    }
}
