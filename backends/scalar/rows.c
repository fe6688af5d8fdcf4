// SPDX-License-Identifier: BSD-2-Clause
// The operations on rows, by definition.
#if defined(__FMA__) || defined(__aarch64__)
#define FP_FAST_FMA 1 // sleef.h hides the *_purecfma functions without these
#define FP_FAST_FMAF 1
#define ERF Sleef_finz_erff1_u10purecfma
#else
#define ERF Sleef_cinz_erff1_u10purec
#endif

#include "scalar.h"

#include <float.h>
#include <sleef.h>

static const float *x_row(const decoct_rows_piece *a, int64_t i) {
    return (const float *)a->x.data + i * a->x.stride;
}

static float *y_row(const decoct_rows_piece *a, int64_t i) {
    return (float *)a->y.data + i * a->y.stride;
}

static void softmax(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        float *y = y_row(a, i);
        float max = -INFINITY;
        lanes total = {{0}, {0}};
        for (int64_t j = 0; j < a->cols; j++) {
            float z = x[j] * a->scale;
            max = max > z ? max : z;
        }
        max = max == -INFINITY ? 0.0f : max; // nothing visible: every exp is 0
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] = exp_canonical(x[j] * a->scale - max);
            *lane_of(&total, j) += y[j];
        }
        float sum = fold(&total);
        float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] *= inverse;
        }
    }
}

// log(x) for x >= 1, or NaN. x = m 2^n with m in [1 / sqrt 2, sqrt 2); log m = 2 artanh f with f =
// (m - 1) / (m + 1) and |f| < 0.172, by its Taylor series up to f^13: the rest is below 2^-39 of
// it. In double, without fused multiply-adds, and rounded to f32 once.
static float log_canonical(float x) {
    int32_t n = (int32_t)(to_bits(x) - 0x3f3504f3u) >> 23; // the bits of 1 / sqrt 2
    double m = (double)from_bits(to_bits(x) - ((uint32_t)n << 23));
    double f = (m - 1.0) / (m + 1.0), s = f * f;
    double p = 1.0 / 13.0;
    p = p * s + 1.0 / 11.0;
    p = p * s + 1.0 / 9.0;
    p = p * s + 1.0 / 7.0;
    p = p * s + 1.0 / 5.0;
    p = p * s + 1.0 / 3.0;
    p = p * s + 1.0;
    return isnan(x) ? x : (float)((double)n * 0x1.62e42fefa39efp-1 + 2.0 * f * p);
}

// A row that is -inf as a whole is NaN: -inf - -inf is.
static void log_softmax(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        float *y = y_row(a, i), max = -INFINITY;
        lanes total = {{0}, {0}};
        for (int64_t j = 0; j < a->cols; j++) {
            float z = x[j] * a->scale;
            max = max > z ? max : z;
        }
        for (int64_t j = 0; j < a->cols; j++) {
            *lane_of(&total, j) += exp_canonical(x[j] * a->scale - max);
        }
        float log = log_canonical(fold(&total));
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] = x[j] * a->scale - max - log;
        }
    }
}

// A power of two for the elements of a row: 1, unless the sum of their squares could overflow.
// Then the largest one comes to [2^39, 2^40), and a product is rounded only where it is a denormal.
static float norm_factor(int64_t cols, const float *x) {
    float top = 0.0f;
    for (int64_t j = 0; j < cols; j++) {
        top = top > fabsf(x[j]) ? top : fabsf(x[j]); // a NaN makes its row NaN anyway, and so
    }                                                // does an infinity
    int exponent = 0;
    frexpf(top, &exponent); // top is within [2^(exponent - 1), 2^exponent)
    return top >= 0x1p40f && top <= FLT_MAX ? ldexpf(1.0f, 40 - exponent) : 1.0f;
}

// The mean m is rounded, which matters far from zero; so the mean c of x - m is computed as well.
static void layer_norm(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        float *y = y_row(a, i), n = (float)a->cols;
        float factor = norm_factor(a->cols, x), eps = a->scale * factor * factor;
        lanes sum = {{0}, {0}}, rest = {{0}, {0}}, squares = {{0}, {0}};
        for (int64_t j = 0; j < a->cols; j++) {
            *lane_of(&sum, j) += x[j] * factor;
        }
        float m = fold(&sum) / n;
        for (int64_t j = 0; j < a->cols; j++) {
            float d = x[j] * factor - m, *lane = lane_of(&squares, j);
            *lane = fmaf(d, d, *lane);
            *lane_of(&rest, j) += d;
        }
        float c = fold(&rest) / n;
        float variance = fmaf(-c, c, fold(&squares) / n);
        variance = (variance < 0.0f ? 0.0f : variance) + eps;
        float r = variance == 0.0f ? 0.0f : 1.0f / sqrtf(variance); // 0: all elements are equal
        for (int64_t j = 0; j < a->cols; j++) {
            float z = (x[j] * factor - m - c) * r, gain = a->gain ? a->gain[j] : 1.0f;
            y[j] = a->bias ? fmaf(z, gain, a->bias[j]) : z * gain;
        }
    }
}

static void rms_norm(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        float *y = y_row(a, i), factor = norm_factor(a->cols, x);
        lanes squares = {{0}, {0}};
        for (int64_t j = 0; j < a->cols; j++) {
            float d = x[j] * factor, *lane = lane_of(&squares, j);
            *lane = fmaf(d, d, *lane);
        }
        float mean = fold(&squares) / (float)a->cols + a->scale * factor * factor;
        float r = mean == 0.0f ? 0.0f : 1.0f / sqrtf(mean); // 0: so are all elements
        for (int64_t j = 0; j < a->cols; j++) {
            float z = x[j] * factor * r;
            y[j] = a->gain ? z * a->gain[j] : z;
        }
    }
}

// x/2 (1 + tanh u) = x / (1 + exp(-2u)), with 2u = x (c0 + c1 x^2), c0 = 2 sqrt(2/pi),
// c1 = 0.044715 c0. No cancellation for negative x, unlike the form with tanh.
// -inf is the least finite number in both forms, so that the result is -0 and not NaN.
static float gelu_tanh(float x) {
    float twice_u = x * fmaf(x * x, 0x1.2444f2p-4f, 0x1.988454p+0f);
    return x / (1.0f + exp_canonical(-twice_u));
}

static float gelu_erf(float x) {
    return x * 0.5f * (1.0f + ERF(x * 0x1.6a09e6p-1f)); // 1 / sqrt 2
}

static void gelu(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        float *y = y_row(a, i);
        for (int64_t j = 0; j < a->cols; j++) {
            float z = x[j] < -FLT_MAX ? -FLT_MAX : x[j];
            y[j] = a->form == DECOCT_GELU_TANH ? gelu_tanh(z) : gelu_erf(z);
        }
    }
}

// -inf is the least finite number, so that the result is -0 and not NaN.
static void silu(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i), *up = a->up.data;
        float *y = y_row(a, i);
        for (int64_t j = 0; j < a->cols; j++) {
            float g = x[j] < -FLT_MAX ? -FLT_MAX : x[j];
            float z = g / (1.0f + exp_canonical(-g));
            y[j] = up ? z * up[i * a->up.stride + j] : z;
        }
    }
}

static void add(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        float *y = y_row(a, i);
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] += x[j];
        }
    }
}

static void bias(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        float *y = y_row(a, i);
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] = x[j] + a->bias[j];
        }
    }
}

static void embedding(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        float *y = y_row(a, i);
        for (int64_t j = 0; j < a->cols; j++) {
            y[j] = stored_at(a->x.dtype, a->x.data, a->ids[i] * a->x.stride + j);
        }
    }
}

static void axpby(const decoct_rows_piece *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = x_row(a, i);
        float *y = y_row(a, i);
        for (int64_t j = 0; j < a->cols; j++) {
            float sum = a->beta == 0.0f ? a->scale * x[j] : fmaf(a->scale, x[j], a->beta * y[j]);
            y[j] = a->bias ? sum + a->bias[j] : sum;
        }
    }
}

// Pair i of a head is columns i and rotary_dim / 2 + i in form 0, 2 i and 2 i + 1 in form 1.
static void rotary(const decoct_rows_piece *a) {
    const int64_t half = a->rotary_dim / 2, step = a->form == 0 ? 1 : 2;
    const int64_t other = a->form == 0 ? half : 1;
    for (int64_t i = 0; i < a->rows; i++) {
        const float *c = a->cosine + i * a->angle_stride, *s = a->sine + i * a->angle_stride;
        for (int64_t head = 0; head < a->cols; head += a->head_dim) {
            const float *x = x_row(a, i) + head;
            float *y = y_row(a, i) + head;
            for (int64_t j = 0; j < half; j++) {
                float x0 = x[j * step], x1 = x[j * step + other];
                y[j * step] = fmaf(x0, c[j], -(x1 * s[j]));
                y[j * step + other] = fmaf(x1, c[j], x0 * s[j]);
            }
            for (int64_t j = a->rotary_dim; j < a->head_dim; j++) {
                y[j] = x[j];
            }
        }
    }
}

enum { ANY_DTYPE = 1 << DECOCT_F32 | 1 << DECOCT_F16 | 1 << DECOCT_BF16 };

static const decoct_rows_kernel rows_list[] = {
    [DECOCT_OP_SOFTMAX] = {.run = softmax},
    [DECOCT_OP_LAYER_NORM] = {.run = layer_norm},
    [DECOCT_OP_GELU] = {.run = gelu},
    [DECOCT_OP_ADD] = {.run = add},
    [DECOCT_OP_BIAS] = {.run = bias},
    [DECOCT_OP_AXPBY] = {.run = axpby},
    [DECOCT_OP_EMBEDDING] = {.run = embedding, .x_dtypes = ANY_DTYPE},
    [DECOCT_OP_LOG_SOFTMAX] = {.run = log_softmax},
    [DECOCT_OP_RMS_NORM] = {.run = rms_norm},
    [DECOCT_OP_SILU] = {.run = silu},
    [DECOCT_OP_ROTARY] = {.run = rotary},
};
const decoct_rows_kernels backend_rows = DECOCT_KERNELS(rows_list);
