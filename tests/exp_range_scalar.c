// SPDX-License-Identifier: BSD-2-Clause
// The scalar backend's exp, tanh and erf.
#include <decoct/reference.h>

#include "exp_range.h"

void exp_range_scalar(int64_t count, const float *x, float *y) {
    for (int64_t i = 0; i < count; i++) {
        y[i] = decoct_reference_exp(x[i]);
    }
}

void tanh_range_scalar(int64_t count, const float *x, float *y) {
    for (int64_t i = 0; i < count; i++) {
        y[i] = decoct_reference_tanh(x[i]);
    }
}

void erf_range_scalar(int64_t count, const float *x, float *y) {
    for (int64_t i = 0; i < count; i++) {
        y[i] = decoct_reference_erf(x[i]);
    }
}
