// SPDX-License-Identifier: BSD-2-Clause
// exp over the 16 lanes: the sequence of backends/scalar, where it is explained.
// The including file has included the vec.h of its ISA before.
#ifndef SIMD_EXP_H
#define SIMD_EXP_H

#include "unroll.h"

// EXP_VECS of the ISA: vectors side by side wherever there are as many. A chain of
// dependent steps leaves the units idle, and the CPU looks ahead over a limited number of
// operations only (docs/tuning.md).

// p = exp(r) and n + magic, for x without limits.
INLINE void vec_exp_reduced(int count, const vec *x, vec *p, vec *shifted) {
    const vec magic = vec_set(0x1.8p23f);
    static const float coefficients[] = {0x1.12398cp-7f, 0x1.5558aap-5f, 0x1.555492p-3f,
                                         0x1.fffffcp-2f, 1.0f,           1.0f};
    vec r[EXP_VECS];
    UNROLL
    for (int i = 0; i < count; i++) {
        shifted[i] = vec_fma(x[i], vec_set(0x1.715476p+0f), magic);
        vec n = vec_sub(shifted[i], magic);
        r[i] = vec_fma(n, vec_set(-0x1.62e4p-1f), x[i]);
        r[i] = vec_fma(n, vec_set(-0x1.7f7d1cp-20f), r[i]);
        p[i] = vec_set(0x1.6a5426p-10f);
    }
    UNROLL
    for (int c = 0; c < 6; c++) {
        UNROLL
        for (int i = 0; i < count; i++) {
            p[i] = vec_fma(p[i], r[i], vec_set(coefficients[c]));
        }
    }
}

// The whole sequence, for any x.
INLINE void vec_exp_any(int count, vec *x) {
    vec p[EXP_VECS], shifted[EXP_VECS];
    UNROLL
    for (int i = 0; i < count; i++) {
        x[i] = vec_max(vec_set(-104.0f), x[i]);
        x[i] = vec_min(vec_set(89.0f), x[i]);
    }
    vec_exp_reduced(count, x, p, shifted);
    UNROLL
    for (int i = 0; i < count; i++) {
        x[i] = vec_scale(p[i], shifted[i], vec_set(0x1.8p23f));
    }
}

// x[i] = exp(x[i]) where every |x| is below VEC_EXP_WITHIN: nothing is clamped and 2^n is a normal
// number, so that p 2^n is an addition to the exponent. The same bits with a third of the
// instructions less.
INLINE void vec_exp_within(int count, vec *x) {
    vec p[EXP_VECS], shifted[EXP_VECS];
    vec_exp_reduced(count, x, p, shifted);
    UNROLL
    for (int i = 0; i < count; i++) {
        x[i] = vec_scale_within(p[i], shifted[i]);
    }
}

// x[i] = exp(x[i]) for at most EXP_VECS vectors.
INLINE void vec_exp_all(int count, vec *x) {
    if (__builtin_expect(vec_all_within(count, x, VEC_EXP_WITHIN), 1)) {
        vec_exp_within(count, x);
    } else {
        vec_exp_any(count, x);
    }
}

// VEC_SCALES: p 2^n costs the ISA no more than an addition, so that vec_exp_below tests no range.
#ifdef VEC_SCALES
enum { EXP_TESTS = 0 };
#else
enum { EXP_TESTS = 1 };
#endif

// The same where x is at most 0, or NaN, or one of a row that has a NaN and becomes NaN.
INLINE void vec_exp_below(int count, vec *x) {
#ifdef VEC_SCALES
    vec p[EXP_VECS], shifted[EXP_VECS];
    UNROLL
    for (int i = 0; i < count; i++) {
        x[i] = vec_max(vec_set(-104.0f), x[i]);
    }
    vec_exp_reduced(count, x, p, shifted);
    UNROLL
    for (int i = 0; i < count; i++) {
        x[i] = vec_scale(p[i], shifted[i], vec_set(0x1.8p23f));
    }
#else
    vec_exp_all(count, x);
#endif
}

INLINE vec vec_exp(vec x) {
    vec_exp_all(1, &x);
    return x;
}

// One value, in all lanes: the scalar steps of a vector kernel give the same bits.
INLINE float exp_one(float x) {
    float lane[LANES];
    vec_store(lane, vec_exp(vec_set(x)));
    return lane[0];
}

#endif
