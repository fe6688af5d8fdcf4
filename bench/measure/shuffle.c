// SPDX-License-Identifier: BSD-2-Clause
#include "shuffle.h"

#include "cases/random.h"

void shuffle(int *order, int count, uint64_t *seed) {
    for (int i = count - 1; i > 0; i--) {
        int j = (int)random_below(seed, (uint64_t)(i + 1)), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}
