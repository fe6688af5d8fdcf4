// SPDX-License-Identifier: BSD-2-Clause
// Changes that `decoct gate` accepts, and cases in quarantine: a file's lines and what is refused.
#include "bench/ab/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *read_bytes(accept_list *list, const char *text, size_t length) {
    char path[] = "decoct-accept-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, length) == (ssize_t)length);
    close(fd);
    const char *wrong = accept_read(list, path, "2026-11-26");
    unlink(path);
    return wrong;
}

static const char *read_text(accept_list *list, const char *text) {
    return read_bytes(list, text, strlen(text));
}

static void test_file(void **state) {
    (void)state;
    accept_list list = {.count = 0};
    assert_null(read_text(&list, "\xef\xbb\xbf# comment\n\n2026-11-26 ^a/ until today\r\n"
                                 "  2026-11-25  ^b/\tuntil yesterday  \n"
                                 "2027-02-28 quarantine ^c/ too noisy\n"
                                 "2026-11-25 quarantine ^d/ quarantine is over\n"
                                 "2027-01-01 ^e/ no newline at the end"));
    assert_int_equal(list.count, 5);
    assert_string_equal(accept_find(&list, ACCEPT_CHANGE, "a/1")->reason, "until today");
    assert_null(accept_find(&list, ACCEPT_CHANGE, "b/1"));
    assert_true(list.items[1].expired);
    assert_string_equal(list.items[1].reason, "until yesterday");
    assert_true(accept_matches(&list.items[1], "b/1"));
    assert_null(accept_find(&list, ACCEPT_CHANGE, "c/1"));
    assert_string_equal(accept_find(&list, ACCEPT_QUARANTINE, "c/1")->text, "^c/");
    assert_null(accept_find(&list, ACCEPT_QUARANTINE, "a/1"));
    assert_null(accept_find(&list, ACCEPT_QUARANTINE, "d/1"));
    assert_string_equal(accept_find(&list, ACCEPT_CHANGE, "e/1")->reason, "no newline at the end");
    accept_free(&list);
}

static void test_file_errors(void **state) {
    (void)state;
    static const struct {
        const char *text, *error;
    } rows[] = {{"2026-11 ^a/ why\n", "line 1: it does not begin with a date"},
                {"2027-02-30 ^a/ why\n", "line 1: it does not begin with a date"},
                {"2027-13-01 ^a/ why\n", "line 1: it does not begin with a date"},
                {"2027-00-01 ^a/ why\n", "line 1: it does not begin with a date"},
                {"tomorrow ^a/ why\n", "line 1: it does not begin with a date"},
                {"\n2027-01-01 ^a/\n", "line 2: it needs a date, an expression"},
                {"2027-01-01\n", "it needs a date, an expression"},
                {"2027-01-01 quarantine ^a/ \n", "it needs a date, an expression"},
                {"2027-01-01 ( why\n", "\"(\" is not a regular expression"},
                {"2027-01-01 ^a/ one\n\n2027-01-02 ^a/ two\n",
                 "line 3: \"^a/\" is given twice, see line 1"},
                {"2027-01-01 ^a/ \xff\n", "it is not UTF-8"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        accept_list list = {.count = 0};
        const char *wrong = read_text(&list, rows[i].text);
        if (!wrong || !strstr(wrong, rows[i].error)) {
            fail_msg("%s: %s", rows[i].text, wrong ? wrong : "accepted");
        }
        accept_free(&list);
    }
    accept_list list = {.count = 0};
    static const char nul[] = "2027-01-01 ^a/ why\0not\n";
    assert_non_null(strstr(read_bytes(&list, nul, sizeof nul - 1), "NUL"));
    assert_non_null(strstr(accept_read(&list, "/nowhere/at/all", "2026-11-26"), "No such file"));
    assert_non_null(strstr(accept_read(&list, ".", "2026-11-26"), "Is a directory"));
    assert_int_equal(list.count, 0);
    assert_null(accept_add(&list, ACCEPT_CHANGE, "^a/"));
    assert_null(accept_add(&list, ACCEPT_QUARANTINE, "^a/")); // another kind
    assert_non_null(strstr(accept_add(&list, ACCEPT_CHANGE, "^a/"), "given twice"));
    assert_non_null(accept_add(&list, ACCEPT_CHANGE, "("));
    accept_free(&list);
}

// A line is used as a whole or refused.
static void test_long_lines_and_many(void **state) {
    (void)state;
    accept_list list = {.count = 0};
    char line[ACCEPT_LINE + 3];
    memset(line, 'x', sizeof line);
    memcpy(line, "2027-01-01 ^a/ ", 15);
    strcpy(line + ACCEPT_LINE, "\n");
    assert_null(read_text(&list, line));
    assert_int_equal(strlen(list.items[0].reason), ACCEPT_LINE - 15);
    accept_free(&list);
    strcpy(line + ACCEPT_LINE, "x\n");
    assert_non_null(strstr(read_text(&list, line), "1001 characters, more than 1000"));
    for (int i = 0; i < ACCEPT_MAX; i++) {
        snprintf(line, sizeof line, "^a%d/", i);
        assert_null(accept_add(&list, ACCEPT_CHANGE, line));
    }
    assert_non_null(strstr(accept_add(&list, ACCEPT_CHANGE, "b"), "more than 256"));
    accept_free(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_file),
                                       cmocka_unit_test(test_file_errors),
                                       cmocka_unit_test(test_long_lines_and_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
