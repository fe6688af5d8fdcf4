// SPDX-License-Identifier: BSD-2-Clause
// What a trace shows is what the public results are made of: the residual stream gives the logits,
// queries and keys the weights, weights and values the sums of attention; and it changes no bit.
#include "cancelled.h"
#include "tiny_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 32, D = TINY_WIDTH, ALL = TEXT_TOKENS * TINY_VOCABULARY };

// All that a trace wrote, position by position.
typedef struct recorded {
    const tiny_text *text;
    int64_t calls, last_index;
    int64_t rows[STEPS], cols[STEPS], layer[STEPS]; // by index; 0 rows: no call
    const char *name[STEPS];
    float values[STEPS][ALL];
    bool was_busy; // the context, in each call
} recorded;

static void record(void *user, const decoct_trace_step *step) {
    recorded *r = user;
    assert_int_equal(step->struct_size, sizeof *step);
    assert_true(step->reserved == 0 && step->index >= 0 && step->index < STEPS);
    assert_true(step->rows > 0 && step->first >= 0 && step->first + step->rows <= TEXT_TOKENS);
    assert_true(step->cols <= TINY_VOCABULARY && step->stride >= step->cols);
    r->calls++;
    r->last_index = step->index;
    r->rows[step->index] += step->rows;
    r->cols[step->index] = step->cols;
    r->layer[step->index] = step->layer;
    r->name[step->index] = step->name;
    for (int64_t i = 0; i < step->rows; i++) {
        memcpy(r->values[step->index] + (step->first + i) * step->cols,
               step->values + i * step->stride, (size_t)step->cols * sizeof(float));
    }
    r->was_busy = r->was_busy &&
                  decoct_session_truncate(r->text->ctx, r->text->session, 0) == DECOCT_E_BUSY &&
                  decoct_session_trace(r->text->ctx, r->text->session, NULL, NULL) == DECOCT_E_BUSY;
}

// Feeds the whole text with a new record.
static recorded *trace(const tiny_text *t, int64_t piece, float *logits) {
    recorded *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->text = t;
    r->was_busy = true;
    assert_int_equal(decoct_session_trace(t->ctx, t->session, record, r), DECOCT_OK);
    text_feed(t, 0, piece, logits);
    assert_int_equal(decoct_session_trace(t->ctx, t->session, NULL, NULL), DECOCT_OK);
    return r;
}

// The values of a layer's step: the `nth` of this name.
static const float *values(const recorded *r, int64_t layer, const char *name, int nth) {
    for (int i = 0; i < STEPS; i++) {
        if (r->rows[i] && r->layer[i] == layer && strcmp(r->name[i], name) == 0 && nth-- == 0) {
            assert_int_equal(r->rows[i], TEXT_TOKENS);
            return r->values[i];
        }
    }
    fail_msg("layer %d has no step %s", (int)layer, name);
    return NULL;
}

static const char *last_step(bool gpt1) {
    return gpt1 ? "norm 2" : "residual";
}

// ---- Which calls there are ----

static void check_steps(const tiny_text *t, const recorded *r, int64_t times) {
    int64_t steps = decoct_session_step_count(t->session), calls = 0;
    for (int64_t i = 0; i < steps; i++) {
        decoct_step_info info = {.struct_size = sizeof info};
        assert_int_equal(decoct_session_step(t->ctx, t->session, i, &info), DECOCT_OK);
        if (strcmp(info.name, "cache") == 0) {
            assert_int_equal(r->rows[i], 0);
            continue;
        }
        assert_int_equal(r->rows[i], TEXT_TOKENS);
        assert_int_equal(r->layer[i], info.layer);
        assert_ptr_equal(r->name[i], info.name);
        calls += times;
    }
    assert_int_equal(r->calls, calls);
    assert_int_equal(r->last_index, steps - 1);
}

static void check_calls(const char *backend, bool gpt1) {
    static float plain[TEXT_LOGITS], traced[TEXT_LOGITS];
    tiny_text *t = text_begin(backend, gpt1);
    text_feed(t, 0, TEXT_TOKENS, plain);
    recorded *whole = trace(t, TEXT_TOKENS, traced), *pieces = trace(t, 5, traced);
    check_steps(t, whole, 1);
    check_steps(t, pieces, 3);
    assert_true(whole->was_busy && pieces->was_busy);
    for (int i = 0; i < STEPS; i++) {
        assert_true(check_same_bits(whole->values[i], pieces->values[i], ALL));
    }
    assert_true(check_same_bits(plain, traced, TEXT_LOGITS));
    assert_true(check_same_bits(plain, values(whole, -1, "logits", 0), TEXT_LOGITS));
    // It is off now, and a call that fails has made none.
    const int64_t before = whole->calls;
    const int32_t wrong = -1;
    text_feed(t, 0, TEXT_TOKENS, plain);
    assert_true(check_same_bits(plain, traced, TEXT_LOGITS));
    assert_int_equal(decoct_session_trace(t->ctx, t->session, record, whole), DECOCT_OK);
    text_expect(t, decoct_session_eval(t->ctx, t->session, &wrong, 1, 0, NULL), "id -1 at 0");
    assert_int_equal(whole->calls, before);
    text_expect(t, decoct_session_trace(t->ctx, NULL, record, whole),
                "session trace: session is NULL");
    free(whole);
    free(pieces);
    text_end(t);
}

static void test_calls(void **state) {
    check_calls(*state, false);
    check_calls(*state, true);
}

// Only the last position's logits are asked for, or no logits: so much of the last steps is shown.
static void test_last_steps(void **state) {
    tiny_text *t = text_begin(*state, false);
    static float logits[TINY_VOCABULARY];
    recorded *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->text = t;
    int64_t last = decoct_session_step_count(t->session) - 1;
    assert_int_equal(decoct_session_trace(t->ctx, t->session, record, r), DECOCT_OK);
    assert_int_equal(decoct_session_eval(t->ctx, t->session, t->ids, 5, 0, NULL), DECOCT_OK);
    assert_true(r->rows[0] == 5 && r->rows[last - 2] == 5 && !r->rows[last - 1] && !r->rows[last]);
    assert_int_equal(
        decoct_session_eval(t->ctx, t->session, t->ids + 5, TEXT_TOKENS - 5, 0, logits), DECOCT_OK);
    assert_true(r->rows[0] == TEXT_TOKENS && r->rows[last - 1] == 1 && r->rows[last] == 1);
    assert_true(check_same_bits(logits, r->values[last] + (TEXT_TOKENS - 1) * TINY_VOCABULARY,
                                TINY_VOCABULARY));
    free(r);
    text_end(t);
}

static void wait_and_round(void *user, const decoct_trace_step *step) {
    (void)step;
    ++*(int *)user;
    be_rude();
}

static float rude_logits[TEXT_LOGITS];

static bool feed(void *text) {
    const tiny_text *t = text;
    return decoct_session_eval(t->ctx, t->session, t->ids, TEXT_TOKENS, 1, rude_logits) ==
           DECOCT_OK;
}

static void test_rude(void **state) {
    static float plain[TEXT_LOGITS];
    tiny_text *t = text_begin(*state, false);
    int calls = 0;
    text_feed(t, 0, TEXT_TOKENS, plain);
    assert_int_equal(decoct_session_truncate(t->ctx, t->session, 0), DECOCT_OK);
    assert_int_equal(decoct_session_trace(t->ctx, t->session, wait_and_round, &calls), DECOCT_OK);
    expect_not_cancelled(feed, t);
    assert_true(calls > 0 && check_same_bits(plain, rude_logits, TEXT_LOGITS));
    text_end(t);
}

// ---- What the values are ----

static double dot(const float *a, const float *b, int64_t count) {
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

// softmax(q k / sqrt(dim)) of one query, in double, without the edge from QUERY to KEY if it is
// cut.
enum { QUERY = 8, KEY = 2 };

static void expected_weights(const float *qkv, int64_t head, int64_t query, bool cut,
                             double weights[TEXT_TOKENS]) {
    double sum = 0.0;
    for (int64_t key = 0; key <= query; key++) {
        const float *q = qkv + query * 3 * D + head * TEXT_DIM;
        const float *k = qkv + key * 3 * D + D + head * TEXT_DIM;
        bool hidden = cut && query == QUERY && key == KEY;
        weights[key] = hidden ? 0.0 : exp(dot(q, k, TEXT_DIM) / sqrt(TEXT_DIM));
        sum += weights[key];
    }
    for (int64_t key = 0; key < TEXT_TOKENS; key++) {
        weights[key] = key <= query ? weights[key] / sum : 0.0;
    }
}

// One head against its own queries, keys and values.
static void check_head(const tiny_text *t, const recorded *r, int64_t layer, int64_t head,
                       bool cut) {
    float seen[TEXT_TOKENS * TEXT_TOKENS];
    const float *qkv = values(r, layer, "q k v projection", 0);
    const float *mix = values(r, layer, "attention", 0) + head * TEXT_DIM;
    double worst = 0.0, weights[TEXT_TOKENS];
    assert_int_equal(decoct_session_attention(t->ctx, t->session, layer, head, seen), DECOCT_OK);
    for (int64_t query = 0; query < TEXT_TOKENS; query++) {
        expected_weights(qkv, head, query, cut, weights);
        double flask[TEXT_DIM] = {0};
        for (int64_t key = 0; key < TEXT_TOKENS; key++) {
            const float *v = qkv + key * 3 * D + 2 * D + head * TEXT_DIM;
            worst =
                check_worse(worst, fabs((double)seen[query * TEXT_TOKENS + key] - weights[key]));
            for (int i = 0; i < TEXT_DIM; i++) {
                flask[i] += weights[key] * (double)v[i];
            }
        }
        for (int i = 0; i < TEXT_DIM; i++) {
            worst = check_worse(worst, fabs((double)mix[query * D + i] - flask[i]));
        }
    }
    assert_true(worst <= 1e-5);
}

static void check_heads(const char *backend, bool gpt1) {
    static float logits[TEXT_LOGITS];
    tiny_text *t = text_begin(backend, gpt1);
    for (int64_t cut = -1; cut < TEXT_LAYERS * TEXT_HEADS; cut++) {
        assert_int_equal(decoct_session_uncut(t->ctx, t->session), DECOCT_OK);
        if (cut >= 0) {
            assert_int_equal(decoct_session_cut_in(t->ctx, t->session, cut / TEXT_HEADS,
                                                   cut % TEXT_HEADS, QUERY, KEY),
                             DECOCT_OK);
        }
        recorded *r = trace(t, 7, logits);
        for (int64_t at = 0; at < TEXT_LAYERS * TEXT_HEADS; at++) {
            check_head(t, r, at / TEXT_HEADS, at % TEXT_HEADS, at == cut);
        }
        free(r);
    }
    text_end(t);
}

static void test_heads(void **state) {
    check_heads(*state, false);
    check_heads(*state, true);
}

// Sums of one addition each, so they have one value: positions and residuals.
static void check_sums(const char *backend, bool gpt1) {
    static float logits[TEXT_LOGITS], sum[TEXT_TOKENS * D];
    tiny_text *t = text_begin(backend, gpt1);
    recorded *r = trace(t, TEXT_TOKENS, logits);
    const float *stream = values(r, -1, "positions", 0);
    for (int at = 0; at < 2 * TEXT_LAYERS; at++) {
        const float *added = values(r, at / 2, at % 2 ? "down" : "output projection", 0);
        for (int i = 0; i < TEXT_TOKENS * D; i++) {
            sum[i] = stream[i] + added[i];
        }
        stream = values(r, at / 2, "residual", at % 2);
        assert_true(check_same_bits(sum, stream, TEXT_TOKENS * D));
        stream = gpt1 ? values(r, at / 2, at % 2 ? "norm 2" : "norm 1", 0) : stream;
    }
    assert_false(check_same_bits(values(r, -1, "embedding", 0), values(r, -1, "positions", 0),
                                 TEXT_TOKENS * D));
    free(r);
    text_end(t);
}

static void test_sums(void **state) {
    check_sums(*state, false);
    check_sums(*state, true);
}

// ---- The logit lens ----

static void check_lens(const char *backend, bool gpt1) {
    enum { STRIDE = D + 3, WIDE = TINY_VOCABULARY + 2 };
    static float plain[TEXT_LOGITS], lens[TEXT_LOGITS];
    static float x[TEXT_TOKENS * STRIDE], kept[TEXT_TOKENS * STRIDE], apart[TEXT_TOKENS * WIDE];
    tiny_text *t = text_begin(backend, gpt1);
    recorded *r = trace(t, TEXT_TOKENS, plain);
    const float *stream = values(r, TEXT_LAYERS - 1, last_step(gpt1), !gpt1);
    assert_int_equal(decoct_model_logits(t->ctx, t->model, TEXT_TOKENS, stream, 0, lens, 0),
                     DECOCT_OK);
    assert_true(check_same_bits(plain, lens, TEXT_LOGITS));
    check_fill(x, TEXT_TOKENS * STRIDE, 1, 1.0f);
    check_fill(apart, TEXT_TOKENS * WIDE, 2, 1.0f);
    for (int64_t i = 0; i < TEXT_TOKENS; i++) {
        memcpy(x + i * STRIDE, stream + i * D, D * sizeof *x);
    }
    memcpy(kept, x, sizeof x);
    float gap[2] = {apart[TINY_VOCABULARY], apart[TINY_VOCABULARY + 1]};
    assert_int_equal(decoct_model_logits(t->ctx, t->model, TEXT_TOKENS, x, STRIDE, apart, WIDE),
                     DECOCT_OK);
    assert_true(check_same_bits(x, kept, TEXT_TOKENS * STRIDE));
    assert_true(check_same_bits(apart + TINY_VOCABULARY, gap, 2));
    for (int64_t i = 0; i < TEXT_TOKENS; i++) {
        assert_true(
            check_same_bits(plain + i * TINY_VOCABULARY, apart + i * WIDE, TINY_VOCABULARY));
    }
    free(r);
    text_end(t);
}

static void test_lens(void **state) {
    check_lens(*state, false);
    check_lens(*state, true);
}

// More rows than go through a model at a time; each has the bits that it has alone.
static void test_many_rows(void **state) {
    enum { ROWS = 1100 };
    tiny_text *t = text_begin(*state, false);
    float *x = malloc(ROWS * D * sizeof *x), one[TINY_VOCABULARY];
    float *logits = malloc((size_t)ROWS * TINY_VOCABULARY * sizeof *logits);
    assert_true(x && logits);
    check_fill(x, ROWS * D, 3, 2.0f);
    assert_int_equal(decoct_model_logits(t->ctx, t->model, ROWS, x, 0, logits, 0), DECOCT_OK);
    for (int64_t i = 0; i < ROWS; i++) {
        assert_int_equal(decoct_model_logits(t->ctx, t->model, 1, x + i * D, 0, one, 0), DECOCT_OK);
        assert_true(check_same_bits(one, logits + i * TINY_VOCABULARY, TINY_VOCABULARY));
    }
    free(x);
    free(logits);
    text_end(t);
}

static void test_lens_errors(void **state) {
    enum { SMALL = 2 * (TINY_VOCABULARY + D) };
    static float x[SMALL], kept[SMALL];
    tiny_text *t = text_begin(*state, false);
    const decoct_model *m = t->model;
    float *logits = x + 2 * D;
    check_fill(x, SMALL, 4, 1.0f);
    memcpy(kept, x, sizeof x);
    text_expect(t, decoct_model_logits(t->ctx, NULL, 1, x, 0, logits, 0),
                "model logits: model is NULL");
    text_expect(t, decoct_model_logits(t->ctx, m, -1, x, 0, logits, 0), "rows is -1");
    text_expect(t, decoct_model_logits(t->ctx, m, 1, NULL, 0, logits, 0), "x is NULL");
    text_expect(t, decoct_model_logits(t->ctx, m, 1, x, 0, NULL, 0), "logits is NULL");
    text_expect(t, decoct_model_logits(t->ctx, m, 2, x, D - 1, logits, 0), "x has stride 7");
    text_expect(t, decoct_model_logits(t->ctx, m, 2, x, 0, logits, 9), "logits has stride 9");
    text_expect(t, decoct_model_logits(t->ctx, m, 2, x, 0, logits - 1, 0), "logits shares");
    assert_int_equal(decoct_model_logits(t->ctx, m, 0, NULL, 0, NULL, 0), DECOCT_OK);
    assert_int_equal(decoct_model_logits(NULL, m, 1, x, 0, logits, 0), DECOCT_E_ARGUMENT);
    assert_true(check_same_bits(x, kept, SMALL));
    text_end(t);
}

int main(void) {
    static const check_test tests[] = {{"trace, the calls", test_calls},
                                       {"trace, last steps", test_last_steps},
                                       {"trace, waiting and rounding", test_rude},
                                       {"trace, heads", test_heads},
                                       {"trace, sums", test_sums},
                                       {"logits of activations", test_lens},
                                       {"logits of many rows", test_many_rows},
                                       {"logits of activations, errors", test_lens_errors}};
    return check_all_backends("trace", tests, sizeof tests / sizeof *tests);
}
