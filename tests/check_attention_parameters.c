// SPDX-License-Identifier: BSD-2-Clause
// The parameters of attention: softcap, window, slopes, sinks, lengths, shared keys. Every backend
// against float64 and scalar's bits, each parameter alone and with all others, and what each of
// them means.
#include "attention_kit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SOFTCAP = 1, WINDOW = 2, SLOPES = 4, SINKS = 8, LENGTHS = 16, SHARED = 32, ALL = 63 };

static void set(shape *s, int parameters, int64_t window) {
    s->softcap = parameters & SOFTCAP ? 1.5f : 0.0f;
    s->window = parameters & WINDOW ? window : 0;
    s->slopes = parameters & SLOPES;
    s->sinks = parameters & SINKS;
    s->lengths = parameters & LENGTHS;
    s->shared = parameters & SHARED;
}

static const int sets[] = {SOFTCAP, WINDOW, SLOPES, SINKS, LENGTHS, SHARED, SOFTCAP | SLOPES, ALL};
enum { SETS = sizeof sets / sizeof *sets };

// All ways into a kernel: many queries and few, heads apart and side by side, with a mask or not.
static void test_shapes(void **state) {
    static const int64_t kv[] = {0, 1, 40, 64, 130, 200}, queries[] = {1, 3, 16, 17, 100};
    static const int64_t windows[] = {1, 5, 64, 70, 150, 1000};
    pair p;
    if (!open_pair(&p, *state, 3)) {
        skip();
    }
    unsigned turn = 0;
    for (int set_at = 0; set_at < SETS; set_at++) {
        for (int k = 0; k < 6; k++) {
            for (int q = 0; q < 5; q++, turn++) {
                const int64_t offsets[] = {kv[k] - queries[q], kv[k] / 2, 0, -3, kv[k] + 90};
                shape s = {.batch = 1 + turn % 3,
                           .heads = 4,
                           .kv_heads = turn % 3 == 0   ? 2
                                       : turn % 3 == 1 ? 4
                                                       : 1,
                           .q_len = queries[q],
                           .kv_len = kv[k],
                           .head_dim = 1 + (int64_t)(turn * 7 % 40),
                           .value_dim = 1 + (int64_t)(turn * 11 % 50),
                           .q_offset = offsets[turn / 2 % 5],
                           .causal = turn % 2,
                           .mask = turn % 5 == 1,
                           .weights = turn % 3 != 1,
                           .interleaved = turn / 2 % 2};
                set(&s, sets[set_at], windows[turn % 6]);
                check_shape(p.ctx, p.scalar, &p.mine, &p.theirs, &s, turn % 4 < 2);
            }
        }
    }
    close_pair(&p);
}

// Several parts of 2048 keys: windows in one part, over a border, and behind the first part.
static void test_long(void **state) {
    static const int64_t windows[] = {1, 100, 64, PART + 3, 2 * PART};
    pair p;
    if (!open_pair(&p, *state, 2)) {
        skip();
    }
    for (unsigned turn = 0; turn < 5 * SETS; turn++) {
        int64_t q = turn % 3 == 0 ? 18 : 1 + turn % 3, keys = PART + 1 + (turn + 2) % 4 * 1200;
        int64_t heads = turn % 2 ? 2 : 4; // two of each thread, or one
        shape s = {.batch = 1 + turn % 2,
                   .heads = heads,
                   .kv_heads = heads / (1 + turn / 2 % 2),
                   .q_len = q,
                   .kv_len = keys,
                   .head_dim = 3 + turn % 2,
                   .value_dim = 16 + turn % 2,
                   .q_offset = turn % 4 < 2 ? keys - q : PART - q / 2,
                   .causal = turn % 5 != 3,
                   .mask = q <= 3 && turn % 2,
                   .weights = q <= 3,
                   .interleaved = turn / 3 % 2};
        set(&s, sets[turn % SETS], windows[turn / SETS]);
        check_shape(p.ctx, p.scalar, &p.mine, &p.theirs, &s, turn % 2);
    }
    close_pair(&p);
}

// One batch element of two heads, some queries of it: out and weights must be rows of `right`.
static void check_chunk(decoct_context *ctx, const operands *whole, const shape *s, int64_t first,
                        int64_t rows) {
    static float out[2 * 64 * 32], weights[2 * 64 * 300];
    decoct_attention_args a = whole->args;
    int64_t d = s->value_dim, keys = s->kv_len;
    a.q_len = rows;
    a.q_offset += first;
    a.q += first * s->head_dim;
    a.q_head_stride = s->q_len * s->head_dim;
    a.mask = s->mask ? a.mask + first * keys : NULL;
    a.out = out;
    a.weights = weights;
    assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
    for (int64_t i = 0; i < 2 * rows; i++) {
        int64_t row = i / rows * s->q_len + first + i % rows;
        assert_true(check_same_bits(out + i * d, whole->p[OUT] + row * d, d));
        assert_true(check_same_bits(weights + i * keys, whole->p[WEIGHTS] + row * keys, keys));
    }
}

// The bits of a row do not depend on the rows that are computed with it.
static void test_chunks(void **state) {
    static const int64_t chunks[] = {1, 7, 16, 17, 40};
    pair p;
    if (!open_pair(&p, *state, 2)) {
        skip();
    }
    for (int turn = 0; turn < 2 * SETS; turn++) {
        shape s = {.batch = 1,
                   .heads = 2,
                   .kv_heads = 1,
                   .q_len = 60,
                   .kv_len = 300,
                   .head_dim = 9,
                   .value_dim = 20,
                   .q_offset = 200,
                   .causal = turn % 2,
                   .mask = turn % 3 == 2,
                   .weights = true};
        set(&s, sets[turn / 2], 75);
        place(&p.mine, &s, true);
        assert_int_equal(decoct_attention(p.ctx, &p.mine.args), DECOCT_OK);
        for (int c = 0; c < 5; c++) {
            for (int64_t first = 0; first < s.q_len; first += chunks[c]) {
                check_chunk(p.ctx, &p.mine, &s, first, min64(chunks[c], s.q_len - first));
            }
        }
    }
    close_pair(&p);
}

// Runs both: the same outputs.
static void expect_same(pair *p, const shape *s) {
    int64_t rows = s->batch * s->heads * s->q_len;
    assert_int_equal(decoct_attention(p->ctx, &p->mine.args), DECOCT_OK);
    assert_int_equal(decoct_attention(p->ctx, &p->theirs.args), DECOCT_OK);
    assert_true(check_same_bits(p->mine.p[OUT], p->theirs.p[OUT], rows * s->value_dim));
    assert_true(check_same_bits(p->mine.p[WEIGHTS], p->theirs.p[WEIGHTS], rows * s->kv_len));
}

// A key is NaN and its value infinite where no query of its batch element sees it.
static void poison(operands *o, const shape *s) {
    for (int64_t b = 0; b < s->batch; b++) {
        for (int64_t j = 0; j < s->kv_len; j++) {
            bool seen = false;
            for (int64_t i = 0; i < s->q_len; i++) {
                seen = seen || sees(s, b, i, j);
            }
            for (int64_t d = 0; !seen && d < s->head_dim; d++) {
                o->p[K][(b * s->kv_len + j) * s->head_dim + d] = NAN;
            }
            for (int64_t d = 0; !seen && d < s->value_dim; d++) {
                o->p[V][(b * s->kv_len + j) * s->value_dim + d] = d % 2 ? NAN : INFINITY;
            }
        }
    }
}

// Windows and lengths hide keys as a mask of -inf does, whatever is stored in them.
static void test_hiding(void **state) {
    static float mask[2 * 40 * 300];
    pair p;
    if (!open_pair(&p, *state, 2)) {
        skip();
    }
    for (int turn = 0; turn < 12; turn++) {
        shape s = {.batch = 2,
                   .heads = 1,
                   .kv_heads = 1,
                   .q_len = turn % 2 ? 33 : 5,
                   .kv_len = 250,
                   .head_dim = 16,
                   .value_dim = 24,
                   .q_offset = 150,
                   .causal = turn / 2 % 2,
                   .weights = true,
                   .lengths = turn % 3 != 1,
                   .window = turn % 3 != 0 ? 66 : 0};
        if (s.window && turn >= 6) { // hides one key of the last query
            s.window = s.q_offset + s.q_len - 1;
        }
        place(&p.mine, &s, true);
        poison(&p.mine, &s);
        shape plain = s;
        plain.window = 0;
        plain.lengths = false;
        place(&p.theirs, &plain, false);
        for (int64_t i = 0; i < s.batch * s.q_len * s.kv_len; i++) {
            int64_t row = i / s.kv_len;
            bool seen = sees(&s, row / s.q_len, row % s.q_len, i % s.kv_len);
            mask[i] = seen ? 0.0f : -INFINITY;
        }
        p.theirs.args.mask = mask;
        p.theirs.args.mask_batch_stride = s.q_len * s.kv_len;
        expect_same(&p, &s);
    }
    close_pair(&p);
}

// What hides nothing and bounds nothing changes no bit; one set of keys is the same as copies of
// it.
static void test_neutral(void **state) {
    pair p;
    if (!open_pair(&p, *state, 2)) {
        skip();
    }
    for (int turn = 0; turn < 8; turn++) {
        shape s = {.batch = 3,
                   .heads = 2,
                   .kv_heads = 1,
                   .q_len = turn % 2 ? 20 : 3,
                   .kv_len = 140,
                   .head_dim = 10,
                   .value_dim = 7,
                   .q_offset = 125,
                   .causal = turn / 2 % 2,
                   .weights = true,
                   .interleaved = turn / 4};
        place(&p.theirs, &s, true);
        place(&p.mine, &s, true);
        for (int h = 0; h < 2; h++) {
            p.mine.sinks[h] = -INFINITY;
        }
        p.mine.args.sinks = p.mine.sinks;
        p.mine.args.window = turn % 2 ? 146 : INT64_MAX; // the last query is number 144
        p.mine.kv_lens[0] = p.mine.kv_lens[1] = p.mine.kv_lens[2] = s.kv_len;
        p.mine.args.kv_lens = p.mine.kv_lens;
        expect_same(&p, &s);
        for (int64_t b = 1; b < s.batch; b++) { // copies
            int64_t k = s.kv_len * s.head_dim, v = s.kv_len * s.value_dim;
            memcpy(p.theirs.p[K] + b * k, p.theirs.p[K], (size_t)k * sizeof(float));
            memcpy(p.theirs.p[V] + b * v, p.theirs.p[V], (size_t)v * sizeof(float));
        }
        s.shared = true;
        place(&p.mine, &s, true);
        expect_same(&p, &s);
    }
    close_pair(&p);
}

// One query, three keys of one component, with parameters.
typedef struct three {
    float out, weights[3];
} three;

static three attend_three(decoct_context *ctx, float q, const float k[3],
                          decoct_attention_args parameters) {
    static const float v[3] = {1.0f, 2.0f, 6.0f};
    three result;
    decoct_attention_args a = parameters;
    a.struct_size = sizeof a;
    a.batch = a.heads = a.kv_heads = a.q_len = a.head_dim = 1;
    a.kv_len = 3;
    a.scale = 1.0f;
    a.q = &q;
    a.k = k;
    a.v = v;
    a.out = &result.out;
    a.weights = result.weights;
    assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
    return result;
}

static void test_sinks(void **state) {
    static const float equal[3] = {2.0f, 2.0f, 2.0f}, nan_sink = NAN, inf_sink = INFINITY;
    static const float two = 2.0f, large = 1e30f, low = -1e30f,
                       hidden[3] = {-INFINITY, -INFINITY, -INFINITY};
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    three r = attend_three(ctx, 1.0f, equal, (decoct_attention_args){.sinks = &two});
    assert_true(r.out == 2.25f && r.weights[0] == 0.25f && r.weights[2] == 0.25f);
    r = attend_three(ctx, 1.0f, equal, (decoct_attention_args){.sinks = &large});
    assert_true(r.out == 0.0f && r.weights[1] == 0.0f);
    r = attend_three(ctx, 1.0f, equal, (decoct_attention_args){.sinks = &low});
    assert_true(r.out == 9.0f * (1.0f / 3.0f) && r.weights[1] == 1.0f / 3.0f);
    r = attend_three(ctx, 1.0f, equal, (decoct_attention_args){.sinks = &nan_sink});
    assert_true(isnan(r.out) && isnan(r.weights[0]));
    r = attend_three(ctx, 1.0f, equal, (decoct_attention_args){.sinks = &inf_sink});
    assert_true(isnan(r.out) && isnan(r.weights[0]));
    // A row that sees no key gives zeros whatever its sink is.
    const float *const sinks[] = {&two, &nan_sink, &inf_sink, hidden};
    for (int i = 0; i < 4; i++) {
        r = attend_three(ctx, 1.0f, equal,
                         (decoct_attention_args){.sinks = sinks[i], .mask = hidden});
        assert_true(r.out == 0.0f && !signbit(r.out) && r.weights[0] == 0.0f);
    }
    decoct_context_close(ctx);
}

// A sink of -inf does nothing: not even the sign of a zero changes.
static void test_no_sink(void **state) {
    static float k[65], v[65], mask[65];
    static const float one = 1.0f, none = -INFINITY;
    float out = 7.0f;
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    for (int j = 0; j < 65; j++) { // -2^-149 becomes -0 when the last score is the largest
        mask[j] = j % 64 == 0 ? 0.0f : -INFINITY;
        v[j] = j == 0 ? -0x1p-149f : -0.0f;
        k[j] = j == 64 ? 10.0f : 0.0f;
    }
    decoct_attention_args a = {.struct_size = sizeof a,
                               .heads = 1,
                               .kv_heads = 1,
                               .q_len = 1,
                               .kv_len = 65,
                               .head_dim = 1,
                               .scale = 1.0f,
                               .q = &one,
                               .k = k,
                               .v = v,
                               .mask = mask,
                               .sinks = &none,
                               .out = &out};
    assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
    assert_true(out == 0.0f && signbit(out));
    decoct_context_close(ctx);
}

// Scores that overflow, and a cap: it bounds them all. A score of NaN stays NaN.
static void test_softcap(void **state) {
    static const float third = 1.0f / 3.0f;
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    const decoct_attention_args cap = {.softcap = 10.0f};
    three r = attend_three(ctx, 1e30f, (float[]){1e30f, 1e10f, 1e30f}, cap);
    assert_true(r.out == 9.0f * third && r.weights[0] == third && r.weights[1] == third);
    r = attend_three(ctx, -1e30f, (float[]){1e30f, 1e10f, 1e30f}, cap);
    assert_true(r.out == 9.0f * third && r.weights[0] == third);
    r = attend_three(ctx, 1.0f, (float[]){0.0f, NAN, 0.0f}, cap);
    assert_true(isnan(r.out) && isnan(r.weights[1]));
    // Far below the cap it changes little, and the smallest cap makes all scores alike.
    three far = attend_three(ctx, 1.0f, (float[]){0.5f, 1.0f, 0.25f},
                             (decoct_attention_args){.softcap = 1e6f});
    three none = attend_three(ctx, 1.0f, (float[]){0.5f, 1.0f, 0.25f}, (decoct_attention_args){0});
    assert_true(fabsf(far.out - none.out) < 1e-5f);
    r = attend_three(ctx, 1.0f, (float[]){0.5f, -1.0f, 0.25f},
                     (decoct_attention_args){.softcap = 0x1p-149f});
    assert_true(r.out == 9.0f * third);
    decoct_context_close(ctx);
}

// Distances beyond 2^24 are rounded once; rows far behind all keys see nothing through a window.
static void test_far_positions(void **state) {
    static const int64_t offsets[] = {(1 << 24) + 100, (1 << 24) - 40, -(1 << 24) - 60,
                                      INT64_C(1) << 40};
    pair p;
    if (!open_pair(&p, *state, 1)) {
        skip();
    }
    for (int i = 0; i < 8; i++) {
        shape s = {.batch = 1,
                   .heads = 2,
                   .kv_heads = 2,
                   .q_len = 3,
                   .kv_len = 150,
                   .head_dim = 4,
                   .value_dim = 4,
                   .q_offset = offsets[i % 4],
                   .window = i < 4 ? 0 : 1000,
                   .weights = true,
                   .slopes = true};
        place(&p.mine, &s, true);
        place(&p.theirs, &s, true);
        for (int h = 0; h < 2; h++) { // whole distances count in the scores
            p.mine.slopes[h] = p.theirs.slopes[h] = i % 4 == 3 ? 0x1p-18f : 0.125f;
        }
        assert_int_equal(decoct_attention(p.ctx, &p.mine.args), DECOCT_OK);
        assert_int_equal(decoct_attention(p.scalar, &p.theirs.args), DECOCT_OK);
        assert_true(check_same_bits(p.mine.p[OUT], p.theirs.p[OUT], 2 * 3 * 4));
        assert_true(check_same_bits(p.mine.p[WEIGHTS], p.theirs.p[WEIGHTS], 2 * 3 * 150));
        for (int64_t j = 0; i >= 4 && j < 2 * 3 * 4; j++) {
            assert_true(p.mine.p[OUT][j] == 0.0f);
        }
    }
    close_pair(&p);
}

// ---- What is refused ----

static float x[64], w[64], y[64]; // inputs, inputs, outputs

static decoct_attention_args refusable(void) {
    return (decoct_attention_args){.struct_size = sizeof(decoct_attention_args),
                                   .heads = 2,
                                   .kv_heads = 2,
                                   .q_len = 3,
                                   .kv_len = 5,
                                   .head_dim = 4,
                                   .q = x,
                                   .k = w,
                                   .v = w,
                                   .out = y};
}

// The call fails with this message, or succeeds where it is NULL.
static void expect(decoct_context *ctx, const decoct_attention_args *a, const char *text) {
    decoct_status status = decoct_attention(ctx, a);
    if (status != (text ? DECOCT_E_ARGUMENT : DECOCT_OK) ||
        (text && !strstr(decoct_last_error(ctx), text))) {
        fail_msg("%d \"%s\" instead of \"%s\"", status, decoct_last_error(ctx), text ? text : "");
    }
}

static void test_refusals(void **state) {
    static const float odd[] = {NAN, INFINITY, -INFINITY, -1.0f};
    static const int64_t lengths[][2] = {{5, 6}, {-1, 5}, {5, INT64_MIN}};
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        decoct_attention_args a = refusable();
        a.softcap = odd[i];
        expect(ctx, &a, "attention: the softcap is not a finite number");
    }
    decoct_attention_args a = refusable();
    a.window = -1;
    expect(ctx, &a, "attention: window is -1, at least 0");
    a.window = INT64_MAX / 2 + 1;
    expect(ctx, &a, NULL); // hides nothing
    a.q_offset = INT64_MAX - 10;
    expect(ctx, &a,
           "attention: window 4611686018427387904 with q_offset 9223372036854775797 is out of");
    a = refusable();
    a.kv_shared = 2;
    expect(ctx, &a, "attention: kv_shared is 2, neither 0 nor 1");
    a.kv_shared = 1;
    a.v_batch_stride = 20;
    expect(ctx, &a, "attention: the batch stride of v is not 0");
    a = refusable();
    a.batch = 2;
    a.k = a.v = w;
    a.kv_lens = lengths[0];
    expect(ctx, &a, "attention: kv_lens[1] is 6, not in 0 .. kv_len");
    a.kv_lens = lengths[1];
    expect(ctx, &a, "attention: kv_lens[0] is -1, not in 0 .. kv_len");
    a.kv_lens = lengths[2];
    expect(ctx, &a, "attention: kv_lens[1] is -9223372036854775808");
    decoct_context_close(ctx);
}

static void test_overlaps(void **state) {
    static int64_t lengths[8];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_attention_args a = refusable();
    a.slopes = y + 2;
    expect(ctx, &a, "attention: out shares an element with slopes");
    a = refusable();
    a.sinks = y + 23; // the second one is behind out
    expect(ctx, &a, "attention: out shares an element with sinks");
    a.sinks = y + 24;
    expect(ctx, &a, NULL);
    a = refusable();
    a.kv_lens = lengths;
    a.weights = (float *)(void *)lengths;
    expect(ctx, &a, "attention: weights shares an element with kv_lens");
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"parameters, shapes", test_shapes},
                                       {"parameters, many keys", test_long},
                                       {"parameters, chunks", test_chunks},
                                       {"parameters, hiding", test_hiding},
                                       {"parameters, neutral values", test_neutral},
                                       {"parameters, sinks", test_sinks},
                                       {"parameters, no sink", test_no_sink},
                                       {"parameters, softcap", test_softcap},
                                       {"parameters, far positions", test_far_positions},
                                       {"parameters, refusals", test_refusals},
                                       {"parameters, overlaps", test_overlaps}};
    return check_all_backends("attention_parameters", tests, sizeof tests / sizeof *tests);
}
