// SPDX-License-Identifier: BSD-2-Clause
// The processes of `decoct peers`: what one of them uses of a CPU while another one has its turn.
#include "peers/side.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <threads.h>
#include <time.h>

#include <cmocka.h>

enum { BURNT_MS = 20 };

// Shared by the processes.
typedef struct meeting {
    sem_t begin, end;
} meeting;

static double cpu_of_thread(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// Sleeps until it is called, then works for a while.
static int work_when_called(void *data) {
    meeting *m = data;
    while (sem_wait(&m->begin)) {
    }
    while (cpu_of_thread() < BURNT_MS * 1e-3) {
    }
    sem_post(&m->end);
    return 0;
}

static bool open_helper(void *data, side_desk *desk) {
    thrd_t thread;
    (void)desk;
    return thrd_create(&thread, work_when_called, data) == thrd_success;
}

static bool call_helper(void *data) {
    meeting *m = data;
    static bool called;
    if (!called) {
        called = true;
        sem_post(&m->begin);
        while (sem_wait(&m->end)) {
        }
    }
    return true;
}

static bool open_caller(void *data, side_desk *desk) {
    desk->jobs[0] = (side_job){.run = call_helper, .data = data};
    return true;
}

static void test_awake_in_the_turn_of_another(void **state) {
    (void)state;
    meeting *m = mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(m, MAP_FAILED);
    assert_true(!sem_init(&m->begin, 1, 0) && !sem_init(&m->end, 1, 0));
    side_group group = {.count = 0};
    side helper, caller;
    assert_true(side_open(&helper, &group, 0.0, 0, open_helper, m));
    assert_true(side_open(&caller, &group, 0.0, 0, open_caller, m));
    assert_true(side_awake(&helper) == 0.0);
    side_turn turn = {&caller, 0};
    assert_true(side_take_turn(&turn, 1) >= 0.0);
    assert_true(helper.awake >= 0.9e-3 * BURNT_MS); // two clocks of the system
    assert_true(side_awake(&helper) > 0.0);
    assert_true(side_awake(&caller) == 0.0);
    side_close(&caller);
    side_close(&helper);
    munmap(m, sizeof *m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_awake_in_the_turn_of_another)};
    return cmocka_run_group_tests_name("side", tests, NULL, NULL);
}
