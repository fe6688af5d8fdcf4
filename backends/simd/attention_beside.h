// SPDX-License-Identifier: BSD-2-Clause
// Few queries of several heads whose keys and values are rows side by side: both are read in the
// order of memory, some keys of all heads before the next ones. Included by attention_heads.h.
#ifndef SIMD_ATTENTION_BESIDE_H
#define SIMD_ATTENTION_BESIDE_H

// Keys that several rows of a head are worked on together, so that their outputs are loaded and
// stored half as often. With more, memory is read in too many places (docs/tuning.md).
enum { BESIDE_KEYS = 2 };

// Values of one block of all heads.
typedef struct beside_values {
    int64_t heads, head_stride, width; // heads that have values of their own
    const float *v;
    int64_t stride;      // from key to key
    uintptr_t ask;       // what the first one prefetches
    const float *weight; // (heads, queries, WEIGHT_STRIDE)
    float *out;          // (heads, queries, width)
} beside_values;

// out += weight v for `keys` keys of all heads, each of which has `rows` queries. Both are
// constants.
INLINE void beside_keys(int rows, int keys, const beside_values *a, const float *v,
                        const float *weight, uintptr_t ask) {
    float *out = a->out;
    for (int64_t h = 0; h < a->heads; h++) {
        for (int64_t c = 0; c < a->width; c += LANES) {
            vec y[TURNED_ROWS];
            UNROLL
            for (int r = 0; r < TURNED_ROWS; r++) {
                y[r] = vec_load(out + (r < rows ? r : 0) * a->width + c);
            }
            UNROLL
            for (int k = 0; k < BESIDE_KEYS; k++) {
                if (k < keys) {
                    int64_t at = k * a->stride + h * a->head_stride + c;
                    vec x = vec_load(v + at);
                    __builtin_prefetch((const void *)(ask + (uintptr_t)at * sizeof(float)));
                    UNROLL
                    for (int r = 0; r < TURNED_ROWS; r++) {
                        y[r] = r < rows ? vec_fma(vec_set(weight[r * WEIGHT_STRIDE + k]), x, y[r])
                                        : y[r];
                    }
                }
            }
            UNROLL
            for (int r = 0; r < TURNED_ROWS; r++) {
                if (r < rows) {
                    vec_store(out + r * a->width + c, y[r]);
                }
            }
        }
        weight += rows * WEIGHT_STRIDE;
        out += rows * a->width;
    }
}

INLINE void beside_rows(int rows, const beside_values *a) {
    const int keys = rows == 1 ? 1 : BESIDE_KEYS;
    for (int64_t j = 0; j < KEYS; j += keys) {
        beside_keys(rows, keys, a, a->v + j * a->stride, a->weight + j,
                    a->ask + (uintptr_t)(j * a->stride) * sizeof(float));
    }
}

#define BESIDE_FUNCTION(rows)                                                                      \
    TILE_FUNCTION beside_##rows(const beside_values *a) {                                          \
        beside_rows(rows, a);                                                                      \
    }
BESIDE_FUNCTION(1)
BESIDE_FUNCTION(2)
BESIDE_FUNCTION(3)
BESIDE_FUNCTION(4)

// Whether keys and values of all bundles are rows side by side, and each has as many queries, few.
static bool attend_beside(const decoct_attention_piece *a, const attend_bundle *list,
                          int64_t count) {
    const attend_group *g = &list[0].g;
    bool equal = count > 1 && attend_turns(g) && a->rows <= TURNED_ROWS && g->width == a->value_dim;
    for (int64_t b = 1; b < count; b++) {
        equal = equal && list[b].g.rows == g->rows;
    }
    return equal && a->k_head_stride < a->k_stride && a->v_head_stride == a->value_dim;
}

// Outputs at the maxima of a new block.
static void beside_rescale(const attend_group *g) {
    for (int r = 0; r < g->rows; r++) {
        for (int64_t c = 0; g->factor[r] != 1.0f && c < g->width; c += LANES) {
            float *out = g->out + r * g->width + c;
            vec_store(out, vec_mul(vec_load(out), vec_set(g->factor[r])));
        }
    }
}

// A block that all queries see.
static void beside_block(attend_bundle *list, int64_t count, int64_t first) {
    static void (*const by_rows[TURNED_ROWS])(const beside_values *) = {beside_1, beside_2,
                                                                        beside_3, beside_4};
    attend_group *g = &list[0].g;
    const decoct_attention_piece *a = g->a;
    for (int64_t b = 0; b < count; b++) {
        attend_enter(&list[b].g, first);
    }
    g->k_ahead = (attend_ahead){attend_far(a->k, (first + ROWS_AHEAD) * a->k_stride), a->k_stride};
    attend_turned(g, count, first, KEYS, KEYS);
    for (int64_t b = 0; b < count; b++) {
        attend_group *one = &list[b].g;
        attend_exps(one, 0, one->rows, attend_tops(one, 0, one->rows, first));
        beside_rescale(one);
    }
    by_rows[g->rows - 1](
        &(beside_values){.heads = count,
                         .head_stride = a->v_head_stride,
                         .width = g->width,
                         .v = attend_v(a, first),
                         .stride = a->v_stride,
                         .ask = attend_far(a->v, first * a->v_stride + DENSE_AHEAD),
                         .weight = g->weight,
                         .out = g->out});
}

#endif
