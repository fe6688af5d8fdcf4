// SPDX-License-Identifier: BSD-2-Clause
// decoct_context_set_threads: the same bits, no worker left over, pinned or not, and what it
// refuses.
#include "check.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN
#endif
#endif

enum { N = 256, CYCLES = 100 };
static float x[N * N], b[N * N], expected[N * N];

// Large enough to be shared among threads that sleep.
static decoct_status multiply(decoct_context *ctx, float *y) {
    return decoct_matmul_dense(ctx, N, N, N, x, b, 0, NULL, y);
}

static void expect_product(decoct_context *ctx) {
    static float y[N * N];
    memset(y, 0, sizeof y);
    assert_int_equal(multiply(ctx, y), DECOCT_OK);
    assert_true(check_same_bits(y, expected, N * N));
}

static decoct_context *open_context(decoct_options options) {
    decoct_context *ctx = NULL;
    options.struct_size = sizeof options;
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    return ctx;
}

static int count_tasks(void) {
    DIR *dir = opendir("/proc/self/task");
    assert_non_null(dir);
    int count = 0;
    for (const struct dirent *e; (e = readdir(dir));) {
        count += e->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

// A thread that was joined may be listed for a moment longer.
static void expect_tasks(int wanted) {
    for (int i = 0; i < 10000 && count_tasks() != wanted; i++) {
        usleep(1000);
    }
    assert_int_equal(count_tasks(), wanted);
}

// A first thread, so that a sanitizer has started the one of its own before tasks are counted.
static void *note_number(void *data) {
    *(pid_t *)data = gettid();
    return NULL;
}

static void start_first_thread(void) {
    pthread_t thread;
    pid_t number = 0;
    char folder[64];
    if (pthread_create(&thread, NULL, note_number, &number) == 0) {
        pthread_join(thread, NULL);
        snprintf(folder, sizeof folder, "/proc/self/task/%d", (int)number);
        while (access(folder, F_OK) == 0) {
            usleep(1000);
        }
    }
}

static void expect_refusal(decoct_context *ctx, int32_t threads, decoct_status wanted,
                           const char *text) {
    int32_t before = decoct_context_threads(ctx);
    assert_int_equal(decoct_context_set_threads(ctx, threads), wanted);
    if (!strstr(decoct_last_error(ctx), text)) {
        print_error("\"%s\", expected \"%s\"\n", decoct_last_error(ctx), text);
        fail();
    }
    assert_int_equal(decoct_context_threads(ctx), before);
    expect_product(ctx);
}

static void test_numbers(void **state) {
    static const int32_t numbers[] = {2, 5, 1, 3, 3, 1, 4};
    int alone = count_tasks();
    decoct_context *ctx = open_context((decoct_options){.threads = 1}),
                   *all = open_context((decoct_options){0});
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_int_equal(decoct_context_set_threads(ctx, numbers[i]), DECOCT_OK);
        assert_int_equal(decoct_context_threads(ctx), numbers[i]);
        expect_tasks(alone); // those of before have ended, others come with the next call
        expect_product(ctx);
        expect_tasks(alone + numbers[i] - 1);
    }
    assert_int_equal(decoct_context_set_threads(ctx, 0), DECOCT_OK);
    assert_int_equal(decoct_context_threads(ctx), decoct_context_threads(all));
    expect_product(ctx);
    expect_refusal(ctx, -1, DECOCT_E_ARGUMENT, "set_threads: threads -1 is not in [0, 4096]");
    expect_refusal(ctx, 4097, DECOCT_E_ARGUMENT, "set_threads: threads 4097");
    assert_int_equal(decoct_context_set_threads(NULL, 1), DECOCT_E_ARGUMENT);
    decoct_context_close(all);
    decoct_context_close(ctx);
    expect_tasks(alone);
}

static void test_many_times(void **state) {
    int alone = count_tasks();
    decoct_context *ctx = open_context((decoct_options){.threads = 3});
    (void)state;
    expect_product(ctx);
    int64_t before = decoct_context_memory(ctx, NULL);
    for (int i = 0; i < CYCLES; i++) {
        assert_int_equal(decoct_context_set_threads(ctx, 2 + i % 2), DECOCT_OK);
        expect_product(ctx);
    }
    assert_int_equal(decoct_context_threads(ctx), 3);
    assert_int_equal(decoct_context_memory(ctx, NULL), before);
    expect_tasks(alone + 2);
    decoct_context_close(ctx);
}

// Without memory for the pool, and for what each of its threads needs (if its kernels need any).
static void test_memory(void **state) {
    int64_t most = 0;
    decoct_context *ctx = open_context((decoct_options){.threads = 2});
    (void)state;
    expect_product(ctx);
    decoct_context_memory(ctx, &most);
    decoct_context_close(ctx);
    for (int64_t more = 100000; more <= 400000; more *= 4) {
        ctx = open_context((decoct_options){.threads = 2, .memory_limit = (uint64_t)(most + more)});
        expect_product(ctx);
        int64_t before = decoct_context_memory(ctx, NULL);
        if (more == 100000) {
            expect_refusal(ctx, 4096, DECOCT_E_MEMORY, "memory_limit");
        } else if (decoct_context_set_threads(ctx, 4096) != DECOCT_OK) {
            expect_product(ctx);
            assert_int_equal(decoct_context_memory(ctx, NULL), before);
        }
        decoct_context_close(ctx);
    }
}

// ---- Pinned ----

static void test_pinned(void **state) {
    cpu_set_t allowed;
    size_t cpus[2];
    int count = 0;
    char list[32];
    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && count < 2; cpu++) {
        if (CPU_ISSET(cpu, &allowed)) {
            cpus[count++] = cpu;
        }
    }
    if (count < 2) {
        print_message("skipped: one CPU\n");
        skip();
    }
    snprintf(list, sizeof list, "%zu,%zu", cpus[0], cpus[1]);
    decoct_context *ctx = open_context((decoct_options){.threads = 1, .pin = list});
    expect_product(ctx);
    assert_int_equal(decoct_context_set_threads(ctx, 2), DECOCT_OK);
    expect_product(ctx);
    assert_int_equal(decoct_worker_bound(ctx, 1), (int)cpus[1]);
    expect_refusal(ctx, 3, DECOCT_E_ARGUMENT, "3 threads, but 2 CPUs");
    assert_int_equal(decoct_worker_bound(ctx, 1), (int)cpus[1]);
    decoct_context_close(ctx);
}

static void test_pinned_by_policy(void **state) {
    decoct_options options = {.struct_size = sizeof options, .threads = 1, .pin = "compact"};
    decoct_context *ctx = NULL;
    (void)state;
    if (decoct_context_open(&options, &ctx)) {
        print_message("skipped: nothing is known of the topology: %s\n", decoct_last_error(NULL));
        skip();
    }
    assert_int_equal(decoct_context_set_threads(ctx, 2), DECOCT_OK);
    expect_product(ctx);
    assert_true(decoct_worker_bound(ctx, 1) >= 0);
    decoct_context_close(ctx);
}

// ---- A host's own threads ----

typedef struct host {
    decoct_context *ctx;
    int64_t tasks;
    decoct_status inside;
} host;

static void run_in_order(void *data, decoct_task task, void *task_data, int64_t count) {
    host *h = data;
    h->tasks = count;
    h->inside = decoct_context_set_threads(h->ctx, 1);
    for (int64_t i = 0; i < count; i++) {
        task(task_data, i);
    }
}

static void test_host(void **state) {
    host h = {.ctx = NULL};
    (void)state;
    h.ctx = open_context(
        (decoct_options){.threads = 2, .parallel_for = run_in_order, .parallel_for_host = &h});
    for (int32_t threads = 2; threads < 5; threads++) {
        assert_int_equal(decoct_context_set_threads(h.ctx, threads), DECOCT_OK);
        expect_product(h.ctx);
        assert_int_equal(h.tasks, threads);
        assert_int_equal(h.inside, DECOCT_E_BUSY); // refused inside a call
    }
    decoct_context_close(h.ctx);
}

// ---- Several threads on one context ----

typedef struct caller {
    decoct_context *ctx;
    float y[N * N];
    int wrong, done;
} caller;

static atomic_bool stop;

static void *multiply_on_and_on(void *data) {
    caller *c = data;
    while (!stop || c->done == 0) {
        c->wrong += multiply(c->ctx, c->y) || memcmp(c->y, expected, sizeof expected) != 0;
        c->done++;
    }
    return NULL;
}

static void test_other_threads_wait(void **state) {
    enum { CALLERS = 2 };
    static caller callers[CALLERS];
    pthread_t threads[CALLERS];
    decoct_context *ctx = open_context((decoct_options){.threads = 2, .wait = 1});
    (void)state;
    for (int i = 0; i < CALLERS; i++) {
        callers[i].ctx = ctx;
        assert_int_equal(pthread_create(&threads[i], NULL, multiply_on_and_on, &callers[i]), 0);
    }
    for (int i = 0; i < CYCLES / 5; i++) {
        assert_int_equal(decoct_context_set_threads(ctx, 1 + i % 3), DECOCT_OK);
        expect_product(ctx);
    }
    stop = true;
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].wrong, 0);
        assert_true(callers[i].done > 0);
    }
    decoct_context_close(ctx);
}

static void test_child(void **state) {
    (void)state;
#ifdef UNDER_TSAN
    print_message("skipped: ThreadSanitizer refuses threads in a child\n");
    skip();
#endif
    decoct_context *ctx = open_context((decoct_options){.threads = 3});
    expect_product(ctx);
    pid_t child = fork();
    if (child == 0) {
        static float y[N * N];
        bool fine = decoct_context_set_threads(ctx, 1) == DECOCT_OK &&
                    multiply(ctx, y) == DECOCT_OK && memcmp(y, expected, sizeof y) == 0;
        _exit(fine ? 0 : 1);
    }
    int result = -1;
    assert_true(child > 0 && waitpid(child, &result, 0) == child);
    assert_int_equal(result, 0);
    expect_product(ctx); // the parent's workers are as before
    decoct_context_close(ctx);
}

// One query over 4096 keys of 12 heads is few operations, but 25 MB: worth waking the others.
static void test_long_cache_is_shared(void **state) {
    (void)state;
    enum { HEADS = 12, KV = 4096, DIM = 64 };
    float *memory = calloc((size_t)2 * HEADS * KV * DIM, sizeof *memory);
    static float q[HEADS * DIM], out[HEADS * DIM];
    assert_non_null(memory);
    decoct_context *ctx = open_context((decoct_options){.threads = 2});
    decoct_attention_args a = {.struct_size = sizeof a,
                               .batch = 1,
                               .heads = HEADS,
                               .kv_heads = HEADS,
                               .q_len = 1,
                               .kv_len = 64,
                               .head_dim = DIM,
                               .q = q,
                               .k = memory,
                               .v = memory + HEADS * KV * DIM,
                               .out = out};
    int before = count_tasks();
    assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
    expect_tasks(before); // a short one is not
    a.kv_len = KV;
    assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
    expect_tasks(before + 1);
    decoct_context_close(ctx);
    free(memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_many_times),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_pinned),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_pinned_by_policy),
        cmocka_unit_test(test_child),
        cmocka_unit_test(test_other_threads_wait),
        cmocka_unit_test(test_long_cache_is_shared),
    };
    start_first_thread();
    check_fill(x, N * N, 1, 1.0f);
    check_fill(b, N * N, 2, 1.0f);
    decoct_context *ctx = check_open("scalar", 1);
    if (multiply(ctx, expected) != DECOCT_OK) {
        return 1;
    }
    decoct_context_close(ctx);
    return cmocka_run_group_tests_name("set_threads", tests, NULL, NULL);
}
