// SPDX-License-Identifier: BSD-2-Clause
// Contexts: options, errors, several at once, a host's own threads, the host's floating-point mode.
#include "check.h"

#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

static void expect_refusal(decoct_options options, decoct_status wanted, const char *words) {
    char error[256] = "";
    decoct_context *ctx = NULL;
    options.struct_size = sizeof options;
    options.error = error;
    options.error_size = sizeof error;
    decoct_status status = decoct_context_open(&options, &ctx);
    if (status != wanted || !strstr(error, words)) {
        print_error("status %d: %s; expected: %s\n", status, error, words);
    }
    assert_int_equal(status, wanted);
    assert_non_null(strstr(error, words));
    assert_null(ctx);
}

static void serial_for(void *host, decoct_task task, void *task_data, int64_t count) {
    (*(int *)host)++;
    for (int64_t i = count - 1; i >= 0; i--) {
        task(task_data, i);
    }
}

static void test_options(void **state) {
    decoct_context *ctx;
    (void)state;
    assert_int_equal(decoct_context_open(NULL, &ctx), DECOCT_OK);
    assert_true(decoct_context_threads(ctx) >= 1);
    assert_non_null(decoct_context_backend(ctx));
    assert_non_null(decoct_context_kernel(ctx, "softmax"));
    assert_null(decoct_context_kernel(ctx, "nonsense"));
    assert_string_equal(decoct_last_error(ctx), "");
    decoct_context_close(ctx);
    assert_int_equal(decoct_context_open(NULL, NULL), DECOCT_E_ARGUMENT);
    expect_refusal((decoct_options){.threads = -1}, DECOCT_E_ARGUMENT, "threads -1");
    expect_refusal((decoct_options){.backend = "nonsense"}, DECOCT_E_UNSUPPORTED, "'nonsense'");
    expect_refusal((decoct_options){.pin = "nonsense"}, DECOCT_E_ARGUMENT, "nonsense");
    expect_refusal((decoct_options){.pin = "compact", .parallel_for = serial_for},
                   DECOCT_E_ARGUMENT, "pin");
    decoct_context_close(NULL);
}

static void test_environment(void **state) {
    decoct_context *ctx;
    decoct_options options = {.struct_size = sizeof options, .backend = NULL};
    (void)state;
    setenv("DECOCT_BACKEND", "scalar", 1);
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    assert_string_equal(decoct_context_backend(ctx), "scalar");
    assert_string_equal(decoct_context_kernel(ctx, "attention"), "scalar");
    decoct_context_close(ctx);
    setenv("DECOCT_BACKEND", "nonsense", 1);
    expect_refusal(options, DECOCT_E_UNSUPPORTED, "nonsense");
    setenv("DECOCT_BACKEND", "", 1);
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    decoct_context_close(ctx);
}

enum { M = 400, N = 64, K = 80 };

static float product_x[M * K], product_b[K * N];

// The operands are made before any test changes the rounding.
static void fill_operands(void) {
    check_fill(product_x, M * K, 1, 1.0f);
    check_fill(product_b, K * N, 2, 1.0f);
}

// Every kind of kernel, and enough work that the threads share it.
static void product(decoct_context *ctx, float *y) {
    static _Thread_local float product_out[M * N];
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = M, .n = N, .k = K, .x = product_x, .b = product_b, .y = y};
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    assert_int_equal(decoct_gelu(ctx, DECOCT_GELU_ERF, M, N, y, 0, y, 0), DECOCT_OK);
    assert_int_equal(decoct_layer_norm(ctx, M, N, 1e-5f, NULL, NULL, y, 0, y, 0), DECOCT_OK);
    decoct_attention_args t = {.struct_size = sizeof t,
                               .causal = 1,
                               .batch = 1,
                               .heads = 1,
                               .kv_heads = 1,
                               .q_len = M,
                               .kv_len = M,
                               .head_dim = N,
                               .q = y,
                               .k = y,
                               .v = product_x,
                               .v_stride = K,
                               .out = product_out};
    assert_int_equal(decoct_attention(ctx, &t), DECOCT_OK);
    assert_int_equal(decoct_gelu(ctx, DECOCT_GELU_TANH, M, N, product_out, 0, y, 0), DECOCT_OK);
    assert_int_equal(decoct_softmax(ctx, M, N, 60.0f, y, 0, y, 0), DECOCT_OK);
}

static void test_host_threads(void **state) {
    static float own[M * N], hosted[M * N];
    int calls = 0;
    decoct_options options = {.struct_size = sizeof options,
                              .threads = 4,
                              .parallel_for = serial_for,
                              .parallel_for_host = &calls};
    decoct_context *ctx;
    (void)state;
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    product(ctx, hosted);
    assert_true(calls > 0);
    decoct_context_close(ctx);
    ctx = check_open("scalar", 1);
    product(ctx, own);
    decoct_context_close(ctx);
    assert_true(check_same_bits(own, hosted, M * N));
}

/* A host's own threads, each with a floating-point mode of its own that it must find again. */

typedef struct host_thread {
    decoct_task task;
    void *task_data;
    int64_t first, count;
    bool kept;
} host_thread;

enum { HOST_THREADS = 3 };
static bool host_kept_its_mode;

static void *host_work(void *data) {
    host_thread *t = data;
    fesetround(FE_UPWARD);
#ifdef __SSE2__
    _mm_setcsr(_mm_getcsr() | 0x8040u);
    unsigned mode = _mm_getcsr() & 0xFFC0u;
#endif
    for (int64_t i = t->first; i < t->count; i += HOST_THREADS) {
        t->task(t->task_data, i);
    }
    t->kept = fegetround() == FE_UPWARD;
#ifdef __SSE2__
    t->kept = t->kept && (_mm_getcsr() & 0xFFC0u) == mode;
#endif
    return NULL;
}

static void threaded_for(void *host, decoct_task task, void *task_data, int64_t count) {
    host_thread work[HOST_THREADS];
    pthread_t threads[HOST_THREADS];
    (void)host;
    for (int i = 0; i < HOST_THREADS; i++) {
        work[i] = (host_thread){task, task_data, i, count, false};
        assert_int_equal(pthread_create(&threads[i], NULL, host_work, &work[i]), 0);
    }
    for (int i = 0; i < HOST_THREADS; i++) {
        pthread_join(threads[i], NULL);
        host_kept_its_mode = host_kept_its_mode && work[i].kept;
    }
}

static void test_host_threads_with_other_modes(void **state) {
    static float own[M * N], hosted[M * N];
    decoct_options options = {.struct_size = sizeof options,
                              .threads = HOST_THREADS,
                              .backend = *state,
                              .parallel_for = threaded_for};
    decoct_context *ctx = check_open(*state, 1);
    if (!ctx) {
        skip();
    }
    product(ctx, own);
    decoct_context_close(ctx);
    host_kept_its_mode = true;
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    product(ctx, hosted);
    decoct_context_close(ctx);
    assert_true(host_kept_its_mode);
    assert_true(check_same_bits(own, hosted, M * N));
}

// A host that flushes denormals and rounds upwards gets the same bits, and its mode back.
static void test_floating_point_mode(void **state) {
    static float before[M * N], after[M * N];
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    product(ctx, before);
    fesetround(FE_UPWARD);
#ifdef __SSE2__
    _mm_setcsr(_mm_getcsr() | 0x8040u); // flush to zero, denormals are zero
    unsigned mode = _mm_getcsr();
#endif
    product(ctx, after);
    int round = fegetround();
#ifdef __SSE2__
    unsigned mode_after = _mm_getcsr();
    _mm_setcsr(mode & ~0x8040u);
    assert_int_equal(mode_after & 0xFFC0u, mode & 0xFFC0u);
#endif
    fesetround(FE_TONEAREST);
    assert_int_equal(round, FE_UPWARD);
    assert_true(check_same_bits(before, after, M * N));
    static const float small[2] = {0x1p-130f, 0x1p-149f}, one[2] = {1.0f, 1.0f};
    float y = 0.0f;
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = 1, .n = 1, .k = 2, .x = small, .b = one, .y = &y};
#ifdef __SSE2__
    _mm_setcsr(_mm_getcsr() | 0x8040u);
#endif
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
#ifdef __SSE2__
    _mm_setcsr(_mm_getcsr() & ~0x8040u);
#endif
    assert_true(y == 0x1p-130f + 0x1p-149f);
    decoct_context_close(ctx);
}

static void *own_context(void *result) {
    decoct_context *ctx = NULL;
    if (decoct_context_open(NULL, &ctx) == DECOCT_OK) {
        for (int i = 0; i < 20; i++) {
            product(ctx, result);
        }
    }
    decoct_context_close(ctx);
    return NULL;
}

static void test_contexts_at_once(void **state) {
    static float results[4][M * N];
    pthread_t threads[4];
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, own_context, results[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_true(check_same_bits(results[0], results[i], M * N));
    }
}

// Packed weights outlive the context that packed them, and serve another one.
static void test_weights_outlive(void **state) {
    static float x[K], w[K * N], y[N], z[N];
    decoct_weights *weights;
    decoct_context *first = check_open(*state, 1);
    if (!first) {
        skip();
    }
    check_fill(x, K, 1, 1.0f);
    check_fill(w, K * N, 2, 1.0f);
    assert_int_equal(decoct_weights_create(first, K, N, w, 0, 0, &weights), DECOCT_OK);
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = 1, .n = N, .k = K, .x = x, .weights = weights, .y = y};
    assert_int_equal(decoct_matmul(first, &a), DECOCT_OK);
    decoct_context_close(first);
    decoct_context *second = check_open("scalar", 1);
    a.y = z;
    assert_int_equal(decoct_matmul(second, &a), DECOCT_OK);
    assert_true(check_same_bits(y, z, N));
    a.k = K - 1;
    assert_int_equal(decoct_matmul(second, &a), DECOCT_E_ARGUMENT);
    decoct_weights_destroy(weights);
    decoct_context_close(second);
}

static void test_machine(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    uint64_t length = 0;
    char text[8];
    (void)state;
    assert_int_equal(decoct_machine_json(ctx, text, sizeof text, &length), DECOCT_OK);
    assert_true(length > 100 && strlen(text) == 7 && text[0] == '{');
    for (int s = DECOCT_STATUS_LAST; s <= 0; s++) {
        assert_int_equal(strncmp(decoct_status_name(s), "DECOCT_", 7), 0);
        assert_string_not_equal(decoct_status_string(s), "unknown status");
    }
    assert_string_equal(decoct_status_name(99), "DECOCT_E_?");
    assert_int_equal(decoct_arithmetic_version(), 2); // with tests/golden/hashes.txt
    decoct_context_close(ctx);
}

static void test_sampling(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    float logits[5] = {0.0f, 2.0f, 2.0f, -INFINITY, NAN};
    decoct_sample_args a = {.struct_size = sizeof a};
    int32_t id = 99, again;
    (void)state;
    assert_int_equal(decoct_sample(ctx, &a, logits, 5, &id), DECOCT_OK);
    assert_int_equal(id, 1); // of equals the smaller id
    int counts[5] = {0};
    a.temperature = 1.0f;
    for (a.position = 0; a.position < 20000; a.position++) {
        assert_int_equal(decoct_sample(ctx, &a, logits, 5, &id), DECOCT_OK);
        assert_int_equal(decoct_sample(ctx, &a, logits, 5, &again), DECOCT_OK);
        assert_int_equal(id, again);
        counts[id]++;
    }
    // p = 1 : e^2 : e^2; the draws are seeded, so this cannot flake.
    double p0 = 1.0 / (1.0 + 2.0 * exp(2.0));
    assert_true(fabs(counts[0] / 20000.0 - p0) < 0.01 && abs(counts[1] - counts[2]) < 500);
    assert_int_equal(counts[3] + counts[4], 0);
    a.top_k = 1;
    assert_int_equal(decoct_sample(ctx, &a, logits, 5, &id), DECOCT_OK);
    assert_int_equal(id, 1);
    a.top_k = 0;
    a.top_p = 0.5f;
    for (a.position = 0; a.position < 100; a.position++) {
        assert_int_equal(decoct_sample(ctx, &a, logits, 5, &id), DECOCT_OK);
        assert_true(id == 1 || id == 2);
    }
    a.temperature = -1.0f;
    assert_int_equal(decoct_sample(ctx, &a, logits, 5, &id), DECOCT_E_ARGUMENT);
    a.temperature = 1.0f;
    assert_int_equal(decoct_sample(ctx, &a, logits + 3, 2, &id), DECOCT_E_ARGUMENT);
    decoct_context_close(ctx);
}

// The probes do the work that they report, as far as that is visible.
static void test_probes(void **state) {
    enum { COUNT = 5000, WHOLE = 4096 };
    static float from[COUNT], to[COUNT];
    for (int32_t threads = 1; threads <= 3; threads += 2) {
        decoct_context *ctx = check_open(*state, threads);
        if (!ctx) {
            skip();
        }
        double once = 0.0, twice = 0.0, amount = 0.0;
        check_fill(from, COUNT, 1, 1.0f);
        memset(to, 0, sizeof to);
        assert_int_equal(decoct_probe(ctx, DECOCT_PROBE_FMA, 10, NULL, NULL, &once), DECOCT_OK);
        assert_int_equal(decoct_probe(ctx, DECOCT_PROBE_FMA, 20, NULL, NULL, &twice), DECOCT_OK);
        assert_true(once > 0.0 && twice == 2.0 * once);
        assert_int_equal(decoct_probe(ctx, DECOCT_PROBE_READ, COUNT, from, NULL, &amount),
                         DECOCT_OK);
        assert_true(amount == 4.0 * WHOLE);
        assert_int_equal(decoct_probe(ctx, DECOCT_PROBE_COPY, COUNT, from, to, &amount), DECOCT_OK);
        assert_true(amount == 8.0 * WHOLE);
        assert_memory_equal(to, from, WHOLE * sizeof *to);
        for (int i = WHOLE; i < COUNT; i++) {
            assert_true(to[i] == 0.0f);
        }
        assert_int_equal(decoct_probe(ctx, 3, 1, from, to, &amount), DECOCT_E_ARGUMENT);
        assert_int_equal(decoct_probe(ctx, DECOCT_PROBE_READ, -1, from, to, &amount),
                         DECOCT_E_ARGUMENT);
        assert_int_equal(decoct_probe(ctx, DECOCT_PROBE_COPY, 1, from, NULL, &amount),
                         DECOCT_E_ARGUMENT);
        decoct_context_close(ctx);
    }
}

// Each thread has floats of its own, and passes over them several times.
static void test_probe_of_caches(void **state) {
    enum { COUNT = 2500, WHOLE = 2048, MOST = 3 };
    static float from[MOST * COUNT], to[MOST * COUNT];
    for (int32_t threads = 1; threads <= MOST; threads += 2) {
        decoct_context *ctx = check_open(*state, threads);
        if (!ctx) {
            skip();
        }
        double amount = 0.0;
        check_fill(from, MOST * COUNT, 1, 1.0f);
        memset(to, 0, sizeof to);
        assert_int_equal(decoct_probe_cache(ctx, DECOCT_PROBE_READ, COUNT, 7, from, NULL, &amount),
                         DECOCT_OK);
        assert_true(amount == 4.0 * 7 * WHOLE * threads);
        assert_int_equal(decoct_probe_cache(ctx, DECOCT_PROBE_COPY, COUNT, 7, from, to, &amount),
                         DECOCT_OK);
        assert_true(amount == 8.0 * 7 * WHOLE * threads);
        assert_memory_equal(to, from, (size_t)(WHOLE * threads) * sizeof *to);
        for (int i = WHOLE * threads; i < MOST * COUNT; i++) {
            assert_true(to[i] == 0.0f);
        }
        assert_int_equal(decoct_probe_cache(ctx, DECOCT_PROBE_FMA, 1, 1, from, to, &amount),
                         DECOCT_E_ARGUMENT);
        assert_int_equal(decoct_probe_cache(ctx, DECOCT_PROBE_READ, 1024, -1, from, to, &amount),
                         DECOCT_E_ARGUMENT);
        assert_int_equal(threads == 1 ? DECOCT_E_ARGUMENT
                                      : decoct_probe_cache(ctx, DECOCT_PROBE_READ, INT64_MAX, 1,
                                                           from, to, &amount),
                         DECOCT_E_ARGUMENT);
        decoct_context_close(ctx);
    }
}

int main(void) {
    fill_operands();
    static const check_test tests[] = {
        {"floating-point mode", test_floating_point_mode},
        {"host threads, other modes", test_host_threads_with_other_modes},
        {"weights outlive their context", test_weights_outlive},
        {"probes", test_probes},
        {"probe of caches", test_probe_of_caches}};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_options),      cmocka_unit_test(test_environment),
        cmocka_unit_test(test_host_threads), cmocka_unit_test(test_contexts_at_once),
        cmocka_unit_test(test_machine),      cmocka_unit_test(test_sampling),
    };
    return check_all_backends("context", tests, sizeof tests / sizeof *tests) +
           cmocka_run_group_tests_name("context", others, NULL, NULL);
}
