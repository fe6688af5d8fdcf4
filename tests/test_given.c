// SPDX-License-Identifier: BSD-2-Clause
// Models from bytes in memory and from file descriptors: the same bits, and the same refusals, as
// from a folder.
#include "tiny_model.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 32, TOKENS = 9 };

// The files of a folder, as a host would give them.
typedef struct given {
    decoct_model_source source;
    char names[FILES][256];
    const char *name[FILES];
    const void *data[FILES];
    void *blocks[FILES];
    uint64_t sizes[FILES];
    int32_t descriptors[FILES];
} given;

// How: 0 bytes, 1 descriptors, 2 every other file of both, 3 bytes whose values are not aligned.
enum { WAYS = 4 };

static void take_file(given *g, int64_t i, const char *path, int way) {
    struct stat s;
    int file = open(path, O_RDONLY);
    assert_true(file >= 0 && fstat(file, &s) == 0);
    g->descriptors[i] = -1;
    g->data[i] = NULL;
    if (way == 1 || (way == 2 && i % 2)) {
        g->descriptors[i] = file;
        assert_true(lseek(file, 0, SEEK_END) == s.st_size); // where it is does not matter
        return;
    }
    uint64_t header = 0; // its length is in the first bytes of a safetensors file
    assert_true(pread(file, &header, sizeof header, 0) >= 0);
    size_t shift = (size_t)((way == 3 ? 5 : 4) - header % 4) % 4;
    g->sizes[i] = (uint64_t)s.st_size;
    g->blocks[i] = malloc(g->sizes[i] + shift + 1); // nearly to the byte, for the sanitizers
    assert_non_null(g->blocks[i]);
    g->data[i] = (char *)g->blocks[i] + shift;
    assert_int_equal(read(file, (char *)g->blocks[i] + shift, g->sizes[i]), s.st_size);
    close(file);
}

static given *take_folder(const char *folder, int way) {
    given *g = calloc(1, sizeof *g);
    DIR *list = opendir(folder);
    const struct dirent *item;
    char path[1024];
    int64_t count = 0;
    assert_true(g && list);
    while ((item = readdir(list)) && count < FILES) {
        struct stat s;
        snprintf(path, sizeof path, "%s/%s", folder, item->d_name);
        if (stat(path, &s) == 0 && S_ISREG(s.st_mode)) {
            snprintf(g->names[count], sizeof *g->names, "%s", item->d_name);
            g->name[count] = g->names[count];
            take_file(g, count++, path, way);
        }
    }
    closedir(list);
    g->source = (decoct_model_source){.struct_size = sizeof g->source,
                                      .name = folder,
                                      .count = count,
                                      .names = g->name,
                                      .data = way == 1 ? NULL : g->data,
                                      .sizes = way == 1 ? NULL : g->sizes,
                                      .descriptors = way == 0 ? NULL : g->descriptors};
    return g;
}

// Gives everything back, after it was overwritten: the model must not need it any more.
static void drop_folder(given *g) {
    for (int64_t i = 0; i < g->source.count; i++) {
        if (g->blocks[i]) {
            memset(g->blocks[i], 0xA5, g->sizes[i]);
            free(g->blocks[i]);
        } else {
            assert_int_equal(close(g->descriptors[i]), 0); // the library has left it open
        }
    }
    free(g);
}

static decoct_status open_given(decoct_context *ctx, given *g, decoct_model **out) {
    *out = NULL;
    return decoct_model_open_from(ctx, &g->source, out);
}

// The logits after a few tokens.
static void answer(decoct_context *ctx, const decoct_model *model, float *logits) {
    static const int32_t ids[TOKENS] = {5, 17, 3, 200, 44, 91, 0, 12, 33};
    decoct_session *s = NULL;
    assert_int_equal(decoct_session_create(ctx, model, 0, &s), DECOCT_OK);
    assert_int_equal(decoct_session_eval(ctx, s, ids, TOKENS, 0, logits), DECOCT_OK);
    decoct_session_destroy(s);
}

static void same_in_all_ways(decoct_context *ctx, const char *folder) {
    decoct_model *model = NULL;
    assert_int_equal(decoct_model_open(ctx, folder, &model), DECOCT_OK);
    decoct_model_info info = {.struct_size = sizeof info}, other = {.struct_size = sizeof other};
    assert_int_equal(decoct_model_describe(ctx, model, &info), DECOCT_OK);
    float *right = calloc((size_t)info.vocabulary, 2 * sizeof *right);
    float *logits = right + info.vocabulary;
    int64_t parameters = info.parameters;
    assert_non_null(right);
    answer(ctx, model, right);
    decoct_model_close(model);
    for (int way = 0; way < WAYS; way++) {
        given *g = take_folder(folder, way);
        decoct_status status = open_given(ctx, g, &model);
        if (status) {
            fail_msg("%s, way %d: %s", folder, way, decoct_last_error(ctx));
        }
        drop_folder(g);
        assert_int_equal(decoct_model_describe(ctx, model, &other), DECOCT_OK);
        assert_int_equal(other.parameters, parameters);
        answer(ctx, model, logits);
        assert_true(check_same_bits(right, logits, info.vocabulary));
        decoct_model_close(model);
    }
    free(right);
}

static void test_bits(void **state) {
    static const char *const types[] = {"F32", "F16", "BF16"};
    decoct_context *ctx = check_open("scalar", 1);
    (void)state;
    for (int i = 0; i < 6; i++) {
        tiny_model m;
        tiny_begin(&m, i >= 3);
        for (int t = 0; t < m.count; t++) {
            strcpy(m.tensors[t].type, types[i % 3]);
        }
        tiny_all(&m, i >= 3);
        same_in_all_ways(ctx, m.folder);
        tiny_end(&m);
    }
    decoct_context_close(ctx);
}

// The model that comes with the library, on the best backend.
static void test_potion(void **state) {
    char folder[4096];
    uint64_t length = 0;
    decoct_context *ctx = NULL;
    (void)state;
    assert_int_equal(decoct_context_open(NULL, &ctx), DECOCT_OK);
    if (decoct_default_model(ctx, folder, sizeof folder, &length)) {
        print_message("skipped: %s\n", decoct_last_error(ctx));
    } else {
        same_in_all_ways(ctx, folder);
    }
    decoct_context_close(ctx);
}

// Shards in memory.
static void test_shards(void **state) {
    static char index[1 << 16];
    decoct_context *ctx = check_open("scalar", 1);
    tiny_model m;
    (void)state;
    tiny_begin(&m, false);
    tiny_all(&m, false);
    tiny_unlink(&m, "model.safetensors");
    int half = m.count / 2;
    tiny_weights(&m, "a.safetensors", 0, half);
    tiny_weights(&m, "b.safetensors", half, m.count);
    char *to = index + sprintf(index, "{\"weight_map\": {");
    for (int i = 0; i < m.count; i++) {
        to += sprintf(to, "%s\"%s\": \"%c.safetensors\"", i ? ", " : "", m.tensors[i].name,
                      i < half ? 'a' : 'b');
    }
    strcpy(to, "}}");
    tiny_write(&m, "model.safetensors.index.json", index);
    same_in_all_ways(ctx, m.folder);
    tiny_end(&m);
    decoct_context_close(ctx);
}

// Bytes that stay are not copied, where they are aligned: the model needs less memory.
static void test_staying(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    static float right[TINY_VOCABULARY], logits[TINY_VOCABULARY];
    tiny_model m;
    (void)state;
    tiny_begin(&m, false);
    tiny_all(&m, false);
    for (int way = 0; way < WAYS; way += 3) {
        int64_t before = decoct_context_memory(ctx, NULL), used[2];
        for (int stays = 0; stays < 2; stays++) {
            decoct_model *model = NULL;
            given *g = take_folder(m.folder, way);
            g->source.data_stays = stays;
            assert_int_equal(open_given(ctx, g, &model), DECOCT_OK);
            used[stays] = decoct_context_memory(ctx, NULL) - before;
            answer(ctx, model, stays ? logits : right);
            decoct_model_close(model);
            drop_folder(g);
            before = decoct_context_memory(ctx, NULL);
        }
        assert_true(check_same_bits(right, logits, TINY_VOCABULARY));
        int64_t tables = (TINY_VOCABULARY + TINY_CONTEXT) * TINY_WIDTH * (int64_t)sizeof(float);
        assert_true(way == 3 || used[1] <= used[0] - tables);
    }
    tiny_end(&m);
    decoct_context_close(ctx);
}

// ---- Refusals ----

// A folder is refused with the same message in all ways.
static void same_refusal(decoct_context *ctx, const tiny_model *m, const char *words) {
    char message[1024];
    decoct_model *model = NULL;
    decoct_status wanted = decoct_model_open(ctx, m->folder, &model);
    snprintf(message, sizeof message, "%s", decoct_last_error(ctx));
    assert_int_not_equal(wanted, DECOCT_OK);
    for (int way = 0; way < WAYS; way++) {
        given *g = take_folder(m->folder, way);
        decoct_status status = open_given(ctx, g, &model);
        const char *said = decoct_last_error(ctx);
        if (status != wanted || !strstr(said, words) || model ||
            (strcmp(said, message) != 0 && !strstr(said, "was not given"))) {
            fail_msg("way %d: status %d: %s\nfrom the folder %d: %s", way, status, said, wanted,
                     message);
        }
        drop_folder(g);
    }
}

static const struct {
    const char *file, *text, *words; // text NULL: the file is missing
} breaks[] = {
    {"config.json", NULL, "/config.json: "},
    {"config.json", "", "empty"},
    {"config.json", "{\"model_type\": \"bert\"}", "bert"},
    {"config.json", "[[", "/config.json: byte 2"},
    {"config.json", "\xFF\xFE{", "UTF-16"},
    {"model.safetensors", NULL, "model.safetensors.index.json"},
    {"model.safetensors", "", "the file is empty"},
    {"model.safetensors", "\x10\0\0", "not a safetensors file"},
    {"model.safetensors", "version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"},
    {"generation_config.json", "[]", "generation_config.json: not a JSON object"},
    {"adapter_config.json", "{}", "adapter"},
    {"vocab.json", NULL, "/vocab.json: "},
    {"vocab.json", "{\"a\": 0, \"a\": 1}", "/vocab.json: "},
    {"merges.txt", "a b c d\n", "/merges.txt: line 1"},
    {"tokenizer_config.json", "{\"add_bos_token\": true}", "add_bos_token"},
};

static void test_refusals(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    (void)state;
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        tiny_model m;
        tiny_begin(&m, false);
        tiny_all(&m, false);
        if (breaks[i].text) {
            tiny_write(&m, breaks[i].file, breaks[i].text);
        } else {
            tiny_unlink(&m, breaks[i].file);
        }
        if (!breaks[i].text && strcmp(breaks[i].file, "model.safetensors") == 0) {
            same_refusal(ctx, &m, breaks[i].words);
            tiny_write(&m, "pytorch_model.bin", "x");
            same_refusal(ctx, &m, "pickle");
            tiny_unlink(&m, "pytorch_model.bin");
        }
        same_refusal(ctx, &m, breaks[i].words);
        tiny_end(&m);
    }
    decoct_context_close(ctx);
}

static void expect(decoct_context *ctx, const decoct_model_source *s, decoct_status wanted,
                   const char *words) {
    decoct_model *model = NULL;
    decoct_status status = decoct_model_open_from(ctx, s, &model);
    if (status != wanted || model || !strstr(decoct_last_error(ctx), words)) {
        fail_msg("status %d: %s; expected %d: %s", status, decoct_last_error(ctx), wanted, words);
    }
}

static const char *names[2] = {"config.json", "config.json"};
static const void *data[2] = {"{}", "{}"};
static const uint64_t sizes[2] = {2, 2};
static int32_t descriptors[2] = {-1, -1};
static const decoct_model_source good = {.struct_size = sizeof good,
                                         .count = 1,
                                         .names = names,
                                         .data = data,
                                         .sizes = sizes,
                                         .descriptors = descriptors};

static void test_sources(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    decoct_model_source s = good;
    decoct_model *model = NULL;
    (void)state;
    expect(ctx, &s, DECOCT_E_UNSUPPORTED, "model/config.json: model_type is missing");
    s.count = 0;
    expect(ctx, &s, DECOCT_E_IO, "model/config.json: this file was not given");
    s.count = 2;
    expect(ctx, &s, DECOCT_E_ARGUMENT, "config.json is given twice");
    s.count = -1;
    expect(ctx, &s, DECOCT_E_ARGUMENT, "count is -1");
    s = good;
    s.data_stays = 2;
    expect(ctx, &s, DECOCT_E_ARGUMENT, "data_stays is 2");
    s = good;
    s.sizes = NULL;
    expect(ctx, &s, DECOCT_E_ARGUMENT, "sizes is NULL");
    s = good;
    s.names = NULL;
    expect(ctx, &s, DECOCT_E_ARGUMENT, "names is NULL");
    assert_int_equal(decoct_model_open_from(ctx, NULL, &model), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_model_open_from(ctx, &good, NULL), DECOCT_E_ARGUMENT);
    assert_int_equal(decoct_model_open_from(NULL, &good, &model), DECOCT_E_ARGUMENT);
    decoct_context_close(ctx);
}

static void test_descriptors(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    decoct_model_source s = good;
    int32_t ends[2];
    (void)state;
    s.data = NULL;
    expect(ctx, &s, DECOCT_E_ARGUMENT, "neither bytes nor a descriptor");
    descriptors[0] = 0;
    expect(ctx, &good, DECOCT_E_ARGUMENT, "bytes and a descriptor");
    descriptors[0] = 1 << 20;
    expect(ctx, &s, DECOCT_E_IO, "model/config.json: descriptor 1048576");
    assert_int_equal(pipe(ends), 0);
    descriptors[0] = ends[0];
    expect(ctx, &s, DECOCT_E_IO, "model/config.json: not a file");
    names[0] = "../config.json";
    expect(ctx, &s, DECOCT_E_ARGUMENT, "../config.json");
    close(ends[0]);
    close(ends[1]);
    decoct_context_close(ctx);
}

// Below what a model needs: an error, no handle, and all memory given back.
static void test_limit(void **state) {
    tiny_model m;
    (void)state;
    tiny_begin(&m, false);
    tiny_all(&m, false);
    given *g = take_folder(m.folder, 0);
    decoct_context *ctx = check_open("scalar", 1);
    int64_t most, failed = 0;
    decoct_context_memory(ctx, &most);
    decoct_context_close(ctx);
    for (decoct_status status = DECOCT_E_MEMORY; status; failed++) {
        decoct_options o = {.struct_size = sizeof o, .threads = 1, .backend = "scalar"};
        o.memory_limit = (uint64_t)(most + failed * 2000);
        decoct_model *model = NULL;
        assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_OK);
        int64_t before = decoct_context_memory(ctx, NULL);
        status = open_given(ctx, g, &model);
        assert_true(status == DECOCT_OK || status == DECOCT_E_MEMORY);
        assert_true(!model == !!status);
        decoct_model_close(model);
        assert_int_equal(decoct_context_memory(ctx, NULL), before);
        decoct_context_close(ctx);
    }
    assert_true(failed > 5);
    drop_folder(g);
    tiny_end(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits),        cmocka_unit_test(test_potion),
        cmocka_unit_test(test_shards),      cmocka_unit_test(test_staying),
        cmocka_unit_test(test_refusals),    cmocka_unit_test(test_sources),
        cmocka_unit_test(test_descriptors), cmocka_unit_test(test_limit)};
    return cmocka_run_group_tests_name("given", tests, NULL, NULL);
}
