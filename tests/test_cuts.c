// SPDX-License-Identifier: BSD-2-Clause
// Cuts in one layer and head, what they leave alone, and how they are forgotten.
#include "tiny_model.h"

#include <stdlib.h>
#include <string.h>

enum { TOKENS = 12, LAYERS = 2, HEADS = 2, LOGITS = TOKENS * TINY_VOCABULARY };

typedef struct text {
    tiny_model files;
    decoct_context *ctx;
    decoct_session *session;
    int32_t ids[TOKENS];
} text;

static text *begin(const char *backend, bool gpt1) {
    decoct_context *ctx = check_open(backend, 2);
    if (!ctx) {
        skip();
    }
    text *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->ctx = ctx;
    tiny_begin(&t->files, gpt1);
    tiny_all(&t->files, gpt1);
    decoct_model *model = NULL;
    assert_int_equal(decoct_model_open(t->ctx, t->files.folder, &model), DECOCT_OK);
    assert_int_equal(decoct_session_create(t->ctx, model, 0, &t->session), DECOCT_OK);
    assert_int_equal(decoct_session_keep_queries(t->ctx, t->session), DECOCT_OK);
    decoct_model_close(model);
    for (int i = 0; i < TOKENS; i++) {
        t->ids[i] = (i * 37 + 5) % TINY_VOCABULARY;
    }
    return t;
}

static void end(text *t) {
    decoct_session_destroy(t->session);
    decoct_context_close(t->ctx);
    tiny_end(&t->files);
    free(t);
}

// The text from `first` on, again; logits of every position from there.
static void feed(const text *t, int64_t first, int64_t piece, float *logits) {
    assert_int_equal(decoct_session_truncate(t->ctx, t->session, first), DECOCT_OK);
    for (int64_t i = first; i < TOKENS; i += piece) {
        int64_t n = TOKENS - i < piece ? TOKENS - i : piece;
        assert_int_equal(
            decoct_session_eval(t->ctx, t->session, t->ids + i, n, 1, logits + i * TINY_VOCABULARY),
            DECOCT_OK);
    }
}

static void cut(const text *t, int64_t layer, int64_t head, int64_t query, int64_t key) {
    assert_int_equal(decoct_session_cut_in(t->ctx, t->session, layer, head, query, key), DECOCT_OK);
}

static void look(const text *t, float *weights) {
    for (int64_t at = 0; at < LAYERS * HEADS; at++) {
        assert_int_equal(decoct_session_attention(t->ctx, t->session, at / HEADS, at % HEADS,
                                                  weights + at * TOKENS * TOKENS),
                         DECOCT_OK);
    }
}

enum { SEEN = LAYERS * HEADS * TOKENS * TOKENS, QUERY = 7, KEY = 3 };

static float *weight(float *seen, int64_t layer, int64_t head, int64_t query, int64_t key) {
    return seen + ((layer * HEADS + head) * TOKENS + query) * TOKENS + key;
}

// In the first layer nothing but the row of this head changes, and the key has no weight in it.
static void check_first_layer(float *plain, float *seen, int64_t cut_head) {
    for (int64_t head = 0; head < HEADS; head++) {
        for (int64_t q = 0; q < TOKENS; q++) {
            bool same =
                check_same_bits(weight(plain, 0, head, q, 0), weight(seen, 0, head, q, 0), TOKENS);
            assert_true(same == (head != cut_head || q != QUERY));
        }
    }
    float sum = 0.0f, rest = 1.0f - *weight(plain, 0, cut_head, QUERY, KEY);
    assert_true(*weight(seen, 0, cut_head, QUERY, KEY) == 0.0f);
    for (int64_t k = 0; k < TOKENS; k++) {
        float had = k == KEY ? 0.0f : *weight(plain, 0, cut_head, QUERY, k) / rest;
        float has = *weight(seen, 0, cut_head, QUERY, k);
        assert_true(has - had < 1e-6f && had - has < 1e-6f); // the others share it
        sum += has;
    }
    assert_true(sum > 0.9999f && sum < 1.0001f);
}

static void check_one_head(const char *backend, bool gpt1) {
    static float plain[LOGITS], one[LOGITS], pieces[LOGITS], before[SEEN], after[SEEN];
    text *t = begin(backend, gpt1);
    feed(t, 0, TOKENS, plain);
    look(t, before);
    for (int64_t head = 0; head < HEADS; head++) {
        cut(t, 0, head, QUERY, KEY);
        feed(t, 0, TOKENS, one);
        look(t, after);
        check_first_layer(before, after, head);
        assert_true(check_same_bits(plain, one, QUERY * TINY_VOCABULARY));
        assert_false(check_same_bits(plain + QUERY * TINY_VOCABULARY, one + QUERY * TINY_VOCABULARY,
                                     TINY_VOCABULARY));
        feed(t, 0, 3, pieces);
        assert_true(check_same_bits(one, pieces, LOGITS));
        // In the last layer: what the first one saw stays.
        assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
        cut(t, LAYERS - 1, head, QUERY, KEY);
        feed(t, 0, TOKENS, one);
        look(t, after);
        assert_true(check_same_bits(before, after, SEEN / LAYERS));
        assert_true(*weight(after, LAYERS - 1, head, QUERY, KEY) == 0.0f);
        assert_true(*weight(after, LAYERS - 1, 1 - head, QUERY, KEY) > 0.0f);
        assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
        feed(t, 0, TOKENS, one);
        look(t, after);
        assert_true(check_same_bits(plain, one, LOGITS) && check_same_bits(before, after, SEEN));
    }
    end(t);
}

static void test_one_head(void **state) {
    check_one_head(*state, false);
    check_one_head(*state, true);
}

// All layers and heads one by one are what a cut of all is; -1 may be on either side.
static void test_all(void **state) {
    static float whole[LOGITS], parts[LOGITS];
    text *t = begin(*state, false);
    assert_int_equal(decoct_session_cut(t->ctx, t->session, QUERY, KEY), DECOCT_OK);
    feed(t, 0, TOKENS, whole);
    for (int way = 0; way < 4; way++) {
        assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
        for (int64_t i = 0; i < LAYERS * HEADS; i++) {
            cut(t, way & 1 ? -1 : i / HEADS, way & 2 ? -1 : i % HEADS, QUERY, KEY);
        }
        feed(t, 0, TOKENS, parts);
        assert_true(check_same_bits(whole, parts, LOGITS));
    }
    end(t);
}

// Each of them alone changes the answer in its own way.
static void test_each(void **state) {
    enum { WAYS = (LAYERS + 1) * (HEADS + 1) }; // -1 and each layer, -1 and each head
    static float logits[WAYS + 1][LOGITS];
    text *t = begin(*state, false);
    for (int way = 0; way <= WAYS; way++) {
        assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
        if (way < WAYS) {
            cut(t, way / (HEADS + 1) - 1, way % (HEADS + 1) - 1, QUERY, KEY);
        }
        feed(t, 0, TOKENS, logits[way]);
        for (int other = 0; other < way; other++) {
            assert_false(check_same_bits(logits[way], logits[other], LOGITS));
        }
    }
    end(t);
}

// The weights are those with which each token was fed, whatever was cut or uncut since.
static void test_weights_stay_true(void **state) {
    static float plain[LOGITS], logits[LOGITS], before[SEEN], after[SEEN], now[SEEN];
    text *t = begin(*state, false);
    feed(t, 0, TOKENS, plain);
    look(t, before);
    cut(t, -1, 1, QUERY, KEY);
    look(t, now);
    assert_true(check_same_bits(before, now, SEEN)); // fed before the cut
    feed(t, QUERY + 1, TOKENS, logits);
    look(t, now);
    assert_true(check_same_bits(before, now, SEEN));
    feed(t, QUERY, TOKENS, logits);
    look(t, after);
    assert_false(check_same_bits(before, after, SEEN));
    assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
    assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
    look(t, now);
    assert_true(check_same_bits(after, now, SEEN)); // fed with the cut
    feed(t, QUERY + 1, 2, logits);
    look(t, now);
    assert_true(check_same_bits(after, now, SEEN));
    feed(t, QUERY, TOKENS, logits);
    look(t, now);
    assert_true(check_same_bits(before, now, SEEN));
    assert_true(check_same_bits(plain + QUERY * TINY_VOCABULARY, logits + QUERY * TINY_VOCABULARY,
                                (TOKENS - QUERY) * TINY_VOCABULARY));
    end(t);
}

static void expect(const text *t, decoct_status status, const char *message) {
    assert_int_equal(status, DECOCT_E_ARGUMENT);
    if (!strstr(decoct_last_error(t->ctx), message)) {
        fail_msg("\"%s\", expected \"%s\"", decoct_last_error(t->ctx), message);
    }
}

static void test_errors(void **state) {
    static float plain[LOGITS], after[LOGITS];
    text *t = begin(*state, false);
    decoct_session *s = t->session;
    feed(t, 0, TOKENS, plain);
    const char *none = "the model has 2 layers of 2 heads, and -1 means all";
    expect(t, decoct_session_cut_in(t->ctx, s, LAYERS, 0, 1, 0), none);
    expect(t, decoct_session_cut_in(t->ctx, s, -2, 0, 1, 0), none);
    expect(t, decoct_session_cut_in(t->ctx, s, 0, HEADS, 1, 0), "no layer 0, head 2");
    expect(t, decoct_session_cut_in(t->ctx, s, 0, -2, 1, 0), none);
    expect(t, decoct_session_cut_in(t->ctx, s, 0, 0, 1, 2), "no edge from position 1 to 2");
    expect(t, decoct_session_cut_in(t->ctx, s, 0, 0, 1, -1), "no edge from position 1 to -1");
    expect(t, decoct_session_cut(t->ctx, s, TINY_CONTEXT, 0), "no edge from position 300 to 0");
    expect(t, decoct_session_cut_in(t->ctx, NULL, 0, 0, 1, 0), "cut: session is NULL");
    expect(t, decoct_session_uncut(t->ctx, NULL), "uncut: session is NULL");
    feed(t, 0, TOKENS, after);
    assert_true(check_same_bits(plain, after, LOGITS));
    end(t);
}

int main(void) {
    static const check_test tests[] = {
        {"cuts, one layer and head", test_one_head},
        {"cuts, all one by one", test_all},
        {"cuts, each alone", test_each},
        {"cuts, weights of tokens fed before", test_weights_stay_true},
        {"cuts, errors", test_errors}};
    return check_all_backends("cuts", tests, sizeof tests / sizeof *tests);
}
