// SPDX-License-Identifier: BSD-2-Clause
// Few queries of several heads whose keys and values are rows side by side: both are read in the
// order of memory, some keys of all heads before the next ones. Included by attention_heads.h.
#ifndef SIMD_ATTENTION_BESIDE_H
#define SIMD_ATTENTION_BESIDE_H

// Keys that are worked on together, so that outputs are loaded and stored less often, and vectors
// of their values, of which each weight is read once (docs/tuning.md). Of one query the outputs are
// few: then one key after the other is read strictly in the order of memory, which the CPU follows
// better by itself than any request of ours.
enum { BESIDE_KEYS = 4, BESIDE_VECS = VEC_SLICES == 1 ? 2 : 1 };
enum { BESIDE_ONE_VECS = VEC_SLICES == 1 ? 2 : 4 };
// Rows from the one that is worked on to the one whose keys are prefetched, in the order of memory.
enum { WHOLE_AHEAD = 16 };

// Values of one block of all heads.
typedef struct beside_values {
    int64_t heads, head_stride, width; // heads that have values of their own
    const float *v;
    int64_t stride;      // from key to key
    uintptr_t ask;       // what the first one prefetches
    const float *weight; // (heads, queries, WEIGHT_STRIDE)
    float *out;          // (heads, queries, width)
} beside_values;

// y += weight v for one key and some columns. One query does not ask for anything.
INLINE void beside_key(int rows, int vecs, const float *v, const float *weight, uintptr_t ask,
                       vec y[TURNED_ROWS][BESIDE_ONE_VECS]) {
    vec x[BESIDE_ONE_VECS];
    UNROLL
    for (int i = 0; i < BESIDE_ONE_VECS; i++) {
        x[i] = vec_load(v + (i < vecs ? i : 0) * LANES);
        if (rows > 1 && i < vecs) {
            attend_prefetch(ask + (uintptr_t)i * LANES * sizeof(float));
        }
    }
    UNROLL
    for (int r = 0; r < TURNED_ROWS; r++) {
        UNROLL
        for (int i = 0; i < BESIDE_ONE_VECS; i++) {
            if (r < rows && i < vecs) {
                y[r][i] = vec_fma(vec_set(weight[r * WEIGHT_STRIDE]), x[i], y[r][i]);
            }
        }
    }
}

// Keys of one step.
INLINE int beside_step(int rows) {
    return rows == 1 ? 1 : BESIDE_KEYS;
}

// out += weight v for some keys of one head and `vecs` vectors of columns. `rows` and `vecs` are
// constants.
INLINE void beside_columns(int rows, int vecs, const beside_values *a, const float *v,
                           const float *weight, uintptr_t ask, float *out) {
    vec y[TURNED_ROWS][BESIDE_ONE_VECS];
    UNROLL
    for (int r = 0; r < TURNED_ROWS; r++) {
        UNROLL
        for (int i = 0; i < BESIDE_ONE_VECS; i++) {
            y[r][i] = vec_load(out + (r < rows ? r : 0) * a->width + (i < vecs ? i : 0) * LANES);
        }
    }
    UNROLL
    for (int k = 0; k < beside_step(rows); k++) {
        const int64_t at = k * a->stride;
        beside_key(rows, vecs, v + at, weight + k, ask + (uintptr_t)at * sizeof(float), y);
    }
    UNROLL
    for (int r = 0; r < TURNED_ROWS; r++) {
        UNROLL
        for (int i = 0; i < BESIDE_ONE_VECS; i++) {
            if (r < rows && i < vecs) {
                vec_store(out + r * a->width + i * LANES, y[r][i]);
            }
        }
    }
}

// The same for all heads, each of which has `rows` queries.
INLINE void beside_keys(int rows, const beside_values *a, const float *v, const float *weight,
                        uintptr_t ask) {
    const int vecs = rows == 1 ? BESIDE_ONE_VECS : BESIDE_VECS;
    float *out = a->out;
    for (int64_t h = 0; h < a->heads; h++) {
        const float *from = v + h * a->head_stride;
        uintptr_t asked = ask + (uintptr_t)(h * a->head_stride) * sizeof(float);
        int64_t c = 0;
        for (; c + vecs * LANES <= a->width; c += vecs * LANES) {
            beside_columns(rows, vecs, a, from + c, weight, asked + (uintptr_t)c * sizeof(float),
                           out + c);
        }
        for (; c < a->width; c += LANES) {
            beside_columns(rows, 1, a, from + c, weight, asked + (uintptr_t)c * sizeof(float),
                           out + c);
        }
        weight += rows * WEIGHT_STRIDE;
        out += rows * a->width;
    }
}

INLINE void beside_rows(int rows, const beside_values *a) {
    for (int64_t j = 0; j < KEYS; j += beside_step(rows)) {
        const int64_t at = j * a->stride;
        beside_keys(rows, a, a->v + at, a->weight + j, a->ask + (uintptr_t)at * sizeof(float));
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
#if TURNED_ROWS > 4
BESIDE_FUNCTION(5)
BESIDE_FUNCTION(6)
BESIDE_FUNCTION(7)
BESIDE_FUNCTION(8)
#endif

static void (*const beside_by_rows[TURNED_ROWS])(const beside_values *) = {
    beside_1, beside_2, beside_3, beside_4,
#if TURNED_ROWS > 4
    beside_5, beside_6, beside_7, beside_8,
#endif
};

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

// Blocks that all queries see, in turns: while the keys of one are read, the scores of the one
// before become its weights, so that memory is asked all the time. Then its values are added.
typedef struct beside_state {
    attend_bundle *list;
    int64_t count;
    int64_t before; // the first key of the block whose raw scores are there, or NO_BLOCK
    float *scores;  // its own, (heads, queries, WEIGHT_STRIDE), and
    float *others;  // those of the block that follows
} beside_state;
enum { NO_BLOCK = -1 };

static beside_state beside_at(attend_bundle *list, int64_t count) {
    float *run = list[0].g.run;
    return (beside_state){.list = list,
                          .count = count,
                          .before = NO_BLOCK,
                          .scores = run,
                          .others = run + attend_run_stride(list[0].g.a)};
}

// The raw scores of the block before become weights: of bundle b, if it exists.
static void beside_weights(const beside_state *s, int64_t b) {
    if (s->before == NO_BLOCK || b >= s->count) {
        return;
    }
    attend_group *g = &s->list[b].g;
    attend_enter(g, s->before);
    g->weight = s->scores + b * g->rows * WEIGHT_STRIDE;
    attend_exps(g, 0, g->rows, attend_tops(g, 0, g->rows, s->before));
    beside_rescale(g);
}

// The keys from `first` on of all heads, as they are read and prefetched: where all their rows are
// end to end, in the order of memory, otherwise as they are turned, the same columns of some rows.
static turned_keys beside_turned(const beside_state *s, int64_t first) {
    const attend_group *g = &s->list[0].g;
    const decoct_attention_piece *a = g->a;
    const bool whole = a->k_head_stride == a->head_dim && a->k_stride == s->count * a->head_dim;
    turned_keys keys = {
        .k = attend_k(a, first),
        .stride = a->k_stride,
        .dim = a->head_dim,
        .q = g->q,
        .ahead = attend_ahead_at(a->k, first + (whole ? WHOLE_AHEAD : ROWS_AHEAD), a->k_stride),
        .head_stride = a->k_head_stride,
        .head_ahead = (uintptr_t)a->k_head_stride * sizeof(float)};
    if (whole) {
        keys.ahead.stride = LANES * sizeof(float);
        keys.ahead.column = LANES * keys.ahead.stride;
        keys.head_ahead *= TURNED_KEYS;
    }
    return keys;
}

// The raw scores of the block at `first`, some heads at a time, and meanwhile the weights of the
// block before, head by head: there are as many steps as heads.
static void beside_scores(const beside_state *s, int64_t first) {
    const attend_group *g = &s->list[0].g;
    turned_function *turned = turned_for(g);
    int64_t weights = 0;
    turned_keys all = beside_turned(s, first);
    for (int64_t j = 0; j < KEYS; j += TURNED_KEYS) {
        turned_keys keys = all;
        float *to = s->others + j;
        for (int64_t b = 0; b < s->count; b += keys.heads) {
            keys.heads = clamp(s->count - b, 0, KEYS / TURNED_KEYS);
            turned(&keys, TURNED_KEYS, TURNED_KEYS, to);
            keys.k = attend_row(keys.k, keys.heads, keys.head_stride);
            keys.q += keys.heads * g->rows * keys.dim;
            keys.ahead.from += (uintptr_t)keys.heads * keys.head_ahead;
            to += keys.heads * g->rows * WEIGHT_STRIDE;
            beside_weights(s, weights++);
        }
        all.k = attend_row(all.k, TURNED_KEYS, all.stride);
        all.ahead.from += TURNED_KEYS * (uintptr_t)all.stride * sizeof(float);
    }
}

// The values of the block before.
static void beside_add(const beside_state *s) {
    const attend_group *g = &s->list[0].g;
    const decoct_attention_piece *a = g->a;
    beside_by_rows[g->rows - 1](
        &(beside_values){.heads = s->count,
                         .head_stride = a->v_head_stride,
                         .width = g->width,
                         .v = attend_v(a, s->before),
                         .stride = a->v_stride,
                         .ask = attend_far(a->v, s->before + ROWS_AHEAD, a->v_stride),
                         .weight = s->scores,
                         .out = g->out});
}

// The scores of the block at `first`, and what is left of the block before.
static void beside_block(beside_state *s, int64_t first) {
    beside_scores(s, first);
    if (s->before != NO_BLOCK) {
        beside_add(s);
    }
    float *scores = s->others;
    s->others = s->scores;
    s->scores = scores;
    s->before = first;
}

// What is left of the last of these blocks.
static void beside_end(beside_state *s) {
    for (int64_t b = 0; b < s->count; b++) {
        beside_weights(s, b);
    }
    if (s->before != NO_BLOCK) {
        beside_add(s);
    }
    s->before = NO_BLOCK;
}

#endif
