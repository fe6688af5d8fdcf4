// SPDX-License-Identifier: BSD-2-Clause
#include "shuffle.h"

void shuffle(int *order, int count, uint64_t *seed) {
    for (int i = count - 1; i > 0; i--) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        int j = (int)((*seed >> 33) % (uint64_t)(i + 1)), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}
