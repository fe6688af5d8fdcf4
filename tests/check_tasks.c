// SPDX-License-Identifier: BSD-2-Clause
// Matrix product: the tasks that threads share.
#include "check.h"

#include <string.h>

static int32_t note_total(void *data, int64_t done, int64_t total) {
    (void)done;
    *(int64_t *)data = total;
    return 0;
}

// How many tasks two threads get for a product (m, n, k) of an unpacked b, as a host hears that is
// called after `unit` multiply-adds; a task has up to four times as many. 0: no such backend.
static int64_t count_tasks(const char *backend, int64_t unit, int64_t m, int64_t n, int64_t k) {
    enum { X_MOST = 1 << 20, B_MOST = 3 << 20, Y_MOST = 3 << 19 };
    static float x[X_MOST], b[B_MOST], y[Y_MOST];
    assert_true(m * k <= X_MOST && k * n <= B_MOST && m * n <= Y_MOST);
    decoct_context *ctx = check_open(backend, 1);
    if (!ctx) {
        return 0;
    }
    decoct_context_close(ctx);
    check_fill(x, m * k, 1, 1.0f);
    check_fill(b, k * n, 2, 1.0f);
    int64_t tasks = 0;
    decoct_options options = {.struct_size = sizeof options,
                              .threads = 2,
                              .backend = backend,
                              .progress = note_total,
                              .progress_host = &tasks,
                              .progress_work = unit};
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = m, .n = n, .k = k, .x = x, .b = b, .y = y};
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    decoct_context_close(ctx);
    assert_true(tasks > 0);
    return tasks;
}

// Tasks that pack their columns are few and take long: two threads get as many of them each.
static void test_even_tasks(void **state) {
    static const int64_t widths[] = {2304, 1536, 896, 768};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        int64_t tasks = count_tasks(*state, 1 << 24, 460, widths[i], 100);
        if (!tasks) {
            skip();
        }
        assert_int_equal(tasks % 2, 0);
    }
}

// Columns that are too few for all threads leave rows to share; and where tasks of the usual width
// do not come out even, wider or narrower ones do.
static void test_narrow_tasks(void **state) {
    static const int64_t shapes[][3] = {{107, 74, 1200}, {200, 10, 4200}, {93, 378, 700}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        int64_t tasks = count_tasks(*state, 1 << 22, shapes[i][0], shapes[i][1], shapes[i][2]);
        if (!tasks) {
            skip();
        }
        assert_int_equal(tasks % 2, 0);
    }
}

// One or two rows read b and do little else: each thread reads one part of it, the longest, also
// where k is cut into blocks. More rows have several tasks for each thread.
static void test_long_tasks(void **state) {
    const int64_t unit = 1 << 21;
    int64_t tasks = count_tasks(*state, unit, 1, 2304, 1200);
    if (!tasks || strcmp(*state, "scalar") == 0) { // which packs b
        skip();
    }
    assert_int_equal(tasks, 2);
    assert_int_equal(count_tasks(*state, unit, 2, 2304, 1200), 2);
    assert_true(count_tasks(*state, unit, 3, 2304, 1200) > 2);
}

// Bytes that a product (m, n, k) of an unpacked b leaves allocated: room to pack b, or none.
static int64_t room_of(const char *backend, int64_t m, int64_t n, int64_t k) {
    enum { MOST = 300 * 300 };
    static float x[MOST], b[MOST], y[MOST];
    assert_true(m * k <= MOST && k * n <= MOST && m * n <= MOST);
    decoct_context *ctx = check_open(backend, 1);
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = m, .n = n, .k = k, .x = x, .b = b, .y = y};
    const int64_t before = decoct_context_memory(ctx, NULL);
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    const int64_t room = decoct_context_memory(ctx, NULL) - before;
    decoct_context_close(ctx);
    return room;
}

// AVX2 takes single lines of the cache from b. Rows of it that are 1 KiB apart share few sets: from
// some rows of x on it is packed, though it is small; others are not.
static void test_scattered(void **state) {
    decoct_context *ctx = strcmp(*state, "avx2") == 0 ? check_open(*state, 1) : NULL;
    if (!ctx) {
        skip();
    }
    decoct_context_close(ctx);
    const int64_t panels = 256 * 256 * (int64_t)sizeof(float);
    assert_true(room_of(*state, 37, 256, 256) >= room_of(*state, 36, 256, 256) + panels);
    assert_true(room_of(*state, 200, 256, 256) >= room_of(*state, 200, 250, 256) + panels);
}

int main(void) {
    static const check_test tests[] = {{"matmul, even tasks", test_even_tasks},
                                       {"matmul, tasks of a narrow product", test_narrow_tasks},
                                       {"matmul, long tasks of few rows", test_long_tasks},
                                       {"matmul, scattered b", test_scattered}};
    return check_all_backends("tasks", tests, sizeof tests / sizeof *tests);
}
