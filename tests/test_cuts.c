// SPDX-License-Identifier: BSD-2-Clause
// Cuts in one layer and head, what they leave alone, and how they are forgotten.
#include "tiny_text.h"

static void cut(const tiny_text *t, int64_t layer, int64_t head, int64_t query, int64_t key) {
    assert_int_equal(decoct_session_cut_in(t->ctx, t->session, layer, head, query, key), DECOCT_OK);
}

static void look(const tiny_text *t, float *weights) {
    for (int64_t at = 0; at < TEXT_LAYERS * TEXT_HEADS; at++) {
        assert_int_equal(decoct_session_attention(t->ctx, t->session, at / TEXT_HEADS,
                                                  at % TEXT_HEADS,
                                                  weights + at * TEXT_TOKENS * TEXT_TOKENS),
                         DECOCT_OK);
    }
}

enum { SEEN = TEXT_LAYERS * TEXT_HEADS * TEXT_TOKENS * TEXT_TOKENS, QUERY = 7, KEY = 3 };

static float *weight(float *seen, int64_t layer, int64_t head, int64_t query, int64_t key) {
    return seen + ((layer * TEXT_HEADS + head) * TEXT_TOKENS + query) * TEXT_TOKENS + key;
}

// In the first layer nothing but the row of this head changes, and the key has no weight in it.
static void check_first_layer(float *plain, float *seen, int64_t cut_head) {
    for (int64_t head = 0; head < TEXT_HEADS; head++) {
        for (int64_t q = 0; q < TEXT_TOKENS; q++) {
            bool same = check_same_bits(weight(plain, 0, head, q, 0), weight(seen, 0, head, q, 0),
                                        TEXT_TOKENS);
            assert_true(same == (head != cut_head || q != QUERY));
        }
    }
    float sum = 0.0f, rest = 1.0f - *weight(plain, 0, cut_head, QUERY, KEY);
    assert_true(*weight(seen, 0, cut_head, QUERY, KEY) == 0.0f);
    for (int64_t k = 0; k < TEXT_TOKENS; k++) {
        float had = k == KEY ? 0.0f : *weight(plain, 0, cut_head, QUERY, k) / rest;
        float has = *weight(seen, 0, cut_head, QUERY, k);
        assert_true(has - had < 1e-6f && had - has < 1e-6f); // the others share it
        sum += has;
    }
    assert_true(sum > 0.9999f && sum < 1.0001f);
}

static void check_one_head(const char *backend, bool gpt1) {
    static float plain[TEXT_LOGITS], one[TEXT_LOGITS], pieces[TEXT_LOGITS], before[SEEN],
        after[SEEN];
    tiny_text *t = text_begin(backend, gpt1);
    text_feed(t, 0, TEXT_TOKENS, plain);
    look(t, before);
    for (int64_t head = 0; head < TEXT_HEADS; head++) {
        cut(t, 0, head, QUERY, KEY);
        text_feed(t, 0, TEXT_TOKENS, one);
        look(t, after);
        check_first_layer(before, after, head);
        assert_true(check_same_bits(plain, one, QUERY * TINY_VOCABULARY));
        assert_false(check_same_bits(plain + QUERY * TINY_VOCABULARY, one + QUERY * TINY_VOCABULARY,
                                     TINY_VOCABULARY));
        text_feed(t, 0, 3, pieces);
        assert_true(check_same_bits(one, pieces, TEXT_LOGITS));
        // In the last layer: what the first one saw stays.
        assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
        cut(t, TEXT_LAYERS - 1, head, QUERY, KEY);
        text_feed(t, 0, TEXT_TOKENS, one);
        look(t, after);
        assert_true(check_same_bits(before, after, SEEN / TEXT_LAYERS));
        assert_true(*weight(after, TEXT_LAYERS - 1, head, QUERY, KEY) == 0.0f);
        assert_true(*weight(after, TEXT_LAYERS - 1, 1 - head, QUERY, KEY) > 0.0f);
        assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
        text_feed(t, 0, TEXT_TOKENS, one);
        look(t, after);
        assert_true(check_same_bits(plain, one, TEXT_LOGITS) &&
                    check_same_bits(before, after, SEEN));
    }
    text_end(t);
}

static void test_one_head(void **state) {
    check_one_head(*state, false);
    check_one_head(*state, true);
}

// All layers and heads one by one are what a cut of all is; -1 may be on either side.
static void test_all(void **state) {
    static float whole[TEXT_LOGITS], parts[TEXT_LOGITS];
    tiny_text *t = text_begin(*state, false);
    assert_int_equal(decoct_session_cut(t->ctx, t->session, QUERY, KEY), DECOCT_OK);
    text_feed(t, 0, TEXT_TOKENS, whole);
    for (int way = 0; way < 4; way++) {
        assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
        for (int64_t i = 0; i < TEXT_LAYERS * TEXT_HEADS; i++) {
            cut(t, way & 1 ? -1 : i / TEXT_HEADS, way & 2 ? -1 : i % TEXT_HEADS, QUERY, KEY);
        }
        text_feed(t, 0, TEXT_TOKENS, parts);
        assert_true(check_same_bits(whole, parts, TEXT_LOGITS));
    }
    text_end(t);
}

// Each of them alone changes the answer in its own way.
static void test_each(void **state) {
    enum { WAYS = (TEXT_LAYERS + 1) * (TEXT_HEADS + 1) }; // -1 and each layer, -1 and each head
    static float logits[WAYS + 1][TEXT_LOGITS];
    tiny_text *t = text_begin(*state, false);
    for (int way = 0; way <= WAYS; way++) {
        assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
        if (way < WAYS) {
            cut(t, way / (TEXT_HEADS + 1) - 1, way % (TEXT_HEADS + 1) - 1, QUERY, KEY);
        }
        text_feed(t, 0, TEXT_TOKENS, logits[way]);
        for (int other = 0; other < way; other++) {
            assert_false(check_same_bits(logits[way], logits[other], TEXT_LOGITS));
        }
    }
    text_end(t);
}

// The weights are those with which each token was fed, whatever was cut or uncut since.
static void test_weights_stay_true(void **state) {
    static float plain[TEXT_LOGITS], logits[TEXT_LOGITS], before[SEEN], after[SEEN], now[SEEN];
    tiny_text *t = text_begin(*state, false);
    text_feed(t, 0, TEXT_TOKENS, plain);
    look(t, before);
    cut(t, -1, 1, QUERY, KEY);
    look(t, now);
    assert_true(check_same_bits(before, now, SEEN)); // fed before the cut
    text_feed(t, QUERY + 1, TEXT_TOKENS, logits);
    look(t, now);
    assert_true(check_same_bits(before, now, SEEN));
    text_feed(t, QUERY, TEXT_TOKENS, logits);
    look(t, after);
    assert_false(check_same_bits(before, after, SEEN));
    assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
    assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
    look(t, now);
    assert_true(check_same_bits(after, now, SEEN)); // fed with the cut
    text_feed(t, QUERY + 1, 2, logits);
    look(t, now);
    assert_true(check_same_bits(after, now, SEEN));
    text_feed(t, QUERY, TEXT_TOKENS, logits);
    look(t, now);
    assert_true(check_same_bits(before, now, SEEN));
    assert_true(check_same_bits(plain + QUERY * TINY_VOCABULARY, logits + QUERY * TINY_VOCABULARY,
                                (TEXT_TOKENS - QUERY) * TINY_VOCABULARY));
    text_end(t);
}

static void test_errors(void **state) {
    static float plain[TEXT_LOGITS], after[TEXT_LOGITS];
    tiny_text *t = text_begin(*state, false);
    decoct_session *s = t->session;
    text_feed(t, 0, TEXT_TOKENS, plain);
    const char *none = "the model has 2 layers of 2 heads, and -1 means all";
    text_expect(t, decoct_session_cut_in(t->ctx, s, TEXT_LAYERS, 0, 1, 0), none);
    text_expect(t, decoct_session_cut_in(t->ctx, s, -2, 0, 1, 0), none);
    text_expect(t, decoct_session_cut_in(t->ctx, s, 0, TEXT_HEADS, 1, 0), "no layer 0, head 2");
    text_expect(t, decoct_session_cut_in(t->ctx, s, 0, -2, 1, 0), none);
    text_expect(t, decoct_session_cut_in(t->ctx, s, 0, 0, 1, 2), "no edge from position 1 to 2");
    text_expect(t, decoct_session_cut_in(t->ctx, s, 0, 0, 1, -1), "no edge from position 1 to -1");
    text_expect(t, decoct_session_cut(t->ctx, s, TINY_CONTEXT, 0),
                "no edge from position 300 to 0");
    text_expect(t, decoct_session_cut_in(t->ctx, NULL, 0, 0, 1, 0), "cut: session is NULL");
    text_expect(t, decoct_session_uncut(t->ctx, NULL), "uncut: session is NULL");
    text_feed(t, 0, TEXT_TOKENS, after);
    assert_true(check_same_bits(plain, after, TEXT_LOGITS));
    text_end(t);
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
