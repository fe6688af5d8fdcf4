// SPDX-License-Identifier: BSD-2-Clause
/**
 * @file reference.h
 * @brief The arithmetic of every result in plain C, for backends that give the same bits.
 *
 * backends/scalar is the definition of all results, and it calls these functions. So does a plugin
 * that is written in plain C; one with vector instructions computes the same sequence of operations
 * and is compared with them (decoct conform). docs/bits.md says the same in prose.
 *
 * Needs only math.h, of which it calls fmaf, sqrtf, frexpf and ldexpf: link with -lm. C99, C11 or
 * C++17. Compile it with -ffp-contract=off, since a fused multiply-add is only where fmaf is
 * written, never with -ffast-math, and for x86-64 with -mfma: without it fmaf is a slow call of the
 * same result. NaN: any NaN is right where a result is one.
 */
#ifndef DECOCT_REFERENCE_H
#define DECOCT_REFERENCE_H

#if defined(__FAST_MATH__)
#error "decoct/reference.h: -ffast-math gives other bits"
#endif
#if defined(__cplusplus) && __cplusplus < 201703L
#error "decoct/reference.h: hexadecimal floating-point constants need C++17"
#endif

#include <decoct/backend.h>
#include <decoct/reference_erf.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* ---- Numbers --------------------------------------------------------------------------------- */

/** The f32 of these bits. */
static inline float decoct_reference_from_bits(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/** The bits of an f32. */
static inline uint32_t decoct_reference_to_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/** The f32 of the value of a bf16. */
static inline float decoct_reference_from_bf16(uint16_t stored) {
    return decoct_reference_from_bits((uint32_t)stored << 16);
}

/** The f32 of the value of an f16. A NaN becomes a quiet one. */
static inline float decoct_reference_from_f16(uint16_t stored) {
    uint32_t sign = (uint32_t)(stored & 0x8000u) << 16, size = stored & 0x7fffu;
    if (size >= 0x7c00u) {
        uint32_t quiet = size > 0x7c00u ? 0x00400000u : 0u;
        return decoct_reference_from_bits(sign | 0x7f800000u | size << 13 | quiet);
    }
    /* exact; also where the stored one is a denormal */
    float value = decoct_reference_from_bits(size << 13) * 0x1p112f;
    return decoct_reference_from_bits(sign | decoct_reference_to_bits(value));
}

/** Number i of an array of this type, as f32. */
static inline float decoct_reference_load(decoct_dtype dtype, const void *data, int64_t i) {
    return dtype == DECOCT_F32   ? ((const float *)data)[i]
           : dtype == DECOCT_F16 ? decoct_reference_from_f16(((const uint16_t *)data)[i])
                                 : decoct_reference_from_bf16(((const uint16_t *)data)[i]);
}

/* ---- Functions ------------------------------------------------------------------------------- */

/**
 * exp(x) = 2^n exp(r) with n = rint(x / ln 2), r = x - n ln 2, and exp(r) by a polynomial of
 * degree 6. Coefficients: minimax in relative error on |r| <= ln 2 / 2 with 1 and 1 for the first
 * two, rounded to f32 one after the other with a new fit of the rest (error 0.053 of 2^-24). At
 * most 1 ULP from the exact value for every float.
 */
static inline float decoct_reference_exp(float x) {
    const float magic = 0x1.8p23f; /* 1.5 * 2^23: adding it leaves n in the low bits */
    x = -104.0f > x ? -104.0f : x; /* below: 0. Written so that NaN passes through. */
    x = 89.0f < x ? 89.0f : x;     /* above: inf */
    float shifted = fmaf(x, 0x1.715476p+0f, magic);
    float n = shifted - magic;
    float r = fmaf(n, -0x1.62e4p-1f, x); /* ln 2 in two parts */
    r = fmaf(n, -0x1.7f7d1cp-20f, r);
    float p = 0x1.6a5426p-10f;
    p = fmaf(p, r, 0x1.12398cp-7f);
    p = fmaf(p, r, 0x1.5558aap-5f);
    p = fmaf(p, r, 0x1.555492p-3f);
    p = fmaf(p, r, 0x1.fffffcp-2f);
    p = fmaf(p, r, 1.0f);
    p = fmaf(p, r, 1.0f);
    /* In two steps, so that 2^n itself need not exist; only the second one can round. */
    int32_t whole = (int32_t)(decoct_reference_to_bits(shifted) - decoct_reference_to_bits(magic));
    int32_t half = whole >> 1;
    float scale1 = decoct_reference_from_bits((uint32_t)(half + 127) << 23);
    float scale2 = decoct_reference_from_bits((uint32_t)(whole - half + 127) << 23);
    return p * scale1 * scale2; /* NaN stays NaN: p is */
}

/**
 * tanh(x) = e / (e + 2) with e = exp(2 |x|) - 1, and the sign of x. With n and r as in exp, e is
 * 2^n (exp(r) - 1) + (2^n - 1), so that a small x loses nothing. From |x| = 10 on it is 1. At most
 * 2.7 ULP from the exact value.
 */
static inline float decoct_reference_tanh(float x) {
    const float magic = 0x1.8p23f;
    float size = 10.0f < fabsf(x) ? 10.0f : fabsf(x); /* written so that NaN passes through */
    float twice = size + size;
    float shifted = fmaf(twice, 0x1.715476p+0f, magic);
    float n = shifted - magic;
    float r = fmaf(n, -0x1.62e4p-1f, twice);
    r = fmaf(n, -0x1.7f7d1cp-20f, r);
    float p = 0x1.6a5426p-10f; /* exp(r) - 1 = r + r^2 p, with the coefficients of exp */
    p = fmaf(p, r, 0x1.12398cp-7f);
    p = fmaf(p, r, 0x1.5558aap-5f);
    p = fmaf(p, r, 0x1.555492p-3f);
    p = fmaf(p, r, 0x1.fffffcp-2f);
    p = fmaf(r * r, p, r);
    uint32_t power = decoct_reference_to_bits(shifted) - decoct_reference_to_bits(magic) + 127u;
    float scale = decoct_reference_from_bits(power << 23); /* 2^n, n in [0, 29] */
    float e = fmaf(p, scale, scale - 1.0f);
    return copysignf(e / (e + 2.0f), x);
}

/**
 * log(x) for x >= 1, or NaN. x = m 2^n with m in [1 / sqrt 2, sqrt 2); log m = 2 artanh f with f =
 * (m - 1) / (m + 1) and |f| < 0.172, by its Taylor series up to f^13: the rest is below 2^-39 of
 * it. In double, without fused multiply-adds, and rounded to f32 once.
 */
static inline float decoct_reference_log(float x) {
    uint32_t bits = decoct_reference_to_bits(x);
    int32_t n = (int32_t)(bits - 0x3f3504f3u) >> 23; /* the bits of 1 / sqrt 2 */
    double m = (double)decoct_reference_from_bits(bits - ((uint32_t)n << 23));
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

/**
 * x/2 (1 + tanh u) = x / (1 + exp(-2u)), with 2u = x (c0 + c1 x^2), c0 = 2 sqrt(2/pi), c1 =
 * 0.044715 c0. No cancellation for negative x, unlike the form with tanh. In both forms of GELU
 * -inf is the least finite number, so that the result is -0 and not NaN.
 */
static inline float decoct_reference_gelu_tanh(float x) {
    x = x < -FLT_MAX ? -FLT_MAX : x;
    float twice_u = x * fmaf(x * x, 0x1.2444f2p-4f, 0x1.988454p+0f);
    return x / (1.0f + decoct_reference_exp(-twice_u));
}

/** x/2 (1 + erf(x / sqrt 2)). */
static inline float decoct_reference_gelu_erf(float x) {
    x = x < -FLT_MAX ? -FLT_MAX : x;
    return x * 0.5f * (1.0f + decoct_reference_erf(x * 0x1.6a09e6p-1f));
}

/** x / (1 + exp(-x)). -inf is the least finite number, so that the result is -0 and not NaN. */
static inline float decoct_reference_silu(float x) {
    x = x < -FLT_MAX ? -FLT_MAX : x;
    return x / (1.0f + decoct_reference_exp(-x));
}

/* ---- Sums ------------------------------------------------------------------------------------ */

/** The lanes of a row reduction: element i is added to lane i mod DECOCT_LANES. Starts at 0. */
typedef struct decoct_reference_lanes {
    float part[DECOCT_LANES];  /**< of the present chunk */
    float total[DECOCT_LANES]; /**< of the chunks before */
} decoct_reference_lanes;

/** Adds the present chunk to the totals, and starts the next one. */
static inline void decoct_reference_close_chunk(decoct_reference_lanes *sum) {
    for (int i = 0; i < DECOCT_LANES; i++) {
        sum->total[i] += sum->part[i];
        sum->part[i] = 0.0f;
    }
}

/** The lane of element i, to which the caller adds it. Elements come in order. */
static inline float *decoct_reference_lane(decoct_reference_lanes *sum, int64_t i) {
    if (i > 0 && i % DECOCT_SUM_CHUNK == 0) {
        decoct_reference_close_chunk(sum);
    }
    return &sum->part[i % DECOCT_LANES];
}

/** The sum of all lanes: 8+8, 4+4, 2+2, 1+1. */
static inline float decoct_reference_fold(decoct_reference_lanes *sum) {
    decoct_reference_close_chunk(sum);
    for (int width = DECOCT_LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) {
            sum->total[i] += sum->total[i + width];
        }
    }
    return sum->total[0];
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/** The largest scale x[j] so far as there is no NaN (which makes the row NaN); -inf for no x. */
static inline float decoct_reference_largest(int64_t cols, const float *x, float scale) {
    float max = -INFINITY;
    for (int64_t j = 0; j < cols; j++) {
        float z = x[j] * scale;
        max = max > z ? max : z;
    }
    return max;
}

/** x (cols) to y (cols), which may be x: y = exp(z - max z) / sum, z = scale x. A row of -inf gives
 * zeros. */
static inline void decoct_reference_softmax(int64_t cols, const float *x, float scale, float *y) {
    decoct_reference_lanes total = {{0}, {0}};
    float max = decoct_reference_largest(cols, x, scale);
    max = max == -INFINITY ? 0.0f : max; /* nothing visible: every exp is 0 */
    for (int64_t j = 0; j < cols; j++) {
        y[j] = decoct_reference_exp(x[j] * scale - max);
        *decoct_reference_lane(&total, j) += y[j];
    }
    float sum = decoct_reference_fold(&total);
    float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
    for (int64_t j = 0; j < cols; j++) {
        y[j] *= inverse;
    }
}

/** y = z - max z - log(sum of exp(z - max z)), z = scale x. A row of -inf is NaN: -inf - -inf is.
 */
static inline void decoct_reference_log_softmax(int64_t cols, const float *x, float scale,
                                                float *y) {
    decoct_reference_lanes total = {{0}, {0}};
    float max = decoct_reference_largest(cols, x, scale);
    for (int64_t j = 0; j < cols; j++) {
        *decoct_reference_lane(&total, j) += decoct_reference_exp(x[j] * scale - max);
    }
    float log = decoct_reference_log(decoct_reference_fold(&total));
    for (int64_t j = 0; j < cols; j++) {
        y[j] = x[j] * scale - max - log;
    }
}

/**
 * A power of two for the elements of a row of a norm: 1, unless the sum of their squares could
 * overflow. Then the largest one comes to [2^39, 2^40), and a product is rounded only where it is a
 * denormal.
 */
static inline float decoct_reference_norm_factor(int64_t cols, const float *x) {
    float top = 0.0f;
    for (int64_t j = 0; j < cols; j++) {
        top = top > fabsf(x[j]) ? top : fabsf(x[j]); /* a NaN makes its row NaN anyway, and so */
    }                                                /* does an infinity */
    int exponent = 0;
    frexpf(top, &exponent); /* top is within [2^(exponent - 1), 2^exponent) */
    return top >= 0x1p40f && top <= FLT_MAX ? ldexpf(1.0f, 40 - exponent) : 1.0f;
}

/**
 * y = (x - mean) / sqrt(variance + eps) * gain + bias; gain and bias (cols) may be NULL. The mean m
 * is rounded, which matters far from zero; so the mean c of x - m is computed as well.
 */
static inline void decoct_reference_layer_norm(int64_t cols, const float *x, float eps,
                                               const float *gain, const float *bias, float *y) {
    decoct_reference_lanes sum = {{0}, {0}}, rest = {{0}, {0}}, squares = {{0}, {0}};
    float factor = decoct_reference_norm_factor(cols, x), n = (float)cols;
    for (int64_t j = 0; j < cols; j++) {
        *decoct_reference_lane(&sum, j) += x[j] * factor;
    }
    float m = decoct_reference_fold(&sum) / n;
    for (int64_t j = 0; j < cols; j++) {
        float d = x[j] * factor - m, *lane = decoct_reference_lane(&squares, j);
        *lane = fmaf(d, d, *lane);
        *decoct_reference_lane(&rest, j) += d;
    }
    float c = decoct_reference_fold(&rest) / n;
    float variance = fmaf(-c, c, decoct_reference_fold(&squares) / n);
    variance = (variance < 0.0f ? 0.0f : variance) + eps * factor * factor;
    float r = variance == 0.0f ? 0.0f : 1.0f / sqrtf(variance); /* 0: all elements are equal */
    for (int64_t j = 0; j < cols; j++) {
        float z = (x[j] * factor - m - c) * r, g = gain ? gain[j] : 1.0f;
        y[j] = bias ? fmaf(z, g, bias[j]) : z * g;
    }
}

/** y = x / sqrt(mean of x^2 + eps) * gain; gain (cols) may be NULL. */
static inline void decoct_reference_rms_norm(int64_t cols, const float *x, float eps,
                                             const float *gain, float *y) {
    decoct_reference_lanes squares = {{0}, {0}};
    float factor = decoct_reference_norm_factor(cols, x);
    for (int64_t j = 0; j < cols; j++) {
        float d = x[j] * factor, *lane = decoct_reference_lane(&squares, j);
        *lane = fmaf(d, d, *lane);
    }
    float mean = decoct_reference_fold(&squares) / (float)cols + eps * factor * factor;
    float r = mean == 0.0f ? 0.0f : 1.0f / sqrtf(mean); /* 0: so are all elements */
    for (int64_t j = 0; j < cols; j++) {
        float z = x[j] * factor * r;
        y[j] = gain ? z * gain[j] : z;
    }
}

/* ---- Attention: parts of the keys ------------------------------------------------------------ */

/** The result of one part of the keys, or of all parts so far. */
typedef struct decoct_reference_part {
    float max; /**< the largest score */
    float sum; /**< of exp(score - max); 0: no key was seen */
} decoct_reference_part;

/**
 * Adds the next part, with its outputs next_out (value_dim) that are not divided by a sum yet, to
 * those before it, `all` with out (value_dim). The first part that saw a key is copied.
 */
static inline void decoct_reference_merge(int64_t value_dim, decoct_reference_part next,
                                          const float *next_out, decoct_reference_part *all,
                                          float *out) {
    if (next.sum == 0.0f) {
        return;
    }
    if (all->sum == 0.0f) {
        *all = next;
        memcpy(out, next_out, (size_t)value_dim * sizeof *out);
        return;
    }
    float max = all->max > next.max ? all->max : next.max;
    float before = decoct_reference_exp(all->max - max),
          here = decoct_reference_exp(next.max - max);
    all->max = max;
    all->sum = fmaf(next.sum, here, all->sum * before);
    for (int64_t c = 0; c < value_dim; c++) {
        out[c] = fmaf(next_out[c], here, out[c] * before);
    }
}

#endif
