// SPDX-License-Identifier: BSD-2-Clause
// Attention over more keys than one part has, of many queries on two threads, and the edges of its
// numbers.
#include "attention_kit.h"

#include <decoct/backend.h>
#include <math.h>

// More keys than one part has: all ways into the kernel, with rows that see one part, some or none.
static void test_long(void **state) {
    static const int64_t kv[] = {PART - 1, PART,         PART + 1,     PART + 65,
                                 2 * PART, 2 * PART + 1, 3 * PART + 70};
    pair p;
    if (!open_pair(&p, *state, 3)) {
        skip();
    }
    for (int turn = 0; turn < 7 * 6; turn++) {
        static const int64_t queries[] = {1, 5, 16, 17, 1, 20};
        static const int32_t dims[] = {4, 8, 3, 5, 12, 4};
        int64_t q = queries[turn % 6], keys = kv[turn / 6];
        bool mask = q <= 5 && turn % 2;
        shape s = {.batch = 1,
                   .heads = mask || q > 5 ? 2 : 2 + turn % 3,
                   .kv_heads = turn % 4 == 1 || mask ? 2 : 1,
                   .q_len = q,
                   .kv_len = keys,
                   .head_dim = dims[turn % 6],
                   .value_dim = dims[(turn + 2) % 6] + 13 * (turn % 2),
                   .q_offset = turn % 5 == 0 ? PART - q / 2 : keys - q, // in sight of the border
                   .causal = turn % 4 != 3,
                   .mask = mask,
                   .weights = q <= 16 && turn % 3 != 1,
                   .interleaved = turn % 2 == 1};
        s.heads = s.heads / s.kv_heads * s.kv_heads;
        check_shape(p.ctx, p.scalar, &p.mine, &p.theirs, &s, turn % 4 < 2);
    }
    close_pair(&p);
}

// A part of which a row sees nothing changes nothing, whichever it is; and up to 2048 keys that are
// seen have the same bits however many follow.
static void test_hidden_parts(void **state) {
    enum { LEN = 2 * PART + 300, DIM = 6, HIDDEN = 5 };
    static const int64_t seen[HIDDEN][2] = {
        {0, PART}, {PART, 2 * PART}, {2 * PART, LEN}, {PART + 64, PART + 65}, {0, 1}};
    static float q[DIM], k[LEN * DIM], v[LEN * DIM], mask[LEN], out[DIM], right[DIM];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    check_fill(q, DIM, 1, 4.0f);
    check_fill(k, LEN * DIM, 2, 2.0f);
    check_fill(v, LEN * DIM, 3, 2.0f);
    for (int i = 0; i < HIDDEN; i++) {
        int64_t first = seen[i][0], count = seen[i][1] - first;
        decoct_attention_args a = {.struct_size = sizeof a,
                                   .batch = 1,
                                   .heads = 1,
                                   .kv_heads = 1,
                                   .q_len = 1,
                                   .kv_len = count,
                                   .head_dim = DIM,
                                   .q = q,
                                   .k = k + first * DIM,
                                   .v = v + first * DIM,
                                   .out = right};
        assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
        for (int64_t j = 0; j < LEN; j++) {
            mask[j] = j < first || j >= first + count ? -INFINITY : 0.0f;
        }
        a.kv_len = LEN;
        a.k = k;
        a.v = v;
        a.mask = mask;
        a.out = out;
        assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
        assert_true(check_same_bits(out, right, DIM));
    }
    decoct_context_close(ctx);
}

// Not even the sign of a zero: -2^-149 that shrinks under a larger score is -0.
static void test_hidden_signs(void **state) {
    enum { LEN = 2 * PART + 300, DIM = 6 };
    static float q[DIM], k[LEN * DIM], v[LEN * DIM], mask[LEN], out[DIM];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    check_fill(q, DIM, 1, 4.0f);
    for (int64_t j = 0; j < LEN * DIM; j++) {
        v[j] = j < DIM ? -0x1p-149f : -0.0f;
    }
    for (int64_t j = 0; j < LEN; j++) {
        mask[j] = j == 0 ? 0.0f : j == 64 ? 10.0f : -INFINITY;
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
    assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
    for (int c = 0; c < DIM; c++) {
        assert_true(out[c] == 0.0f && signbit(out[c]));
    }
    decoct_context_close(ctx);
}

// One query, three keys of one component: out and weights for these keys, values and mask.
static void attend_three(decoct_context *ctx, float q, const float k[3], const float v[3],
                         const float *mask, float *out, float weights[3]) {
    decoct_attention_args a = {.struct_size = sizeof a,
                               .batch = 1,
                               .heads = 1,
                               .kv_heads = 1,
                               .q_len = 1,
                               .kv_len = 3,
                               .head_dim = 1,
                               .scale = 1.0f,
                               .q = &q,
                               .k = k,
                               .v = v,
                               .mask = mask,
                               .out = out,
                               .weights = weights};
    assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
}

// Scores and outputs that overflow: only a mask hides.
static void test_edges(void **state) {
    static const float v[3] = {1.0f, 2.0f, 6.0f};
    static const float min = -0x1.fffffep127f, third = 1.0f / 3.0f;
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    float out, w[3];
    // All overflow to -inf, by the product or by a mask that is no -inf: all count alike.
    attend_three(ctx, -1e30f, (float[]){1e30f, 2e30f, 3e30f}, v, NULL, &out, w);
    assert_true(out == 9.0f * third && w[0] == third && w[1] == third && w[2] == third);
    attend_three(ctx, -1e30f, (float[]){1e30f, 0.0f, 3e30f}, v, (float[]){0, -INFINITY, 0}, &out,
                 w);
    assert_true(out == 3.5f && w[0] == 0.5f && w[1] == 0.0f && w[2] == 0.5f);
    attend_three(ctx, -1e19f, (float[]){3e19f, 2e19f, 3e19f}, v, (float[]){min, min, min}, &out, w);
    assert_true(out == 9.0f * third && w[0] == third && w[1] == third);
    // Beside a finite score they weigh nothing; an infinite value still shows.
    attend_three(ctx, -1e30f, (float[]){1e30f, 1e-30f, 3e30f}, v, NULL, &out, w);
    assert_true(out == 2.0f && w[0] == 0.0f && w[1] == 1.0f && w[2] == 0.0f);
    attend_three(ctx, -1e30f, (float[]){1e30f, 1e-30f, 3e30f}, (float[]){INFINITY, 2, 6}, NULL,
                 &out, w);
    assert_true(isnan(out) && w[1] == 1.0f);
    // A score of +inf makes the row NaN, as softmax does.
    attend_three(ctx, 1e30f, (float[]){1e30f, 0.0f, 1.0f}, v, NULL, &out, w);
    assert_true(isnan(out) && isnan(w[0]));
    // The sum of p v overflows before it is divided.
    attend_three(ctx, 0.0f, v, (float[]){-min, -min, 1.0f}, NULL, &out, w);
    assert_true(out == INFINITY && w[0] == third);
    decoct_context_close(ctx);
}

// Many queries and enough work for two threads, each of which packs the keys of the heads that it
// gets: of five heads both have a part of one; heads that share keys, sequences that do, windows.
static void test_packed_by_workers(void **state) {
    pair p;
    if (!open_pair(&p, *state, 2)) {
        skip();
    }
    for (int turn = 0; turn < 8; turn++) {
        const bool several = turn % 4 == 1 || turn % 4 == 2;
        shape s = {.batch = several ? 2 : 1,
                   .heads = turn % 2 ? 8 : 5,
                   .kv_heads = turn % 2 ? 4 : 5,
                   .q_len = 130 + turn - 20 * several,
                   .kv_len = 200 + turn,
                   .head_dim = 40,
                   .value_dim = 40,
                   .q_offset = 70,
                   .causal = turn % 4 != 3,
                   .window = turn > 5 ? 50 : 0,
                   .interleaved = turn < 4,
                   .lengths = several,
                   .shared = turn % 4 == 2};
        check_shape(p.ctx, p.scalar, &p.mine, &p.theirs, &s, turn % 2);
    }
    close_pair(&p);
}

// Whole blocks of scores that overflow to -inf, in tiles of several rows: first all keys, then all
// but one, and rows beside them that have ordinary scores.
static void test_least(void **state) {
    pair p;
    if (!open_pair(&p, *state, 1)) {
        skip();
    }
    const shape s = {.batch = 1,
                     .heads = 1,
                     .kv_heads = 1,
                     .q_len = 20,
                     .kv_len = 4 * DECOCT_KEY_BLOCK,
                     .head_dim = 1,
                     .value_dim = 5,
                     .scale = 1.0f};
    for (int turn = 0; turn < 3; turn++) {
        operands *both[] = {&p.mine, &p.theirs};
        for (int i = 0; i < 2; i++) {
            place(both[i], &s, true);
            for (int64_t r = 0; r < s.q_len; r++) {
                both[i]->p[Q][r] = r % 3 == turn ? -1e30f : 1e-30f;
            }
            for (int64_t j = 0; j < s.kv_len; j++) {
                both[i]->p[K][j] = 1e30f;
            }
            both[i]->p[K][turn * DECOCT_KEY_BLOCK + 70] = turn ? -1e-30f : 1e30f;
            decoct_context *ctx = i ? p.scalar : p.ctx;
            assert_int_equal(decoct_attention(ctx, &both[i]->args), DECOCT_OK);
        }
        assert_true(check_same_bits(p.mine.p[OUT], p.theirs.p[OUT], s.q_len * s.value_dim));
    }
    close_pair(&p);
}

int main(void) {
    static const check_test tests[] = {{"attention, many keys", test_long},
                                       {"attention, packed by workers", test_packed_by_workers},
                                       {"attention, hidden parts", test_hidden_parts},
                                       {"attention, signs of hidden parts", test_hidden_signs},
                                       {"attention, least scores", test_least},
                                       {"attention, edges", test_edges}};
    return check_all_backends("long", tests, sizeof tests / sizeof *tests);
}
