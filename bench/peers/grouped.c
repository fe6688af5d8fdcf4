// SPDX-License-Identifier: BSD-2-Clause
#include "grouped.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MASKED_MOST = 16 };

grouped grouped_of(const peer_case *c) {
    int64_t heads = c->q_len > MASKED_MOST ? c->heads : c->kv_heads;
    return (grouped){.heads = heads, .rows = c->heads / heads * c->q_len};
}

// Where head h of position i of q is in q by heads.
static int64_t place_of(const peer_case *c, grouped g, int64_t head, int64_t i) {
    int64_t group = c->heads / g.heads;
    return ((head / group) * g.rows + (head % group) * c->q_len + i) * c->head_dim;
}

float *grouped_queries(const peer_case *c, grouped g, float scale) {
    float *q = malloc((size_t)(c->heads * c->q_len * c->head_dim) * sizeof *q);
    for (int64_t i = 0; q && i < c->q_len * c->heads; i++) {
        float *to = q + place_of(c, g, i % c->heads, i / c->heads);
        for (int64_t d = 0; d < c->head_dim; d++) {
            to[d] = c->q[i * c->head_dim + d] * scale;
        }
    }
    return q;
}

float *grouped_mask(const peer_case *c, grouped g) {
    float *mask = malloc((size_t)(g.rows * c->kv_len) * sizeof *mask);
    for (int64_t i = 0; mask && i < g.rows; i++) {
        int64_t last = c->kv_len - c->q_len + i % c->q_len;
        for (int64_t p = 0; p < c->kv_len; p++) {
            mask[i * c->kv_len + p] = p > last ? -INFINITY : 0.0f;
        }
    }
    return mask;
}

void grouped_finish(const peer_case *c, grouped g, const float *result) {
    for (int64_t i = 0; i < c->q_len * c->heads; i++) {
        memcpy(c->y + i * c->head_dim, result + place_of(c, g, i % c->heads, i / c->heads),
               (size_t)c->head_dim * sizeof *result);
    }
}
