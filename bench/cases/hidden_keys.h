// SPDX-License-Identifier: BSD-2-Clause
// Masks of attention that hide keys.
#ifndef BENCH_HIDDEN_KEYS_H
#define BENCH_HIDDEN_KEYS_H

#include "roles.h"
#include "seeded.h"

#include <math.h>

// A quarter of the mask (heads, q_len, kv_len) hides its key; of three and more rows of a head two
// see no key.
static inline void hide_keys(float *mask, int64_t heads, int64_t q_len, int64_t kv_len) {
    for (int64_t i = 0; i < heads * q_len * kv_len; i++) {
        int64_t row = i / kv_len % q_len;
        if ((q_len > 2 && (row == 1 || row == q_len - 1)) ||
            seeded_bits(ROLE_MASK, (uint64_t)i) % 4 == 0) {
            mask[i] = -INFINITY;
        }
    }
}

#endif
