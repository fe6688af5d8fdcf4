// SPDX-License-Identifier: BSD-2-Clause
// The files of tokenizers: their usual forms, and what is refused.
#include "model/tokenizer.h"

#include "machine/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "encode.h"
#include "failing_memory.h"

static char folder[64];

static void write_file(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    fclose(f);
}

static void clear_folder(void) {
    static const char *const names[] = {
        "vocab.json", "merges.txt", "tokenizer.json", "added_tokens.json", "tokenizer_config.json",
        "vocab.txt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
}

static decoct_status open_bytes(dct_tokenizer **t, dct_error *error) {
    return dct_tokenizer_open(&(dct_folder){.name = folder}, DCT_TOKENIZER_BYTES, t, error);
}

static decoct_status try_open(dct_error *error) {
    dct_tokenizer *t = NULL;
    decoct_status status = open_bytes(&t, error);
    dct_tokenizer_close(t);
    return status;
}

static const struct {
    const char *vocabulary, *merges;
    decoct_status status;
    const char *words;
} pairs_of_files[] = {
    {"{\"a\": 0, \"b\": 1, \"ab\": 2}", "#version: 0.2\r\na b\r\n", DECOCT_OK, ""},
    {"{\"a\": 0, \"b\": 1, \"ab\": 2}", "a b", DECOCT_OK, ""},
    {"{\"a\": 0, \"b\": 1, \"ab\": 2}", "\xEF\xBB\xBF#version: 0.2\na b\n", DECOCT_OK, ""},
    {"\xEF\xBB\xBF{\"a\": 0, \"b\": 1, \"ab\": 2}", "\xEF\xBB\xBF\n\na b\n", DECOCT_OK, ""},
    {"{\"a\": 0, \"b\": 1, \"ab\": 2}", "#version: 0.2\r a  b \t\r\r", DECOCT_OK, ""},
    {"{\"a\": 0, \"b\": 1, \"ab\": 2}", "# made by hand\n\n\na\tb", DECOCT_OK, ""},
    {"{\"a\": 0, \"#\": 3, \"b\": 1, \"ab\": 2}", "# made by hand today\n\n\na\tb", DECOCT_OK, ""},
    {"{\"a\": 0, \"b\": 1, \"ab\": 2}", "", DECOCT_E_FORMAT, "no merges, but 1 tokens"},
    {"{\"a\": 0, \"b\": 1, \"ab\": 2}", "\r", DECOCT_E_FORMAT, "no merges, but 1 tokens"},
    {"{\"a\": 0, \"b\": 1, \"ab\": 2}", " \r\n\t\n", DECOCT_E_FORMAT, "no merges"},
    {"{\"a\": 0, \"b\": 1, \"ab\": 2}", "#version: 0.2", DECOCT_E_FORMAT, "no merges"},
    {"{\"a\": 0, \"b\": 1, \"ab\": 2}", "#vers", DECOCT_E_FORMAT, "no merges"},
    {"{\"a\": 0, \"b\": 1, \"<|endoftext|>\": 2}", "", DECOCT_OK, ""},
    {"{\"a\": 0, \"b\": 1, \"<|endoftext|>\": 2}", "#version: 0.2\n", DECOCT_OK, ""},
    {"{\"a\": 0}", "version https://git-lfs.github.com/spec/v1\n", DECOCT_E_FORMAT, "git lfs pull"},
    {"{\"a\": 0, \"b\": 99999}", "", DECOCT_E_FORMAT, "out of range"}, // by the file's length
    {"{\"a\": {\"b\": 0}}", "", DECOCT_E_FORMAT, "out of range"},
    {"{\"a\": 0", "", DECOCT_E_FORMAT, "vocab.json: byte 7"},
    {"[]", "", DECOCT_E_FORMAT, "not a JSON object"},
    {"{\"a\": 0, \"a\": 1}", "", DECOCT_E_FORMAT, "vocab.json: byte"},
    {"{\"a\": 0, \"b\": 0}", "", DECOCT_E_FORMAT, "there twice"},
    {"{\"a\": -1}", "", DECOCT_E_FORMAT, "out of range"},
    {"{\"a\": 99999999999}", "", DECOCT_E_FORMAT, "out of range"},
    {"{\"a\": 0.5}", "", DECOCT_E_FORMAT, "out of range"},
    {"{\"a\": 0, \"b\": 1}", "a b\n", DECOCT_E_FORMAT, "merges.txt: line 1 (byte 0)"},
    {"{\"a\": 0, \"b\": 1, \"ab\": 2}", "#version\na b\nab\n", DECOCT_E_FORMAT, "line 3 (byte 13)"},
    {"{\"a\": 0, \"b\": 1, \"ab\": 2}", "a b\na b\n", DECOCT_E_FORMAT, "there twice"},
    {"{\"a\": 0, \"b\": 1, \"ab\": 2}", "a b c\n", DECOCT_E_FORMAT, "line 1"},
};

static void test_broken_files(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof pairs_of_files / sizeof *pairs_of_files; i++) {
        dct_error error = {""};
        clear_folder();
        write_file("vocab.json", pairs_of_files[i].vocabulary);
        write_file("merges.txt", pairs_of_files[i].merges);
        decoct_status status = try_open(&error);
        if (status != pairs_of_files[i].status || !strstr(error.text, pairs_of_files[i].words)) {
            print_error("case %zu: status %d: %s\n", i, status, error.text);
        }
        assert_int_equal(status, pairs_of_files[i].status);
        assert_non_null(strstr(error.text, pairs_of_files[i].words));
    }
    dct_error error;
    clear_folder();
    assert_int_equal(try_open(&error), DECOCT_E_IO);
    assert_non_null(strstr(error.text, "neither vocab.json with merges.txt nor tokenizer.json"));
    write_file("vocab.txt", "[UNK]\n");
    assert_int_equal(try_open(&error), DECOCT_E_UNSUPPORTED);
    assert_non_null(strstr(error.text, "vocab.txt: a tokenizer of the kind WordPiece"));
}

static void test_one_file(void **state) {
    static const char *const good[] = {
        "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}, \"merges\": "
        "[\"a b\"]}, "
        "\"added_tokens\": [{\"id\": 3, \"content\": \"<|endoftext|>\"}, {\"id\": 0, \"content\": "
        "\"a\"}]}",
        "{\"model\": {\"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}, \"merges\": [[\"a\", \"b\"]]}, "
        "\"added_tokens\": [{\"id\": 3, \"content\": \"<|endoftext|>\"}]}"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        dct_error error = {""};
        dct_tokenizer *t = NULL;
        clear_folder();
        write_file("tokenizer.json", good[i]);
        assert_int_equal(open_bytes(&t, &error), DECOCT_OK);
        assert_int_equal(dct_tokenizer_size(t), 4);
        int32_t *ids;
        assert_int_equal(encode(t, "abab", 4, &ids), 2);
        assert_int_equal(ids[0], 2);
        dct_free(ids);
        dct_tokenizer_close(t);
    }
}

static void expect_note(const char *words) {
    dct_error error = {""};
    dct_tokenizer *t = NULL;
    assert_int_equal(open_bytes(&t, &error), DECOCT_OK);
    if (!strstr(dct_tokenizer_note(t), words)) {
        print_error("%s; expected: %s\n", dct_tokenizer_note(t), words);
    }
    assert_non_null(strstr(dct_tokenizer_note(t), words));
    assert_true(*words || !*dct_tokenizer_note(t));
    dct_tokenizer_close(t);
}

// Files beside each other: the pair if it is whole, else tokenizer.json. Tokens that no merge makes
// are noted.
static void test_folders(void **state) {
    dct_error error = {""};
    dct_tokenizer *t = NULL;
    (void)state;
    clear_folder();
    write_file("vocab.json", "{\"a\": 0}");
    assert_int_equal(try_open(&error), DECOCT_E_IO);
    assert_non_null(strstr(error.text, "merges.txt"));
    write_file("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": 0, \"b\": 1}}}");
    assert_int_equal(open_bytes(&t, &error), DECOCT_OK);
    assert_int_equal(dct_tokenizer_size(t), 2);
    dct_tokenizer_close(t);
    write_file("merges.txt", "#version: 0.2\n");
    assert_int_equal(open_bytes(&t, &error), DECOCT_OK);
    assert_int_equal(dct_tokenizer_size(t), 1);
    dct_tokenizer_close(t);
    expect_note("");
    write_file("vocab.json", "{\"a\": 0, \"b\": 1, \"ab\": 2, \"ba\": 3, \"<pad>\": 4}");
    expect_note("2 token(s) of the vocabulary are made by no merge");
    write_file("merges.txt", "#version: 0.2\na b\n");
    expect_note("1 token(s) of the vocabulary are made by no merge and never come out of a text: "
                "\"ba\"");
    write_file("merges.txt", "#version: 0.2\na b\nb a");
    expect_note("");
    write_file("added_tokens.json", "{\"<|im_end|>\": 5, \"<pad>\": 4}");
    assert_int_equal(open_bytes(&t, &error), DECOCT_OK);
    assert_int_equal(dct_tokenizer_size(t), 6);
    assert_int_equal(dct_tokenizer_find(t, "<|im_end|>"), 5);
    dct_tokenizer_close(t);
    write_file("tokenizer_config.json", "{\"add_prefix_space\": \"true\"}");
    assert_int_equal(try_open(&error), DECOCT_E_UNSUPPORTED);
    assert_non_null(strstr(error.text, "tokenizer_config.json: add_prefix_space is not false"));
    write_file("tokenizer_config.json", "{\"add_prefix_space\": null}");
    assert_int_equal(try_open(&error), DECOCT_OK);
    write_file("tokenizer_config.json", "{\"add_prefix_space\": false, \"add_bos_token\": true}");
    assert_int_equal(try_open(&error), DECOCT_E_UNSUPPORTED);
    assert_non_null(strstr(error.text, "tokenizer_config.json: add_bos_token"));
}

static const struct {
    const char *text;
    decoct_status status;
    const char *words;
} tokenizers[] = {
    {"{\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"ByteLevel\", "
     "\"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}, "
     "\"model\": {\"byte_fallback\": false, \"vocab\": {\"a\": 0}, \"merges\": []}}",
     DECOCT_OK, ""},
    {"{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": []}, \"pre_tokenizer\": "
     "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Sequence\", "
     "\"pretokenizers\": [{\"type\": \"ByteLevel\"}]}]}, \"post_processor\": {\"type\": "
     "\"Sequence\", \"processors\": [{\"type\": \"ByteLevel\"}, {\"type\": "
     "\"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"A\"}}]}]}, \"decoder\": "
     "{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"ByteLevel\"}]}, \"model\": "
     "{\"dropout\": null, \"continuing_subword_prefix\": \"\", \"vocab\": {\"a\": 0}}}",
     DECOCT_OK, ""},
    {"{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Sequence\", "
     "\"normalizers\": []}, null, {\"type\": \"Sequence\", \"normalizers\": []}]}, \"model\": "
     "{\"vocab\": {\"a\": 0}}}",
     DECOCT_OK, ""},
    {"{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}]}}",
     DECOCT_E_UNSUPPORTED, "NFC"},
    {"{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, "
     "{\"type\": \"Lowercase\"}]}}",
     DECOCT_E_UNSUPPORTED, "normalizer is \"Sequence\""},
    {"{\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": []}}", DECOCT_E_UNSUPPORTED,
     "pre_tokenizer is \"null\""},
    {"{\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": "
     "\"ByteLevel\", \"add_prefix_space\": true}]}}",
     DECOCT_E_UNSUPPORTED, "add_prefix_space"},
    {"{\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": "
     "{\"id\": \"<s>\"}}, {\"Sequence\": {\"id\": \"A\"}}]}}",
     DECOCT_E_UNSUPPORTED, "post_processor adds tokens"},
    {"{\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": \"$A </s>\"}}",
     DECOCT_E_UNSUPPORTED, "post_processor adds tokens"},
    {"{\"post_processor\": {\"type\": \"RobertaProcessing\"}}", DECOCT_E_UNSUPPORTED,
     "RobertaProcessing"},
    {"{\"decoder\": {\"type\": \"WordPiece\"}}", DECOCT_E_UNSUPPORTED, "WordPiece"},
    {"{\"model\": {\"dropout\": 0.1}}", DECOCT_E_UNSUPPORTED, "dropout"},
    {"{\"model\": {\"end_of_word_suffix\": \"</w>\"}}", DECOCT_E_UNSUPPORTED, "</w>"},
    {"{\"model\": {\"vocab\": {\"a\": 0, \"aa\": 1}}}", DECOCT_E_FORMAT, "no merges"},
    {"{\"model\": {\"vocab\": {\"a\": 0}, \"vocab\": {\"a\": 0}}}", DECOCT_E_FORMAT, "duplicate"},
    {"{\"model\": {\"vocab\": {\"a\": 0, \"a\": 0}}}", DECOCT_E_FORMAT, "duplicate"},
    {"{\"model\": {\"type\": \"Unigram\"}}", DECOCT_E_UNSUPPORTED, "Unigram"},
    {"{\"model\": {\"byte_fallback\": true}}", DECOCT_E_UNSUPPORTED, "byte_fallback"},
    {"{\"normalizer\": {\"type\": \"NFC\"}}", DECOCT_E_UNSUPPORTED, "NFC"},
    {"{\"pre_tokenizer\": {\"type\": \"Split\"}}", DECOCT_E_UNSUPPORTED, "Split"},
    {"{\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true}}",
     DECOCT_E_UNSUPPORTED, "add_prefix_space"},
    {"{\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"use_regex\": false}}", DECOCT_E_UNSUPPORTED,
     "use_regex"},
    {"{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [7]}}", DECOCT_E_FORMAT, "merge 0"},
    {"{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [[\"a\", \"a\", \"a\"]]}}", DECOCT_E_FORMAT,
     "merge 0"},
    {"{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [[\"a\", \"b\"]]}}", DECOCT_E_FORMAT,
     "not a token"},
    {"{\"model\": {\"vocab\": {}}, \"added_tokens\": [{\"id\": 1}]}", DECOCT_E_FORMAT,
     "added token 0"},
    {"{\"model\": {\"vocab\": {\"a\": 0}}, \"added_tokens\": [{\"id\": 0, \"content\": "
     "\"b\"}]}",
     DECOCT_E_FORMAT, "there twice"},
    {"{\"model\": {\"vocab\": {}}, \"added_tokens\": [{\"id\": -1, \"content\": \"b\"}]}",
     DECOCT_E_FORMAT, "out of range"},
    {"[]", DECOCT_E_FORMAT, "vocabulary"},
    {"{\"model\": {\"vocab\": [[\"a\", 0]]}}", DECOCT_E_FORMAT, "not a JSON object"},
};

// Another tokenizer must not pass as GPT-2's.
static void test_other_tokenizers(void **state) {
    (void)state;
    clear_folder();
    for (size_t i = 0; i < sizeof tokenizers / sizeof *tokenizers; i++) {
        dct_error error = {""};
        write_file("tokenizer.json", tokenizers[i].text);
        decoct_status status = try_open(&error);
        if (status != tokenizers[i].status || !strstr(error.text, tokenizers[i].words)) {
            print_error("case %zu: status %d: %s\n", i, status, error.text);
        }
        assert_int_equal(status, tokenizers[i].status);
        assert_non_null(strstr(error.text, tokenizers[i].words));
        assert_true(!status || strstr(error.text, "tokenizer.json"));
    }
    dct_tokenizer *t = NULL;
    dct_error error = {""};
    static const char *const of_gpt1[][2] = {{"\"end_of_word_suffix\": null", "end_of_word_suffix"},
                                             {"\"fuse_unk\": true", "fuse_unk"},
                                             {"\"unk_token\": null", "unk_token"},
                                             {"\"unk_token\": \"[UNK]\"", "unk_token"}};
    for (size_t i = 0; i < sizeof of_gpt1 / sizeof *of_gpt1; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"model\": {%s, \"vocab\": {\"<unk>\": 0}}}", of_gpt1[i][0]);
        write_file("tokenizer.json", text);
        assert_int_equal(
            dct_tokenizer_open(&(dct_folder){.name = folder}, DCT_TOKENIZER_WORDS, &t, &error),
            DECOCT_E_UNSUPPORTED);
        assert_non_null(strstr(error.text, of_gpt1[i][1]));
    }
    write_file("tokenizer.json", "{\"model\": {\"vocab\": {\"a</w>\": 0}, \"merges\": []}}");
    assert_int_equal(
        dct_tokenizer_open(&(dct_folder){.name = folder}, DCT_TOKENIZER_WORDS, &t, &error),
        DECOCT_E_FORMAT);
    assert_non_null(strstr(error.text, "<unk>"));
    assert_null(t);
}

typedef struct sweep {
    const char *folder, *text;
    dct_tokenizer_kind kind;
} sweep;

static decoct_status open_and_encode(void *data, dct_error *error) {
    const sweep *s = data;
    dct_tokenizer *t = NULL;
    int32_t ids[64];
    int64_t count = -1;
    decoct_status status = dct_tokenizer_open(&(dct_folder){.name = s->folder}, s->kind, &t, error);
    if (!status) {
        status = dct_tokenizer_encode(NULL, t, s->text, strlen(s->text), ids, 64, &count, error);
        assert_true((status == DECOCT_OK) == (count > 0));
    }
    dct_tokenizer_close(t);
    return status;
}

static void test_no_memory(void **state) {
    (void)state;
    clear_folder();
    write_file("vocab.json", "{\"a\": 0, \"b\": 1, \"ab\": 2}");
    write_file("merges.txt", "a b\n");
    sweep gpt2 = {folder, "abba", DCT_TOKENIZER_BYTES};
    assert_true(memory_sweep(open_and_encode, &gpt2) > 20);
    clear_folder();
    write_file("tokenizer.json", "{\"model\": {\"vocab\": {\"<unk>\": 0, \"a\": 1, \"b</w>\": 2, "
                                 "\"ab</w>\": 3}, \"merges\": [[\"a\", \"b</w>\"]]}, "
                                 "\"added_tokens\": [{\"id\": 7, \"content\": \"x\"}]}");
    sweep gpt1 = {folder, "ab, AB", DCT_TOKENIZER_WORDS};
    assert_true(memory_sweep(open_and_encode, &gpt1) > 20);
}

// A byte that the vocabulary lacks is named.
static void test_missing_byte(void **state) {
    dct_error error = {""};
    dct_tokenizer *t = NULL;
    int64_t count = 7;
    (void)state;
    clear_folder();
    write_file("vocab.json", "{\"a\": 0}");
    write_file("merges.txt", "");
    assert_int_equal(open_bytes(&t, &error), DECOCT_OK);
    int32_t ids[4] = {0, 5, 9, 9};
    assert_int_equal(dct_tokenizer_encode(NULL, t, "a a!", 4, ids + 2, 2, &count, &error),
                     DECOCT_E_ARGUMENT);
    assert_non_null(strstr(error.text, "byte 1 (0x20)"));
    assert_true(count == 7 && ids[2] == 9 && ids[3] == 9); // untouched
    uint64_t length = 8;
    char text[4] = "xyz";
    assert_int_equal(dct_tokenizer_decode(t, ids, 2, text, 4, &length, &error), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(error.text, "id 5 at 1"));
    assert_true(length == 8 && strcmp(text, "xyz") == 0);
    dct_tokenizer_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_files), cmocka_unit_test(test_one_file),
        cmocka_unit_test(test_folders),      cmocka_unit_test(test_other_tokenizers),
        cmocka_unit_test(test_no_memory),    cmocka_unit_test(test_missing_byte),
    };
    snprintf(folder, sizeof folder, "/tmp/decoct-test-XXXXXX");
    if (!mkdtemp(folder)) {
        return 1;
    }
    int failed = cmocka_run_group_tests_name("tokenizer files", tests, NULL, NULL);
    clear_folder();
    rmdir(folder);
    return failed;
}
