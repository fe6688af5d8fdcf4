// SPDX-License-Identifier: BSD-2-Clause
// safetensors and config.json: values of every type, and files that lie about themselves.
#include "safetensors.h"

#include "config.h"

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

static void test_values(void **state) {
    static const uint16_t half[] = {0x3C00, 0x8000, 0x0001, 0x03FF, 0x0400,
                                    0x7BFF, 0x7C00, 0xFC00, 0x7E00};
    static const float half_is[] = {1.0f,     -0.0f,    0x1p-24f,  0x1.ff8p-15f, 0x1p-14f,
                                    65504.0f, INFINITY, -INFINITY, NAN};
    (void)state;
    char data[64];
    memcpy(data, half, 18);
    static const uint16_t brain[] = {0x3F80, 0xC000, 0x0001};
    memcpy(data + 18, brain, 6);
    static const float plain[] = {1.5f, 0x1p-149f};
    memcpy(data + 24, plain, 8);
    write_file("{\"__metadata__\": {\"a\": \"b\"}, \"h\": {\"dtype\": \"F16\", \"shape\": [9], "
               "\"data_offsets\": [0, 18]},"
               "\"b\": {\"dtype\": \"BF16\", \"shape\": [3, 1], \"data_offsets\": [18, 24]},"
               "\"f\": {\"dtype\": \"F32\", \"shape\": [1, 2], \"data_offsets\": [24, 32]},"
               "\"skip\": {\"dtype\": \"I64\", \"shape\": [], \"data_offsets\": [0, 8]},"
               "\"none\": {\"dtype\": \"F32\", \"shape\": [0, 5], \"data_offsets\": [3, 3]}}",
               0, data, 32);
    dct_safetensors *f = NULL;
    dct_error error = {""};
    decoct_status status = dct_safetensors_open(path, &f, &error);
    if (status) {
        print_error("%s\n", error.text);
    }
    assert_int_equal(status, DECOCT_OK);
    dct_tensor t;
    float out[9];
    assert_true(dct_safetensors_find(f, "h", &t));
    dct_tensor_read(&t, 0, 9, out);
    for (int i = 0; i < 9; i++) {
        assert_true(isnan(half_is[i]) ? isnan(out[i]) : memcmp(&out[i], &half_is[i], 4) == 0);
    }
    assert_true(dct_safetensors_find(f, "b", &t));
    assert_true(t.rank == 2 && t.shape[0] == 3 && t.shape[1] == 1);
    dct_tensor_read(&t, 0, 3, out);
    assert_true(out[0] == 1.0f && out[1] == -2.0f && out[2] == 0x1p-133f);
    assert_true(dct_safetensors_find(f, "f", &t));
    dct_tensor_read(&t, 1, 1, out);
    assert_true(out[0] == 0x1p-149f);
    assert_true(dct_safetensors_find(f, "none", &t) && t.count == 0);
    assert_false(dct_safetensors_find(f, "skip", &t));
    assert_false(dct_safetensors_find(f, "__metadata__", &t));
    dct_safetensors_close(f);
}

static void expect(decoct_status wanted, const char *words) {
    dct_safetensors *f = NULL;
    dct_error error = {""};
    decoct_status status = dct_safetensors_open(path, &f, &error);
    if (status != wanted || !strstr(error.text, words) || !strstr(error.text, path)) {
        print_error("status %d: %s; wanted: %s\n", status, error.text, words);
    }
    assert_int_equal(status, wanted);
    assert_non_null(strstr(error.text, words));
    assert_non_null(strstr(error.text, path));
    assert_null(f);
}

static void test_lies(void **state) {
    static const char one[] = "{\"w\": {\"dtype\": \"%s\", \"shape\": %s, \"data_offsets\": %s}}";
    static const struct {
        const char *type, *shape, *offsets, *words;
    } cases[] = {
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
        {"F99", "[2]", "[0, 8]", "dtype is not known"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[256];
        snprintf(header, sizeof header, one, cases[i].type, cases[i].shape, cases[i].offsets);
        write_file(header, 0, "12345678", 8);
        expect(DECOCT_E_FORMAT, cases[i].words);
    }
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
    expect(DECOCT_E_FORMAT, "no JSON object");
    write_file("{\"w\": 7}", 0, NULL, 0);
    expect(DECOCT_E_FORMAT, "dtype is missing");
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
    snprintf(other, sizeof other, "%s/pytorch_model.bin", folder);
    write_bytes(other, "x", 1);
    assert_int_equal(dct_safetensors_open(path, &f, &error), DECOCT_E_UNSUPPORTED);
    assert_non_null(strstr(error.text, "pytorch_model.bin"));
    unlink(other);
    // A pipe that nobody writes to: an error, not a wait without end.
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(600);
    expect(DECOCT_E_IO, "not a file");
    alarm(0);
    unlink(path);
}

static decoct_status open_once(void *data, dct_error *error) {
    dct_safetensors *f = NULL;
    (void)data;
    decoct_status status = dct_safetensors_open(path, &f, error);
    assert_true((f != NULL) == (status == DECOCT_OK));
    dct_safetensors_close(f);
    return status;
}

static void test_no_memory(void **state) {
    (void)state;
    write_file("{\"v\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]},"
               "\"w\": {\"dtype\": \"F16\", \"shape\": [2, 2], \"data_offsets\": [0, 8]}}",
               0, "12345678", 8);
    assert_true(memory_sweep(open_once, NULL) > 20);
}

// ---- config.json ----

static void expect_config(const char *text, decoct_status wanted, const char *words,
                          dct_config *out) {
    char file[128];
    dct_error error = {""};
    snprintf(file, sizeof file, "%s/config.json", folder);
    write_bytes(file, text, strlen(text));
    decoct_status status = dct_config_read(folder, out, &error);
    unlink(file);
    if (status != wanted || !strstr(error.text, words)) {
        print_error("%s: status %d: %s\n", text, status, error.text);
    }
    assert_int_equal(status, wanted);
    assert_non_null(strstr(error.text, words));
}

static void test_config(void **state) {
    dct_config c;
    (void)state;
    expect_config("{\"model_type\": \"gpt2\"}", DECOCT_OK, "", &c);
    assert_true(!c.gpt1 && c.layers == 12 && c.heads == 12 && c.d_model == 768 && c.d_ffn == 3072);
    assert_true(c.context == 1024 && c.vocabulary == 50257 && c.tied && c.gelu == DECOCT_GELU_TANH);
    expect_config("{\"model_type\": \"openai-gpt\", \"afn\": \"gelu\", \"n_inner\": null}",
                  DECOCT_OK, "", &c);
    assert_true(c.gpt1 && c.context == 512 && c.vocabulary == 40478 && c.gelu == DECOCT_GELU_TANH);
    expect_config("{\"model_type\": \"gpt2\", \"activation_function\": \"gelu\", \"n_inner\": 7, "
                  "\"tie_word_embeddings\": false, \"layer_norm_epsilon\": 1e-6}",
                  DECOCT_OK, "", &c);
    assert_true(c.gelu == DECOCT_GELU_ERF && c.d_ffn == 7 && !c.tied && c.eps == 1e-6f);
    expect_config("{\"model_type\": \"llama\"}", DECOCT_E_UNSUPPORTED, "llama", &c);
    expect_config("{}", DECOCT_E_UNSUPPORTED, "model_type", &c);
    expect_config("[]", DECOCT_E_FORMAT, "object", &c);
    expect_config("{\"model_type\": \"gpt2\", \"n_head\": 5}", DECOCT_E_FORMAT, "n_head 5", &c);
    expect_config("{\"model_type\": \"gpt2\", \"n_layer\": -1}", DECOCT_E_FORMAT, "n_layer", &c);
    expect_config("{\"model_type\": \"gpt2\", \"n_embd\": 1e9}", DECOCT_E_FORMAT, "n_embd", &c);
    expect_config("{\"model_type\": \"gpt2\", \"activation_function\": \"relu\"}",
                  DECOCT_E_UNSUPPORTED, "relu", &c);
    expect_config("{\"model_type\": \"gpt2\", \"scale_attn_by_inverse_layer_idx\": true}",
                  DECOCT_E_UNSUPPORTED, "scale_attn_by_inverse_layer_idx", &c);
    expect_config("{\"model_type\": \"gpt2\", \"layer_norm_epsilon\": 0}", DECOCT_E_FORMAT,
                  "epsilon", &c);
    expect_config("{\"model_type\": \"gpt2\", \"layer_norm_epsilon\": 1e-300}", DECOCT_E_FORMAT,
                  "epsilon", &c); // 0 as f32
    expect_config("{\"model_type\": \"gpt2\", \"layer_norm_epsilon\": \"1\"}", DECOCT_E_FORMAT,
                  "epsilon", &c);
    expect_config("{\"model_type\": \"gpt2\", \"scale_attn_weights\": false}", DECOCT_E_UNSUPPORTED,
                  "scale_attn_weights is false", &c);
    expect_config("{\"model_type\": \"gpt2\", \"tie_word_embeddings\": 1}", DECOCT_E_FORMAT,
                  "tie_word_embeddings", &c);
    expect_config("{\"model_type\": 2}", DECOCT_E_FORMAT, "model_type", &c);
    expect_config("{\"model_type\": \"openai-gpt\", \"afn\": \"silu\"}", DECOCT_E_UNSUPPORTED,
                  "afn is \"silu\"", &c);
    expect_config("{\"model_type\": \"gpt2\", \"model_type\": \"gpt2\"}", DECOCT_E_FORMAT,
                  "config.json: byte", &c);
    expect_config("{\"model_type\": \"gpt2\"", DECOCT_E_FORMAT, "config.json: byte", &c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),    cmocka_unit_test(test_lies),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_missing),
        cmocka_unit_test(test_config),    cmocka_unit_test(test_no_memory),
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
