// SPDX-License-Identifier: BSD-2-Clause
// Attention: every backend against float64, against scalar's bits, and with poison in what is
// hidden.
#include "attention_kit.h"

#include "bench/cases/catalogue.h"
#include "bench/cases/odd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void test_shapes(void **state) {
    pair p;
    if (!open_pair(&p, *state, 3)) {
        skip();
    }
    static const int64_t kv[] = {0, 1, 2, 15, 63, 64, 65, 127, 128, 129, 200};
    unsigned turn = 0;
    for (size_t k = 0; k < sizeof kv / sizeof *kv; k++) {
        for (int q = 0; q < ODD_DIMS; q += 2) {
            for (int d = q / 2 % 2; d < ODD_DIMS; d += 2, turn++) {
                int64_t offsets[] = {kv[k] - odd_dims[q], 0, -3, kv[k] + 5};
                shape s = {.batch = 1 + turn % 2,
                           .heads = 4,
                           .kv_heads = turn % 3 == 0   ? 2
                                       : turn % 3 == 1 ? 4
                                                       : 1,
                           .q_len = odd_dims[q],
                           .kv_len = kv[k],
                           .head_dim = odd_dims[d] ? odd_dims[d] : 1,
                           .value_dim = odd_dims[(d * 5 + 3) % ODD_DIMS],
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

// The small shapes of the catalogue, in the layout of a model and in the other one.
static void test_catalogue(void **state) {
    pair p;
    int count = 0, checked = 0;
    catalogue_shape *list = catalogue_shapes(&count);
    assert_non_null(list);
    if (!open_pair(&p, *state, 3)) {
        free(list);
        skip();
    }
    for (int i = 0; i < count; i++) {
        const catalogue_shape *c = &list[i];
        bool mask = strcmp(c->op, "attention_mask") == 0;
        if (!c->large && (mask || strcmp(c->op, "attention") == 0)) {
            shape s = {.batch = c->dims[0],
                       .heads = c->dims[1],
                       .kv_heads = c->dims[2],
                       .q_len = c->dims[3],
                       .kv_len = c->dims[4],
                       .head_dim = c->dims[5],
                       .value_dim = c->dims[6],
                       .q_offset = c->dims[4] - c->dims[3],
                       .causal = c->dims[7],
                       .mask = mask,
                       .weights = strcmp(c->output, c->op) != 0,
                       .interleaved = checked++ % 2};
            check_shape(p.ctx, p.scalar, &p.mine, &p.theirs, &s, checked % 3);
        }
    }
    assert_true(checked > 8);
    free(list);
    close_pair(&p);
}

// Few queries of many heads, enough work for several threads: each takes some heads, and may begin
// in the middle of those that share their keys.
static void test_shared_heads(void **state) {
    static const int64_t queries[] = {1, 16, 2, 1}, kv_heads[] = {3, 3, 6, 1};
    pair p;
    if (!open_pair(&p, *state, 4)) {
        skip();
    }
    for (int turn = 0; turn < 8; turn++) {
        int64_t q = queries[turn % 4];
        shape s = {.batch = 1 + turn % 4 / 2,
                   .heads = 12,
                   .kv_heads = kv_heads[turn / 2],
                   .q_len = q,
                   .kv_len = 500,
                   .head_dim = 72,
                   .value_dim = 40,
                   .causal = turn < 2 || turn == 5,
                   .q_offset = 500 - q,
                   .mask = turn == 3 || turn == 6,
                   .weights = turn % 2,
                   .interleaved = turn<4, .slopes = turn> 4,
                   .sinks = turn > 4};
        check_shape(p.ctx, p.scalar, &p.mine, &p.theirs, &s, turn % 2);
    }
    close_pair(&p);
}

// Few queries over unpacked keys, in both layouts: keys that are turned in registers and those that
// are packed first, wide and narrow heads, a last step of 1 to 16 keys, heads that share keys.
static void test_few_queries(void **state) {
    static const int64_t queries[] = {1, 2, 3, 4, 5, 6, 7, 8, 16};
    static const int64_t dims[] = {64, 72, 16, 37, 128};
    pair p;
    if (!open_pair(&p, *state, 3)) {
        skip();
    }
    for (int64_t turn = 0; turn < 9 * 5 * 4; turn++) {
        int64_t q = queries[turn % 9], kv = 127 + turn * 5 % 37;
        shape s = {.batch = 1 + turn % 3 % 2,
                   .heads = 8,
                   .kv_heads = (int64_t)1 << turn % 4,
                   .q_len = q,
                   .kv_len = kv,
                   .head_dim = dims[turn % 5],
                   .value_dim = dims[turn * 3 % 5],
                   .causal = turn % 4 != 3,
                   .q_offset = kv - q - turn % 3,
                   .mask = turn % 11 > 7,
                   .weights = turn % 4 == 2,
                   .interleaved = turn / 45 % 2,
                   .softcap = turn % 5 == 1 ? 3.0f : 0.0f,
                   .window = turn % 6 == 4 ? 50 : 0,
                   .slopes = turn % 5 == 2,
                   .sinks = turn % 3 == 1};
        check_shape(p.ctx, p.scalar, &p.mine, &p.theirs, &s, turn % 2);
    }
    close_pair(&p);
}

// Rows of keys 4 KiB apart, few queries: a kernel may turn whole squares.
static void test_far_keys(void **state) {
    pair p;
    if (!open_pair(&p, *state, 1)) {
        skip();
    }
    for (int64_t q = 1; q < 10; q++) {
        shape s = {.batch = 1,
                   .heads = 8,
                   .kv_heads = 8,
                   .q_len = q,
                   .kv_len = 150,
                   .head_dim = 128,
                   .value_dim = 48,
                   .causal = q % 2,
                   .q_offset = 150 - q,
                   .interleaved = true};
        check_shape(p.ctx, p.scalar, &p.mine, &p.theirs, &s, q % 2);
    }
    close_pair(&p);
}

// Rows of values 4 KiB apart, many queries: a kernel may copy them.
static void test_far_values(void **state) {
    pair p;
    if (!open_pair(&p, *state, 1)) {
        skip();
    }
    for (int turn = 0; turn < 2; turn++) {
        shape s = {.batch = 1,
                   .heads = 16,
                   .kv_heads = 16,
                   .q_len = 20,
                   .kv_len = 130,
                   .head_dim = 16,
                   .value_dim = 64,
                   .causal = turn,
                   .q_offset = 110,
                   .interleaved = true};
        check_shape(p.ctx, p.scalar, &p.mine, &p.theirs, &s, true);
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
            bool hide = j > 106 || j % 5 == 2; // beyond the last query, or masked for all queries
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

// Hides keys other than p: 0 not one, 1 those that follow, 2 all.
static void hide_others(float *mask, int64_t count, int64_t p, int which) {
    for (int64_t j = 0; j < count; j++) {
        mask[j] = j != p && (which == 2 || (which == 1 && j > p)) ? -INFINITY : 0.0f;
    }
}

// A NaN that is seen makes its row NaN, at any place and whatever is hidden around it.
static void test_nan(void **state) {
    enum { SEEN = 130, SIZE = 5 };
    static float q[SIZE], k[SEEN * SIZE], v[SEEN * SIZE], mask[SEEN], out[SIZE];
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
                               .kv_len = SEEN,
                               .head_dim = SIZE,
                               .q = q,
                               .k = k,
                               .v = v,
                               .mask = mask,
                               .out = out};
    check_fill(q, SIZE, 1, 1.0f);
    check_fill(v, SEEN * SIZE, 3, 1.0f);
    for (size_t at = 0; at < sizeof places / sizeof *places; at++) {
        for (int hidden = 0; hidden < 3; hidden++) { // nothing else, what follows, all the rest
            int64_t p = places[at];
            check_fill(k, SEEN * SIZE, 2, 1.0f);
            k[p * SIZE + 2] = NAN;
            hide_others(mask, SEEN, p, hidden);
            assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
            for (int c = 0; c < SIZE; c++) {
                assert_true(isnan(out[c]));
            }
            mask[p] = -INFINITY; // now it is hidden, and must not matter
            assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
            bool nothing = hidden == 2 || (hidden == 1 && p == 0); // is left to see
            for (int c = 0; c < SIZE; c++) {
                assert_true(isfinite(out[c]) && nothing == (out[c] == 0.0f));
            }
        }
    }
    decoct_context_close(ctx);
}

// The same bits, or both NaN.
static void compare_with_nan(const float *a, const float *b, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        assert_true((isnan(a[i]) && isnan(b[i])) || check_same_bits(a + i, b + i, 1));
    }
}

// Unmasked queries of several tiles, of which every second one has a score of +-size at one key and
// every fifth one at the key after it.
static void place_large_score(operands *o, const shape *s, int64_t at, float size) {
    place(o, s, true);
    for (int64_t i = 0; i < s->q_len; i++) {
        float *q = o->p[Q] + i * s->head_dim;
        q[0] = i % 2 ? 0.0f : i % 4 ? 1.0f : -1.0f;
        q[1] = i % 5 ? 0.0f : 1.0f;
    }
    for (int64_t j = 0; j < s->kv_len; j++) {
        float *k = o->p[K] + j * s->head_dim;
        k[0] = j == at ? size : 0.0f;
        k[1] = j == at + 1 ? size : 0.0f;
    }
}

// Scores too large for the short form of exp, in this block or one before it, infinite ones and NaN
// included: the bits of scalar.
static void test_large_scores(void **state) {
    pair p;
    if (!open_pair(&p, *state, 1)) {
        skip();
    }
    static const int64_t places[] = {0, 17, 63, 64, 120, 255};
    static const float sizes[] = {42.5f, 43.5f, 85.0f, 90.0f, 130.0f, 3.0e38f, INFINITY, NAN};
    shape s = {.batch = 1,
               .heads = 1,
               .kv_heads = 1,
               .q_len = 61,
               .kv_len = 320,
               .head_dim = 8,
               .value_dim = 48,
               .scale = 1.0f};
    for (size_t turn = 0; turn < 4 * (sizeof places / sizeof *places); turn++) {
        s.causal = turn % 2;
        s.q_offset = s.causal ? 250 : 0;
        s.softcap = turn / 2 % 2 ? 1.0e5f : 0.0f;
        for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++) {
            place_large_score(&p.mine, &s, places[turn / 4], sizes[size]);
            place_large_score(&p.theirs, &s, places[turn / 4], sizes[size]);
            assert_int_equal(decoct_attention(p.ctx, &p.mine.args), DECOCT_OK);
            assert_int_equal(decoct_attention(p.scalar, &p.theirs.args), DECOCT_OK);
            compare_with_nan(p.mine.p[OUT], p.theirs.p[OUT], s.q_len * s.value_dim);
        }
    }
    close_pair(&p);
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

// What a query does not see has no influence on the bound: one of NaN would be larger than no error
// and smaller than none.
static void test_bound_ignores_hidden(void **state) {
    (void)state;
    static const float one = 1.0f, k[] = {1.0f, 1.0f, 1.0f}, v[] = {1.0f, 3.0f, NAN};
    double p[3], p_bound[3], out, bound;
    const exact_query q = {.head_dim = 1,
                           .value_dim = 1,
                           .kv_len = 3,
                           .last = 2,
                           .q = &one,
                           .k = k,
                           .v = v,
                           .k_stride = 1,
                           .v_stride = 1,
                           .scale = 1.0};
    exact_attend(&q, (exact_result){p, p_bound}, (exact_result){&out, &bound});
    assert_true(fabs(out - 2.0) < 1e-12);
    assert_true(bound > 0.0 && bound < 1e-3);
}

int main(void) {
    static const check_test tests[] = {{"attention, shapes", test_shapes},
                                       {"attention, shapes of the catalogue", test_catalogue},
                                       {"attention, shared heads", test_shared_heads},
                                       {"attention, few queries", test_few_queries},
                                       {"attention, far keys", test_far_keys},
                                       {"attention, far values", test_far_values},
                                       {"attention, poison in what is hidden", test_poison},
                                       {"attention, NaN", test_nan},
                                       {"attention, large scores", test_large_scores},
                                       {"attention, bound", test_bound_ignores_hidden},
                                       {"attention, random shapes", test_random},
                                       {"attention, refusals", test_refusals}};
    return check_all_backends("attention", tests, sizeof tests / sizeof *tests);
}
