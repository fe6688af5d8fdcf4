// SPDX-License-Identifier: BSD-2-Clause
// erf over the 16 lanes where no library has it: the definition, lane by lane. The including file
// has included its vec.h before, which says VEC_ERF if it has a version of its own.
#ifndef SIMD_ERF_H
#define SIMD_ERF_H

#ifndef VEC_ERF
#include <decoct/reference.h>

INLINE vec vec_erf(vec x) {
    float lane[LANES];
    vec_store(lane, x);
    for (int i = 0; i < LANES; i++) {
        lane[i] = decoct_reference_erf(lane[i]);
    }
    return vec_load(lane);
}
#endif

#endif
