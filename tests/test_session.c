// SPDX-License-Identifier: BSD-2-Clause
// Sessions: what is cut is not seen, what is truncated is forgotten, and the attention weights are
// those of the float64 implementation (fixtures/make_models.py).
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 16, TOKENS = 17, VOCABULARY = 280 }; // of gpt2-bf16-untied
#define MODEL "gpt2-bf16-untied"

static void fixture_path(const char *model, const char *file, char *path, size_t size) {
    const char *folder = getenv("DECOCT_TEST_FIXTURES");
    snprintf(path, size, "%s/models/%s%s", folder ? folder : "fixtures", model, file);
}

// How many bytes there were.
static size_t read_fixture(const char *model, const char *file, void *data, size_t room) {
    char path[512];
    fixture_path(model, file, path, sizeof path);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(data, 1, room, f);
    fclose(f);
    assert_true(size > 0 && size < room);
    return size;
}

static decoct_model *open_model(decoct_context *ctx, const char *name) {
    char path[512];
    decoct_model *model = NULL;
    fixture_path(name, "", path, sizeof path);
    if (decoct_model_open(ctx, path, &model)) {
        fail_msg("%s", decoct_last_error(ctx));
    }
    return model;
}

static decoct_session *start(decoct_context *ctx, const decoct_model *model, int64_t room) {
    decoct_session *s = NULL;
    assert_int_equal(decoct_session_create(ctx, model, room, &s), DECOCT_OK);
    return s;
}

// Feeds ids in pieces; logits of every position.
static void feed(decoct_context *ctx, decoct_session *s, const int32_t *ids, int64_t count,
                 int64_t piece, float *logits) {
    for (int64_t i = 0; i < count; i += piece) {
        int64_t n = count - i < piece ? count - i : piece;
        assert_int_equal(decoct_session_eval(ctx, s, ids + i, n, 1, logits + i * VOCABULARY),
                         DECOCT_OK);
    }
}

static void check_weights(decoct_context *ctx, const char *name) {
    static int32_t ids[256];
    static float expected[ROOM], weights[ROOM];
    decoct_model *model = open_model(ctx, name);
    decoct_model_info info = {.struct_size = sizeof info};
    assert_int_equal(decoct_model_describe(ctx, model, &info), DECOCT_OK);
    int64_t n = (int64_t)(read_fixture(name, "/ids.bin", ids, sizeof ids) / sizeof *ids);
    size_t size = read_fixture(name, "/attention.bin", expected, sizeof expected);
    assert_int_equal(size, (size_t)(info.layers * info.heads * n * n) * sizeof(float));
    decoct_session *s = start(ctx, model, 0);
    assert_int_equal(decoct_session_keep_queries(ctx, s), DECOCT_OK);
    // A part is fed, truncated and fed again: the stored queries follow.
    assert_int_equal(decoct_session_eval(ctx, s, ids + 3, n / 2, 0, NULL), DECOCT_OK);
    assert_int_equal(decoct_session_truncate(ctx, s, 0), DECOCT_OK);
    assert_int_equal(decoct_session_eval(ctx, s, ids, n / 3, 0, NULL), DECOCT_OK);
    assert_int_equal(decoct_session_eval(ctx, s, ids + n / 3, n - n / 3, 0, NULL), DECOCT_OK);
    double worst = 0.0;
    for (int64_t at = 0; at < info.layers * info.heads; at++) {
        assert_int_equal(
            decoct_session_attention(ctx, s, at / info.heads, at % info.heads, weights), DECOCT_OK);
        for (int64_t i = 0; i < n * n; i++) {
            worst = check_worse(worst, fabs((double)weights[i] - (double)expected[at * n * n + i]));
        }
    }
    if (!(worst <= 1e-5)) {
        print_error("%s: attention weights differ by %g\n", name, worst);
    }
    assert_true(worst <= 1e-5);
    decoct_session_destroy(s);
    decoct_model_close(model);
}

static void test_attention_weights(void **state) {
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    check_weights(ctx, "gpt2-one-head"); // 70 tokens: more than a block of keys
    check_weights(ctx, MODEL);
    check_weights(ctx, "gpt1-bf16");
    decoct_context_close(ctx);
}

// With a word cut from all that follow it, nothing that follows depends on it: the same bits for
// any word in its place, whole and in pieces. Without the cut they do depend on it.
static void test_cut_word(void **state) {
    enum { KEY = 4 };
    static int32_t ids[TOKENS + 1], other[TOKENS + 1];
    static float logits[4][TOKENS * VOCABULARY];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_model *model = open_model(ctx, MODEL);
    read_fixture(MODEL, "/ids.bin", ids, sizeof ids);
    memcpy(other, ids, sizeof other);
    other[KEY] = (ids[KEY] + 1) % VOCABULARY;
    for (int turn = 0; turn < 4; turn++) {
        decoct_session *s = start(ctx, model, 0);
        for (int64_t q = KEY + 1; q < TOKENS && turn < 3; q++) {
            assert_int_equal(decoct_session_cut(ctx, s, q, KEY), DECOCT_OK);
        }
        feed(ctx, s, turn == 0 ? ids : other, TOKENS,
             turn == 1   ? 1
             : turn == 2 ? 5
                         : TOKENS,
             logits[turn]);
        decoct_session_destroy(s);
    }
    const int64_t before = KEY * VOCABULARY, after = (KEY + 1) * VOCABULARY;
    const int64_t rest = TOKENS * VOCABULARY - after;
    for (int turn = 1; turn < 3; turn++) {
        assert_true(check_same_bits(logits[0], logits[turn], before));
        assert_false(check_same_bits(logits[0] + before, logits[turn] + before, VOCABULARY));
        assert_true(check_same_bits(logits[0] + after, logits[turn] + after, rest));
    }
    assert_false(check_same_bits(logits[0] + after, logits[3] + after, VOCABULARY));
    decoct_model_close(model);
    decoct_context_close(ctx);
}

// A cut counts for tokens fed from then on: those before keep their logits, and the first word may
// even be cut from itself.
static void test_late_cut(void **state) {
    static int32_t ids[TOKENS + 1];
    static float plain[TOKENS * VOCABULARY], cut[TOKENS * VOCABULARY];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_model *model = open_model(ctx, MODEL);
    read_fixture(MODEL, "/ids.bin", ids, sizeof ids);
    decoct_session *s = start(ctx, model, 0);
    feed(ctx, s, ids, TOKENS, TOKENS, plain);
    assert_int_equal(decoct_session_truncate(ctx, s, 9), DECOCT_OK);
    assert_int_equal(decoct_session_cut(ctx, s, 10, 3), DECOCT_OK);
    feed(ctx, s, ids + 9, TOKENS - 9, 3, cut + 9 * VOCABULARY);
    assert_true(check_same_bits(plain + 9 * VOCABULARY, cut + 9 * VOCABULARY, VOCABULARY));
    assert_false(check_same_bits(plain + 10 * VOCABULARY, cut + 10 * VOCABULARY, VOCABULARY));
    // Truncated to before the cut and fed again: the cut is still there.
    static float again[TOKENS * VOCABULARY];
    assert_int_equal(decoct_session_truncate(ctx, s, 0), DECOCT_OK);
    feed(ctx, s, ids, TOKENS, 4, again);
    assert_true(check_same_bits(plain, again, 10 * VOCABULARY));
    assert_true(
        check_same_bits(cut + 9 * VOCABULARY, again + 9 * VOCABULARY, (TOKENS - 9) * VOCABULARY));
    // A word that sees nothing at all: its attention is zero, not NaN.
    assert_int_equal(decoct_session_truncate(ctx, s, 0), DECOCT_OK);
    assert_int_equal(decoct_session_cut(ctx, s, 0, 0), DECOCT_OK);
    feed(ctx, s, ids, 2, 2, again);
    for (int64_t i = 0; i < 2 * VOCABULARY; i++) {
        assert_true(isfinite(again[i]));
    }
    assert_false(check_same_bits(plain, again, VOCABULARY));
    decoct_session_destroy(s);
    decoct_model_close(model);
    decoct_context_close(ctx);
}

// Two texts on one model, in turns, know nothing of each other; a small room is full early.
static void test_two_sessions(void **state) {
    enum { SMALL = 6 };
    static int32_t ids[TOKENS + 1];
    static float alone[TOKENS * VOCABULARY], mixed[TOKENS * VOCABULARY], other[2 * VOCABULARY];
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    decoct_model *model = open_model(ctx, MODEL);
    read_fixture(MODEL, "/ids.bin", ids, sizeof ids);
    decoct_session *a = start(ctx, model, SMALL), *b = start(ctx, model, 0);
    feed(ctx, a, ids, SMALL, SMALL, alone);
    assert_int_equal(decoct_session_eval(ctx, a, ids, 1, 0, other), DECOCT_E_FULL);
    assert_int_equal(decoct_session_truncate(ctx, a, 0), DECOCT_OK);
    assert_int_equal(decoct_session_eval(ctx, a, ids, SMALL + 1, 0, other), DECOCT_E_FULL);
    assert_int_equal(decoct_session_length(a), 0);
    assert_int_equal(decoct_session_cut(ctx, a, SMALL, 0), DECOCT_E_ARGUMENT);
    for (int64_t i = 0; i < SMALL; i += 2) {
        feed(ctx, a, ids + i, 2, 2, mixed + i * VOCABULARY);
        feed(ctx, b, ids + 8, 2, 2, other);
    }
    assert_true(check_same_bits(alone, mixed, SMALL * VOCABULARY));
    assert_int_equal(decoct_session_length(b), 6);
    // A session belongs to no context: another one continues it.
    decoct_context *next = check_open("scalar", 1);
    assert_int_equal(decoct_session_truncate(next, a, 4), DECOCT_OK);
    feed(next, a, ids + 4, 2, 1, mixed + 4 * VOCABULARY);
    assert_true(check_same_bits(alone, mixed, SMALL * VOCABULARY));
    decoct_context_close(next);
    decoct_session_destroy(a);
    decoct_session_destroy(b);
    decoct_session_destroy(NULL);
    decoct_model_close(model);
    decoct_context_close(ctx);
}

// Steps are counted only while they are timed, and timing changes no bit.
// Of two workers: no more than the time of all steps each; this model's steps are too small to be
// shared, so the second one had nothing to do at all.
static void check_idle(decoct_context *ctx, decoct_session *s, int64_t steps) {
    decoct_step_info step = {.struct_size = sizeof step};
    double all = 0.0, idle[2] = {-1.0, -1.0};
    for (int64_t i = 0; i < steps; i++) {
        assert_int_equal(decoct_session_step(ctx, s, i, &step), DECOCT_OK);
        all += step.seconds;
    }
    for (int32_t i = 0; i < 2; i++) {
        assert_int_equal(decoct_session_idle(ctx, s, i, &idle[i]), DECOCT_OK);
        assert_true(idle[i] >= 0.0 && idle[i] <= all * (1.0 + 1e-9));
    }
    assert_true(idle[1] > 0.0);
    assert_int_equal(decoct_session_idle(ctx, s, 2, &idle[0]), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_session_idle(ctx, s, -1, &idle[0]), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_session_idle(ctx, NULL, 0, &idle[0]), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_session_idle(ctx, s, 0, NULL), DECOCT_E_ARGUMENT);
}

static void test_profile(void **state) {
    static int32_t ids[256];
    static float plain[TOKENS * VOCABULARY], timed[TOKENS * VOCABULARY];
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    read_fixture(MODEL, "/ids.bin", ids, sizeof ids);
    decoct_model *model = open_model(ctx, MODEL);
    decoct_session *s = start(ctx, model, 0);
    decoct_step_info step = {.struct_size = sizeof step};
    int64_t steps = decoct_session_step_count(s);
    feed(ctx, s, ids, TOKENS, TOKENS, plain);
    assert_int_equal(decoct_session_step(ctx, s, 0, &step), DECOCT_OK);
    assert_true(strcmp(step.name, "embedding") == 0 && step.layer == -1 && step.calls == 0);
    assert_int_equal(decoct_session_profile(ctx, s, 1), DECOCT_OK);
    assert_int_equal(decoct_session_truncate(ctx, s, 0), DECOCT_OK);
    feed(ctx, s, ids, TOKENS, 6, timed); // 3 pieces
    assert_true(check_same_bits(plain, timed, TOKENS * VOCABULARY));
    assert_int_equal(decoct_session_profile(ctx, s, 0), DECOCT_OK);
    feed(ctx, s, ids, 1, 1, timed);
    for (int64_t i = 0; i < steps; i++) {
        assert_int_equal(decoct_session_step(ctx, s, i, &step), DECOCT_OK);
        assert_true(step.calls == 3 && step.seconds >= 0.0 && step.bytes > 0.0);
    }
    assert_true(strcmp(step.name, "logits") == 0 && step.layer == -1);
    check_idle(ctx, s, steps);
    assert_int_equal(decoct_session_profile(ctx, s, 1), DECOCT_OK); // from the beginning
    assert_int_equal(decoct_session_step(ctx, s, steps - 1, &step), DECOCT_OK);
    assert_true(step.calls == 0 && step.seconds == 0.0 && step.flops == 0.0 && step.bytes == 0.0);
    assert_int_equal(decoct_session_step(ctx, s, steps, &step), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_session_step(ctx, s, -1, &step), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_session_step(ctx, NULL, 0, &step), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_session_profile(ctx, s, 2), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_session_profile(ctx, NULL, 1), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_session_step_count(NULL), 0);
    decoct_session_destroy(s);
    decoct_model_close(model);
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"session, attention weights", test_attention_weights},
                                       {"session, a word that is cut off", test_cut_word},
                                       {"session, late cuts", test_late_cut},
                                       {"session, two of them", test_two_sessions},
                                       {"session, time of steps", test_profile}};
    return check_all_backends("session", tests, sizeof tests / sizeof *tests);
}
