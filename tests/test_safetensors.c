// SPDX-License-Identifier: BSD-2-Clause
// safetensors: values of every type, and files that contradict themselves.
#include "model/safetensors.h"

#include "model/roles.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "failing_memory.h"

static char path[80], folder[64];

static void write_bytes(const char *to, const void *data, size_t size) {
    FILE *f = fopen(to, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
}

// A file of a header and data; `length` of 0 means the true one.
static void write_file(const char *header, uint64_t length, const void *data, size_t size) {
    char bytes[4096];
    size_t header_size = strlen(header);
    length = length ? length : header_size;
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, header_size);
    if (size > 0) {
        memcpy(bytes + 8 + header_size, data, size);
    }
    write_bytes(path, bytes, 8 + header_size + size);
}

static dct_tensor *read_values(dct_safetensors *f, const char *name, int64_t first, int64_t count,
                               float *out) {
    dct_tensor *t = dct_safetensors_find(f, name);
    assert_non_null(t);
    decoct_dtype dtype = -1;
    assert_true(dct_tensor_dtype(t, &dtype));
    assert_int_equal(dtype, t->type[0] == 'B'   ? DECOCT_BF16
                            : t->type[1] == '1' ? DECOCT_F16
                                                : DECOCT_F32);
    assert_int_equal(dct_tensor_read(f, t, first, count, out, NULL), DECOCT_OK);
    return t;
}

static const uint16_t half[] = {0x3C00, 0x8000, 0x0001, 0x03FF, 0x0400,
                                0x7BFF, 0x7C00, 0xFC00, 0x7E00};
static const float half_is[] = {1.0f,     -0.0f,    0x1p-24f,  0x1.ff8p-15f, 0x1p-14f,
                                65504.0f, INFINITY, -INFINITY, NAN};
static const char of_values[] =
    "{\"__metadata__\": {\"a\": \"b\"}, \"h\": {\"dtype\": \"F16\", \"shape\": [9], "
    "\"data_offsets\": [0, 18]},"
    "\"b\": {\"dtype\": \"BF16\", \"shape\": [3, 1], \"data_offsets\": [18, 24]},"
    "\"f\": {\"dtype\": \"F32\", \"shape\": [1, 2], \"data_offsets\": [24, 32]},"
    "\"skip\": {\"dtype\": \"I64\", \"shape\": [], \"data_offsets\": [32, 40]},"
    "\"new\": {\"dtype\": \"F6_E3M2\", \"shape\": [9], \"data_offsets\": [40, 47]},"
    "\"none\": {\"dtype\": \"F32\", \"shape\": [0, 5], \"data_offsets\": [40, 40]}}";

static void expect_stored(dct_safetensors *f, const char *name, const void *wanted, size_t size) {
    unsigned char stored[64];
    const dct_tensor *t = dct_safetensors_find(f, name);
    assert_true(t && t->bytes == size && size <= sizeof stored);
    assert_int_equal(dct_tensor_copy(f, t, 0, t->count, stored, NULL), DECOCT_OK);
    assert_memory_equal(stored, wanted, size);
}

static void test_values(void **state) {
    (void)state;
    char data[64];
    memcpy(data, half, 18);
    static const uint16_t brain[] = {0x3F80, 0xC000, 0x0001};
    memcpy(data + 18, brain, 6);
    static const float plain[] = {1.5f, 0x1p-149f};
    memcpy(data + 24, plain, 8);
    write_file(of_values, 0, data, 47);
    dct_safetensors *f = NULL;
    dct_error error = {""};
    assert_int_equal(dct_safetensors_open(&(dct_folder){0}, path, &f, &error), DECOCT_OK);
    float out[9];
    read_values(f, "h", 0, 9, out);
    for (int i = 0; i < 9; i++) {
        assert_true(isnan(half_is[i]) ? isnan(out[i]) : memcmp(&out[i], &half_is[i], 4) == 0);
    }
    read_values(f, "h", 3, 2, out);
    assert_true(out[0] == 0x1.ff8p-15f && out[1] == 0x1p-14f);
    dct_tensor *t = read_values(f, "b", 0, 3, out);
    assert_true(t->rank == 2 && t->shape[0] == 3 && t->shape[1] == 1);
    assert_true(out[0] == 1.0f && out[1] == -2.0f && out[2] == 0x1p-133f);
    read_values(f, "f", 1, 1, out);
    assert_true(out[0] == 0x1p-149f);
    t = dct_safetensors_find(f, "none");
    assert_true(t && t->count == 0);
    decoct_dtype dtype;
    expect_stored(f, "b", brain, sizeof brain);
    t = dct_safetensors_find(f, "skip");
    assert_true(t && !dct_tensor_dtype(t, &dtype) && strcmp(t->type, "I64") == 0);
    t = dct_safetensors_find(f, "new"); // a type of a later version of the format
    assert_true(t && !dct_tensor_dtype(t, &dtype) && strcmp(t->type, "F6_E3M2") == 0);
    assert_null(dct_safetensors_find(f, "__metadata__"));
    assert_int_equal(dct_safetensors_count(f), 6);
    // The file becomes shorter while it is in use: an error, not a signal.
    assert_int_equal(truncate(path, 100), 0);
    t = dct_safetensors_find(f, "f");
    assert_int_equal(dct_tensor_read(f, t, 0, 2, out, &error), DECOCT_E_IO);
    assert_non_null(strstr(error.text, "became shorter"));
    dct_safetensors_close(f);
}

static void expect(decoct_status wanted, const char *words) {
    dct_safetensors *f = NULL;
    dct_error error = {""};
    decoct_status status = dct_safetensors_open(&(dct_folder){0}, path, &f, &error);
    if (status != wanted || !strstr(error.text, words) || !strstr(error.text, path)) {
        print_error("status %d: %s; expected: %s\n", status, error.text, words);
    }
    assert_int_equal(status, wanted);
    assert_non_null(strstr(error.text, words));
    assert_non_null(strstr(error.text, path));
    assert_null(f);
}

static const struct {
    const char *type, *shape, *offsets, *words;
} headers[] = {
    {"F32", "[2]", "[0, 9]", "outside the file"},
    {"F32", "[2]", "[0, 9223372036854775807]", "outside the file"},
    {"F32", "[2]", "[-8, 0]", "outside the file"},
    {"F32", "[2]", "[8, 0]", "outside the file"},
    {"F32", "[2]", "[0.0, 8.0]", "whole numbers"},
    {"F32", "[2]", "[0]", "pair"},
    {"F32", "[2]", "null", "pair"},
    {"F32", "[1]", "[0, 8]", "do not fit its shape"},
    {"F32", "[3000000000, 3000000000, 3000000000]", "[0, 8]", "out of range"},
    {"F32", "[4611686018427387904]", "[0, 0]", "do not fit its shape"},
    {"F32", "[-2]", "[0, 8]", "out of range"},
    {"F32", "[1,1,1,1,1,1,1,1,2]", "[0, 8]", "at most 8"},
    {"F32", "2", "[0, 8]", "list"},
    {"F32", "[1]", "[0, 4]", "byte 73: 4 bytes that belong to no tensor"},
    {"F32", "[1]", "[4, 8]", "comes after a gap"},
    {"F32", "[0]", "[0, 0]", "8 bytes that belong to no tensor"},
};

static void test_wrong_headers(void **state) {
    static const char one[] = "{\"w\": {\"dtype\": \"%s\", \"shape\": %s, \"data_offsets\": %s}}";
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        char header[256];
        snprintf(header, sizeof header, one, headers[i].type, headers[i].shape, headers[i].offsets);
        write_file(header, 0, "12345678", 8);
        expect(DECOCT_E_FORMAT, headers[i].words);
    }
    write_file("{\"v\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]},"
               "\"w\": {\"dtype\": \"F16\", \"shape\": [2], \"data_offsets\": [4, 8]}}",
               0, "12345678", 8);
    expect(DECOCT_E_FORMAT, "tensor w overlaps another one");
    write_file("{\"v\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]},"
               "\"w\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}}",
               0, "12345678", 8);
    expect(DECOCT_E_FORMAT, "overlaps another one");
    write_file("{\"a.h.0.v\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [0, 4]},"
               "\"h.0.v\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [4, 8]}}",
               0, "12345678", 8);
    expect(DECOCT_E_FORMAT, "are the same part of the model");
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\noid sha256:12\n";
    write_bytes(path, pointer, sizeof pointer - 1);
    expect(DECOCT_E_FORMAT, "git lfs pull");
    write_bytes(path, "", 0);
    expect(DECOCT_E_FORMAT, "byte 0");
    write_bytes(path, "1234567", 7);
    expect(DECOCT_E_FORMAT, "byte 0");
    write_file("{}", 3, NULL, 0);
    expect(DECOCT_E_FORMAT, "byte 0");
    write_file("{}", UINT64_MAX, NULL, 0);
    expect(DECOCT_E_FORMAT, "byte 0");
    write_file("{\"w\": ", 0, NULL, 0);
    expect(DECOCT_E_FORMAT, "byte 14");
    write_file("[1]", 0, NULL, 0);
    expect(DECOCT_E_FORMAT, "not a JSON object");
    write_file("{\"w\": 7}", 0, NULL, 0);
    expect(DECOCT_E_FORMAT, "dtype is missing");
    write_file("{\"w\": 7, \"w\": 7}", 0, NULL, 0);
    expect(DECOCT_E_FORMAT, "duplicate");
}

// A good file cut at every length is refused, or is what it was (nothing behind the data is
// needed).
static void test_truncated(void **state) {
    static const char header[] =
        "{\"w\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}}";
    uint64_t length = sizeof header - 1;
    char bytes[256];
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    memset(bytes + 8 + length, 1, 8);
    (void)state;
    for (size_t size = 0; size < 8 + length + 8; size++) {
        write_bytes(path, bytes, size);
        expect(DECOCT_E_FORMAT, "byte");
    }
}

static void test_missing(void **state) {
    char other[128];
    dct_error error = {""};
    dct_safetensors *f = NULL;
    (void)state;
    unlink(path);
    expect(DECOCT_E_IO, "No such file");
    static const struct {
        const char *name, *words;
    } others[] = {{"pytorch_model.bin", "pickle"},
                  {"tf_model.h5", "TensorFlow"},
                  {"model-00001-of-00002.safetensors", "model.safetensors.index.json"},
                  {"model.fp16.safetensors", "another name"}};
    assert_int_equal(dct_safetensors_open_folder(&(dct_folder){.name = folder}, &f, &error),
                     DECOCT_E_IO);
    assert_non_null(strstr(error.text, "model.safetensors"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(other, sizeof other, "%s/%s", folder, others[i].name);
        write_bytes(other, "x", 1);
        assert_int_equal(dct_safetensors_open_folder(&(dct_folder){.name = folder}, &f, &error),
                         DECOCT_E_UNSUPPORTED);
        assert_non_null(strstr(error.text, others[i].name));
        assert_non_null(strstr(error.text, others[i].words));
        unlink(other);
    }
    // A pipe without a writer: an error, not an endless wait.
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(600);
    expect(DECOCT_E_IO, "not a file");
    alarm(0);
    unlink(path);
}

static decoct_status open_once(void *data, dct_error *error) {
    dct_safetensors *f = NULL;
    (void)data;
    decoct_status status = dct_safetensors_open(&(dct_folder){0}, path, &f, error);
    assert_true((f != NULL) == (status == DECOCT_OK));
    dct_safetensors_close(f);
    return status;
}

static void test_no_memory(void **state) {
    (void)state;
    write_file("{\"v\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]},"
               "\"module.h.0._orig_mod.w\": {\"dtype\": \"F16\", \"shape\": [2, 2], "
               "\"data_offsets\": [8, 16]}}",
               0, "1234567812345678", 16);
    assert_true(memory_sweep(open_once, NULL) > 20);
}

// ---- Many tensors ----

static int64_t most_held;

static void *counted_block(size_t size) {
    void *block = json_block(size);
    most_held = memory_held > most_held ? memory_held : most_held;
    return block;
}

// Finding one of many needs few comparisons, and only a few of them are in jansson's form at once:
// time and memory follow the size of the file.
static void test_many(void **state) {
    enum { COUNT = 160000, LINE = 96 };
    json_malloc_t old_malloc;
    json_free_t old_free;
    (void)state;
    char *bytes = malloc((size_t)COUNT * LINE), *to = bytes + 8;
    assert_non_null(bytes);
    for (int i = 0; i < COUNT; i++) {
        to +=
            sprintf(to, "%c\"x%d\": {\"dtype\": \"F32\", \"shape\": [0], \"data_offsets\": [0, 0]}",
                    i ? ',' : '{', i);
    }
    *to++ = '}';
    uint64_t length = (uint64_t)(to - bytes) - 8;
    memcpy(bytes, &length, 8);
    write_bytes(path, bytes, length + 8);
    dct_safetensors *f = NULL;
    dct_error error = {""};
    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(counted_block, json_unblock);
    assert_int_equal(dct_safetensors_open(&(dct_folder){0}, path, &f, &error), DECOCT_OK);
    json_set_alloc_funcs(old_malloc, old_free);
    assert_int_equal(memory_held, 0);
    assert_true(most_held > 0 && most_held < COUNT / 2);
    assert_int_equal(dct_safetensors_count(f), COUNT);
    for (int i = 0; i < COUNT; i++) {
        char name[16];
        sprintf(name, "x%d", i);
        assert_non_null(dct_safetensors_find(f, name));
    }
    assert_null(dct_safetensors_find(f, "y"));
    assert_true(dct_safetensors_compared(f) <= 18 * ((int64_t)COUNT + 1)); // log2(160000) = 17.3
    dct_safetensors_close(f);
    // One of them again, far away.
    memcpy(strstr(bytes + 8, "\"x159999\""), "\"x100000\"", 9);
    write_bytes(path, bytes, length + 8);
    expect(DECOCT_E_FORMAT, "\"x100000\" is there twice");
    free(bytes);
}

// ---- Names ----

static void test_roles(void **state) {
    static const struct {
        const char *name, *role;
        dct_role_kind kind;
        int64_t layer;
    } cases[] = {
        {"wte.weight", "wte.weight", DCT_ROLE_MODEL, -1},
        {"transformer.wte.weight", "wte.weight", DCT_ROLE_MODEL, -1},
        {"module.transformer.h.11.ln_1.bias", "h.11.ln_1.bias", DCT_ROLE_MODEL, 11},
        {"_orig_mod.transformer.h.0._orig_mod.attn.c_attn.weight", "h.0.attn.c_attn.weight",
         DCT_ROLE_MODEL, 0},
        {"_fsdp_wrapped_module.h.2._fsdp_wrapped_module._checkpoint_wrapped_module.mlp.c_fc.bias",
         "h.2.mlp.c_fc.bias", DCT_ROLE_MODEL, 2},
        {"my.own.class.lm_head.weight", "lm_head.weight", DCT_ROLE_MODEL, -1},
        {"model.module.tokens_embed.weight", "tokens_embed.weight", DCT_ROLE_MODEL, -1},
        {"transformer.h.3.attn.bias", "h.3.attn.bias", DCT_ROLE_BUFFER, 3},
        {"h.3.attn.masked_bias", "h.3.attn.masked_bias", DCT_ROLE_BUFFER, 3},
        {"transformer.position_ids", "transformer.position_ids", DCT_ROLE_BUFFER, -1},
        {"h.3.attn.c_attn.lora_A.default.weight", "h.3.attn.c_attn.lora_A.default.weight",
         DCT_ROLE_MODEL, 3},
        {"h.3.crossattention.c_attn.weight", "h.3.crossattention.c_attn.weight", DCT_ROLE_MODEL, 3},
        {"my_adapter.up.weight", "my_adapter.up.weight", DCT_ROLE_MODEL, -1},
        {"v_head.summary.weight", "v_head.summary.weight", DCT_ROLE_OTHER, -1},
        {"score.weight", "score.weight", DCT_ROLE_OTHER, -1},
        {"h.x.weight", "h.x.weight", DCT_ROLE_OTHER, -1},
        {"wte2.weight", "wte2.weight", DCT_ROLE_OTHER, -1},
        {"", "", DCT_ROLE_OTHER, -1},
        {"...", "...", DCT_ROLE_OTHER, -1},
        {"h.0.module", "h.0", DCT_ROLE_MODEL, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char role[128];
        dct_role_of(cases[i].name, role);
        assert_string_equal(role, cases[i].role);
        assert_int_equal(dct_role_kind_of(dct_family_at(0), role), cases[i].kind);
        assert_int_equal(dct_role_layer(dct_family_at(0), role), cases[i].layer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),    cmocka_unit_test(test_wrong_headers),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_missing),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_many),
        cmocka_unit_test(test_roles),
    };
    snprintf(folder, sizeof folder, "/tmp/decoct-test-XXXXXX");
    if (!mkdtemp(folder)) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/w", folder);
    int failed = cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
    unlink(path);
    rmdir(folder);
    return failed;
}
