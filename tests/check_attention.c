// SPDX-License-Identifier: BSD-2-Clause
// Attention: every backend against float64, against scalar's bits, and with poison in what is
// hidden.
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct shape {
    int64_t batch, heads, kv_heads, q_len, kv_len, head_dim, value_dim, q_offset;
    float scale; // 0: the default
    bool causal, mask, weights,
        interleaved; // interleaved: (len, heads, dim), the layout of a model
} shape;

enum { OPERANDS = 6, ROOM = 1 << 19 };
enum { Q, K, V, MASK, OUT, WEIGHTS };

typedef struct operands {
    check_arena arena[OPERANDS];
    float *p[OPERANDS];
    decoct_attention_args args;
} operands;

static int64_t min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// Places all operands flush against the forbidden page behind (or before) them.
static void place(operands *o, const shape *s, bool end) {
    int64_t sizes[OPERANDS] = {s->batch * s->heads * s->q_len * s->head_dim,
                               s->batch * s->kv_heads * s->kv_len * s->head_dim,
                               s->batch * s->kv_heads * s->kv_len * s->value_dim,
                               s->heads * s->q_len * s->kv_len,
                               s->batch * s->heads * s->q_len * s->value_dim,
                               s->batch * s->heads * s->q_len * s->kv_len};
    for (int i = 0; i < OPERANDS; i++) {
        o->p[i] = check_place(&o->arena[i], sizes[i], end);
        if (i < MASK) {
            check_fill(o->p[i], sizes[i], (uint64_t)i + 1, 2.0f);
        }
    }
    for (int64_t i = 0; i < sizes[MASK]; i++) {
        uint64_t x = (uint64_t)(i + 3) * 0x9E3779B97F4A7C15u >> 40;
        o->p[MASK][i] = x % 4 == 0 ? -INFINITY : (float)(x % 1000) * 0.003f;
    }
    decoct_attention_args *a = &o->args;
    *a = (decoct_attention_args){.struct_size = sizeof *a,
                                 .causal = s->causal,
                                 .batch = s->batch,
                                 .heads = s->heads,
                                 .kv_heads = s->kv_heads,
                                 .q_len = s->q_len,
                                 .kv_len = s->kv_len,
                                 .head_dim = s->head_dim,
                                 .value_dim = s->value_dim,
                                 .q_offset = s->q_offset,
                                 .scale = s->scale,
                                 .q = o->p[Q],
                                 .k = o->p[K],
                                 .v = o->p[V],
                                 .mask = s->mask ? o->p[MASK] : NULL,
                                 .out = o->p[OUT],
                                 .weights = s->weights ? o->p[WEIGHTS] : NULL,
                                 .mask_head_stride = s->q_len * s->kv_len};
    if (s->interleaved) {
        a->q_head_stride = s->head_dim;
        a->q_stride = s->heads * s->head_dim;
        a->q_batch_stride = s->q_len * a->q_stride;
        a->k_head_stride = s->head_dim;
        a->k_stride = s->kv_heads * s->head_dim;
        a->k_batch_stride = s->kv_len * a->k_stride;
        a->v_head_stride = s->value_dim;
        a->v_stride = s->kv_heads * s->value_dim;
        a->v_batch_stride = s->kv_len * a->v_stride;
        a->out_head_stride = s->value_dim;
        a->out_stride = s->heads * s->value_dim;
        a->out_batch_stride = s->q_len * a->out_stride;
    }
}

static const float *row_of(const shape *s, const float *p, int64_t b, int64_t h, int64_t i,
                           int64_t heads, int64_t len, int64_t dim) {
    return s->interleaved ? p + ((b * len + i) * heads + h) * dim
                          : p + ((b * heads + h) * len + i) * dim;
}

static int64_t visible(const shape *s, int64_t row) {
    int64_t keys = s->causal ? s->q_offset + row + 1 : s->kv_len;
    return keys < 0 ? 0 : min64(keys, s->kv_len);
}

// One row in float64; scores to z (-inf: hidden), the sum of exp to *sum. Returns the maximum.
static double exact_scores(const operands *o, const shape *s, int64_t b, int64_t h, int64_t i,
                           double *z, double *sum) {
    const float *q = row_of(s, o->p[Q], b, h, i, s->heads, s->q_len, s->head_dim);
    double max = -INFINITY;
    for (int64_t j = 0; j < s->kv_len; j++) {
        const float *k = row_of(s, o->p[K], b, h * s->kv_heads / s->heads, j, s->kv_heads,
                                s->kv_len, s->head_dim);
        z[j] = 0.0;
        for (int64_t d = 0; d < s->head_dim; d++) {
            z[j] += (double)q[d] * (double)k[d];
        }
        z[j] *= s->scale != 0.0f ? (double)s->scale
                                 : 1.0 / sqrt((double)(s->head_dim ? s->head_dim : 1));
        z[j] += s->mask ? (double)o->p[MASK][(h * s->q_len + i) * s->kv_len + j] : 0.0;
        z[j] = j < visible(s, i) ? z[j] : -INFINITY;
        max = fmax(max, z[j]);
    }
    *sum = 0.0;
    for (int64_t j = 0; j < s->kv_len; j++) {
        *sum += max == -INFINITY ? 0.0 : exp(z[j] - max);
    }
    return max;
}

// Scores are at most some tens: their error is (head_dim + 3) u sum |q k| / sqrt(head_dim); exp
// turns it into a relative one. With all operands in [-2, 2): |z| <= 4 sqrt(head_dim) + 3.
static double bound(const shape *s, double size) {
    double d = (double)(s->head_dim ? s->head_dim : 1);
    double score = CHECK_U * (d + 3.0) * (4.0 * sqrt(d) + 3.0);
    return size * (2.0 * score + CHECK_U * (10.0 + 8.0 * sqrt(d) + 2.0 * (double)s->kv_len)) +
           0x1p-140;
}

static double row_error(const operands *o, const shape *s, int64_t b, int64_t h, int64_t i) {
    double z[512], sum, worst = 0.0, total = 0.0;
    double max = exact_scores(o, s, b, h, i, z, &sum);
    const float *out = row_of(s, o->p[OUT], b, h, i, s->heads, s->q_len, s->value_dim);
    for (int64_t c = 0; c < s->value_dim; c++) {
        double exact = 0.0, size = 0.0;
        for (int64_t j = 0; j < s->kv_len && max > -INFINITY; j++) {
            const float *v = row_of(s, o->p[V], b, h * s->kv_heads / s->heads, j, s->kv_heads,
                                    s->kv_len, s->value_dim);
            double p = exp(z[j] - max) / sum;
            exact += p > 0.0 ? p * (double)v[c] : 0.0;
            size += p > 0.0 ? p * fabs((double)v[c]) : 0.0;
        }
        worst = check_worse(worst, fabs((double)out[c] - exact) / bound(s, size));
    }
    for (int64_t j = 0; s->weights && j < s->kv_len; j++) {
        double exact = max > -INFINITY ? exp(z[j] - max) / sum : 0.0;
        double w = (double)o->p[WEIGHTS][((b * s->heads + h) * s->q_len + i) * s->kv_len + j];
        worst = check_worse(worst, exact == 0.0 ? (w == 0.0 ? 0.0 : 2.0)
                                                : fabs(w - exact) / bound(s, exact));
        total += w;
    }
    if (s->weights && s->kv_len > 0) {
        worst = check_worse(worst, fabs(total - (max > -INFINITY ? 1.0 : 0.0)) / 0x1p-19);
    }
    return worst;
}

static void check_shape(decoct_context *ctx, decoct_context *scalar, operands *mine,
                        operands *theirs, const shape *s, bool end) {
    place(mine, s, end);
    place(theirs, s, end);
    assert_int_equal(decoct_attention(ctx, &mine->args), DECOCT_OK);
    assert_int_equal(decoct_attention(scalar, &theirs->args), DECOCT_OK);
    int64_t rows = s->batch * s->heads * s->q_len;
    assert_true(check_same_bits(mine->p[OUT], theirs->p[OUT], rows * s->value_dim));
    assert_true(!s->weights ||
                check_same_bits(mine->p[WEIGHTS], theirs->p[WEIGHTS], rows * s->kv_len));
    double worst = 0.0;
    for (int64_t r = 0; r < rows; r++) {
        worst = check_worse(worst, row_error(mine, s, r / (s->heads * s->q_len),
                                             r / s->q_len % s->heads, r % s->q_len));
    }
    if (!(worst <= 1.0)) {
        print_error(
            "q %lld kv %lld dim %lld/%lld offset %lld causal %d mask %d: %.3g of the bound\n",
            (long long)s->q_len, (long long)s->kv_len, (long long)s->head_dim,
            (long long)s->value_dim, (long long)s->q_offset, s->causal, s->mask, worst);
    }
    assert_true(worst <= 1.0);
}

typedef struct pair {
    decoct_context *ctx, *scalar;
    operands mine, theirs;
} pair;

static bool open_pair(pair *p, const char *backend, int32_t threads) {
    p->ctx = check_open(backend, threads);
    if (!p->ctx) {
        return false;
    }
    p->scalar = check_open("scalar", 1);
    for (int i = 0; i < OPERANDS; i++) {
        p->mine.arena[i] = check_arena_open(ROOM);
        p->theirs.arena[i] = check_arena_open(ROOM);
    }
    return true;
}

static void close_pair(pair *p) {
    for (int i = 0; i < OPERANDS; i++) {
        check_arena_close(&p->mine.arena[i]);
        check_arena_close(&p->theirs.arena[i]);
    }
    decoct_context_close(p->ctx);
    decoct_context_close(p->scalar);
}

static void test_shapes(void **state) {
    pair p;
    if (!open_pair(&p, *state, 3)) {
        skip();
    }
    static const int64_t kv[] = {0, 1, 2, 15, 63, 64, 65, 127, 128, 129, 200};
    unsigned turn = 0;
    for (size_t k = 0; k < sizeof kv / sizeof *kv; k++) {
        for (int q = 0; q < CHECK_DIMS; q += 2) {
            for (int d = q / 2 % 2; d < CHECK_DIMS; d += 2, turn++) {
                int64_t offsets[] = {kv[k] - check_dims[q], 0, -3, kv[k] + 5};
                shape s = {.batch = 1 + turn % 2,
                           .heads = 4,
                           .kv_heads = turn % 3 == 0   ? 2
                                       : turn % 3 == 1 ? 4
                                                       : 1,
                           .q_len = check_dims[q],
                           .kv_len = kv[k],
                           .head_dim = check_dims[d] ? check_dims[d] : 1,
                           .value_dim = check_dims[(d * 5 + 3) % CHECK_DIMS],
                           .q_offset = offsets[turn % 4],
                           .scale = turn % 6 == 5 ? 0.1f : 0.0f, // less than the default
                           .causal = turn % 5 < 3,
                           .mask = turn % 7 < 2,
                           .weights = turn % 3 == 1,
                           .interleaved = turn % 2 == 1};
                // value_dim 0 means head_dim in the arguments
                s.value_dim = s.value_dim ? s.value_dim : s.head_dim;
                check_shape(p.ctx, p.scalar, &p.mine, &p.theirs, &s, turn % 4 < 2);
            }
        }
    }
    close_pair(&p);
}

// Few queries of many heads, enough work for several threads: each takes some heads, and may begin
// in the middle of those that share their keys.
static void test_shared_heads(void **state) {
    pair p;
    if (!open_pair(&p, *state, 4)) {
        skip();
    }
    for (int turn = 0; turn < 4; turn++) {
        shape s = {.batch = 1 + turn % 2,
                   .heads = 12,
                   .kv_heads = 3,
                   .q_len = 1 + 15 * (turn % 2),
                   .kv_len = 500,
                   .head_dim = 72,
                   .value_dim = 40,
                   .causal = turn < 2,
                   .q_offset = turn % 2 ? 484 : 499,
                   .mask = turn == 3,
                   .weights = turn % 2,
                   .interleaved = true};
        check_shape(p.ctx, p.scalar, &p.mine, &p.theirs, &s, turn % 2);
    }
    close_pair(&p);
}

// What is hidden contributes exactly nothing, even if it is NaN or infinite.
static void test_poison(void **state) {
    pair p;
    if (!open_pair(&p, *state, 1)) {
        skip();
    }
    shape s = {.batch = 1,
               .heads = 2,
               .kv_heads = 2,
               .q_len = 17,
               .kv_len = 150,
               .head_dim = 24,
               .value_dim = 20,
               .q_offset = 90,
               .causal = true,
               .mask = true};
    place(&p.mine, &s, true);
    place(&p.theirs, &s, true);
    for (int64_t h = 0; h < 2; h++) {
        for (int64_t j = 0; j < s.kv_len; j++) {
            bool hide = j > 106 || j % 5 == 2; // beyond the last query, or masked for everybody
            for (int64_t i = 0; hide && i < s.q_len; i++) {
                p.mine.p[MASK][(h * s.q_len + i) * s.kv_len + j] = -INFINITY;
                p.theirs.p[MASK][(h * s.q_len + i) * s.kv_len + j] = -INFINITY;
            }
            for (int64_t d = 0; hide && d < s.value_dim; d++) {
                p.mine.p[V][(h * s.kv_len + j) * s.value_dim + d] = d % 2 ? NAN : INFINITY;
            }
            for (int64_t d = 0; hide && d < s.head_dim; d++) {
                p.mine.p[K][(h * s.kv_len + j) * s.head_dim + d] = d % 2 ? NAN : -INFINITY;
            }
        }
    }
    assert_int_equal(decoct_attention(p.ctx, &p.mine.args), DECOCT_OK);
    assert_int_equal(decoct_attention(p.scalar, &p.theirs.args), DECOCT_OK);
    assert_true(check_same_bits(p.mine.p[OUT], p.theirs.p[OUT], 2 * s.q_len * s.value_dim));
    close_pair(&p);
}

// Queries, keys and values side by side in one buffer, gaps everywhere, a mask with a stride of its
// own and a scale: the same bits as from dense copies, and nothing between the rows is touched.
static void test_strides(void **state) {
    enum {
        HEADS = 3,
        LEN = 70,
        DIM = 10,
        FUSED = 3 * HEADS * DIM + 5,
        OUT_STRIDE = HEADS * DIM + 3
    };
    enum { MASK_STRIDE = LEN + 9, PART = HEADS * LEN * DIM };
    static float fused[LEN * FUSED], dense[3 * PART], right[PART], mask[2 * LEN * MASK_STRIDE];
    static float dense_mask[LEN * LEN];
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    check_arena arena = check_arena_open(LEN * OUT_STRIDE);
    float *out = check_place(&arena, LEN * OUT_STRIDE - 3, true);
    check_fill(fused, LEN * FUSED, 1, 2.0f);
    check_fill(mask, 2 * LEN * MASK_STRIDE, 2, 2.0f);
    for (int64_t i = 0; i < LEN; i++) {
        for (int64_t j = 0; j < 3 * HEADS * DIM; j++) {
            int64_t part = j / (HEADS * DIM), head = j / DIM % HEADS;
            dense[part * PART + (head * LEN + i) * DIM + j % DIM] = fused[i * FUSED + j];
        }
        memcpy(dense_mask + i * LEN, mask + i * MASK_STRIDE, LEN * sizeof *mask);
        for (int64_t j = 3 * HEADS * DIM; j < FUSED; j++) {
            fused[i * FUSED + j] = NAN; // what lies between the rows must not matter
        }
    }
    decoct_attention_args a = {.struct_size = sizeof a,
                               .causal = 1,
                               .batch = 1,
                               .heads = HEADS,
                               .kv_heads = HEADS,
                               .q_len = LEN,
                               .kv_len = LEN,
                               .head_dim = DIM,
                               .scale = 0.7f,
                               .q = dense,
                               .k = dense + PART,
                               .v = dense + 2 * PART,
                               .mask = dense_mask,
                               .out = right};
    assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
    a.q = fused;
    a.k = fused + HEADS * DIM;
    a.v = fused + 2 * HEADS * DIM;
    a.mask = mask;
    a.mask_stride = MASK_STRIDE;
    a.out = out;
    a.q_stride = a.k_stride = a.v_stride = FUSED;
    a.q_head_stride = a.k_head_stride = a.v_head_stride = a.out_head_stride = DIM;
    a.out_stride = OUT_STRIDE;
    assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
    for (int64_t i = 0; i < LEN; i++) {
        for (int64_t h = 0; h < HEADS; h++) {
            assert_true(
                check_same_bits(out + i * OUT_STRIDE + h * DIM, right + (h * LEN + i) * DIM, DIM));
        }
        assert_true(i + 1 == LEN || check_padding(out + i * OUT_STRIDE + HEADS * DIM, 3));
    }
    check_arena_close(&arena);
    decoct_context_close(ctx);
}

// A NaN that is seen makes its row NaN, wherever it stands and whatever is hidden around it.
static void test_nan(void **state) {
    enum { LEN = 130, DIM = 5 };
    static float q[DIM], k[LEN * DIM], v[LEN * DIM], mask[LEN], out[DIM];
    static const int64_t places[] = {0, 1, 15, 16, 63, 64, 127, 128, 129};
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_attention_args a = {.struct_size = sizeof a,
                               .batch = 1,
                               .heads = 1,
                               .kv_heads = 1,
                               .q_len = 1,
                               .kv_len = LEN,
                               .head_dim = DIM,
                               .q = q,
                               .k = k,
                               .v = v,
                               .mask = mask,
                               .out = out};
    check_fill(q, DIM, 1, 1.0f);
    check_fill(v, LEN * DIM, 3, 1.0f);
    for (size_t at = 0; at < sizeof places / sizeof *places; at++) {
        for (int hidden = 0; hidden < 3; hidden++) { // nothing else, what follows, all the rest
            int64_t p = places[at];
            check_fill(k, LEN * DIM, 2, 1.0f);
            k[p * DIM + 2] = NAN;
            for (int64_t j = 0; j < LEN; j++) {
                mask[j] = j != p && (hidden == 2 || (hidden == 1 && j > p)) ? -INFINITY : 0.0f;
            }
            assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
            for (int c = 0; c < DIM; c++) {
                assert_true(isnan(out[c]));
            }
            mask[p] = -INFINITY; // now it is hidden, and must not matter
            assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
            bool nothing = hidden == 2 || (hidden == 1 && p == 0); // is left to see
            for (int c = 0; c < DIM; c++) {
                assert_true(isfinite(out[c]) && nothing == (out[c] == 0.0f));
            }
        }
    }
    decoct_context_close(ctx);
}

// A seeded search for shapes where a backend leaves scalar's bits.
static void test_random(void **state) {
    pair p;
    if (!open_pair(&p, *state, 2)) {
        skip();
    }
    uint64_t x = 12345;
    for (int n = 0; n < 150; n++) {
        int64_t r[8];
        for (int i = 0; i < 8; i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            r[i] = (int64_t)(x >> 40);
        }
        shape s = {.batch = 1,
                   .heads = 2,
                   .kv_heads = 1 + r[0] % 2,
                   .q_len = 1 + r[1] % 40,
                   .kv_len = 1 + r[2] % 300,
                   .head_dim = 1 + r[3] % 80,
                   .value_dim = 1 + r[4] % 80,
                   .q_offset = r[5] % 320 - 10,
                   .causal = r[6] % 2,
                   .mask = r[6] / 2 % 2,
                   .weights = r[7] % 2};
        check_shape(p.ctx, p.scalar, &p.mine, &p.theirs, &s, true);
    }
    close_pair(&p);
}

static void test_refusals(void **state) {
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    float x[64] = {0};
    decoct_attention_args good = {.struct_size = sizeof good,
                                  .batch = 1,
                                  .heads = 2,
                                  .kv_heads = 1,
                                  .q_len = 2,
                                  .kv_len = 2,
                                  .head_dim = 2,
                                  .q = x,
                                  .k = x,
                                  .v = x,
                                  .out = x + 32};
    decoct_attention_args bad[7];
    for (int i = 0; i < 7; i++) {
        bad[i] = good;
    }
    bad[0].kv_heads = 0;
    bad[1].heads = 3, bad[1].kv_heads = 2;
    bad[2].v = NULL;
    bad[3].q_stride = 1;
    bad[4].kv_len = INT64_MAX / 4;
    bad[5].scale = NAN;
    bad[6].q_len = -1;
    for (int i = 0; i < 7; i++) {
        assert_int_equal(decoct_attention(ctx, &bad[i]), DECOCT_E_ARGUMENT);
        assert_true(strstr(decoct_last_error(ctx), "attention") != NULL);
    }
    assert_int_equal(decoct_attention(ctx, &good), DECOCT_OK);
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"attention, shapes", test_shapes},
                                       {"attention, shared heads", test_shared_heads},
                                       {"attention, poison in what is hidden", test_poison},
                                       {"attention, strides", test_strides},
                                       {"attention, NaN", test_nan},
                                       {"attention, random shapes", test_random},
                                       {"attention, refusals", test_refusals}};
    return check_all_backends("attention", tests, sizeof tests / sizeof *tests);
}
