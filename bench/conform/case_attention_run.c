// SPDX-License-Identifier: BSD-2-Clause
#include "case_attention.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = DECOCT_KEY_BLOCK, GROUP = 2, PHASE = 1, HEADS_MOST = 8, ROWS_UNPACKED = 16 };

static const float slopes[HEADS_MOST] = {0.25f, -0.0625f, 0.7f, 0.125f, -0.3f, 0.5f, 0.1f, 0.9f};
static const float sinks[HEADS_MOST] = {1.5f, -INFINITY, -3.0f, 0.0f, 8.0f, -INFINITY, 2.0f, 1.0f};

static const float sink_of_part = 0.5f;

attend_shape attend_plain(int64_t rows, int64_t kv_len, int64_t head_dim, int64_t value_dim) {
    return (attend_shape){.rows = rows,
                          .kv_len = kv_len,
                          .head_dim = head_dim,
                          .value_dim = value_dim,
                          .q_gap = cases_gap(head_dim),
                          .k_gap = cases_gap(head_dim),
                          .v_gap = cases_gap(value_dim),
                          .y_gap = cases_gap(value_dim),
                          .mask_gap = cases_gap(kv_len),
                          .weights_gap = cases_gap(kv_len),
                          .scale = 0.5f,
                          .window = 70};
}

int64_t attend_tile(const conform_probe *p) {
    return p->given->attention[0].tile_rows;
}

// ---- Operands ----

typedef struct attend_operands {
    conform_matrix *q, *k, *v, *mask, *before, *y, *right, *weights, *right_weights, *state,
        *right_state, *keys, *scratch;
    int64_t heads;
    decoct_attention_piece piece; // of y
} attend_operands;

static int64_t kv_head(const attend_shape *s, int64_t head) {
    return s->heads > 1 ? (PHASE + head) / GROUP : 0;
}

static conform_matrix *make(conform_probe *p, const attend_shape *s, const char *name, int64_t rows,
                            int64_t cols, int64_t gap, conform_where where) {
    return conform_operand(p, name, rows, s->joined ? cols + gap : cols, cols + gap, DECOCT_F32,
                           where);
}

// Is the key hidden from every row?
static bool is_hidden_from_all(const attend_shape *s, int64_t key) {
    bool before =
        s->features & DECOCT_ATTENTION_WINDOW && s->causal && key < s->visible - s->window;
    bool behind = s->causal && key >= s->visible + s->rows - 1;
    return before || behind || (s->mask == HIDING_MASK && key % 7 == 3);
}

static bool is_masked(const attend_shape *s, int64_t row, int64_t key) {
    return s->mask == HIDING_MASK && (row % 4 == 1 || (row == 0 && key < KEYS) || key % 7 == 3);
}

static void fill_mask(conform_probe *p, const attend_shape *s, conform_matrix *mask) {
    cases_fill(p, mask, 4.0f, NULL);
    for (int64_t i = 0; i < mask->rows; i++) {
        for (int64_t j = 0; j < s->kv_len; j++) {
            if (is_masked(s, i % s->rows, j)) {
                conform_set(mask, i, j, -INFINITY);
            } else if (s->mask == LEAST_MASK && (i + j) % 3) {
                conform_set(mask, i, j, -FLT_MAX);
            }
        }
    }
}

static void put_odd(const attend_shape *s, attend_operands *o) {
    for (int64_t j = 0; j < s->kv_len && s->odd_hidden; j++) {
        if (is_hidden_from_all(s, j)) {
            conform_set(o->k, j, 0, j % 2 ? NAN : INFINITY);
            conform_set(o->v, j, 0, j % 2 ? INFINITY : NAN);
        }
    }
}

static void make_inputs(conform_probe *p, const attend_shape *s, attend_operands *o) {
    int64_t kv_heads = s->spare ? PHASE + o->heads : kv_head(s, o->heads - 1) + 1;
    o->q = make(p, s, "q", s->rows, o->heads * s->head_dim, s->q_gap, s->q_where);
    o->k = make(p, s, "k", s->kv_len, kv_heads * s->head_dim, s->k_gap, s->others);
    o->v = make(p, s, "v", s->kv_len, kv_heads * s->value_dim, s->v_gap, s->others);
    cases_fill(p, o->q, 1.0f, s->special_q);
    cases_fill(p, o->k, 1.0f, s->special_k);
    cases_fill(p, o->v, 1.0f, s->special_v);
    put_odd(s, o);
    conform_input(p, o->q);
    conform_input(p, o->k);
    conform_input(p, o->v);
    if (s->mask != NO_MASK) {
        o->mask = make(p, s, "mask", o->heads * s->rows, s->kv_len, s->mask_gap, s->others);
        fill_mask(p, s, o->mask);
        conform_input(p, o->mask);
    }
}

static void make_outputs(conform_probe *p, const attend_shape *s, attend_operands *o) {
    o->y = make(p, s, "out", s->rows, o->heads * s->value_dim, s->y_gap, s->y_where);
    o->right = conform_copy(p, o->y);
    if (s->weights) {
        o->weights =
            make(p, s, "weights", o->heads * s->rows, s->kv_len, s->weights_gap, s->y_where);
        o->right_weights = conform_copy(p, o->weights);
    }
    if (s->part) {
        o->state = conform_operand(p, "state", o->heads * s->rows, 2, 2, DECOCT_F32, s->y_where);
        o->right_state = conform_copy(p, o->state);
    }
}

static int64_t stride_of(const conform_matrix *m) {
    return m ? m->stride : 0;
}

static void set_parameters(const attend_shape *s, decoct_attention_piece *a) {
    a->visible = s->causal ? s->visible : s->kv_len;
    a->visible_step = s->causal;
    a->scale = s->scale;
    a->position = a->visible - 1;
    a->window = s->features & DECOCT_ATTENTION_WINDOW ? s->window : 0;
    a->softcap = s->features & DECOCT_ATTENTION_SOFTCAP ? 1.7f : 0.0f;
    a->slopes = s->features & DECOCT_ATTENTION_SLOPES ? slopes : NULL;
    a->sinks = s->features & DECOCT_ATTENTION_SINKS && !s->part ? sinks : NULL;
}

// Heads side by side.
static void make_piece(const attend_shape *s, attend_operands *o) {
    o->piece = (decoct_attention_piece){.rows = s->rows,
                                        .kv_len = s->kv_len,
                                        .head_dim = s->head_dim,
                                        .value_dim = s->value_dim,
                                        .q = o->q->data,
                                        .q_stride = o->q->stride,
                                        .v = o->v->data,
                                        .v_stride = o->v->stride,
                                        .out = o->y->data,
                                        .out_stride = o->y->stride,
                                        .mask = o->mask ? o->mask->data : NULL,
                                        .mask_stride = stride_of(o->mask),
                                        .weights = o->weights ? o->weights->data : NULL,
                                        .weights_stride = stride_of(o->weights),
                                        .state = o->state ? o->state->data : NULL,
                                        .k = o->k->data,
                                        .k_stride = o->k->stride,
                                        .heads = s->heads,
                                        .kv_group = s->heads > 1 ? GROUP : 0,
                                        .kv_phase = s->heads > 1 ? PHASE : 0,
                                        .q_head_stride = s->head_dim,
                                        .k_head_stride = s->head_dim,
                                        .v_head_stride = s->value_dim,
                                        .out_head_stride = s->value_dim,
                                        .mask_head_stride = s->rows * stride_of(o->mask),
                                        .weights_head_stride = s->rows * stride_of(o->weights)};
    set_parameters(s, &o->piece);
}

// ---- The two calls ----

static void *room(int64_t bytes) {
    void *memory = aligned_alloc(64, (size_t)(bytes + 128) / 64 * 64);
    if (!memory) {
        exit(EXIT_FAILURE); // reported as a test that did not come to its end
    }
    return memory;
}

static int64_t keys_bytes(const attend_shape *s) {
    return (s->kv_len + KEYS - 1) / KEYS * KEYS * s->head_dim * (int64_t)sizeof(float);
}

// The blocks of one head, by scalar.
static void pack_keys(const conform_probe *p, const attend_operands *o, int64_t kv, float *to) {
    const decoct_attention_piece *a = &o->piece;
    const float *k = (const float *)o->k->data + kv * a->head_dim;
    for (int64_t j = 0; j < a->kv_len; j += KEYS) {
        int64_t count = a->kv_len - j < KEYS ? a->kv_len - j : KEYS;
        p->right->pack_keys(
            &(decoct_keys_piece){.count = count,
                                 .head_dim = a->head_dim,
                                 .k = {.data = k + j * a->k_stride, .stride = a->k_stride},
                                 .block = to + j * a->head_dim});
    }
}

static decoct_attention_piece piece_of_head(const attend_operands *o, const attend_shape *s,
                                            int64_t h) {
    decoct_attention_piece a = o->piece;
    int64_t rows = h * s->rows;
    a.heads = a.kv_group = a.kv_phase = 0;
    a.q += h * s->head_dim;
    a.v = (const float *)a.v + kv_head(s, h) * s->value_dim;
    a.out = (float *)o->right->data + h * s->value_dim;
    a.mask = a.mask ? a.mask + rows * a.mask_stride : NULL;
    a.weights = o->right_weights ? (float *)o->right_weights->data + rows * a.weights_stride : NULL;
    a.slopes = a.slopes ? a.slopes + h : NULL;
    a.sinks = a.sinks ? a.sinks + h : NULL;
    a.state = o->right_state ? (float *)o->right_state->data + 2 * rows : NULL;
    return a;
}

// Scalar, head by head.
static void run_right(const conform_probe *p, const attend_shape *s, const attend_operands *o) {
    const decoct_attention_kernel *m = &p->right->attention[0];
    float *keys = room(keys_bytes(s));
    for (int64_t h = 0; h < o->heads; h++) {
        decoct_attention_piece a = piece_of_head(o, s, h);
        pack_keys(p, o, kv_head(s, h), keys);
        a.keys = keys;
        a.key_block_stride = KEYS * s->head_dim;
        a.scratch = room(m->scratch_bytes ? m->scratch_bytes(&a) : 0);
        conform_call_right((conform_kernel *)m->run, &a);
        free(a.scratch);
    }
    free(keys);
}

static bool run_given(conform_probe *p, const decoct_attention_kernel *m, const attend_shape *s,
                      attend_operands *o) {
    decoct_attention_piece *a = &o->piece;
    if (!s->heads) {
        o->keys = conform_bytes(p, "keys", keys_bytes(s), CONFORM_AT_END);
        pack_keys(p, o, 0, o->keys->data);
        conform_input(p, o->keys);
        a->keys = o->keys->data;
        a->key_block_stride = KEYS * s->head_dim;
        a->k = NULL;
    }
    int64_t size = m->scratch_bytes ? m->scratch_bytes(a) : 0;
    if (size < 0 || size > INT64_C(1) << 30) {
        return conform_fail(p, "table", "scratch_bytes() asks for %lld bytes", (long long)size);
    }
    o->scratch = conform_scratch(p, size);
    a->scratch = o->scratch ? o->scratch->data : NULL;
    return conform_call(p, (conform_kernel *)m->run, a);
}

// ---- Judging ----

static exact_query query_of(const conform_probe *p, const attend_shape *s, const attend_operands *o,
                            int64_t h, int64_t i) {
    const decoct_attention_piece *a = &o->piece;
    int64_t last = a->visible + i * a->visible_step, kv = kv_head(s, h);
    return (exact_query){.head_dim = s->head_dim,
                         .value_dim = s->value_dim,
                         .kv_len = s->kv_len,
                         .first = a->window ? last - a->window : 0,
                         .last = last,
                         .q = a->q + i * a->q_stride + h * s->head_dim,
                         .k = (const float *)o->k->data + kv * s->head_dim,
                         .v = (const float *)o->v->data + kv * s->value_dim,
                         .k_stride = o->k->stride,
                         .v_stride = o->v->stride,
                         .mask = a->mask ? a->mask + (h * s->rows + i) * a->mask_stride : NULL,
                         .scale = (double)s->scale,
                         .softcap = a->softcap,
                         .slope = a->slopes ? &a->slopes[h] : NULL,
                         .sink = s->part                                ? &sink_of_part
                                 : a->sinks && a->sinks[h] != -INFINITY ? &a->sinks[h]
                                                                        : NULL,
                         .position = a->position + i,
                         .order = cases_order(p)};
}

static bool is_near(conform_probe *p, const char *reason, const attend_shape *s,
                    const attend_operands *o) {
    conform_matrix y = cases_columns(o->y, o->heads * s->value_dim);
    exact_result out = cases_exact_room(s->rows, y.cols);
    exact_result weights = cases_exact_room(o->heads * s->rows, s->kv_len);
    for (int64_t h = 0; h < o->heads; h++) {
        for (int64_t i = 0; i < s->rows; i++) {
            const exact_query q = query_of(p, s, o, h, i);
            exact_result row = cases_exact_row(out, i, y.cols);
            row = (exact_result){row.exact + h * s->value_dim, row.bound + h * s->value_dim};
            exact_attend(&q, cases_exact_row(weights, h * s->rows + i, s->kv_len), row);
        }
    }
    bool fine = cases_near(p, reason, &y, out);
    if (o->weights) {
        conform_matrix given = cases_columns(o->weights, s->kv_len);
        fine = cases_near(p, reason, &given, weights) && fine;
    }
    cases_exact_free(out);
    cases_exact_free(weights);
    return fine;
}

// What the library makes of a part, before the exact result is compared: with a sink, so that the
// largest score counts.
static void finish_part(const attend_shape *s, attend_operands *o) {
    for (int64_t r = 0; r < o->heads * s->rows; r++) {
        const float *state = (const float *)o->state->data + 2 * r;
        double sink = (double)sink_of_part, max = (double)state[0];
        double top = max > sink ? max : sink;
        double sum = (double)state[1] * exp(max - top) + exp(sink - top);
        for (int64_t c = 0; state[1] != 0.0f && c < s->value_dim; c++) {
            const int64_t row = r % s->rows, col = r / s->rows * s->value_dim + c;
            double out = (double)conform_get(o->y, row, col) * exp(max - top) / sum;
            conform_set(o->y, row, col, (float)out);
        }
    }
}

// Where it may be any number, the largest score is 0, and so is -0.
static void settle_state(conform_matrix *state) {
    for (int64_t i = 0; state && i < state->rows; i++) {
        float max = conform_get(state, i, 0), sum = conform_get(state, i, 1);
        conform_set(state, i, 0, sum == 0.0f || isnan(sum) || max == 0.0f ? 0.0f : max);
    }
}

// The reason of a difference: that of the case if the plain case of this size is right.
static const char *find_reason(conform_probe *p, const decoct_attention_kernel *m,
                               const char *reason, const attend_shape *s) {
    attend_operands o = {.heads = 1};
    const attend_shape plain = attend_plain(s->rows, s->kv_len, s->head_dim, s->value_dim);
    if (s->kv_len == 0 || !cases_is_aspect(reason)) {
        return reason;
    }
    make_inputs(p, &plain, &o);
    make_outputs(p, &plain, &o);
    make_piece(&plain, &o);
    run_right(p, &plain, &o);
    return run_given(p, m, &plain, &o) && !cases_same(o.y, o.right) ? "bits" : reason;
}

static void judge(conform_probe *p, const decoct_attention_kernel *m, const char *reason,
                  const attend_shape *s, attend_operands *o) {
    if (s->memory_only) {
        return;
    }
    if (!p->exact && s->part) {
        finish_part(s, o);
    }
    if (!p->exact || s->near) {
        is_near(p, reason, s, o);
        return;
    }
    settle_state(o->state);
    settle_state(o->right_state);
    const conform_matrix *pairs[2][2] = {
        {o->y, o->right},
        {s->part ? o->state : o->weights, s->part ? o->right_state : o->right_weights}};
    const int64_t cols[] = {o->heads * s->value_dim, s->part ? 2 : s->kv_len};
    for (int i = 0; i < (s->part || o->weights ? 2 : 1); i++) {
        conform_matrix a = cases_columns(pairs[i][0], cols[i]);
        conform_matrix b = cases_columns(pairs[i][1], cols[i]);
        if (!cases_same(&a, &b)) {
            conform_compare_bits(p, find_reason(p, m, reason, s), &a, &b);
            return;
        }
    }
}

// ---- The case ----

static void name_case(conform_probe *p, const attend_shape *s, int kernel) {
    static const char *const masks[] = {"", ", mask", ", mask that hides", ", mask of -FLT_MAX"};
    static const char *const places[] = {"aligned", "at the end", "at the start", "unaligned"};
    const cases_special *odd = s->special_q   ? s->special_q
                               : s->special_k ? s->special_k
                                              : s->special_v;
    conform_begin(
        p, "kernel %d, %lld queries, %lld keys%s, dims %lld and %lld, %s%s%s%s%s%s%s%s%s%s%s%s",
        kernel, (long long)s->rows, (long long)s->kv_len, s->part ? " of a part" : "",
        (long long)s->head_dim, (long long)s->value_dim, places[s->q_where],
        s->heads == 0   ? ""
        : s->heads == 1 ? ", unpacked keys"
                        : ", several heads",
        s->causal ? ", causal" : "", masks[s->mask], s->weights ? ", weights" : "",
        s->features & DECOCT_ATTENTION_WINDOW ? ", window" : "",
        s->features & DECOCT_ATTENTION_SOFTCAP ? ", softcap" : "",
        s->features & DECOCT_ATTENTION_SLOPES ? ", slopes" : "",
        s->features & DECOCT_ATTENTION_SINKS ? ", sinks" : "",
        s->odd_hidden ? ", NaN in hidden keys" : "", odd ? ", " : "", odd ? odd->name : "");
}

static void run_one(conform_probe *p, const char *reason, const attend_shape *asked, int index) {
    const decoct_attention_kernel *m = &p->given->attention[index];
    attend_shape s = *asked;
    int64_t most = m->tile_rows < ROWS_UNPACKED ? m->tile_rows : ROWS_UNPACKED;
    s.rows = s.heads && s.rows > most ? most : s.rows;
    attend_operands o = {.heads = s.heads ? s.heads : 1};
    name_case(p, &s, index);
    make_inputs(p, &s, &o);
    make_outputs(p, &s, &o);
    make_piece(&s, &o);
    run_right(p, &s, &o);
    if (run_given(p, m, &s, &o)) {
        judge(p, m, reason, &s, &o);
    }
}

void attend_run(conform_probe *p, const char *reason, const attend_shape *s) {
    bool special = s->special_q || s->special_k || s->special_v || s->mask == LEAST_MASK;
    uint32_t packs = s->heads > 1    ? DECOCT_PACKS_HEADS
                     : s->heads == 1 ? DECOCT_PACKS_KEYS
                                     : DECOCT_PACKS_NOTHING;
    for (int i = 0; i < DCT_ATTENTION_MOST; i++) {
        const decoct_attention_kernel *m = &p->given->attention[i];
        bool able = m->run && m->packs_keys >= packs && !(s->features & ~m->features) &&
                    m->kv_dtypes >> p->dtype & 1 && p->dtype == DECOCT_F32 &&
                    (!s->part || m->features & DECOCT_ATTENTION_PARTS);
        if (able && (p->exact || !special)) {
            run_one(p, reason, s, i);
        }
    }
}
