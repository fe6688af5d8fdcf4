// SPDX-License-Identifier: BSD-2-Clause
#include "operands.h"

#include "random.h"
#include "sizes.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { LINE = 64, HUGE_PAGE = 1 << 21 };

// On huge pages where the system has them, as the library's own memory is: reading small ones is
// slower (docs/tuning.md), and a ceiling would be too low.
float *operand_room(int64_t count) {
    size_t bytes = (size_t)count * sizeof(float), align = bytes < HUGE_PAGE ? LINE : HUGE_PAGE;
    size_t whole = (size_t)round_up((int64_t)bytes, (int64_t)align);
    float *data = aligned_alloc(align, whole ? whole : align);
    if (data && align == HUGE_PAGE) {
        madvise(data, whole, MADV_HUGEPAGE); // refused: small pages
    }
    return data;
}

float *operand_new(int64_t count, float scale, uint64_t seed) {
    float *data = operand_room(count);
    seed++;
    for (int64_t i = 0; data && i < count; i++) {
        data[i] = (float)(int32_t)(random_next(&seed) >> 32) * (scale * 0x1p-31f);
    }
    return data;
}
