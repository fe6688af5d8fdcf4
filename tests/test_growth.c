// SPDX-License-Identifier: BSD-2-Clause
// The memory of sessions and caches grows with their tokens; without memory they stay unchanged.
// Weights of 16 bits stay 16 bits.
#include "tiny_model.h"

#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "failing_memory.h"

enum { TOKENS = 200 };

static int32_t ids[TOKENS];
static float whole[TINY_VOCABULARY], pieces[TINY_VOCABULARY];
static float whole_seen[TOKENS * TOKENS], pieces_seen[TOKENS * TOKENS];

static decoct_session *start(decoct_context *ctx, const decoct_model *model) {
    decoct_session *s = NULL;
    assert_int_equal(decoct_session_create(ctx, model, 0, &s), DECOCT_OK);
    assert_int_equal(decoct_session_keep_queries(ctx, s), DECOCT_OK);
    return s;
}

// Feeds one token; if memory is needed, each allocation first fails once.
static int feed_one(decoct_context *ctx, decoct_session *s, int64_t at) {
    int failures = 0;
    for (;; failures++) {
        memory_left = failures;
        decoct_status status = decoct_session_eval(ctx, s, ids + at, 1, 0, pieces);
        bool failed = memory_left < 0;
        memory_left = -1;
        assert_int_equal(status, failed ? DECOCT_E_MEMORY : DECOCT_OK);
        assert_int_equal(decoct_session_length(s), failed ? at : at + 1);
        if (!failed) {
            return failures;
        }
    }
}

static void test_session(void **state) {
    tiny_model m;
    decoct_model *model = NULL;
    decoct_context *ctx = check_open("scalar", 1);
    (void)state;
    for (int i = 0; i < TOKENS; i++) {
        ids[i] = (i * 7 + i / 5) % TINY_VOCABULARY;
    }
    tiny_begin(&m, false);
    tiny_all(&m, false);
    assert_int_equal(decoct_model_open(ctx, m.folder, &model), DECOCT_OK);
    decoct_session *s = start(ctx, model);
    assert_int_equal(decoct_session_eval(ctx, s, ids, TOKENS, 0, whole), DECOCT_OK);
    assert_int_equal(decoct_session_attention(ctx, s, 1, 1, whole_seen), DECOCT_OK);
    decoct_session_destroy(s);
    s = start(ctx, model);
    int failures = 0, growths = 0;
    for (int64_t i = 0; i < TOKENS; i++) {
        int here = feed_one(ctx, s, i);
        failures += here;
        growths += here > 0;
    }
    // Two caches of two allocations each, and the queries; a few times, not with every token.
    assert_true(growths >= 3 && growths <= 20 && failures >= 12);
    assert_true(check_same_bits(whole, pieces, TINY_VOCABULARY));
    assert_int_equal(decoct_session_attention(ctx, s, 1, 1, pieces_seen), DECOCT_OK);
    assert_true(check_same_bits(whole_seen, pieces_seen, TOKENS * TOKENS));
    decoct_session_destroy(s);
    decoct_model_close(model);
    tiny_end(&m);
    decoct_context_close(ctx);
}

// Cuts in single heads need memory for their masks. Where one allocation fails, the session is as
// before: the text can be fed again, and after uncut nothing is left of the cuts. Returns whether
// one failed.
enum { CUT_TOKENS = 60, LAST = CUT_TOKENS - 1 };

static bool feed_cut(const decoct_model *model, int64_t allowed, float *cut, float *plain) {
    decoct_context *ctx = check_open("scalar", 1);
    decoct_session *s = start(ctx, model);
    assert_int_equal(decoct_session_cut_in(ctx, s, 0, 1, LAST, 3), DECOCT_OK);
    assert_int_equal(decoct_session_cut_in(ctx, s, 1, 0, LAST, 5), DECOCT_OK);
    memory_left = allowed;
    decoct_status status = decoct_session_eval(ctx, s, ids, CUT_TOKENS, 0, cut);
    bool failed = allowed >= 0 && memory_left < 0;
    memory_left = -1;
    assert_int_equal(status, failed ? DECOCT_E_MEMORY : DECOCT_OK);
    assert_int_equal(decoct_session_length(s), failed ? 0 : CUT_TOKENS);
    if (failed) {
        assert_int_equal(decoct_session_eval(ctx, s, ids, CUT_TOKENS, 0, cut), DECOCT_OK);
    }
    assert_int_equal(decoct_session_truncate(ctx, s, LAST), DECOCT_OK);
    assert_int_equal(decoct_session_uncut(ctx, s), DECOCT_OK);
    assert_int_equal(decoct_session_eval(ctx, s, ids + LAST, 1, 0, plain), DECOCT_OK);
    decoct_session_destroy(s);
    decoct_context_close(ctx);
    return failed;
}

static void test_cuts(void **state) {
    tiny_model m;
    decoct_model *model = NULL;
    decoct_context *ctx = check_open("scalar", 1);
    (void)state;
    tiny_begin(&m, false);
    tiny_all(&m, false);
    assert_int_equal(decoct_model_open(ctx, m.folder, &model), DECOCT_OK);
    assert_false(feed_cut(model, -1, whole, whole_seen));
    assert_false(check_same_bits(whole, whole_seen, TINY_VOCABULARY));
    int64_t failures = 0;
    for (bool failed = true; failed; failures++) {
        failed = feed_cut(model, failures, pieces, pieces_seen);
        assert_true(check_same_bits(whole, pieces, TINY_VOCABULARY));
        assert_true(check_same_bits(whole_seen, pieces_seen, TINY_VOCABULARY));
    }
    assert_true(failures >= 8);
    decoct_model_close(model);
    tiny_end(&m);
    decoct_context_close(ctx);
}

// A cache may be allowed more than any machine has.
static void test_cache(void **state) {
    enum { WIDTH = 4, ROWS = 130 };
    static float w[3 * WIDTH * WIDTH], x[ROWS * WIDTH], y[ROWS * WIDTH], z[ROWS * WIDTH];
    decoct_context *ctx = check_open("scalar", 1);
    decoct_block *block = NULL;
    decoct_cache *cache = NULL;
    (void)state;
    for (int i = 0; i < 3 * WIDTH * WIDTH; i++) {
        w[i] = (float)(i % 7) * 0.1f - 0.3f;
    }
    for (int i = 0; i < ROWS * WIDTH; i++) {
        x[i] = (float)(i % 11) * 0.2f - 1.0f;
    }
    decoct_block_args args = {.struct_size = sizeof args,
                              .d_model = WIDTH,
                              .heads = 2,
                              .d_ffn = WIDTH,
                              .qkv = w,
                              .proj = w,
                              .up = w,
                              .down = w};
    assert_int_equal(decoct_block_create(ctx, &args, &block), DECOCT_OK);
    assert_int_equal(decoct_cache_create(ctx, block, ROWS, &cache), DECOCT_OK);
    assert_int_equal(decoct_block_forward(ctx, block, cache, ROWS, x, 0, y, 0), DECOCT_OK);
    decoct_cache_destroy(cache);
    assert_int_equal(decoct_cache_create(ctx, block, INT64_C(1) << 50, &cache), DECOCT_OK);
    for (int i = 0; i < ROWS; i += 13) {
        assert_int_equal(
            decoct_block_forward(ctx, block, cache, 13, x + i * WIDTH, 0, z + i * WIDTH, 0),
            DECOCT_OK);
    }
    assert_true(check_same_bits(y, z, ROWS * WIDTH));
    decoct_cache_destroy(cache);
    decoct_block_destroy(block);
    decoct_context_close(ctx);
}

// Every matrix of the model, and the table of the tokens, has this type.
static void expect_types(const decoct_model *model, decoct_dtype wanted) {
    assert_int_equal(model->entry.parts[DCT_PART_TOKENS].dtype, wanted);
    assert_int_equal(model->exit.parts[DCT_PART_HEAD].dtype, wanted);
    for (int64_t layer = 0; layer < model->config.layers; layer++) {
        const dct_stage *s = &model->blocks[layer]->stage;
        for (int part = 0; part < DCT_PARTS; part++) {
            assert_true(!s->parts[part].matrix || s->parts[part].dtype == wanted);
        }
    }
}

// The same numbers in files of three types: kept as they are stored, and the same bits.
static void test_types(void **state) {
    static const char *const names[] = {"F32", "F16", "BF16"};
    static const decoct_dtype types[] = {DECOCT_F32, DECOCT_F16, DECOCT_BF16};
    static float logits[TINY_VOCABULARY];
    decoct_context *ctx = check_open("scalar", 1);
    tiny_model m;
    (void)state;
    tiny_begin(&m, false);
    for (int i = 0; i < 3; i++) {
        decoct_model *model = NULL;
        for (int t = 0; t < m.count; t++) {
            strcpy(m.tensors[t].type, names[i]);
        }
        tiny_all(&m, false);
        assert_int_equal(decoct_model_open(ctx, m.folder, &model), DECOCT_OK);
        expect_types(model, types[i]);
        decoct_model_info info = {.struct_size = sizeof info};
        assert_int_equal(decoct_model_describe(ctx, model, &info), DECOCT_OK);
        assert_int_equal(info.dtype, types[i]);
        decoct_model_close(model);
        assert_int_equal(tiny_logits(ctx, &m, i ? logits : whole), DECOCT_OK);
        assert_true(i == 0 || check_same_bits(logits, whole, TINY_VOCABULARY));
    }
    // A head beside it may have another type, if its numbers are the same.
    tiny_tensor *head = tiny_add(&m, "lm_head.weight", "F32", TINY_VOCABULARY, TINY_WIDTH);
    head->seed = tiny_find(&m, "wte.weight")->seed;
    tiny_all(&m, false);
    tiny_expect(ctx, &m, DECOCT_OK, "");
    head->seed++;
    tiny_all(&m, false);
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "lm_head.weight is not the same as wte.weight");
    tiny_end(&m);
    decoct_context_close(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_session), cmocka_unit_test(test_cuts),
                                       cmocka_unit_test(test_cache), cmocka_unit_test(test_types)};
    return cmocka_run_group_tests_name("growth", tests, NULL, NULL);
}
