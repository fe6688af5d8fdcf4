// SPDX-License-Identifier: BSD-2-Clause
// What a launch makes of its samples: bench/ab/launch.c with workers that only answer.
#include "bench/ab/cpus.h"
#include "bench/ab/launch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct {
    int32_t threads;
    double waited; // of 1 ns of CPU time
    int slow;      // samples of B that take twice as long; the others are equal
    channel channels[2];
} now;

// ---- What launch.c needs of bench/ab/arm.h and bench/ab/cpus.h ----

int cpus_allowed(void) {
    return 64;
}

bool cpus_choose(int needed, uint64_t *seed, cpu_choice *out) {
    (void)needed, (void)seed;
    *out = (cpu_choice){.quickest = 0};
    CPU_ZERO(&out->all);
    return true;
}

bool cpus_list(const cpu_set_t *set, char *text, size_t size) {
    (void)set, (void)size;
    text[0] = '\0';
    return true;
}

bool arm_start(arm *a, const char *worker, int padding, char *error) {
    (void)worker, (void)padding, (void)error;
    a->channel = &now.channels[a->library[0] - 'B' ? 0 : 1];
    memset(a->channel, 0, sizeof *a->channel);
    return true;
}

bool arm_order(arm *a, channel_order order, char *error) {
    (void)error;
    channel *c = a->channel;
    c->calls = c->runs = 1;
    if (order == CHANNEL_SAMPLE) {
        bool slow = c == &now.channels[1] && now.slow-- > 0;
        double waited = now.waited < 0.0 ? -1.0 : 1e6 * now.waited;
        double all = slow ? 2e6 : 1e6;
        c->sample = (channel_sample){
            .cpu = all, .wall = all, .quickest = 1e6, .control = 1.0, .waited = waited};
        c->sum.cpu += 1e6;
        c->sum.waited = now.waited < 0.0 ? -1.0 : c->sum.waited + waited;
    }
    return true;
}

bool arm_has_library(const arm *a, char *error) {
    (void)a, (void)error;
    return true;
}

double arm_awake(const arm *a) {
    (void)a;
    return 0.0;
}

void arm_stop(arm *a) {
    a->channel = NULL;
}

// ---- Tests ----

static launch measure(void) {
    arm arms[2] = {{.library = "A", .threads = now.threads},
                   {.library = "B", .threads = now.threads}};
    static const work_case what = {.op = "made up"};
    launch_setting setting = {.worker = "", .pairs = 15};
    char error[CHANNEL_ERROR];
    uint64_t seed = 1;
    launch l;
    assert_true(launch_run(&setting, &arms[0], &arms[1], &what, &seed, &l, error));
    free(l.pairs);
    l.pairs = NULL;
    return l;
}

// How well threads run together does not depend on how many they are.
static void test_together(void **state) {
    (void)state;
    static const struct {
        int32_t threads;
        double has, together; // part of the time in which a thread has its CPU
    } table[] = {{1, 0.5, 0.5},  {2, 1.0, 1.0},      {2, 0.95, 0.9025},
                 {2, 0.2, 0.04}, {50, 0.95, 0.9025}, {50, 0.2, 0.04}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        now.threads = table[i].threads;
        now.waited = 1.0 / table[i].has - 1.0;
        assert_true(fabs(measure().together - table[i].together) < 1e-5);
    }
    now.threads = 2;
    now.waited = -1.0;
    assert_true(measure().together == LAUNCH_NOT_KNOWN);
}

// Three of 15 samples have calls that are slower. That is in the CPU time of all calls; the wall
// time of several threads has a median.
static void test_rare_slow_calls(void **state) {
    (void)state;
    now.waited = 0.0;
    for (now.threads = 1; now.threads <= 2; now.threads++) {
        now.slow = 3;
        launch l = measure();
        double expected = now.threads == 1 ? log(18.0 / 15.0) : 0.0;
        assert_true(fabs(l.mean - expected) < 1e-6);
        assert_true(l.quickest == 0.0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_together),
                                       cmocka_unit_test(test_rare_slow_calls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
