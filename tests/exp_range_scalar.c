// SPDX-License-Identifier: BSD-2-Clause
// The scalar backend's exp and tanh, from the source of the backend itself.
#include "backends/scalar/scalar.h"

#include "exp_range.h"

void exp_range_scalar(int64_t count, const float *x, float *y) {
    for (int64_t i = 0; i < count; i++) {
        y[i] = exp_canonical(x[i]);
    }
}

void tanh_range_scalar(int64_t count, const float *x, float *y) {
    for (int64_t i = 0; i < count; i++) {
        y[i] = tanh_canonical(x[i]);
    }
}
