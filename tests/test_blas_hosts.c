// SPDX-License-Identifier: BSD-2-Clause
// libdecoct-blas in a host with many threads, and after fork: the same bits as alone, and no more
// threads than the process may use.
#include "bindings/blas/blas.h"
#include "blas/declarations.h"
#include "check.h"
#include "sanitized.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 8, SIDE = 128, SMALL = 20, ELEMENTS = SIDE * SIDE };

static float a[ELEMENTS], b[ELEMENTS], right[ELEMENTS], right_small[SMALL * SMALL];

static void multiply(int side, float *c) {
    cblas_sgemm(ROW_MAJOR, NO_TRANS, TRANS, side, side, side, 1.0f, a, SIDE, b, SIDE, 0.0f, c,
                side);
}

static int fill(void **state) {
    (void)state;
    check_fill(a, ELEMENTS, 1, 1.0f);
    check_fill(b, ELEMENTS, 2, 1.0f);
    multiply(SIDE, right);
    multiply(SMALL, right_small);
    return 0;
}

// Rounds that gave other bits.
static int count_wrong(int rounds) {
    float *c = malloc(sizeof right);
    int wrong = c ? 0 : rounds;
    for (int i = 0; c && i < rounds; i++) {
        multiply(SIDE, c);
        wrong += memcmp(c, right, sizeof right) != 0;
        multiply(SMALL, c);
        wrong += memcmp(c, right_small, sizeof right_small) != 0;
    }
    free(c);
    return wrong;
}

static int count_threads(void) {
    DIR *folder = opendir("/proc/self/task");
    assert_non_null(folder);
    int count = 0;
    for (struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        count += e->d_name[0] != '.';
    }
    closedir(folder);
    return count;
}

// An emulator has threads of its own among those of the process.
static void expect_threads(int most) {
    if (getenv("DECOCT_TEST_EMULATOR")) {
        print_message("skipped: threads are not counted in an emulator\n");
    } else {
        assert_in_range(count_threads(), 1, most);
    }
}

static atomic_int wrong_rounds, stop;

static void *work(void *data) {
    (void)data;
    atomic_fetch_add(&wrong_rounds, count_wrong(20));
    return NULL;
}

static void *work_on(void *data) {
    (void)data;
    while (!atomic_load(&stop)) {
        atomic_fetch_add(&wrong_rounds, count_wrong(1));
    }
    return NULL;
}

static void start(pthread_t *threads, int count, void *(*run)(void *)) {
    for (int i = 0; i < count; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run, NULL), 0);
    }
}

static void join(const pthread_t *threads, int count) {
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&wrong_rounds), 0);
}

// Threads that came and went leave none behind.
static void test_many_threads(void **state) {
    (void)state;
    int team = decoct_blas_threads();
    for (int round = 0; round < 3; round++) {
        pthread_t threads[MANY];
        start(threads, MANY, work);
        expect_threads(MANY + team);
        join(threads, MANY);
    }
    expect_threads(team);
}

static int run_child(void) {
    pid_t child = fork();
    if (child == 0) {
        alarm(600);
        _exit(count_wrong(2) ? 1 : 0);
    }
    int status = -1;
    return waitpid(child, &status, 0) == child ? status : -1;
}

static void test_fork(void **state) {
    (void)state;
    if (no_threads_after_fork()) {
        print_message("skipped: a child of fork cannot make threads here\n");
        skip();
    }
    assert_int_equal(run_child(), 0);
    assert_int_equal(count_wrong(2), 0);
}

static void test_fork_beside_others(void **state) {
    (void)state;
    if (SANITIZED || no_threads_after_fork()) {
        print_message("skipped: a sanitizer's allocator stays locked in the child\n");
        skip();
    }
    pthread_t threads[2];
    atomic_store(&stop, 0);
    start(threads, 2, work_on);
    int failed = 0;
    for (int i = 0; i < 20; i++) {
        failed += run_child() != 0;
    }
    atomic_store(&stop, 1);
    join(threads, 2);
    assert_int_equal(failed, 0);
}

static void test_one_thread(void **state) {
    (void)state;
    decoct_blas_set_threads(1);
    assert_int_equal(decoct_blas_threads(), 1);
    expect_threads(1);
    assert_int_equal(count_wrong(3), 0);
    expect_threads(1);
    decoct_blas_set_threads(0);
    assert_in_range(decoct_blas_threads(), 1, 4096);
    assert_int_equal(count_wrong(3), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_fork_beside_others),
        cmocka_unit_test(test_one_thread),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
