// SPDX-License-Identifier: BSD-2-Clause
// Tokenizers: GPT-2's own ids, round trips on any bytes, GPT-1's splitting.
#include "model/tokenizer.h"

#include "machine/memory.h"
#include "model/bpe.h"
#include "model/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode.h"

static const char *fixtures(void) {
    const char *folder = getenv("DECOCT_TEST_FIXTURES");
    return folder ? folder : "fixtures";
}

static dct_tokenizer *open_model(const char *name, dct_tokenizer_kind kind) {
    char path[512];
    dct_error error;
    dct_tokenizer *t = NULL;
    snprintf(path, sizeof path, "%s/models/%s", fixtures(), name);
    assert_int_equal(dct_tokenizer_open(&(dct_folder){.name = path}, kind, &t, &error), DECOCT_OK);
    return t;
}

static void check_round_trip(const dct_tokenizer *t, const char *text, uint64_t length) {
    int32_t *ids;
    int64_t count = encode(t, text, length, &ids);
    char *back = dct_alloc(NULL, (int64_t)length + 1, 1);
    uint64_t got = 0;
    assert_int_equal(dct_tokenizer_decode(t, ids, count, back, length + 1, &got, NULL), DECOCT_OK);
    assert_int_equal(got, length);
    assert_memory_equal(back, text, length);
    dct_free(back);
    dct_free(ids);
}

static dct_tokenizer *open_gpt2(void) {
    const char *folder = getenv("DECOCT_TEST_GPT2_VOCAB");
    dct_tokenizer *t = NULL;
    dct_error error = {""};
    if (!folder) {
        print_message("skipped: DECOCT_TEST_GPT2_VOCAB names no folder with GPT-2's vocabulary\n");
        skip();
    }
    decoct_status status =
        dct_tokenizer_open(&(dct_folder){.name = folder}, DCT_TOKENIZER_BYTES, &t, &error);
    if (status) {
        print_error("%s\n", error.text);
    }
    assert_int_equal(status, DECOCT_OK);
    return t;
}

static void test_gpt2_ids(void **state) {
    (void)state;
    dct_tokenizer *t = open_gpt2();
    assert_int_equal(dct_tokenizer_size(t), 50257);
    char path[512];
    json_t *cases;
    snprintf(path, sizeof path, "%s/gpt2_ids.json", fixtures());
    cases = json_load_file(path, JSON_ALLOW_NUL, NULL);
    assert_true(json_array_size(cases) > 40);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *text = json_object_get(json_array_get(cases, i), "text");
        const json_t *wanted = json_object_get(json_array_get(cases, i), "ids");
        int32_t *ids;
        int64_t count = encode(t, json_string_value(text), json_string_length(text), &ids);
        bool same = (size_t)count == json_array_size(wanted);
        for (int64_t j = 0; same && j < count; j++) {
            same = ids[j] == json_integer_value(json_array_get(wanted, (size_t)j));
        }
        if (!same) {
            print_error("case %zu: \"%s\"\n", i, json_string_value(text));
        }
        assert_true(same);
        check_round_trip(t, json_string_value(text), json_string_length(text));
        dct_free(ids);
    }
    json_decref(cases);
    dct_tokenizer_close(t);
}

static void test_any_bytes(void **state) {
    (void)state;
    dct_tokenizer *t = open_model("gpt2-f32", DCT_TOKENIZER_BYTES);
    uint64_t x = 1;
    for (int n = 0; n < 300; n++) {
        char text[257];
        uint64_t length = (uint64_t)n % 257;
        for (uint64_t i = 0; i < length; i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            // Half of the texts are made of what the pattern looks at.
            text[i] = n % 2 ? (char)(x >> 56) : " '\nthean\xC3\xA9\xE2\x80\x83s1"[(x >> 56) % 15];
        }
        check_round_trip(t, text, length);
    }
    dct_tokenizer_close(t);
}

// One word of a million letters: merging must not be quadratic. (A quadratic one takes minutes.)
static void test_long_word(void **state) {
    (void)state;
    dct_tokenizer *t = open_model("gpt2-f32", DCT_TOKENIZER_BYTES);
    enum { LENGTH = 1 << 20 };
    char *text = dct_alloc(NULL, LENGTH, 1);
    for (int i = 0; i < LENGTH; i++) {
        text[i] = "theanthin"[i % 9];
    }
    check_round_trip(t, text, LENGTH);
    dct_free(text);
    dct_tokenizer_close(t);
}

static void expect_gpt1(const dct_tokenizer *t, const char *text, const char *wanted) {
    int32_t *ids;
    char back[256];
    uint64_t length;
    int64_t count = encode(t, text, strlen(text), &ids);
    assert_int_equal(dct_tokenizer_decode(t, ids, count, back, sizeof back - 1, &length, NULL),
                     DECOCT_OK);
    back[length] = '\0';
    assert_string_equal(back, wanted);
    dct_free(ids);
}

static void test_gpt1(void **state) {
    (void)state;
    dct_tokenizer *t = open_model("gpt1-f32", DCT_TOKENIZER_WORDS);
    expect_gpt1(t, "The  AND\tin", "the and in ");
    expect_gpt1(t, "Caf\xC3\xA9, na\xC3\xAFve!",
                "cafe , naive ! "); // accents are removed, punctuation is separate
    expect_gpt1(t, "a1b", "a<unk>b ");
    expect_gpt1(t, "x\xFFy\x01z",
                "xyz "); // what is no character, and control characters, are dropped
    expect_gpt1(t,
                "a\vb\fc\xC2\x85"
                "d",
                "abcd "); // to BERT these are control characters
    expect_gpt1(t,
                "a\xE2\x80\xA8"
                "b\xC2\xA0"
                "c",
                "a b c ");
    expect_gpt1(t, "\xC4\xB0n I\xCC\x81 \xC3\x85", "in i a ");
    expect_gpt1(t, "x\xE4\xB8\xADy", "x <unk>y "); // Chinese characters are separate
    expect_gpt1(t, "it's $3.5", "it <unk>s <unk><unk>. <unk>");
    expect_gpt1(t, "", "");
    int32_t *ids;
    int64_t count = encode(t, "the and", 7, &ids);
    assert_int_equal(count, 2); // both are one token by their merges
    dct_free(ids);
    dct_tokenizer_close(t);
}

// ---- Merging ----

// The plain way: the pair of the lowest rank, of equals the leftmost, again and again.
static int64_t merge_plainly(int32_t (*pairs)[3], int count, int32_t *symbols, int64_t n) {
    for (;;) {
        int best = count;
        int64_t at = -1;
        for (int64_t i = 0; i + 1 < n; i++) {
            for (int m = 0; m < best; m++) {
                if (pairs[m][0] == symbols[i] && pairs[m][1] == symbols[i + 1]) {
                    best = m;
                    at = i;
                }
            }
        }
        if (at < 0) {
            return n;
        }
        symbols[at] = pairs[best][2];
        memmove(symbols + at + 1, symbols + at + 2, (size_t)(n - at - 2) * sizeof *symbols);
        n--;
    }
}

enum { LONGEST = 5, TOKENS = 62 };

// Every text of up to LONGEST letters a and b.
static void add_texts(dct_bpe *bpe, char texts[TOKENS][LONGEST + 1]) {
    for (int n = 1, id = 0; n <= LONGEST; n++) {
        for (int bits = 0; bits < 1 << n; bits++, id++) {
            for (int i = 0; i < n; i++) {
                texts[id][i] = bits >> i & 1 ? 'b' : 'a';
            }
            texts[id][n] = '\0';
            assert_int_equal(dct_bpe_add_token(bpe, texts[id], (uint64_t)n, id), DCT_BPE_OK);
        }
    }
}

// Random merges over two letters, so that the same token is made in many ways and in any order.
static void test_merges(void **state) {
    enum { MERGES = 40, LENGTH = 60 };
    uint64_t x = 7;
    (void)state;
    for (int round = 0; round < 300; round++) {
        dct_bpe *bpe = dct_bpe_create(NULL);
        char texts[TOKENS][LONGEST + 1];
        int32_t pairs[MERGES][3], count = 0;
        add_texts(bpe, texts);
        while (count < MERGES) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            int32_t left = (int32_t)((x >> 40) % 30), right = (int32_t)((x >> 50) % 30);
            char both[2 * LONGEST + 1];
            snprintf(both, sizeof both, "%s%s", texts[left], texts[right]);
            dct_bpe_result result = dct_bpe_add_merge(bpe, texts[left], strlen(texts[left]),
                                                      texts[right], strlen(texts[right]));
            if (result == DCT_BPE_OK) {
                pairs[count][0] = left;
                pairs[count][1] = right;
                pairs[count++][2] = dct_bpe_find(bpe, both, strlen(both));
            }
            assert_true(result == DCT_BPE_OK || result == DCT_BPE_TWICE ||
                        (result == DCT_BPE_UNKNOWN && strlen(both) > LONGEST));
        }
        int32_t symbols[LENGTH], plain[LENGTH];
        dct_bpe_work work = {0};
        for (int i = 0; i < LENGTH; i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            symbols[i] = plain[i] = x >> 60 == 0 ? -1 : (int32_t)(x >> 63);
        }
        int64_t left = dct_bpe_merge(bpe, symbols, LENGTH, &work);
        assert_int_equal(left, merge_plainly(pairs, MERGES, plain, LENGTH));
        assert_memory_equal(symbols, plain, (size_t)left * sizeof *plain);
        dct_bpe_work_free(&work);
        dct_bpe_destroy(bpe);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merges),    cmocka_unit_test(test_gpt2_ids),
        cmocka_unit_test(test_any_bytes), cmocka_unit_test(test_long_word),
        cmocka_unit_test(test_gpt1),
    };
    return cmocka_run_group_tests_name("tokenizer", tests, NULL, NULL);
}
