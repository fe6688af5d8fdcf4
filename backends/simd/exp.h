// SPDX-License-Identifier: BSD-2-Clause
// exp over the 16 lanes: the sequence of backends/scalar, where it is explained.
// The including backend.c has included its vec.h before.
#ifndef SIMD_EXP_H
#define SIMD_EXP_H

INLINE vec vec_exp(vec x) {
    const vec magic = vec_set(0x1.8p23f);
    x = vec_max(vec_set(-104.0f), x);
    x = vec_min(vec_set(89.0f), x);
    vec shifted = vec_fma(x, vec_set(0x1.715476p+0f), magic);
    vec n = vec_sub(shifted, magic);
    vec r = vec_fma(n, vec_set(-0x1.62e4p-1f), x);
    r = vec_fma(n, vec_set(-0x1.7f7d1cp-20f), r);
    vec p = vec_set(0x1.6a5426p-10f);
    p = vec_fma(p, r, vec_set(0x1.12398cp-7f));
    p = vec_fma(p, r, vec_set(0x1.5558aap-5f));
    p = vec_fma(p, r, vec_set(0x1.555492p-3f));
    p = vec_fma(p, r, vec_set(0x1.fffffcp-2f));
    p = vec_fma(p, r, vec_set(1.0f));
    p = vec_fma(p, r, vec_set(1.0f));
    return vec_scale(p, shifted, magic);
}

// One value, in all lanes: the scalar steps of a vector kernel give the same bits.
INLINE float exp_one(float x) {
    float lane[LANES];
    vec_store(lane, vec_exp(vec_set(x)));
    return lane[0];
}

#endif
