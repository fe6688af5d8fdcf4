// SPDX-License-Identifier: BSD-2-Clause
// JSON and files from outside: what is refused, with which words, and what happens without memory.
#include "json.h"

#include "memory.h"

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
        print_error("status %d: %s; wanted: %s\n", status, error.text, words);
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
    expect_text("{\"a\": 1", 7, 0, DECOCT_E_FORMAT, "a file: byte 7: ");
    expect_text("", 0, 0, DECOCT_E_FORMAT, "a file: byte 0: ");
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
    expect_text(text, DEPTH, 0, DECOCT_E_FORMAT, "a file: byte ");
    free(text);
}

static void expect_file(uint64_t cap, decoct_status wanted, const char *words) {
    json_t *root = NULL;
    dct_error error = {""};
    decoct_status status = dct_json_read(path, cap, &root, &error);
    if (status != wanted || !strstr(error.text, words)) {
        print_error("status %d: %s; wanted: %s\n", status, error.text, words);
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
    char *text;
    uint64_t length;
    dct_error error;
    write_file("a\0b", 3);
    assert_int_equal(dct_file_read(path, 3, &text, &length, &error), DECOCT_OK);
    assert_int_equal(length, 3);
    assert_memory_equal(text, "a\0b", 4); // with the NUL behind it
    dct_free(text);
    unlink(path);
    expect_file(9, DECOCT_E_IO, "No such file");
    assert_int_equal(mkdir(path, 0700), 0);
    expect_file(9, DECOCT_E_IO, "not a file");
    rmdir(path);
    // A pipe that nobody writes to: an error, not a wait without end.
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(20);
    expect_file(9, DECOCT_E_IO, "not a file");
    alarm(0);
    unlink(path);
}

static decoct_status read_once(void *data, dct_error *error) {
    json_t *root = NULL;
    (void)data;
    decoct_status status = dct_json_read(path, 100, &root, error);
    json_decref(root);
    return status;
}

static void test_no_memory(void **state) {
    static const char text[] = "{\"name\": [1, 2.5, \"text\", {\"b\": true}], \"c\": null}";
    (void)state;
    write_file(text, sizeof text - 1);
    assert_true(memory_sweep(read_once, NULL) > 10);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_no_memory),
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
