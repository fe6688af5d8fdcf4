// SPDX-License-Identifier: BSD-2-Clause
// Sums of rows are computed in chunks.
#ifndef SIMD_SUM_H
#define SIMD_SUM_H

#include <decoct/backend.h>

// The end of the chunk of a sum that begins at `first`.
INLINE int64_t chunk_end(int64_t first, int64_t cols) {
    return cols - first < DECOCT_SUM_CHUNK ? cols : first + DECOCT_SUM_CHUNK;
}

#endif
