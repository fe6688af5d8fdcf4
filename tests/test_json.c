// SPDX-License-Identifier: BSD-2-Clause
// JSON and files from outside: what is refused, with which message, and what happens without
// memory.
#include "model/json.h"

#include "machine/memory.h"

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

static char folder[64], path[80];

static void write_file(const char *text, size_t size) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    fclose(f);
}

static void expect_text(const char *text, uint64_t length, uint64_t base, decoct_status wanted,
                        const char *words) {
    json_t *root = NULL;
    dct_error error = {""};
    decoct_status status = dct_json_parse(text, length, "a file", base, &root, &error);
    if (status != wanted || strncmp(error.text, words, strlen(words)) != 0) {
        print_error("status %d: %s; expected: %s\n", status, error.text, words);
    }
    assert_int_equal(status, wanted);
    assert_int_equal(strncmp(error.text, words, strlen(words)), 0);
    assert_true((root != NULL) == (status == DECOCT_OK));
    json_decref(root);
}

static void test_parse(void **state) {
    (void)state;
    expect_text("{\"a\": [1, 2.5, null]}", 21, 0, DECOCT_OK, "");
    expect_text("{\"a\": 1} rest", 8, 0, DECOCT_OK, ""); // only what is ours is read
    expect_text("{\"a\": }", 7, 0, DECOCT_E_FORMAT, "a file: byte 7: ");
    expect_text("{\"a\": }", 7, 100, DECOCT_E_FORMAT, "a file: byte 107: ");
    expect_text("{\"a\": 1, \"a\": 1}", 16, 0, DECOCT_E_FORMAT, "a file: byte 12: ");
    expect_text("1, 2", 4, 0, DECOCT_E_FORMAT, "a file: byte 0: more than one value");
    expect_text("1], [2", 6, 0, DECOCT_E_FORMAT, "a file: byte 1: ']'");
    expect_text("\"]\"", 3, 0, DECOCT_OK, "");
    expect_text("{\"a\": 1", 7, 0, DECOCT_E_FORMAT, "a file: byte 7: the JSON text does not end");
    expect_text("[\"a", 3, 0, DECOCT_E_FORMAT, "a file: byte 3: the JSON text does not end");
    expect_text("", 0, 0, DECOCT_E_FORMAT, "a file: byte 0: the JSON text is empty");
    expect_text(" \n", 2, 0, DECOCT_E_FORMAT, "a file: byte 2: the JSON text is empty");
    expect_text("{} {}", 5, 0, DECOCT_E_FORMAT, "a file: byte 4: ");
    expect_text("[99999999999999999999]", 22, 0, DECOCT_E_FORMAT, "a file: byte 21: ");
    expect_text("[1e999]", 7, 0, DECOCT_E_FORMAT, "a file: byte ");
    expect_text("[\"\xFF\"]", 5, 0, DECOCT_E_FORMAT, "a file: byte ");
    expect_text("[\"\\ud800\"]", 10, 0, DECOCT_E_FORMAT, "a file: byte ");
    expect_text("[\"\\u0000\"]", 10, 0, DECOCT_E_FORMAT, "a file: byte ");
    expect_text("{\"a\0b\": 1}", 10, 0, DECOCT_E_FORMAT, "a file: byte ");
}

// A parser that recurses must stop long before the stack does.
static void test_depth(void **state) {
    enum { DEPTH = 1 << 20 };
    char *text = malloc(DEPTH);
    (void)state;
    assert_non_null(text);
    memset(text, '[', DEPTH);
    expect_text(text, DEPTH, 0, DECOCT_E_FORMAT, "a file: byte 64: nested more than 64");
    for (int i = 0; i < 64; i++) {
        text[64 + i] = ']';
    }
    expect_text(text, 128, 0, DECOCT_OK, "");
    text[0] = '"'; // brackets in a string do not count
    text[DEPTH - 1] = '"';
    memset(text + 1, '[', DEPTH - 2);
    expect_text(text, DEPTH, 0, DECOCT_OK, "");
    free(text);
}

static void expect_file(uint64_t cap, decoct_status wanted, const char *words) {
    json_t *root = NULL;
    dct_error error = {""};
    decoct_status status = dct_json_read(&(dct_folder){0}, path, cap, &root, &error);
    if (status != wanted || !strstr(error.text, words)) {
        print_error("status %d: %s; expected: %s\n", status, error.text, words);
    }
    assert_int_equal(status, wanted);
    assert_non_null(strstr(error.text, words));
    assert_true(status == DECOCT_OK || strstr(error.text, path));
    json_decref(root);
}

static void test_files(void **state) {
    (void)state;
    write_file("[1]", 3);
    expect_file(3, DECOCT_OK, "");
    expect_file(2, DECOCT_E_FORMAT, "3 bytes, more than the 2 allowed");
    write_file("[1", 2);
    expect_file(9, DECOCT_E_FORMAT, "byte 2");
    write_file("", 0);
    expect_file(9, DECOCT_E_FORMAT, "byte 0");
    write_file("\xEF\xBB\xBF[1]", 6); // saved by an editor
    expect_file(9, DECOCT_OK, "");
    write_file("\xEF\xBB\xBF[1", 5);
    expect_file(9, DECOCT_E_FORMAT, "byte 5");
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\noid sha256:00\n";
    write_file(pointer, sizeof pointer - 1);
    expect_file(99, DECOCT_E_FORMAT, "git lfs pull");
    char *text;
    uint64_t length;
    dct_error error;
    write_file("ab\0c", 4);
    assert_int_equal(dct_file_read(&(dct_folder){0}, path, 4, &text, &length, &error), DECOCT_OK);
    assert_int_equal(length, 4);
    assert_memory_equal(text, "ab\0c", 5); // with the NUL behind it
    dct_free(text);
    unlink(path);
    expect_file(9, DECOCT_E_IO, "No such file");
    assert_int_equal(mkdir(path, 0700), 0);
    expect_file(9, DECOCT_E_IO, "not a file");
    rmdir(path);
    // A pipe without a writer: an error, not an endless wait.
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(600);
    expect_file(9, DECOCT_E_IO, "not a file");
    alarm(0);
    unlink(path);
}

static decoct_status read_once(void *data, dct_error *error) {
    json_t *root = NULL;
    (void)data;
    decoct_status status = dct_json_read(&(dct_folder){0}, path, 100, &root, error);
    json_decref(root);
    return status;
}

// Keys and texts of every length: a byte that jansson could not keep must not be lost silently.
static decoct_status read_lengths(void *data, dct_error *error) {
    enum { LONGEST = 140 };
    char text[2 * LONGEST];
    (void)data;
    for (int n = 1; n < LONGEST; n += n < 60 ? 1 : 13) {
        json_t *root = NULL;
        snprintf(text, sizeof text, "{\"%0*d\": \"%0*d\"}", n, 7, n / 3 + 1, 8);
        int64_t before = memory_left;
        decoct_status status = dct_json_parse(text, strlen(text), "a file", 0, &root, error);
        bool failed = before >= 0 && memory_left < 0;
        assert_int_equal(status, failed ? DECOCT_E_MEMORY : DECOCT_OK);
        assert_true(status || strlen(json_object_iter_key(json_object_iter(root))) == (size_t)n);
        json_decref(root);
        if (status) {
            return status;
        }
    }
    return DECOCT_OK;
}

static void test_no_memory(void **state) {
    static const char text[] = "{\"name\": [1, 2.5, \"text\", {\"b\": true}], \"c\": null}";
    (void)state;
    write_file(text, sizeof text - 1);
    assert_true(memory_sweep(read_once, NULL) > 10);
    unlink(path);
    assert_true(memory_sweep(read_lengths, NULL) > 500);
}

// ---- Members ----

typedef struct seen {
    int64_t count, sum, largest; // largest: blocks of jansson's held at once
} seen;

static decoct_status add_member(void *data, const char *key, const json_t *value,
                                dct_error *error) {
    seen *s = data;
    s->sum += atoi(key) == json_integer_value(value) ? json_integer_value(value) : 0;
    s->count++;
    s->largest = memory_held > s->largest ? memory_held : s->largest;
    return atoi(key) < 0 ? dct_fail(error, DECOCT_E_FORMAT, "stop") : DECOCT_OK;
}

static void expect_members(const char *text, decoct_status wanted, const char *words, seen *s) {
    dct_error error = {""};
    *s = (seen){0};
    decoct_status status =
        dct_json_members(NULL, text, strlen(text), "a file", 100, add_member, s, &error);
    if (status != wanted || !strstr(error.text, words)) {
        print_error("status %d: %s; expected: %s\n", status, error.text, words);
    }
    assert_int_equal(status, wanted);
    assert_non_null(strstr(error.text, words));
}

// An object with `count` members, the last one with the key `last`.
static char *big_object(int count, int last) {
    char *text = malloc((size_t)count * 32 + 64), *to = text;
    assert_non_null(text);
    to += sprintf(to, " {");
    for (int i = 1; i < count; i++) {
        to += sprintf(to, "\"%d\": %d, ", i, i);
    }
    sprintf(to, "\"%d\": %d } ", last, last);
    return text;
}

static void test_members(void **state) {
    seen s;
    (void)state;
    expect_members("{}", DECOCT_OK, "", &s);
    assert_int_equal(s.count, 0);
    expect_members(" {\"7\": 7, \"8\":8}\n ", DECOCT_OK, "", &s);
    assert_true(s.count == 2 && s.sum == 15);
    expect_members("{\"7\": 7, \"-8\": 0, \"9\": 9}", DECOCT_E_FORMAT, "stop", &s);
    assert_int_equal(s.count, 2);
    expect_members("", DECOCT_E_FORMAT, "byte 100: the JSON text is empty", &s);
    expect_members("[1]", DECOCT_E_FORMAT, "byte 100: not a JSON object", &s);
    expect_members("{\"7\": 7", DECOCT_E_FORMAT, "byte 107: the JSON text does not end", &s);
    expect_members("{\"7\": 7,}", DECOCT_E_FORMAT, "byte 10", &s);
    expect_members("{\"7\": 7} {}", DECOCT_E_FORMAT, "byte 109: more text", &s);
    expect_members("{\"7\": 7]}", DECOCT_E_FORMAT, "byte 107", &s);
    expect_members("{\"7\": [7}]}", DECOCT_E_FORMAT, "byte 10", &s);
    expect_members("{\"7\": 7, \"7\": 7}", DECOCT_E_FORMAT, "byte 112: duplicate", &s);
}

static void test_many_members(void **state) {
    enum { COUNT = 30000 };
    seen s;
    (void)state;
    json_malloc_t old_malloc;
    json_free_t old_free;
    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(json_block, json_unblock);
    char *text = big_object(COUNT, COUNT);
    expect_members(text, DECOCT_OK, "", &s);
    assert_true(s.count == COUNT && s.sum == (int64_t)COUNT * (COUNT + 1) / 2);
    assert_true(s.largest > 0 && s.largest < COUNT); // only a part of them at once
    json_set_alloc_funcs(old_malloc, old_free);
    text[strlen(text) - 2] = ','; // for the brace
    expect_members(text, DECOCT_E_FORMAT, "does not end", &s);
    free(text);
    text = big_object(COUNT, 5); // far apart
    expect_members(text, DECOCT_E_FORMAT, "the key \"5\" is there twice", &s);
    memset(strstr(text, "\"12345\""), ',', 1);
    expect_members(text, DECOCT_E_FORMAT, "byte ", &s);
    free(text);
    text = malloc(400000); // one long string
    memset(text, 'x', 400000);
    memcpy(text, "{\"1\": \"", 7);
    strcpy(text + 399000, "\"}");
    expect_members(text, DECOCT_OK, "", &s);
    assert_int_equal(s.count, 1);
    memcpy(text, "{\"1\": [1", 8); // many parts
    for (int i = 8; i < 399000; i++) {
        text[i] = i % 2 ? '1' : ',';
    }
    strcpy(text + 399000, "]}");
    expect_members(text, DECOCT_E_FORMAT, "byte 101: a member of more than 16384 parts", &s);
    free(text);
}

static decoct_status add_element(void *data, const char *key, const json_t *value,
                                 dct_error *error) {
    seen *s = data;
    (void)error;
    assert_null(key);
    s->sum += json_integer_value(value);
    s->count++;
    return DECOCT_OK;
}

static void test_elements(void **state) {
    enum { COUNT = 30000 };
    seen s = {0};
    dct_error error = {""};
    (void)state;
    char *text = malloc(COUNT * 8 + 8), *to = text;
    assert_non_null(text);
    *to++ = '[';
    for (int i = 0; i < COUNT; i++) {
        to += sprintf(to, "%s%d", i ? ", " : "", i);
    }
    strcpy(to, "]");
    uint64_t length = strlen(text);
    assert_int_equal(dct_json_elements(text, length, "a file", 0, add_element, &s, &error),
                     DECOCT_OK);
    assert_true(s.count == COUNT && s.sum == (int64_t)COUNT * (COUNT - 1) / 2);
    assert_int_equal(dct_json_elements("{}", 2, "a file", 0, add_element, &s, &error),
                     DECOCT_E_FORMAT);
    assert_non_null(strstr(error.text, "not a JSON list"));
    assert_int_equal(dct_json_elements("[1,]", 4, "a file", 0, add_element, &s, &error),
                     DECOCT_E_FORMAT);
    free(text);
}

static void test_find(void **state) {
    static const char text[] = "{\"x\": \"model\", \"y\": {\"model\": [0]}, \"model\" : "
                               "{\"a\": \"}\\\"\", \"b\": [1, {}]} , \"model2\": [7]}";
    static const char value[] = "{\"a\": \"}\\\"\", \"b\": [1, {}]}";
    char copy[sizeof text];
    (void)state;
    dct_json_slice s = dct_json_find(text, sizeof text - 1, "model");
    assert_int_equal(s.length, sizeof value - 1);
    assert_memory_equal(text + s.at, value, s.length);
    s = dct_json_find(text, sizeof text - 1, "model2");
    memcpy(copy, text, sizeof text);
    dct_json_cut(copy, s);
    assert_true(s.length == 3 && strcmp(copy, text) == 0); // too short for a null
    s = dct_json_find(text, sizeof text - 1, "y");
    dct_json_cut(copy, s);
    assert_memory_equal(copy + s.at, "null          ", s.length);
    assert_int_equal(dct_json_find(text, sizeof text - 1, "x").length, 0);
    assert_int_equal(dct_json_find(text, sizeof text - 1, "z").length, 0);
    assert_int_equal(dct_json_find(text, 60, "model").length, 0);
    assert_int_equal(dct_json_find("", 0, "z").length, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_files),        cmocka_unit_test(test_members),
        cmocka_unit_test(test_many_members), cmocka_unit_test(test_elements),
        cmocka_unit_test(test_find),         cmocka_unit_test(test_no_memory),
    };
    snprintf(folder, sizeof folder, "/tmp/decoct-test-XXXXXX");
    if (!mkdtemp(folder)) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/f", folder);
    int failed = cmocka_run_group_tests_name("json", tests, NULL, NULL);
    unlink(path);
    rmdir(folder);
    return failed;
}
