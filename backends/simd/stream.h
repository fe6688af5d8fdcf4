// SPDX-License-Identifier: BSD-2-Clause
// Stores past the caches, for results larger than these: memory is written without being read
// first. An ISA that has them says VEC_STREAMS.
#ifndef SIMD_STREAM_H
#define SIMD_STREAM_H

#include <stdint.h>

#ifdef VEC_STREAMS
enum { STREAMS = 1 };
#else
enum { STREAMS = 0 };
INLINE void vec_stream(float *p, vec a) {
    vec_store(p, a);
}
INLINE void vec_stream_end(void) {
}
#endif

// Numbers before the first one that vec_stream can begin with.
INLINE int64_t stream_head(const float *p) {
    return (int64_t)(-(uintptr_t)p / sizeof(float) % LANES);
}

#endif
