// SPDX-License-Identifier: BSD-2-Clause
// Whole models against an independent float64 implementation (fixtures/make_models.py), and
// sessions.
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {"gpt2-f32", "gpt2-one-head",    "gpt2-f16",
                                    "gpt1-f32", "gpt2-bf16-untied", "gpt1-bf16"};
enum { MODELS = sizeof names / sizeof *names, CUT_QUERY = 5, CUT_KEY = 2 };

typedef struct fixture {
    decoct_context *ctx;
    decoct_model *model;
    decoct_model_info info;
    int32_t *ids;
    float *expected, *cut, *logits;
    int64_t count;
} fixture;

static void model_path(const char *name, const char *file, char *path, size_t size) {
    const char *folder = getenv("DECOCT_TEST_FIXTURES");
    snprintf(path, size, "%s/models/%s%s", folder ? folder : "fixtures", name, file);
}

static void *read_file(const char *name, const char *file, size_t *size) {
    char path[512];
    model_path(name, file, path, sizeof path);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    void *data = malloc(1 << 20);
    *size = fread(data, 1, 1 << 20, f);
    assert_true(*size > 0 && *size < 1 << 20);
    fclose(f);
    return data;
}

static fixture open_fixture(decoct_context *ctx, const char *name) {
    fixture f = {.ctx = ctx, .info = {.struct_size = sizeof f.info}};
    char path[512];
    size_t size;
    model_path(name, "", path, sizeof path);
    if (decoct_model_open(ctx, path, &f.model)) {
        fail_msg("%s", decoct_last_error(ctx));
    }
    assert_int_equal(decoct_model_describe(ctx, f.model, &f.info), DECOCT_OK);
    assert_int_equal(decoct_model_vocabulary(f.model), f.info.vocabulary);
    assert_int_equal(decoct_model_vocabulary(NULL), 0);
    assert_int_equal(f.info.space_after_words, strcmp(f.info.type, "openai-gpt") == 0);
    assert_int_equal(f.info.norm_order,
                     f.info.space_after_words ? DECOCT_POST_NORM : DECOCT_PRE_NORM);
    f.ids = read_file(name, "/ids.bin", &size);
    f.count = (int64_t)(size / sizeof *f.ids);
    f.expected = read_file(name, "/logits.bin", &size);
    assert_int_equal(size, (size_t)(f.count * f.info.vocabulary) * sizeof(float));
    f.cut = read_file(name, "/cut.bin", &size);
    f.logits = malloc((size_t)(f.count * f.info.vocabulary) * sizeof(float));
    return f;
}

static void close_fixture(fixture *f) {
    decoct_model_close(f->model);
    free(f->ids);
    free(f->expected);
    free(f->cut);
    free(f->logits);
}

// The largest difference, as a part of the largest logit.
static double difference(const float *logits, const float *expected, int64_t count) {
    double worst = 0.0, largest = 0.0;
    for (int64_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)expected[i]));
        worst = check_worse(worst, fabs((double)logits[i] - (double)expected[i]));
    }
    return worst / largest;
}

// All logits, fed in pieces of `piece` tokens.
static void feed(const fixture *f, int64_t piece, float *logits) {
    decoct_session *s;
    assert_int_equal(decoct_session_create(f->ctx, f->model, 0, &s), DECOCT_OK);
    for (int64_t i = 0; i < f->count; i += piece) {
        int64_t n = f->count - i < piece ? f->count - i : piece;
        assert_int_equal(
            decoct_session_eval(f->ctx, s, f->ids + i, n, 1, logits + i * f->info.vocabulary),
            DECOCT_OK);
    }
    assert_int_equal(decoct_session_length(s), f->count);
    decoct_session_destroy(s);
}

// Right to 1e-5 at every position, whole or in pieces, and always the same bits.
static void test_logits(void **state) {
    static const int32_t threads[] = {1, 2, 3, 5};
    decoct_context *scalar = check_open("scalar", 1);
    for (int t = 0; t < 4; t++) {
        decoct_context *ctx = check_open(*state, threads[t]);
        if (!ctx) {
            decoct_context_close(scalar);
            skip();
        }
        for (int i = 0; i < MODELS; i++) {
            fixture f = open_fixture(ctx, names[i]), reference = open_fixture(scalar, names[i]);
            int64_t all = f.count * f.info.vocabulary;
            feed(&f, f.count, f.logits);
            double worst = difference(f.logits, f.expected, all);
            if (!(worst <= 1e-5)) {
                print_error("%s: %g\n", names[i], worst);
            }
            assert_true(worst <= 1e-5);
            feed(&reference, reference.count, reference.logits);
            assert_true(check_same_bits(f.logits, reference.logits, all));
            static const int64_t pieces[] = {1, 3, 8};
            for (int p = 0; p < 3; p++) {
                feed(&f, pieces[p], f.logits);
                assert_true(check_same_bits(f.logits, reference.logits, all));
            }
            close_fixture(&f);
            close_fixture(&reference);
        }
        decoct_context_close(ctx);
    }
    decoct_context_close(scalar);
}

// Only the last logits are asked for; then the session is truncated and fed again.
static void test_session(void **state) {
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    fixture f = open_fixture(ctx, "gpt2-f32");
    int64_t v = f.info.vocabulary, last = (f.count - 1) * v;
    feed(&f, f.count, f.logits);
    float *one = malloc((size_t)v * sizeof *one);
    decoct_session *s;
    assert_int_equal(decoct_session_create(ctx, f.model, 0, &s), DECOCT_OK);
    assert_int_equal(decoct_session_eval(ctx, s, f.ids, f.count, 0, one), DECOCT_OK);
    assert_true(check_same_bits(one, f.logits + last, v));
    assert_int_equal(decoct_session_truncate(ctx, s, 7), DECOCT_OK);
    assert_int_equal(decoct_session_eval(ctx, s, f.ids + 7, f.count - 7, 0, one), DECOCT_OK);
    assert_true(check_same_bits(one, f.logits + last, v));

    // Full, and invalid ids: nothing changes.
    one[0] = 42.0f;
    assert_int_equal(decoct_session_eval(ctx, s, f.ids, 1, 0, one), DECOCT_E_FULL);
    assert_int_equal(decoct_session_truncate(ctx, s, 3), DECOCT_OK);
    int32_t wrong[] = {1, 2, (int32_t)v};
    assert_int_equal(decoct_session_eval(ctx, s, wrong, 3, 0, one), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(decoct_last_error(ctx), "id 300 at 2"));
    wrong[2] = -1;
    assert_int_equal(decoct_session_eval(ctx, s, wrong, 3, 0, one), DECOCT_E_ARGUMENT);
    assert_true(one[0] == 42.0f && decoct_session_length(s) == 3);
    assert_int_equal(decoct_session_truncate(ctx, s, 4), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_session_eval(ctx, s, NULL, 0, 0, NULL), DECOCT_OK);
    decoct_session_destroy(s);
    assert_int_equal(decoct_session_create(ctx, f.model, f.info.context + 1, &s),
                     DECOCT_E_ARGUMENT);
    free(one);
    close_fixture(&f);
    decoct_context_close(ctx);
}

// One word hidden from another in all layers gives what float64 says, whole and in pieces.
static void test_cut(void **state) {
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    for (int i = 0; i < MODELS; i++) {
        fixture f = open_fixture(ctx, names[i]);
        int64_t v = f.info.vocabulary;
        for (int pieces = 0; pieces < 2; pieces++) {
            decoct_session *s;
            assert_int_equal(decoct_session_create(ctx, f.model, 0, &s), DECOCT_OK);
            assert_int_equal(decoct_session_cut(ctx, s, CUT_KEY, CUT_QUERY), DECOCT_E_ARGUMENT);
            assert_int_equal(decoct_session_cut(ctx, s, CUT_QUERY, CUT_KEY), DECOCT_OK);
            int64_t first = pieces ? 4 : 0;
            assert_int_equal(decoct_session_eval(ctx, s, f.ids, first, 0, NULL), DECOCT_OK);
            assert_int_equal(
                decoct_session_eval(ctx, s, f.ids + first, f.count - first, 0, f.logits),
                DECOCT_OK);
            double worst = difference(f.logits, f.cut, v);
            assert_true(worst <= 1e-5);
            // The cut does something, where a later layer can carry it to the last position.
            assert_true(f.info.layers == 1 ||
                        difference(f.expected + (f.count - 1) * v, f.cut, v) > 1e-4);
            decoct_session_destroy(s);
        }
        close_fixture(&f);
    }
    decoct_context_close(ctx);
}

static void test_attention(void **state) {
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    fixture f = open_fixture(ctx, "gpt2-f32");
    decoct_session *s;
    float *w = malloc((size_t)(f.count * f.count) * sizeof *w);
    assert_int_equal(decoct_session_create(ctx, f.model, 0, &s), DECOCT_OK);
    assert_int_equal(decoct_session_attention(ctx, s, 0, 0, w), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_session_keep_queries(ctx, s), DECOCT_OK);
    assert_int_equal(decoct_session_cut(ctx, s, CUT_QUERY, CUT_KEY), DECOCT_OK);
    assert_int_equal(decoct_session_eval(ctx, s, f.ids, f.count, 0, NULL), DECOCT_OK);
    for (int64_t head = 0; head < f.info.heads; head++) {
        assert_int_equal(decoct_session_attention(ctx, s, 1, head, w), DECOCT_OK);
        for (int64_t i = 0; i < f.count; i++) {
            double sum = 0.0;
            for (int64_t j = 0; j < f.count; j++) {
                float x = w[i * f.count + j];
                assert_true(x >= 0.0f && (j <= i || x == 0.0f));
                sum += (double)x;
            }
            assert_true(fabs(sum - 1.0) < 1e-6);
        }
        assert_true(w[CUT_QUERY * f.count + CUT_KEY] == 0.0f);
    }
    assert_int_equal(decoct_session_attention(ctx, s, 2, 0, w), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_session_attention(ctx, s, 0, 4, w), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_session_keep_queries(ctx, s), DECOCT_E_ARGUMENT);
    decoct_session_destroy(s);
    free(w);
    close_fixture(&f);
    decoct_context_close(ctx);
}

// ---- Broken folders ----

static void copy_file(const char *name, const char *file, const char *to, size_t limit) {
    size_t size;
    char path[512];
    void *data = read_file(name, file, &size);
    snprintf(path, sizeof path, "%s%s", to, file);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    size = size < limit ? size : limit;
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
    free(data);
}

static void expect(decoct_context *ctx, const char *folder, decoct_status wanted,
                   const char *words) {
    decoct_model *model = NULL;
    decoct_status status = decoct_model_open(ctx, folder, &model);
    if (status != wanted || !strstr(decoct_last_error(ctx), words)) {
        print_error("status %d: %s; expected: %s\n", status, decoct_last_error(ctx), words);
    }
    assert_int_equal(status, wanted);
    assert_non_null(strstr(decoct_last_error(ctx), words));
    assert_null(model);
}

static void test_broken_folders(void **state) {
    static const char *const files[] = {"/config.json", "/model.safetensors", "/vocab.json",
                                        "/merges.txt"};
    char folder[] = "/tmp/decoct-test-XXXXXX", path[128];
    decoct_context *ctx = check_open("scalar", 1);
    (void)state;
    assert_non_null(mkdtemp(folder));
    expect(ctx, folder, DECOCT_E_IO, "config.json");
    copy_file("gpt2-f32", files[0], folder, SIZE_MAX);
    expect(ctx, folder, DECOCT_E_IO, "model.safetensors");
    copy_file("gpt2-f32", files[1], folder, 100000);
    expect(ctx, folder, DECOCT_E_FORMAT, "model.safetensors: byte 100000: tensor");
    copy_file("gpt2-f32", files[1], folder, SIZE_MAX);
    expect(ctx, folder, DECOCT_E_IO, "vocab.json");
    copy_file("gpt2-f32", files[2], folder, SIZE_MAX);
    expect(ctx, folder, DECOCT_E_IO, "merges.txt");
    copy_file("gpt2-f32", files[3], folder, SIZE_MAX);
    decoct_model *model;
    assert_int_equal(decoct_model_open(ctx, folder, &model), DECOCT_OK);
    decoct_model_close(model);
    copy_file("gpt2-one-head", files[0], folder, SIZE_MAX); // another shape
    expect(ctx, folder, DECOCT_E_FORMAT, "wte.weight has the shape (300, 48)");
    copy_file("gpt1-f32", files[0], folder, SIZE_MAX);
    expect(ctx, folder, DECOCT_E_FORMAT, "there is no tensor tokens_embed.weight");
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
    decoct_context_close(ctx);
}

int main(void) {
    static const check_test tests[] = {{"model, logits", test_logits},
                                       {"model, session", test_session},
                                       {"model, cut edges", test_cut},
                                       {"model, attention weights", test_attention}};
    const struct CMUnitTest files[] = {cmocka_unit_test(test_broken_folders)};
    return check_all_backends("model", tests, sizeof tests / sizeof *tests) +
           cmocka_run_group_tests_name("model files", files, NULL, NULL);
}
