// SPDX-License-Identifier: BSD-2-Clause
// exp, tanh and erf of a vector backend: built once for each, with BACKEND_VEC_H, EXP_RANGE,
// BELOW_RANGE, TANH_RANGE and ERF_RANGE.
#include BACKEND_VEC_H

#include "backends/simd/erf.h"
#include "backends/simd/exp.h"
#include "backends/simd/tanh.h"
#include "exp_range.h"

void EXP_RANGE(int64_t count, const float *x, float *y);
void BELOW_RANGE(int64_t count, const float *x, float *y);
void TANH_RANGE(int64_t count, const float *x, float *y);
void ERF_RANGE(int64_t count, const float *x, float *y);

void EXP_RANGE(int64_t count, const float *x, float *y) {
    for (int64_t i = 0; i < count; i += LANES) {
        vec_store(y + i, vec_exp(vec_load(x + i)));
    }
}

// exp(-|x|), as many vectors side by side as there may be.
void BELOW_RANGE(int64_t count, const float *x, float *y) {
    const vec zero = vec_set(0.0f);
    for (int64_t i = 0; i < count; i += EXP_VECS * LANES) {
        vec e[EXP_VECS];
        for (int v = 0; v < EXP_VECS; v++) {
            vec z = vec_load(x + i + v * LANES);
            e[v] = vec_min(vec_sub(zero, z), z); // of a NaN, the NaN
        }
        vec_exp_below(EXP_VECS, e);
        for (int v = 0; v < EXP_VECS; v++) {
            vec_store(y + i + v * LANES, e[v]);
        }
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
