// SPDX-License-Identifier: BSD-2-Clause
#include "caches.h"

#include "cases/operands.h"

#include <string.h>

float *caches_by_heads(const peer_case *c, const float *from, int64_t heads) {
    int64_t dim = c->head_dim, count = heads * c->kv_len, group = heads / c->kv_heads;
    float *to = operand_room(count * dim);
    for (int64_t i = 0; to && i < count; i++) {
        int64_t head = i / c->kv_len / group, position = i % c->kv_len;
        memcpy(to + i * dim, from + (position * c->kv_heads + head) * dim,
               (size_t)dim * sizeof *to);
    }
    return to;
}
