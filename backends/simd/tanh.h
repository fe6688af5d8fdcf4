// SPDX-License-Identifier: BSD-2-Clause
// tanh over the 16 lanes: the sequence of backends/scalar, where it is explained.
// The including file has included its vec.h before.
#ifndef SIMD_TANH_H
#define SIMD_TANH_H

#include "unroll.h"

INLINE vec vec_tanh(vec x) {
    const vec magic = vec_set(0x1.8p23f), one = vec_set(1.0f);
    static const float coefficients[] = {0x1.12398cp-7f, 0x1.5558aap-5f, 0x1.555492p-3f,
                                         0x1.fffffcp-2f};
    vec size = vec_max(vec_sub(vec_set(0.0f), x), x); // |x|; NaN passes through
    size = vec_min(vec_set(10.0f), size);
    vec twice = vec_add(size, size);
    vec shifted = vec_fma(twice, vec_set(0x1.715476p+0f), magic);
    vec n = vec_sub(shifted, magic);
    vec r = vec_fma(n, vec_set(-0x1.62e4p-1f), twice);
    r = vec_fma(n, vec_set(-0x1.7f7d1cp-20f), r);
    vec p = vec_set(0x1.6a5426p-10f);
    UNROLL
    for (int c = 0; c < 4; c++) {
        p = vec_fma(p, r, vec_set(coefficients[c]));
    }
    p = vec_fma(vec_mul(r, r), p, r);
    vec scale = vec_scale(one, shifted, magic); // 2^n
    vec e = vec_fma(p, scale, vec_sub(scale, one));
    return vec_copy_sign(vec_div(e, vec_add(e, vec_set(2.0f))), x);
}

#endif
