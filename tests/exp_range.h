// SPDX-License-Identifier: BSD-2-Clause
// exp, tanh and erf as one backend computes them inside its kernels, for check_exp.
#ifndef EXP_RANGE_H
#define EXP_RANGE_H

#include <stdint.h>

// y[i] = exp(x[i]), tanh(x[i]) or erf(x[i]), count a multiple of 16.
typedef void (*exp_range)(int64_t count, const float *x, float *y);
void exp_range_scalar(int64_t count, const float *x, float *y);
void tanh_range_scalar(int64_t count, const float *x, float *y);
void erf_range_scalar(int64_t count, const float *x, float *y);

#endif
