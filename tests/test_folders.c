// SPDX-License-Identifier: BSD-2-Clause
// Model folders as users have them: the same answer whatever the files are named and however they
// are split, and an error or a note for what would change it.
#include "tiny_model.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static float wanted[TINY_VOCABULARY], got[TINY_VOCABULARY];

static bool same_answer(void) {
    return check_same_bits(wanted, got, TINY_VOCABULARY);
}

static void begin(decoct_context **ctx, tiny_model *m, bool gpt1) {
    *ctx = check_open("scalar", 1);
    tiny_begin(m, gpt1);
    tiny_all(m, gpt1);
    assert_int_equal(tiny_logits(*ctx, m, wanted), DECOCT_OK);
    tiny_expect(*ctx, m, DECOCT_OK, "");
}

static void end(decoct_context *ctx, tiny_model *m) {
    tiny_end(m);
    decoct_context_close(ctx);
}

static void expect_same(decoct_context *ctx, const tiny_model *m) {
    assert_int_equal(tiny_logits(ctx, m, got), DECOCT_OK);
    assert_true(same_answer());
}

static void rewrite(const tiny_model *m) {
    tiny_weights(m, "model.safetensors", 0, m->count);
}

static void test_prefixes(void **state) {
    static const char *const prefixes[] = {"transformer.",           "module.transformer.",
                                           "_orig_mod.transformer.", "model.",
                                           "my.own.class.",          "_orig_mod.module."};
    (void)state;
    for (int gpt1 = 0; gpt1 < 2; gpt1++) {
        for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
            decoct_context *ctx;
            tiny_model m;
            begin(&ctx, &m, gpt1);
            tiny_prefix(&m, prefixes[i]);
            rewrite(&m);
            expect_same(ctx, &m);
            tiny_expect(ctx, &m, DECOCT_OK, "");
            end(ctx, &m);
        }
    }
}

// The head of a tied model may be there, but only as what it is tied to.
static void test_heads(void **state) {
    decoct_context *ctx;
    tiny_model m;
    (void)state;
    for (int gpt1 = 0; gpt1 < 2; gpt1++) {
        begin(&ctx, &m, gpt1);
        const char *tokens = gpt1 ? "tokens_embed.weight" : "wte.weight";
        tiny_tensor *head =
            tiny_add(&m, "module.lm_head.weight", "F32", TINY_VOCABULARY, TINY_WIDTH);
        head->seed = tiny_find(&m, tokens)->seed;
        rewrite(&m);
        expect_same(ctx, &m);
        tiny_expect(ctx, &m, DECOCT_OK, ""); // in silence
        head->seed++;
        rewrite(&m);
        tiny_expect(ctx, &m, DECOCT_E_FORMAT, "tie_word_embeddings");
        tiny_config(&m, ", \"n_layer\": 2, \"n_head\": 2, \"tie_word_embeddings\": false");
        assert_int_equal(tiny_logits(ctx, &m, got), DECOCT_OK);
        assert_false(same_answer());
        tiny_add(&m, "lm_head.bias", "F32", 0, TINY_VOCABULARY);
        rewrite(&m);
        tiny_expect(ctx, &m, DECOCT_E_UNSUPPORTED, "lm_head.bias");
        end(ctx, &m);

        begin(&ctx, &m, gpt1); // stored once, under the name of the head
        strcpy(tiny_find(&m, tokens)->name, "lm_head.weight");
        rewrite(&m);
        expect_same(ctx, &m);
        tiny_write(&m, "config.json", gpt1 ? "{\"model_type\": \"openai-gpt\"}" : "{}");
        tiny_model named = m;
        strcpy(named.tensors[0].name, tokens); // for the model_type
        tiny_config(&named, ", \"n_layer\": 2, \"n_head\": 2, \"tie_word_embeddings\": false");
        tiny_expect(ctx, &m, DECOCT_E_FORMAT, "there is no tensor");
        end(ctx, &m);
    }
}

// Tensors that would change the answer are refused by their names, others give a note or are masks.
static void test_other_tensors(void **state) {
    static const struct {
        const char *name, *type;
        decoct_status status;
        const char *words;
    } cases[] = {
        {"transformer.h.2.ln_1.weight", "F32", DECOCT_E_FORMAT, "h.2.ln_1.weight is of a block"},
        {"h.0.crossattention.c_attn.weight", "F32", DECOCT_E_UNSUPPORTED, "crossattention"},
        {"base_model.h.0.attn.c_attn.lora_A.weight", "F32", DECOCT_E_UNSUPPORTED, "lora_A"},
        {"h.0.attn.c_attn.weight_scale", "F32", DECOCT_E_UNSUPPORTED, "weight_scale"},
        {"h.1.attn.rotary_emb.inv_freq", "F32", DECOCT_E_UNSUPPORTED, "rotary_emb"},
        {"wte.bias", "F32", DECOCT_E_UNSUPPORTED, "wte.bias"},
        {"houlsby_adapter.weight", "F32", DECOCT_E_UNSUPPORTED, "houlsby_adapter"},
        {"h.0.attn.bias", "F9_NEW", DECOCT_OK, ""},
        {"h.0.attn.masked_bias", "F32", DECOCT_OK, ""},
        {"position_ids", "I64", DECOCT_OK, ""},
        {"soft_prompt", "F32", DECOCT_E_UNSUPPORTED, "soft_prompt"},
        {"embed_out.weight", "F32", DECOCT_E_UNSUPPORTED, "embed_out"},
        {"score.weight", "F32", DECOCT_OK, "score.weight"},
        {"statistics", "F4_NEW", DECOCT_OK, "statistics"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        decoct_context *ctx;
        tiny_model m;
        begin(&ctx, &m, false);
        bool eight = strcmp(cases[i].type, "I64") == 0;
        tiny_add(&m, cases[i].name, eight ? "F64" : cases[i].type, 0, 4);
        rewrite(&m);
        tiny_expect(ctx, &m, cases[i].status, cases[i].words);
        if (cases[i].status == DECOCT_OK) {
            expect_same(ctx, &m);
        }
        end(ctx, &m);
    }
}

// What has the same prefix as the parts of a model is a part of it; what is beside the prefix is
// not.
static void test_beside_the_parts(void **state) {
    static const struct {
        const char *name;
        decoct_status status;
        const char *words;
    } cases[] = {{"transformer.embd_norm.weight", DECOCT_E_UNSUPPORTED, "transformer.embd_norm"},
                 {"transformer.wtt.weight", DECOCT_E_UNSUPPORTED, "transformer.wtt.weight"},
                 {"transformer.0.attn.bias", DECOCT_OK, ""}, // a mask
                 {"transformer", DECOCT_OK, "transformer"},
                 {"score.weight", DECOCT_OK, "score.weight"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        decoct_context *ctx;
        tiny_model m;
        begin(&ctx, &m, i % 2);
        tiny_prefix(&m, "transformer.");
        tiny_add(&m, cases[i].name, "F32", 0, 4);
        rewrite(&m);
        tiny_expect(ctx, &m, cases[i].status, cases[i].words);
        end(ctx, &m);
    }
}

static void test_types(void **state) {
    static const char *const types[] = {"I8", "F64", "U8", "F8_E4M3", "F9_NEW"};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        decoct_context *ctx;
        tiny_model m;
        char words[64];
        begin(&ctx, &m, false);
        strcpy(tiny_find(&m, "h.1.mlp.c_fc.weight")->type, types[i]);
        rewrite(&m);
        snprintf(words, sizeof words, "h.1.mlp.c_fc.weight has the type %s;", types[i]);
        tiny_expect(ctx, &m, DECOCT_E_UNSUPPORTED, words);
        end(ctx, &m);
    }
}

// Dangling links, texts that are not UTF-8, a folder without a name.
static void test_odd_files(void **state) {
    static const char *const names[] = {"model.safetensors", "generation_config.json", "merges.txt",
                                        "tokenizer_config.json"};
    decoct_context *ctx;
    decoct_model *model = NULL;
    tiny_model m;
    char path[256], words[64];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        begin(&ctx, &m, false);
        snprintf(path, sizeof path, "%s/%s", m.folder, names[i]);
        snprintf(words, sizeof words, "%s: a link to a file that is not there", names[i]);
        unlink(path);
        assert_int_equal(symlink("../nowhere", path), 0);
        tiny_expect(ctx, &m, DECOCT_E_IO, words);
        unlink(path);
        end(ctx, &m);
    }
    begin(&ctx, &m, false);
    tiny_write(&m, "merges.txt", "\xFF\xFE#");
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "merges.txt: byte 0: this is UTF-16");
    tiny_write(&m, "config.json", "\xFE\xFF");
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "config.json: byte 0: this is UTF-16");
    tiny_write(&m, "config.json", "");
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "config.json: byte 0: the JSON text is empty");
    assert_int_equal(decoct_model_open(ctx, "", &model), DECOCT_E_ARGUMENT);
    assert_null(model);
    end(ctx, &m);
}

static void test_configurations(void **state) {
    decoct_context *ctx;
    tiny_model m;
    (void)state;
    begin(&ctx, &m, false);
    tiny_config(&m, ", \"num_hidden_layers\": 2, \"num_attention_heads\": 2");
    expect_same(ctx, &m);
    tiny_config(&m, ", \"n_layer\": 2, \"num_attention_heads\": 4");
    assert_int_equal(tiny_logits(ctx, &m, got), DECOCT_OK);
    assert_false(same_answer());
    tiny_config(&m, ", \"n_layer\": 1, \"n_head\": 2");
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "is of a block beyond the 1");
    tiny_config(&m, ", \"n_layer\": 2, \"n_head\": 2, \"n_layer\": 2");
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "config.json: byte");
    tiny_all(&m, false);
    tiny_write(&m, "adapter_config.json", "{}");
    tiny_expect(ctx, &m, DECOCT_E_UNSUPPORTED, "adapter_config.json");
    end(ctx, &m);
}

// Which tokens end a text.
static void expect_ends(decoct_context *ctx, const tiny_model *m, int32_t first, int32_t second) {
    decoct_model *model = NULL;
    assert_int_equal(decoct_model_open(ctx, m->folder, &model), DECOCT_OK);
    for (int32_t id = -1; id <= TINY_VOCABULARY; id++) {
        assert_int_equal(decoct_model_is_end(model, id), id == first || id == second);
    }
    decoct_model_close(model);
}

static void test_ends(void **state) {
    decoct_context *ctx;
    tiny_model m;
    (void)state;
    begin(&ctx, &m, false);
    expect_ends(ctx, &m, 261, 261); // <|endoftext|>
    tiny_config(&m, ", \"n_layer\": 2, \"n_head\": 2, \"eos_token_id\": 7");
    expect_ends(ctx, &m, 7, 7);
    tiny_config(&m, ", \"n_layer\": 2, \"n_head\": 2, \"eos_token_id\": [7, 8]");
    expect_ends(ctx, &m, 7, 8);
    tiny_write(&m, "generation_config.json", "{\"eos_token_id\": [8]}");
    expect_ends(ctx, &m, 7, 8);
    tiny_write(&m, "generation_config.json", "{\"eos_token_id\": 8}");
    tiny_config(&m, ", \"n_layer\": 2, \"n_head\": 2");
    expect_ends(ctx, &m, 8, 8);
    tiny_write(&m, "generation_config.json", "{\"eos_token_id\": null}");
    // The default of GPT-2's configuration, which a smaller vocabulary does not have.
    tiny_config(&m, ", \"n_layer\": 2, \"n_head\": 2, \"eos_token_id\": 50256");
    expect_ends(ctx, &m, 261, 261);
    tiny_write(&m, "generation_config.json", "{\"eos_token_id\": \"</s>\"}");
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "generation_config.json: eos_token_id");
    assert_int_equal(decoct_model_is_end(NULL, 0), 0);
    end(ctx, &m);
}

// ---- Shards ----

// An index of all tensors: the first `half` in the first file.
static void write_index(const tiny_model *m, int half, const char *second) {
    char text[8192], *to = text;
    to += sprintf(to, "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {");
    for (int i = 0; i < m->count; i++) {
        to += sprintf(to, "%s\"%s\": \"%s\"", i ? ", " : "", m->tensors[i].name,
                      i < half ? "a.safetensors" : second);
    }
    strcpy(to, "}}");
    tiny_write(m, "model.safetensors.index.json", text);
}

static void test_shards(void **state) {
    decoct_context *ctx;
    tiny_model m;
    (void)state;
    begin(&ctx, &m, false);
    tiny_unlink(&m, "model.safetensors");
    int half = m.count / 2;
    tiny_weights(&m, "a.safetensors", 0, half);
    tiny_weights(&m, "b.safetensors", half, m.count);
    write_index(&m, half, "b.safetensors");
    expect_same(ctx, &m);

    write_index(&m, half, "c.safetensors");
    tiny_expect(ctx, &m, DECOCT_E_IO, "c.safetensors: a shard");
    write_index(&m, half, "../b.safetensors");
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "not the name of a file in this folder");
    write_index(&m, half, "");
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "not the name of a file in this folder");
    write_index(&m, half + 1, "b.safetensors"); // the map names the wrong file for one
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, m.tensors[half].name);
    write_index(&m, half, "b.safetensors");
    tiny_weights(&m, "b.safetensors", half - 1, m.count); // one of them in both
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "is in this file, but the index names another file");
    m.count--;
    tiny_weights(&m, "b.safetensors", half, m.count + 1);
    write_index(&m, half, "b.safetensors");
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "but the index names no file");
    m.count++;
    tiny_write(&m, "b.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n");
    write_index(&m, half, "b.safetensors");
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "b.safetensors: this is a Git LFS pointer");
    tiny_write(&m, "model.safetensors.index.json", "{\"weight_map\": {}}");
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "no weight_map");
    tiny_write(&m, "model.safetensors.index.json", "{\"weight_map\": {\"x\": 1}}");
    tiny_expect(ctx, &m, DECOCT_E_FORMAT, "tensor x");
    rewrite(&m); // a whole file has precedence over an index
    expect_same(ctx, &m);
    end(ctx, &m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_other_tensors),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_beside_the_parts),
        cmocka_unit_test(test_odd_files),
        cmocka_unit_test(test_configurations),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests_name("model folders", tests, NULL, NULL);
}
