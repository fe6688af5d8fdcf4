// SPDX-License-Identifier: BSD-2-Clause
// config.json: each key under each of its names, and what is refused.
#include "model/config.h"

#include "model/ends.h"
#include "model/families/family.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "failing_memory.h"

static char folder[64];

static void write_bytes(const char *to, const void *data, size_t size) {
    FILE *f = fopen(to, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
}

static void expect_config(const char *text, decoct_status wanted, const char *words,
                          dct_config *out) {
    char file[128];
    dct_error error = {""};
    snprintf(file, sizeof file, "%s/config.json", folder);
    write_bytes(file, text, strlen(text));
    decoct_status status = dct_config_read(&(dct_folder){.name = folder}, out, &error);
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
    assert_string_equal(c.family->type, "gpt2");
    assert_true(c.layers == 12 && c.size.heads == 12 && c.size.d_model == 768 &&
                c.size.d_ffn == 3072);
    assert_true(c.size.context == 1024 && c.size.vocabulary == 50257 && c.tied &&
                c.size.act_form == DECOCT_GELU_TANH);
    expect_config("{\"model_type\": \"openai-gpt\", \"afn\": \"gelu\", \"n_inner\": null}",
                  DECOCT_OK, "", &c);
    assert_string_equal(c.family->type, "openai-gpt");
    assert_true(c.size.context == 512 && c.size.vocabulary == 40478 &&
                c.size.act_form == DECOCT_GELU_TANH);
    expect_config("{\"model_type\": \"gpt2\", \"activation_function\": \"gelu\", \"n_inner\": 7, "
                  "\"tie_word_embeddings\": false, \"layer_norm_epsilon\": 1e-6}",
                  DECOCT_OK, "", &c);
    assert_true(c.size.act_form == DECOCT_GELU_ERF && c.size.d_ffn == 7 && !c.tied &&
                c.size.eps == 1e-6f);
}

static void test_refusals(void **state) {
    dct_config c;
    (void)state;
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

static const struct {
    const char *text;
    decoct_status status;
    const char *words;
} names_of_sizes[] = {
    {"\"n_head\": 4, \"num_attention_heads\": 4", DECOCT_OK, ""},
    {"\"n_head\": null, \"num_attention_heads\": 4", DECOCT_OK, ""},
    {"\"n_head\": 4, \"num_attention_heads\": null", DECOCT_OK, ""},
    {"\"n_head\": null", DECOCT_E_FORMAT, "n_head is null"},
    {"\"num_hidden_layers\": null", DECOCT_E_FORMAT, "num_hidden_layers is null"},
    {"\"vocab_size\": null", DECOCT_E_FORMAT, "vocab_size is null"},
    {"\"layer_norm_epsilon\": null", DECOCT_E_FORMAT, "layer_norm_epsilon is null"},
    {"\"activation_function\": null", DECOCT_E_FORMAT, "activation_function is null"},
    {"\"n_inner\": null, \"intermediate_size\": null, \"n_ctx\": null", DECOCT_OK, ""},
    {"\"n_head\": 4, \"num_attention_heads\": 6", DECOCT_E_FORMAT, "num_attention_heads is 6"},
    {"\"n_layer\": 4, \"num_hidden_layers\": 6", DECOCT_E_FORMAT, "num_hidden_layers is 6"},
    {"\"n_embd\": 24, \"hidden_size\": 36", DECOCT_E_FORMAT, "hidden_size is 36"},
    {"\"n_positions\": 24, \"max_position_embeddings\": 36", DECOCT_E_FORMAT,
     "max_position_embeddings is 36"},
    {"\"num_attention_heads\": \"4\"", DECOCT_E_FORMAT, "num_attention_heads"},
    {"\"num_heads\": 12", DECOCT_OK, ""},
    {"\"num_heads\": 4", DECOCT_E_FORMAT, "num_heads is 4, but n_head is 12 (the default)"},
    {"\"n_inner\": 7, \"intermediate_size\": 8", DECOCT_E_FORMAT, "intermediate_size is 8"},
    {"\"num_key_value_heads\": 4", DECOCT_E_UNSUPPORTED, "num_key_value_heads"},
    {"\"layer_norm_eps\": 1e-6", DECOCT_E_FORMAT, "layer_norm_eps"},
    {"\"layer_norm_eps\": 1e-6, \"layer_norm_epsilon\": 1e-6", DECOCT_OK, ""},
    {"\"hidden_act\": \"gelu\"", DECOCT_E_FORMAT, "hidden_act is \"gelu\""},
    {"\"hidden_act\": \"relu\"", DECOCT_E_UNSUPPORTED, "hidden_act is \"relu\""},
    {"\"hidden_act\": \"gelu_fast\"", DECOCT_OK, ""},
    {"\"n_positions\": 24, \"n_ctx\": 36", DECOCT_OK, ""},
};

// Names that GPT-2's own readers know are used; two names must agree; a name of another family must
// not contradict them.
static void test_names_of_sizes(void **state) {
    dct_config c;
    (void)state;
    for (size_t i = 0; i < sizeof names_of_sizes / sizeof *names_of_sizes; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"model_type\": \"gpt2\", %s}", names_of_sizes[i].text);
        expect_config(text, names_of_sizes[i].status, names_of_sizes[i].words, &c);
    }
    expect_config("{\"model_type\": \"gpt2\", \"hidden_size\": 48, \"num_hidden_layers\": 3, "
                  "\"num_attention_heads\": 4, \"max_position_embeddings\": 99}",
                  DECOCT_OK, "", &c);
    assert_true(c.layers == 3 && c.size.heads == 4 && c.size.d_model == 48 && c.size.context == 99);
    assert_true(c.size.d_ffn == 192);
    expect_config("{\"architectures\": [\"OpenAIGPTLMHeadModel\"], \"n_ctx\": 77}", DECOCT_OK, "",
                  &c);
    assert_string_equal(c.family->type, "openai-gpt");
    assert_true(c.size.context == 77);
    expect_config("{\"model_type\": \"openai-gpt\", \"activation_function\": \"gelu_new\"}",
                  DECOCT_OK, "", &c);
}

// Keys that change the arithmetic are refused unless they have the value that is computed.
static void test_switches(void **state) {
    static const char *const refused[] = {"\"quantization_config\": {\"bits\": 8}",
                                          "\"scale_attn_weights\": null",
                                          "\"add_cross_attention\": true",
                                          "\"position_embedding_type\": \"relative_key\"",
                                          "\"pruned_heads\": {\"0\": [1]}",
                                          "\"rope_theta\": 10000.0",
                                          "\"sliding_window\": 4096",
                                          "\"scale_attn_by_inverse_layer_idx\": 1",
                                          "\"tie_word_embeddings\": null"};
    static const char *const fine[] = {"\"quantization_config\": null",
                                       "\"pruned_heads\": {}",
                                       "\"reorder_and_upcast_attn\": true",
                                       "\"use_cache\": false",
                                       "\"torch_dtype\": \"float16\"",
                                       "\"my_own_note\": [1, 2]",
                                       "\"attn_pdrop\": 0.1"};
    dct_config c;
    char text[256], key[64];
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        dct_error error = {""};
        snprintf(text, sizeof text, "{\"model_type\": \"gpt2\", %s}", refused[i]);
        snprintf(key, sizeof key, "%.*s", (int)strcspn(refused[i] + 1, "\""), refused[i] + 1);
        char file[128];
        snprintf(file, sizeof file, "%s/config.json", folder);
        write_bytes(file, text, strlen(text));
        assert_int_not_equal(dct_config_read(&(dct_folder){.name = folder}, &c, &error), DECOCT_OK);
        assert_non_null(strstr(error.text, key));
        unlink(file);
    }
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        snprintf(text, sizeof text, "{\"model_type\": \"gpt2\", %s}", fine[i]);
        expect_config(text, DECOCT_OK, "", &c);
    }
}

static void test_ends(void **state) {
    dct_config c;
    char file[128];
    dct_error error = {""};
    (void)state;
    expect_config("{\"model_type\": \"gpt2\", \"eos_token_id\": 50256}", DECOCT_OK, "", &c);
    assert_true(c.ends.count == 1 && c.ends.ids[0] == 50256);
    snprintf(file, sizeof file, "%s/generation_config.json", folder);
    assert_int_equal(dct_ends_read(&c.ends, &(dct_folder){.name = folder}, &error), DECOCT_OK);
    assert_int_equal(c.ends.count, 1);
    write_bytes(file, "{\"eos_token_id\": [3, 4]}", 24);
    assert_int_equal(dct_ends_read(&c.ends, &(dct_folder){.name = folder}, &error), DECOCT_OK);
    assert_true(c.ends.count == 3 && c.ends.ids[1] == 3 && c.ends.ids[2] == 4);
    write_bytes(file, "{\"eos_token_id\": \"3\"}", 21);
    assert_int_equal(dct_ends_read(&c.ends, &(dct_folder){.name = folder}, &error),
                     DECOCT_E_FORMAT);
    write_bytes(file, "[]", 2);
    assert_int_equal(dct_ends_read(&c.ends, &(dct_folder){.name = folder}, &error),
                     DECOCT_E_FORMAT);
    assert_non_null(strstr(error.text, "generation_config.json"));
    unlink(file);
    expect_config("{\"model_type\": \"gpt2\", \"eos_token_id\": [7, null]}", DECOCT_E_FORMAT,
                  "eos_token_id", &c);
    expect_config("{\"model_type\": \"gpt2\", \"eos_token_id\": null}", DECOCT_OK, "", &c);
    assert_int_equal(c.ends.count, 0);
}

static decoct_status read_once(void *data, dct_error *error) {
    dct_config c;
    (void)data;
    return dct_config_read(&(dct_folder){.name = folder}, &c, error);
}

static void test_no_memory(void **state) {
    char file[128];
    static const char text[] = "{\"model_type\": \"gpt2\", \"num_attention_heads\": 12, "
                               "\"scale_attn_by_inverse_layer_idx\": false}";
    (void)state;
    snprintf(file, sizeof file, "%s/config.json", folder);
    write_bytes(file, text, sizeof text - 1);
    assert_true(memory_sweep(read_once, NULL) > 10);
    unlink(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config),         cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_names_of_sizes), cmocka_unit_test(test_switches),
        cmocka_unit_test(test_ends),           cmocka_unit_test(test_no_memory),
    };
    snprintf(folder, sizeof folder, "/tmp/decoct-test-XXXXXX");
    if (!mkdtemp(folder)) {
        return 1;
    }
    int failed = cmocka_run_group_tests_name("config", tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
