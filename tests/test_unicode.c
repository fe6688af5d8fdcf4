// SPDX-License-Identifier: BSD-2-Clause
// UTF-8 there and back for every code point, what is not UTF-8, and the classes and foldings.
#include "model/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_every_code_point(void **state) {
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        char text[4];
        uint32_t back;
        int bytes = dct_utf8_encode(cp, text);
        assert_int_equal(bytes, cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4);
        bool surrogate = cp >= 0xD800 && cp < 0xE000;
        assert_int_equal(dct_utf8_decode(text, 4, &back), surrogate ? 1 : bytes);
        assert_int_equal(back, surrogate ? DCT_UNICODE_INVALID : cp);
        if (bytes > 1) { // cut
            assert_int_equal(dct_utf8_decode(text, (uint64_t)bytes - 1, &back), 1);
            assert_int_equal(back, DCT_UNICODE_INVALID);
        }
    }
}

static void test_no_utf8(void **state) {
    static const char *const texts[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xC3(",
        "\xE2(\xA1",
        "\xE2\x82(",
        "\xF0\x80\x80\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF0(\x8C\xBC",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80",
        "\xFE",
        "\xFF",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint32_t cp = 7;
        assert_int_equal(dct_utf8_decode(texts[i], strlen(texts[i]), &cp), 1);
        assert_int_equal(cp, DCT_UNICODE_INVALID);
    }
}

// Counted apart from the tables: by Python's unicodedata of Unicode 14, one category at a time.
static void test_class_sizes(void **state) {
    static const int64_t expected[] = {
        [DCT_UNICODE_LETTER] = 131756, [DCT_UNICODE_NUMBER] = 1791,
        [DCT_UNICODE_SPACE] = 25,      [DCT_UNICODE_PUNCTUATION] = 819,
        [DCT_UNICODE_MARK] = 1950,     [DCT_UNICODE_CONTROL] = 139738,
        [DCT_UNICODE_OTHER] = 838033,
    };
    int64_t counts[7] = {0};
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        counts[dct_unicode_classify(cp)]++;
    }
    for (int i = 0; i < 7; i++) {
        assert_int_equal(counts[i], expected[i]);
    }
}

static void test_classes(void **state) {
    static const struct {
        uint32_t cp;
        dct_unicode_class is;
    } cases[] = {
        {0, DCT_UNICODE_CONTROL},       {'\t', DCT_UNICODE_SPACE},
        {' ', DCT_UNICODE_SPACE},       {0x1C, DCT_UNICODE_CONTROL}, // not White_Space
        {0x85, DCT_UNICODE_SPACE},      {0xA0, DCT_UNICODE_SPACE},
        {0x180E, DCT_UNICODE_CONTROL},  {0x200B, DCT_UNICODE_CONTROL},
        {0x2028, DCT_UNICODE_SPACE},    {0x3000, DCT_UNICODE_SPACE},
        {0xFEFF, DCT_UNICODE_CONTROL},  {'a', DCT_UNICODE_LETTER},
        {0xAA, DCT_UNICODE_LETTER},     {0x2B0, DCT_UNICODE_LETTER},
        {0x1C5, DCT_UNICODE_LETTER},    {0x65E5, DCT_UNICODE_LETTER},
        {0xD7A3, DCT_UNICODE_LETTER},   {0x1D400, DCT_UNICODE_LETTER},
        {'7', DCT_UNICODE_NUMBER},      {0xBD, DCT_UNICODE_NUMBER},
        {0x2167, DCT_UNICODE_NUMBER},   {0x663, DCT_UNICODE_NUMBER},
        {'!', DCT_UNICODE_PUNCTUATION}, {0x3002, DCT_UNICODE_PUNCTUATION},
        {'$', DCT_UNICODE_OTHER},       {'`', DCT_UNICODE_OTHER},
        {0x1F600, DCT_UNICODE_OTHER},   {0x301, DCT_UNICODE_MARK},
        {0x903, DCT_UNICODE_OTHER},     {0xE000, DCT_UNICODE_CONTROL},
        {0x378, DCT_UNICODE_OTHER},     {DCT_UNICODE_INVALID, DCT_UNICODE_OTHER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (dct_unicode_classify(cases[i].cp) != cases[i].is) {
            print_error("U+%04X\n", cases[i].cp);
        }
        assert_int_equal(dct_unicode_classify(cases[i].cp), cases[i].is);
    }
}

static void test_fold(void **state) {
    static const struct {
        uint32_t cp;
        int count;
        uint32_t to[3];
    } cases[] = {
        {'a', 1, {'a'}},
        {'Z', 1, {'z'}},
        {0xC9, 1, {'e'}},
        {0x130, 1, {'i'}},
        {0x1E9E, 1, {0xDF}},
        {0x1C4, 1, {0x1C6}},
        {0x212B, 1, {'a'}},
        {0x212A, 1, {'k'}},
        {0x1ED9, 1, {'o'}},
        {0x1F82, 1, {0x3B1}},
        {0x3A3, 1, {0x3C3}},
        {0x3C2, 1, {0x3C2}},
        {0xFB01, 1, {0xFB01}},
        {0x301, 0, {0}},
        {0x65E5, 1, {0x65E5}},
        {0xF900, 1, {0x8C48}},
        {0xAC00, 2, {0x1100, 0x1161}},
        {0xAC01, 3, {0x1100, 0x1161, 0x11A8}},
        {0xD7A3, 3, {0x1112, 0x1175, 0x11C2}},
        {0x10FFFF, 1, {0x10FFFF}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t out[3] = {0};
        int count = dct_unicode_fold(cases[i].cp, out);
        if (count != cases[i].count || memcmp(out, cases[i].to, (size_t)count * sizeof *out) != 0) {
            print_error("U+%04X\n", cases[i].cp);
        }
        assert_int_equal(count, cases[i].count);
        assert_memory_equal(out, cases[i].to, (size_t)count * sizeof *out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_no_utf8),
        cmocka_unit_test(test_class_sizes),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_fold),
    };
    return cmocka_run_group_tests_name("unicode", tests, NULL, NULL);
}
