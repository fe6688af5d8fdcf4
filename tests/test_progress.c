// SPDX-License-Identifier: BSD-2-Clause
// The line of progress, on a clock of this test: when it comes, what it says, and that it is
// removed; on a terminal and elsewhere.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/machine/clock.h"
#include "bench/measure/progress.h"
#include "bench/measure/ticker.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLEAR "\r\033[K"

static double now;

double clock_now(void) {
    return now;
}

double clock_budget(void) {
    return now;
}

// stderr is this terminal or pipe while a test runs.
static int saved, reading;

static void take_stderr(int end) {
    fflush(stderr);
    saved = dup(STDERR_FILENO);
    assert_true(saved >= 0 && dup2(end, STDERR_FILENO) >= 0);
    close(end);
    now = 1000.0;
}

static void give_stderr_back(void) {
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(reading);
}

static void begin_terminal(void) {
    reading = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(reading >= 0 && grantpt(reading) == 0 && unlockpt(reading) == 0);
    int end = open(ptsname(reading), O_RDWR | O_NOCTTY);
    assert_true(end >= 0);
    take_stderr(end);
}

static void begin_pipe(void) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    reading = ends[0];
    take_stderr(ends[1]);
}

// What has been printed since the last call; `wait` for some of it.
static const char *printed(bool wait) {
    static char text[4096];
    struct pollfd p = {.fd = reading, .events = POLLIN};
    ssize_t n = 0;
    if (poll(&p, 1, wait ? -1 : 0) > 0) {
        n = read(reading, text, sizeof text - 1);
    }
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void test_a_long_run(void **state) {
    (void)state;
    begin_terminal();
    progress p = progress_begin(2, 10, 0.0);
    progress_say(&p, "matmul");
    assert_string_equal(printed(false), CLEAR "2/10, ? left  matmul");
    now += 0.09;
    progress_say(&p, "matmul");
    assert_string_equal(printed(false), "");
    now += 0.91;
    p.done = 4; // 2 in a second
    progress_say(&p, "softmax");
    assert_string_equal(printed(false), CLEAR "4/10, 3 s left  softmax");
    progress_end(&p);
    assert_string_equal(printed(false), CLEAR);
    progress_end(&p);
    assert_string_equal(printed(false), "");
    give_stderr_back();
}

static void test_a_budget(void **state) {
    (void)state;
    begin_terminal();
    progress p = progress_begin(0, 100, 10.0);
    now += 4.0;
    p.done = 1;
    progress_say(&p, "a");
    assert_string_equal(printed(false), CLEAR "1/100, 6 s left of the budget  a");
    give_stderr_back();
}

static void test_a_short_run(void **state) {
    (void)state;
    begin_terminal();
    progress p = progress_begin_late(3);
    for (; now < 1001.99; now += 0.07) {
        progress_say(&p, "early");
        assert_string_equal(printed(false), "");
    }
    progress_end(&p);
    assert_string_equal(printed(false), ""); // not even the end of a line
    now = 1002.01;
    p.done = 1;
    progress_say(&p, "late");
    assert_string_equal(printed(false), CLEAR "1/3, 4 s left  late");
    progress_end(&p);
    assert_string_equal(printed(false), CLEAR);
    give_stderr_back();
}

static void test_a_pipe(void **state) {
    (void)state;
    begin_pipe();
    progress late = progress_begin_late(3), early = progress_begin(0, 3, 0.0);
    for (; now < 1019.5; now += 1.0) {
        progress_say(&late, "late");
        progress_say(&early, "early");
    }
    assert_string_equal(printed(false), "");
    now = 1020.5;
    progress_say(&late, "late");
    progress_say(&early, "early");
    assert_string_equal(printed(false), "0/3, ? left  early\n");
    progress_end(&late);
    progress_end(&early);
    ticker_begin("reading", 0);
    ticker_hold();
    ticker_release();
    ticker_end();
    assert_string_equal(printed(false), "");
    give_stderr_back();
}

// The clock is changed while the thread cannot read it.
static void test_a_ticker(void **state) {
    (void)state;
    begin_terminal();
    ticker_end(); // allowed
    ticker_hold();
    ticker_release();
    ticker_begin("reading the model", 0);
    ticker_hold();
    now += 3.0;
    assert_string_equal(printed(false), "");
    ticker_release();
    assert_string_equal(printed(true), CLEAR "reading the model, 3 s");
    ticker_hold();
    assert_string_equal(printed(false), CLEAR);
    now += 1.0;
    ticker_release();
    assert_string_equal(printed(true), CLEAR "reading the model, 4 s");
    ticker_begin("hiding words", 40); // ends the former
    assert_string_equal(printed(false), CLEAR);
    ticker_set(10);
    ticker_hold();
    now += 4.0;
    ticker_release();
    assert_string_equal(printed(true), CLEAR "10/40, 12 s left  hiding words");
    ticker_end();
    assert_string_equal(printed(true), CLEAR);
    give_stderr_back();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_long_run),  cmocka_unit_test(test_a_budget),
        cmocka_unit_test(test_a_short_run), cmocka_unit_test(test_a_pipe),
        cmocka_unit_test(test_a_ticker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
