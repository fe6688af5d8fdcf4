// SPDX-License-Identifier: BSD-2-Clause
// Sessions without the causal mask or without positions, alone, together and with cuts, against the
// same model in double; and that nothing is left of it when they are on again.
#include "tiny_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = TEXT_TOKENS, HEADS_ALL = TEXT_LAYERS * TEXT_HEADS, SEEN = HEADS_ALL * N * N };

static void set(const tiny_text *t, bool sees_all, bool no_positions) {
    assert_int_equal(decoct_session_truncate(t->ctx, t->session, 0), DECOCT_OK);
    assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
    assert_int_equal(decoct_session_causal(t->ctx, t->session, !sees_all), DECOCT_OK);
    assert_int_equal(decoct_session_positions(t->ctx, t->session, !no_positions), DECOCT_OK);
}

static void look(const tiny_text *t, float *seen) {
    for (int64_t at = 0; at < HEADS_ALL; at++) {
        assert_int_equal(decoct_session_attention(t->ctx, t->session, at / TEXT_HEADS,
                                                  at % TEXT_HEADS, seen + at * N * N),
                         DECOCT_OK);
    }
}

static double distance(const float *a, const double *b, int64_t count) {
    double worst = 0.0;
    for (int64_t i = 0; i < count; i++) {
        worst = check_worse(worst, fabs((double)a[i] - b[i]) / (1.0 + fabs(b[i])));
    }
    return worst;
}

// The text with these switches against the reference; leaves its logits.
static void check_one(const tiny_text *t, const reference_switches *off, float *logits) {
    static float seen[SEEN];
    static double exact[TEXT_LOGITS], weights[SEEN];
    set(t, off->sees_all, off->no_positions);
    if (off->cut) {
        assert_int_equal(
            decoct_session_cut_in(t->ctx, t->session, off->layer, off->head, off->query, off->key),
            DECOCT_OK);
    }
    text_feed(t, 0, N, logits);
    look(t, seen);
    reference_run(t, off, exact, weights);
    double far = distance(logits, exact, TEXT_LOGITS), apart = distance(seen, weights, SEEN);
    if (!(far <= 1e-5 && apart <= 1e-5)) {
        print_error("sees all %d, no positions %d, cut %d: logits differ by %g, weights by %g\n",
                    off->sees_all, off->no_positions, off->cut, far, apart);
    }
    assert_true(far <= 1e-5 && apart <= 1e-5);
}

static void check_family(const char *backend, bool gpt1) {
    static float plain[TEXT_LOGITS], logits[8][TEXT_LOGITS], again[TEXT_LOGITS];
    static float seen[SEEN], seen_again[SEEN];
    tiny_text *t = text_begin(backend, gpt1);
    text_feed(t, 0, 5, plain);
    look(t, seen);
    for (int way = 0; way < 8; way++) {
        reference_switches off = {.sees_all = way & 1, .no_positions = way & 2, .cut = way & 4};
        off.layer = 1;
        off.head = 0;
        off.query = way & 1 ? 4 : 9; // without the mask, an edge to a later token
        off.key = way & 1 ? 9 : 4;
        check_one(t, &off, logits[way]);
        for (int other = 0; other < way; other++) {
            assert_false(check_same_bits(logits[way], logits[other], TEXT_LOGITS));
        }
    }
    assert_true(check_same_bits(plain, logits[0], TEXT_LOGITS));
    set(t, false, false);
    text_feed(t, 0, 7, again);
    look(t, seen_again);
    assert_true(check_same_bits(plain, again, TEXT_LOGITS) &&
                check_same_bits(seen, seen_again, SEEN));
    text_end(t);
}

static void test_reference(void **state) {
    check_family(*state, false);
    check_family(*state, true);
}

// Without positions and mask, the order of the words does not matter to the last one but for
// roundings; with positions it does.
static void test_order(void **state) {
    static float straight[TEXT_LOGITS], mixed[TEXT_LOGITS];
    double exact[TINY_VOCABULARY];
    tiny_text *t = text_begin(*state, false);
    for (int positions = 0; positions < 2; positions++) {
        set(t, true, !positions);
        text_feed(t, 0, N, straight);
        int32_t first = t->ids[0];
        memmove(t->ids, t->ids + 1, (N - 2) * sizeof *t->ids);
        t->ids[N - 2] = first;
        text_feed(t, 0, N, mixed);
        for (int i = 0; i < TINY_VOCABULARY; i++) {
            exact[i] = (double)straight[(N - 1) * TINY_VOCABULARY + i];
        }
        double far = distance(mixed + (N - 1) * TINY_VOCABULARY, exact, TINY_VOCABULARY);
        assert_true(positions ? far > 1e-3 : far < 1e-5);
    }
    text_end(t);
}

// More tokens than usually go through a model at a time: the first ones see the last.
static void test_long(void **state) {
    enum { LONG = 600 };
    static int32_t ids[LONG];
    static float before[TINY_VOCABULARY], after[TINY_VOCABULARY];
    decoct_context *ctx = check_open(*state, 1);
    tiny_model m;
    decoct_model *model = NULL;
    decoct_session *s = NULL;
    if (!ctx) {
        skip();
    }
    float *logits = malloc((size_t)LONG * TINY_VOCABULARY * sizeof *logits);
    assert_non_null(logits);
    for (int i = 0; i < LONG; i++) {
        ids[i] = (i * 7 + 3) % TINY_VOCABULARY;
    }
    tiny_begin(&m, false);
    tiny_find(&m, "wpe.weight")->rows = LONG;
    tiny_all(&m, false);
    tiny_write(&m, "config.json",
               "{\"model_type\": \"gpt2\", \"n_embd\": 8, \"n_positions\": 600, \"vocab_size\": "
               "262, \"n_layer\": 2, \"n_head\": 2}");
    assert_int_equal(decoct_model_open(ctx, m.folder, &model), DECOCT_OK);
    assert_int_equal(decoct_session_create(ctx, model, 0, &s), DECOCT_OK);
    assert_int_equal(decoct_session_causal(ctx, s, 0), DECOCT_OK);
    for (int turn = 0; turn < 2; turn++) {
        ids[LONG - 1] += turn;
        assert_int_equal(decoct_session_truncate(ctx, s, 0), DECOCT_OK);
        assert_int_equal(decoct_session_eval(ctx, s, ids, LONG, 1, logits), DECOCT_OK);
        memcpy(turn ? after : before, logits, sizeof before);
    }
    assert_false(check_same_bits(before, after, TINY_VOCABULARY));
    free(logits);
    decoct_session_destroy(s);
    decoct_model_close(model);
    decoct_context_close(ctx);
    tiny_end(&m);
}

// What a trace shows without positions: no step of that name, and the stream is the tokens'
// vectors.
static void note_step(void *user, const decoct_trace_step *step) {
    int *seen = user;
    *seen |= strcmp(step->name, "embedding") == 0   ? 1
             : strcmp(step->name, "positions") == 0 ? 2
                                                    : 0;
}

static void test_traced(void **state) {
    static float logits[TEXT_LOGITS];
    tiny_text *t = text_begin(*state, false);
    for (int positions = 0; positions < 2; positions++) {
        int seen = 0;
        set(t, false, !positions);
        assert_int_equal(decoct_session_trace(t->ctx, t->session, note_step, &seen), DECOCT_OK);
        text_feed(t, 0, N, logits);
        assert_int_equal(seen, positions ? 3 : 1);
    }
    text_end(t);
}

// Operations of attention and bytes of the masks, as the profile counts them.
static decoct_step_info cost_of(const tiny_text *t, const char *name) {
    static float logits[TEXT_LOGITS];
    decoct_step_info info = {.struct_size = sizeof info};
    assert_int_equal(decoct_session_profile(t->ctx, t->session, 1), DECOCT_OK);
    text_feed(t, 0, N, logits);
    for (int64_t i = 0;; i++) {
        assert_int_equal(decoct_session_step(t->ctx, t->session, i, &info), DECOCT_OK);
        if (strcmp(info.name, name) == 0) {
            return info;
        }
    }
}

static void test_profile(void **state) {
    tiny_text *t = text_begin(*state, false);
    assert_true(cost_of(t, "attention").flops == 4.0 * TINY_WIDTH * N * (N + 1) / 2);
    assert_true(cost_of(t, "positions").calls == 1);
    double before = cost_of(t, "attention").bytes;
    for (int64_t head = -1; head < 1; head++) { // one mask for all heads, or one a head
        assert_int_equal(decoct_session_cut_in(t->ctx, t->session, 0, head, 5, 3), DECOCT_OK);
        double mask = 4.0 * N * N * (head < 0 ? 1 : TEXT_HEADS);
        assert_true(cost_of(t, "attention").bytes == before + mask);
    }
    set(t, true, true);
    assert_true(cost_of(t, "attention").flops == 4.0 * TINY_WIDTH * N * N);
    assert_true(cost_of(t, "positions").calls == 0);
    text_end(t);
}

static void test_errors(void **state) {
    static float plain[TEXT_LOGITS], logits[TEXT_LOGITS];
    tiny_text *t = text_begin(*state, false);
    decoct_session *s = t->session;
    text_expect(t, decoct_session_causal(t->ctx, NULL, 1), "session causal: session is NULL");
    text_expect(t, decoct_session_causal(t->ctx, s, 2), "session causal: on is not 0 or 1");
    text_expect(t, decoct_session_positions(t->ctx, s, -1), "session positions: on is not 0 or 1");
    text_feed(t, 0, N, plain);
    text_expect(t, decoct_session_causal(t->ctx, s, 0), "without tokens, and it has 12");
    text_expect(t, decoct_session_positions(t->ctx, s, 0), "without tokens, and it has 12");
    text_expect(t, decoct_session_cut(t->ctx, s, 2, 5), "no edge from position 2 to 5");
    text_feed(t, 0, N, logits);
    assert_true(check_same_bits(plain, logits, TEXT_LOGITS));
    set(t, true, false);
    text_expect(t, decoct_session_cut(t->ctx, s, 2, TINY_CONTEXT),
                "no edge from position 2 to 300");
    assert_int_equal(decoct_session_eval(t->ctx, s, t->ids, 5, 0, logits), DECOCT_OK);
    text_expect(t, decoct_session_eval(t->ctx, s, t->ids, 1, 0, logits), "5 were fed before");
    text_expect(t, decoct_session_truncate(t->ctx, s, 3), "cannot be cut to 3 of 5");
    assert_int_equal(decoct_session_truncate(t->ctx, s, 5), DECOCT_OK);
    assert_int_equal(decoct_session_eval(t->ctx, s, t->ids, 0, 0, logits), DECOCT_OK);
    assert_int_equal(decoct_session_length(s), 5);
    text_end(t);
}

int main(void) {
    static const check_test tests[] = {
        {"switches, reference", test_reference}, {"switches, order of words", test_order},
        {"switches, long text", test_long},      {"switches, traced", test_traced},
        {"switches, profile", test_profile},     {"switches, errors", test_errors}};
    return check_all_backends("switches", tests, sizeof tests / sizeof *tests);
}
