// SPDX-License-Identifier: BSD-2-Clause
// Several threads on one context: which is refused, which waits, and the error text of each;
// threads that are cancelled; hosts whose parallel_for is wrong.
#include "cancelled.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = 256 }; // a product of N x N x N is shared between threads

static float x[N * N], y[N * N], z[N * N], wide[4 * N * N];

static decoct_status multiply(decoct_context *ctx, float *to) {
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = N, .n = N, .k = N, .x = x, .b = x, .y = to};
    return decoct_matmul(ctx, &a);
}

static decoct_status small_call(decoct_context *ctx, int64_t rows) {
    float v = 1.0f;
    return decoct_softmax(ctx, rows, 1, 0.0f, &v, 0, &v, 0);
}

static decoct_context *open_context(int32_t wait, const char *pin,
                                    void (*parallel_for)(void *, decoct_task, void *, int64_t),
                                    void *host) {
    char error[256] = "";
    decoct_options o = {.struct_size = sizeof o,
                        .threads = parallel_for ? 4 : 2,
                        .pin = pin,
                        .wait = wait,
                        .parallel_for = parallel_for,
                        .parallel_for_host = host,
                        .error = error,
                        .error_size = sizeof error};
    decoct_context *ctx = NULL;
    decoct_status status = decoct_context_open(&o, &ctx);
    if (status && pin) {
        print_message("not pinned: %s\n", error);
        o.pin = NULL;
        status = decoct_context_open(&o, &ctx);
    }
    if (status) {
        print_error("%s\n", error);
    }
    assert_int_equal(status, DECOCT_OK);
    return ctx;
}

// ---- A call inside a call ----

typedef struct inside {
    decoct_context *ctx;
    decoct_status status, product;
    char text[256];
    pthread_t other;
    atomic_int started, ended;
} inside;

// Takes the short way of lib/ops/small.c.
static decoct_status small_product(decoct_context *ctx) {
    static const float in[16];
    float out[16];
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = 4, .n = 4, .k = 4, .x = in, .b = in, .y = out};
    return decoct_matmul(ctx, &a);
}

static void call_again(void *host, decoct_task task, void *task_data, int64_t count) {
    inside *in = host;
    in->status = small_call(in->ctx, 1);
    in->product = small_product(in->ctx);
    snprintf(in->text, sizeof in->text, "%s", decoct_last_error(in->ctx));
    for (int64_t i = 0; i < count; i++) {
        task(task_data, i);
    }
}

// A thread does not wait for itself, and gets a message.
static void test_call_inside_a_call(void **state) {
    (void)state;
    for (int32_t wait = 0; wait < 2; wait++) {
        inside in = {.ctx = NULL};
        in.ctx = open_context(wait, NULL, call_again, &in);
        assert_int_equal(multiply(in.ctx, y), DECOCT_OK);
        assert_int_equal(in.status, DECOCT_E_BUSY);
        assert_int_equal(in.product, DECOCT_E_BUSY);
        assert_non_null(strstr(in.text, "in use"));
        assert_string_equal(decoct_last_error(in.ctx), ""); // of the call that ended last
        decoct_context_close(in.ctx);
    }
}

// A product that goes the short way removes the text of the call before, as every call does.
static void test_small_product(void **state) {
    (void)state;
    for (int32_t wait = 0; wait < 2; wait++) {
        decoct_context *ctx = open_context(wait, NULL, NULL, NULL);
        assert_int_equal(small_call(ctx, -1), DECOCT_E_ARGUMENT);
        assert_string_not_equal(decoct_last_error(ctx), "");
        assert_int_equal(small_product(ctx), DECOCT_OK);
        assert_string_equal(decoct_last_error(ctx), "");
        decoct_context_close(ctx);
    }
}

static void *call_from_another(void *data) {
    inside *in = data;
    in->started = 1;
    in->status = small_call(in->ctx, -1);
    snprintf(in->text, sizeof in->text, "%s", decoct_last_error(in->ctx));
    in->ended = 1;
    return NULL;
}

static void let_another_call(void *host, decoct_task task, void *task_data, int64_t count) {
    inside *in = host;
    assert_int_equal(pthread_create(&in->other, NULL, call_from_another, in), 0);
    while (!in->started) {
        sched_yield();
    }
    usleep(20000); // does not block a call that does not wait
    assert_int_equal(in->ended && in->status != DECOCT_E_BUSY, 0);
    for (int64_t i = 0; i < count; i++) {
        task(task_data, i);
    }
}

// Another thread is refused or gets its turn when the call has ended; each has its own text.
static void test_call_of_another_thread(void **state) {
    (void)state;
    for (int32_t wait = 0; wait < 2; wait++) {
        inside in = {.ctx = NULL};
        in.ctx = open_context(wait, NULL, let_another_call, &in);
        assert_int_equal(multiply(in.ctx, y), DECOCT_OK);
        pthread_join(in.other, NULL);
        assert_int_equal(in.status, wait ? DECOCT_E_ARGUMENT : DECOCT_E_BUSY);
        assert_non_null(strstr(in.text, wait ? "softmax" : "in use"));
        assert_string_equal(decoct_last_error(in.ctx), "");
        decoct_context_close(in.ctx);
    }
}

// ---- Many threads ----

typedef struct caller {
    decoct_context *ctx;
    int64_t number;
    pthread_barrier_t *start;
    int wrong, busy;
} caller;

static decoct_status longer_call(decoct_context *ctx, int64_t rows) {
    float own[8 * N];
    return decoct_softmax(ctx, rows, N, 0.0f, x, 0, own, 0);
}

enum { CALLERS = 6, CALLS = 3000 };

static void *call_often(void *data) {
    caller *me = data;
    pthread_barrier_wait(me->start);
    for (int i = 0; i < CALLS; i++) {
        decoct_status status = longer_call(me->ctx, i % 2 ? 8 : -me->number);
        bool busy = status == DECOCT_E_BUSY;
        me->busy += busy;
        me->wrong += busy ? !strstr(decoct_last_error(me->ctx), "in use")
                          : status != (i % 2 ? DECOCT_OK : DECOCT_E_ARGUMENT);
    }
    return NULL;
}

static void *call_in_turn(void *data) {
    caller *me = data;
    pthread_barrier_wait(me->start);
    for (int i = 0; i < CALLS; i++) {
        char text[64];
        snprintf(text, sizeof text, "rows is %lld,", (long long)-me->number);
        decoct_status status = longer_call(me->ctx, i % 2 ? 8 : -me->number);
        const char *said = decoct_last_error(me->ctx);
        me->wrong += status != (i % 2 ? DECOCT_OK : DECOCT_E_ARGUMENT);
        me->wrong += i % 2 ? said[0] != '\0' : !strstr(said, text);
    }
    return NULL;
}

static void test_many_threads(void **state) {
    (void)state;
    for (int32_t wait = 0; wait < 2; wait++) {
        decoct_context *ctx = open_context(wait, NULL, NULL, NULL);
        pthread_t threads[CALLERS];
        caller callers[CALLERS];
        pthread_barrier_t start;
        pthread_barrier_init(&start, NULL, CALLERS);
        for (int i = 0; i < CALLERS; i++) {
            callers[i] = (caller){.ctx = ctx, .number = 1000 + i, .start = &start};
            assert_int_equal(
                pthread_create(&threads[i], NULL, wait ? call_in_turn : call_often, &callers[i]),
                0);
        }
        for (int i = 0; i < CALLERS; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(callers[i].wrong, 0);
            assert_true(!wait || callers[i].busy == 0);
        }
        pthread_barrier_destroy(&start);
        assert_int_equal(small_call(ctx, 1), DECOCT_OK);
        decoct_context_close(ctx);
    }
}

// ---- fork ----

static void fork_inside(void *host, decoct_task task, void *task_data, int64_t count) {
    inside *in = host;
    pid_t child = fork();
    if (child == 0) { // the parent's call does not run here
        pthread_t thread;
        inside mine = {.ctx = in->ctx};
        if (pthread_create(&thread, NULL, call_from_another, &mine) || pthread_join(thread, NULL)) {
            _exit(2);
        }
        _exit(mine.status == DECOCT_E_ARGUMENT && strstr(mine.text, "softmax") ? 0 : 1);
    }
    int result = -1;
    assert_true(child > 0 && waitpid(child, &result, 0) == child);
    in->status = result;
    for (int64_t i = 0; i < count; i++) {
        task(task_data, i);
    }
}

static void test_fork_while_waiting(void **state) {
    (void)state;
    inside in = {.ctx = NULL};
    in.ctx = open_context(1, NULL, fork_inside, &in);
    assert_int_equal(multiply(in.ctx, y), DECOCT_OK);
    assert_int_equal(in.status, 0);
    decoct_context_close(in.ctx);
}

// ---- Cancellation ----

static void *multiply_for_ever(void *data) {
    inside *in = data;
    for (;;) {
        in->started = 1;
        multiply(in->ctx, z);
        pthread_testcancel();
    }
    return NULL;
}

static void test_cancelled_callers(void **state) {
    (void)state;
    for (int i = 0; i < 12; i++) {
        inside in = {.ctx = open_context(i % 2, i % 3 ? "compact" : NULL, NULL, NULL)};
        pthread_t thread;
        void *result = NULL;
        assert_int_equal(pthread_create(&thread, NULL, multiply_for_ever, &in), 0);
        while (!in.started) {
            sched_yield();
        }
        usleep(300 * (unsigned)i);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        assert_ptr_equal(result, PTHREAD_CANCELED);
        assert_int_equal(multiply(in.ctx, y), DECOCT_OK);
        assert_int_equal(multiply(in.ctx, z), DECOCT_OK);
        assert_true(check_same_bits(y, z, N * N));
        decoct_context_close(in.ctx);
    }
}

static bool use_everything(void *none) {
    (void)none;
    char path[4096];
    uint64_t length;
    decoct_options o = {.struct_size = sizeof o, .threads = 2, .pin = "compact"};
    decoct_context *ctx = NULL;
    decoct_model *model = NULL;
    decoct_status status = decoct_context_open(&o, &ctx);
    if (status) { // nothing is known of the topology here
        o.pin = NULL;
        status = decoct_context_open(&o, &ctx);
    }
    int fine = status == DECOCT_OK;
    fine += multiply(ctx, z) == DECOCT_OK;
    fine += decoct_machine_json(ctx, NULL, 0, &length) == DECOCT_OK;
    fine += decoct_default_model(ctx, path, sizeof path, &length) == DECOCT_OK;
    fine += decoct_model_open(ctx, path, &model) == DECOCT_OK;
    decoct_model_close(model);
    decoct_context_close(ctx);
    return fine == 5;
}

static void test_no_call_is_a_cancellation_point(void **state) {
    (void)state;
    expect_not_cancelled(use_everything, NULL);
}

// ---- Texts without a context ----

static void *fail_to_open(void *data) {
    char *text = data;
    decoct_context *ctx = NULL;
    decoct_options o = {.struct_size = sizeof o, .backend = text};
    decoct_status status = decoct_context_open(&o, &ctx);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "'%s'", text);
    bool right = status == DECOCT_E_UNSUPPORTED && strstr(decoct_last_error(NULL), wanted);
    text[0] = right ? '+' : '-';
    return NULL;
}

static void test_open_without_a_buffer(void **state) {
    char names[CALLERS][16];
    pthread_t threads[CALLERS];
    decoct_context *ctx = NULL;
    (void)state;
    char none[] = "nonsense";
    fail_to_open(none);
    assert_int_equal(none[0], '+');
    for (int i = 0; i < CALLERS; i++) {
        snprintf(names[i], sizeof names[i], "nothing%d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, fail_to_open, names[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(names[i][0], '+');
    }
    assert_non_null(strstr(decoct_last_error(NULL), "'nonsense'")); // of this thread
    assert_int_equal(small_call(NULL, 1), DECOCT_E_ARGUMENT);
    assert_string_equal(decoct_last_error(NULL), "the context is NULL");
    assert_int_equal(decoct_context_open(NULL, NULL), DECOCT_E_ARGUMENT);
    assert_string_equal(decoct_last_error(NULL), "context: out is NULL");
    assert_int_equal(decoct_context_open(NULL, &ctx), DECOCT_OK);
    assert_string_equal(decoct_last_error(NULL), "");
    decoct_context_close(ctx);
}

// ---- Hosts with a wrong parallel_for ----

typedef enum fault { NOTHING, TOO_FEW, TWICE, OUTSIDE, LATE, FAULTS } fault;

typedef struct odd_host {
    fault fault;
    bool odd;
    decoct_task task;
    void *task_data;
} odd_host;

static void odd_for(void *host, decoct_task task, void *task_data, int64_t count) {
    odd_host *h = host;
    if (h->task) {
        h->task(h->task_data, 0); // of a run that is over, or the same again
    }
    h->task = h->odd && h->fault == LATE ? task : NULL;
    h->task_data = task_data;
    for (int64_t i = 0; i < count; i++) {
        bool skip = h->odd && (h->fault == NOTHING || (h->fault == TOO_FEW && i == 1));
        if (!skip && !(h->task && i == 0)) {
            task(task_data, i);
        }
    }
    if (h->odd && h->fault == TWICE) {
        task(task_data, 2);
    }
    if (h->odd && h->fault == OUTSIDE) {
        task(task_data, -1);
        task(task_data, count);
        task(task_data, INT64_MAX);
    }
}

static void test_odd_hosts(void **state) {
    static const char *const texts[FAULTS] = {
        "parallel_for: 0 of 4 tasks ran", "parallel_for: 3 of 4 tasks ran",
        "parallel_for: 5 tasks ran instead of 4", "parallel_for: 7 tasks ran instead of 4",
        "parallel_for: 3 of 4 tasks ran"};
    (void)state;
    for (fault f = NOTHING; f < FAULTS; f++) {
        odd_host host = {.fault = f};
        decoct_context *ctx = open_context(0, NULL, odd_for, &host);
        decoct_weights *weights = NULL;
        assert_int_equal(multiply(ctx, y), DECOCT_OK);
        host.odd = true;
        assert_int_equal(multiply(ctx, z), DECOCT_E_SYSTEM);
        assert_non_null(strstr(decoct_last_error(ctx), texts[f]));
        if (f != LATE) {
            assert_int_equal(decoct_gelu(ctx, 0, N, N, x, 0, z, 0), DECOCT_E_SYSTEM);
            assert_int_equal(decoct_weights_create(ctx, N, 4 * N, wide, 0, 0, &weights),
                             DECOCT_E_SYSTEM);
            assert_null(weights);
        }
        host.odd = false;
        if (f == LATE) { // a late task is noticed in the next run
            assert_int_equal(multiply(ctx, z), DECOCT_E_SYSTEM);
        }
        assert_int_equal(multiply(ctx, z), DECOCT_OK);
        assert_true(check_same_bits(y, z, N * N));
        decoct_context_close(ctx);
    }
}

int main(void) {
    check_fill(x, N * N, 1, 1.0f);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_inside_a_call),
        cmocka_unit_test(test_small_product),
        cmocka_unit_test(test_call_of_another_thread),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_fork_while_waiting),
        cmocka_unit_test(test_cancelled_callers),
        cmocka_unit_test(test_no_call_is_a_cancellation_point),
        cmocka_unit_test(test_open_without_a_buffer),
        cmocka_unit_test(test_odd_hosts),
    };
    return cmocka_run_group_tests_name("callers", tests, NULL, NULL);
}
