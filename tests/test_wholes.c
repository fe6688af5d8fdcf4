// SPDX-License-Identifier: BSD-2-Clause
// Libraries of whole operations as backends (-Dopenblas, -Donednn, -Dlibxsmm): one of them, which
// is the argument. Products and softmax near float64 in odd shapes, with guard pages; threads.
#include "check.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *backend;

typedef struct shape {
    int64_t m, n, k, x_gap, b_gap, y_gap;
    bool bias, transposed;
} shape;

static const shape shapes[] = {
    {1, 1, 1, 0, 0, 0, false, false},       {1, 64, 64, 0, 0, 0, true, false},
    {1, 37, 129, 0, 3, 0, true, true},      {1, 300, 7, 0, 1, 0, false, false},
    {3, 7, 0, 0, 0, 2, true, false},        {2, 5, 0, 1, 0, 0, false, true},
    {5, 37, 19, 1, 2, 3, true, false},      {5, 37, 19, 1, 2, 3, true, true},
    {33, 65, 97, 0, 0, 1, false, true},     {64, 64, 64, 0, 0, 0, false, false},
    {17, 130, 101, 5, 0, 0, true, false},   {130, 17, 257, 0, 7, 0, false, true},
    {65, 129, 1031, 0, 0, 0, false, false}, {200, 3, 96, 0, 0, 0, true, false},
    {40, 200, 768, 16, 0, 8, true, false},  {97, 333, 211, 0, 0, 0, false, true},
    {64, 256, 128, 0, 0, 0, true, false},   {80, 384, 64, 0, 0, 16, true, true},
};

// What one test needs.
typedef struct product {
    const shape *s;
    check_arena x_room, b_room, y_room;
    float *x, *b, *y, bias[512];
    int64_t x_stride, b_rows, b_stride, y_stride;
} product;

static product open_product(const shape *s, bool end) {
    int64_t b_cols = s->transposed ? s->k : s->n;
    product p = {.s = s,
                 .x_stride = s->k + s->x_gap,
                 .b_rows = s->transposed ? s->n : s->k,
                 .b_stride = b_cols + s->b_gap,
                 .y_stride = s->n + s->y_gap};
    int64_t x_size = (s->m - 1) * p.x_stride + s->k, y_size = (s->m - 1) * p.y_stride + s->n;
    int64_t b_size = p.b_rows > 0 ? (p.b_rows - 1) * p.b_stride + b_cols : 0;
    p.x_room = check_arena_open(x_size + 1);
    p.b_room = check_arena_open(b_size + 1);
    p.y_room = check_arena_open(y_size + 1);
    p.x = check_place(&p.x_room, x_size, end);
    p.b = check_place(&p.b_room, b_size, end);
    p.y = check_place(&p.y_room, y_size, end);
    check_fill(p.x, x_size, 1, 1.0f);
    check_fill(p.b, b_size, 2, 1.0f);
    check_fill(p.bias, 512, 3, 1.0f);
    return p;
}

static void close_product(product *p) {
    check_arena_close(&p->x_room);
    check_arena_close(&p->b_room);
    check_arena_close(&p->y_room);
}

static void fail_product(const product *p, const char *what, int64_t i, int64_t j, double right) {
    const shape *s = p->s;
    fail_msg("(%lld, %lld, %lld)%s%s %s: row %lld column %lld: %.9g instead of %.9g",
             (long long)s->m, (long long)s->n, (long long)s->k, s->transposed ? " transposed" : "",
             s->bias ? " bias" : "", what, (long long)i, (long long)j,
             (double)p->y[i * p->y_stride + j], right);
}

// The error of a chain of k + 1 sums in any order is at most k + 2 rounding errors of the sum of
// absolute values.
static void check_product(const product *p, const char *what) {
    const shape *s = p->s;
    for (int64_t i = 0; i < s->m; i++) {
        for (int64_t j = 0; j < s->n; j++) {
            double right = s->bias ? (double)p->bias[j] : 0.0, size = fabs(right);
            for (int64_t l = 0; l < s->k; l++) {
                double term =
                    (double)p->x[i * p->x_stride + l] *
                    (double)p->b[s->transposed ? j * p->b_stride + l : l * p->b_stride + j];
                right += term;
                size += fabs(term);
            }
            double error = fabs((double)p->y[i * p->y_stride + j] - right);
            if (!(error <= (double)(s->k + 2) * CHECK_U * size)) {
                fail_product(p, what, i, j, right);
            }
        }
    }
}

static void run_product(decoct_context *ctx, const shape *s, bool packed, bool end) {
    product p = open_product(s, end);
    decoct_weights *weights = NULL;
    int64_t y_size = (s->m - 1) * p.y_stride + s->n;
    for (int64_t i = 0; i < y_size; i++) {
        p.y[i] = NAN; // what was in y does not matter, and its gaps stay
    }
    if (packed) {
        assert_int_equal(
            decoct_weights_create(ctx, s->k, s->n, p.b, p.b_stride, s->transposed, &weights),
            DECOCT_OK);
    }
    decoct_matmul_args a = {.struct_size = sizeof a,
                            .m = s->m,
                            .n = s->n,
                            .k = s->k,
                            .x = p.x,
                            .x_stride = p.x_stride,
                            .b = packed ? NULL : p.b,
                            .weights = weights,
                            .b_stride = packed ? 0 : p.b_stride,
                            .b_transposed = !packed && s->transposed,
                            .bias = s->bias ? p.bias : NULL,
                            .y = p.y,
                            .y_stride = p.y_stride};
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    check_product(&p, packed ? "packed" : "unpacked");
    for (int64_t i = 0; i + 1 < s->m; i++) {
        for (int64_t j = s->n; j < p.y_stride; j++) {
            assert_true(isnan(p.y[i * p.y_stride + j]));
        }
    }
    decoct_weights_destroy(weights);
    close_product(&p);
}

static decoct_context *open_backend(int32_t threads) {
    decoct_context *ctx = NULL;
    decoct_options o = {
        .struct_size = sizeof o, .threads = threads, .backend = backend, .strict_backend = 1};
    assert_int_equal(decoct_context_open(&o, &ctx), DECOCT_OK);
    assert_string_equal(decoct_context_kernel(ctx, "matmul"), backend);
    return ctx;
}

static void test_products(void **state) {
    (void)state;
    for (int32_t threads = 1; threads <= 3; threads++) {
        decoct_context *ctx = open_backend(threads);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            for (int how = 0; how < 4; how++) {
                run_product(ctx, &shapes[i], how & 1, how & 2);
            }
        }
        decoct_context_close(ctx);
    }
}

// The backend that did the last call.
static void note_server(void *user, const decoct_trace_call *call) {
    snprintf(user, 32, "%s", call->backend ? call->backend : "");
}

// It does the work itself, with as many rows as its users have, for all that it offers.
static void test_it_serves(void **state) {
    static const shape usual[] = {{1, 768, 768, 0, 0, 0, true, false},
                                  {64, 768, 768, 0, 0, 0, true, false},
                                  {50, 300, 768, 0, 0, 0, false, true}};
    char by[32] = "";
    (void)state;
    decoct_context *ctx = open_backend(2);
    assert_int_equal(decoct_context_trace(ctx, note_server, by), DECOCT_OK);
    for (int how = 0; how < 6; how++) {
        const shape *s = &usual[how / 2];
        static float x[64 * 768], b[768 * 768], y[64 * 768];
        decoct_weights *weights = NULL;
        assert_int_equal(decoct_weights_create(ctx, s->k, s->n, b, 0, s->transposed, &weights),
                         DECOCT_OK);
        decoct_matmul_args a = {.struct_size = sizeof a,
                                .m = s->m,
                                .n = s->n,
                                .k = s->k,
                                .x = x,
                                .b = how & 1 ? NULL : b,
                                .weights = how & 1 ? weights : NULL,
                                .b_transposed = !(how & 1) && s->transposed,
                                .y = y};
        by[0] = '\0';
        assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
        assert_string_equal(by, backend);
        decoct_weights_destroy(weights);
    }
    decoct_context_close(ctx);
}

// ---- Softmax ----

typedef struct softmax_case {
    int64_t rows, cols, x_gap, y_gap;
    float scale;
    bool in_place;
} softmax_case;

static void check_softmax(const softmax_case *c, const float *x, int64_t stride, const float *y,
                          int64_t y_stride) {
    for (int64_t i = 0; i < c->rows; i++, x += stride, y += y_stride) {
        double max = -INFINITY, sum = 0.0;
        for (int64_t j = 0; j < c->cols; j++) {
            double z = (double)(x[j] * c->scale);
            max = max > z ? max : z;
        }
        for (int64_t j = 0; j < c->cols && max > -INFINITY; j++) {
            sum += exp((double)(x[j] * c->scale) - max);
        }
        for (int64_t j = 0; j < c->cols; j++) {
            double right = sum > 0.0 ? exp((double)(x[j] * c->scale) - max) / sum : 0.0;
            double error = fabs((double)y[j] - right);
            // exp of a rounded difference, its own error, and a sum in any order.
            double bound =
                right > 0.0 ? right * CHECK_U * (40.0 + 2.0 * fabs(max) + (double)c->cols) : 0.0;
            bound += (double)FLT_MIN;
            if (!(error <= bound)) {
                fail_msg("softmax (%lld, %lld): row %lld column %lld: %.9g instead of %.9g",
                         (long long)c->rows, (long long)c->cols, (long long)i, (long long)j,
                         (double)y[j], right);
            }
        }
    }
}

static void run_softmax(decoct_context *ctx, const softmax_case *c, bool hidden) {
    int64_t x_stride = c->cols + c->x_gap, y_stride = c->in_place ? x_stride : c->cols + c->y_gap;
    size_t x_size = (size_t)(c->rows * x_stride), y_size = (size_t)(c->rows * y_stride);
    float *x = malloc(x_size * sizeof *x), *y = malloc(y_size * sizeof *y);
    assert_true(x && y);
    check_fill(x, (int64_t)x_size, 4, 8.0f);
    for (int64_t j = 0; hidden && j < c->cols; j++) {
        x[(c->rows - 1) * x_stride + j] = -INFINITY;
        x[j] = j > 0 ? -INFINITY : x[j];
    }
    if (c->in_place) {
        memcpy(y, x, x_size * sizeof *x);
    }
    decoct_rows_args a = {.struct_size = sizeof a,
                          .op = DECOCT_OP_SOFTMAX,
                          .rows = c->rows,
                          .cols = c->cols,
                          .x = c->in_place ? y : x,
                          .x_stride = x_stride,
                          .y = y,
                          .y_stride = y_stride,
                          .scale = c->scale};
    assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
    check_softmax(c, x, x_stride, y, y_stride);
    free(x);
    free(y);
}

static void test_softmax(void **state) {
    static const softmax_case cases[] = {
        {1, 1, 0, 0, 1.0f, false},     {5, 37, 0, 0, 0.5f, false},  {5, 37, 3, 1, 0.5f, false},
        {7, 3, 0, 0, 1.0f, true},      {3, 133, 2, 2, 2.0f, true},  {200, 512, 0, 0, 1.0f, false},
        {300, 1000, 0, 0, 0.1f, true}, {2, 40000, 1, 0, 1.0f, true}};
    (void)state;
    for (int32_t threads = 1; threads <= 3; threads++) {
        decoct_context *ctx = open_backend(threads);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            run_softmax(ctx, &cases[i], false);
            run_softmax(ctx, &cases[i], true);
        }
        bool serves = strcmp(decoct_context_kernel(ctx, "softmax"), backend) == 0;
        assert_int_equal(serves, strcmp(backend, "onednn") == 0);
        decoct_context_close(ctx);
    }
}

// ---- Manners ----

static int64_t count_threads(void) {
    char line[256];
    int64_t count = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) {
        count = strncmp(line, "Threads:", 8) == 0 ? strtoll(line + 8, NULL, 10) : count;
    }
    assert_non_null(status);
    fclose(status);
    return count;
}

// A context of one thread runs on one: no other thread of the library gets any CPU time. The
// rounding mode stays, and the environment.
static void test_one_thread(void **state) {
    enum { M = 96, N = 768, K = 768, RUNS = 40 };
    static float x[M * K], b[K * N], y[M * N];
    struct timespec process[2], thread[2];
    (void)state;
    decoct_context *ctx = open_backend(1);
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = M, .n = N, .k = K, .x = x, .b = b, .y = y};
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    int64_t threads = count_threads();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &process[0]);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &thread[0]);
    for (int i = 0; i < RUNS; i++) {
        assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &process[1]);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &thread[1]);
    double all = difftime(process[1].tv_sec, process[0].tv_sec) +
                 1e-9 * (double)(process[1].tv_nsec - process[0].tv_nsec);
    double own = difftime(thread[1].tv_sec, thread[0].tv_sec) +
                 1e-9 * (double)(thread[1].tv_nsec - thread[0].tv_nsec);
    assert_int_equal(count_threads(), threads);
    assert_true(own > 0.8 * all);
    assert_int_equal(fegetround(), FE_TONEAREST);
    assert_null(getenv("OMP_PROC_BIND"));
    decoct_context_close(ctx);
}

static void *use_own_context(void *data) {
    bool *well = data;
    decoct_context *ctx = open_backend(1);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i += 3) {
            run_product(ctx, &shapes[i], round & 1, true);
        }
    }
    decoct_context_close(ctx);
    *well = true;
    return NULL;
}

static void test_several_contexts(void **state) {
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    bool well[THREADS] = {false};
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_own_context, &well[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(well[i]);
    }
}

// Weights are used after their context is closed, and with another number of threads.
static void test_weights_of_another_context(void **state) {
    enum { M = 20, N = 200, K = 130 };
    static float x[M * K], b[K * N], y[M * N], right[M * N];
    decoct_weights *weights = NULL;
    (void)state;
    check_fill(x, M * K, 1, 1.0f);
    check_fill(b, K * N, 2, 1.0f);
    decoct_context *first = open_backend(3), *second = open_backend(1);
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = M, .n = N, .k = K, .x = x, .b = b, .y = right};
    assert_int_equal(decoct_matmul(first, &a), DECOCT_OK);
    assert_int_equal(decoct_weights_create(first, K, N, b, 0, 0, &weights), DECOCT_OK);
    decoct_context_close(first);
    a.b = NULL;
    a.weights = weights;
    a.y = y;
    assert_int_equal(decoct_matmul(second, &a), DECOCT_OK);
    for (int i = 0; i < M * N; i++) {
        assert_true(fabsf(y[i] - right[i]) < 0x1p-14f);
    }
    decoct_context_close(second);
    decoct_weights_destroy(weights);
}

int main(int count, char **names) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),         cmocka_unit_test(test_it_serves),
        cmocka_unit_test(test_softmax),          cmocka_unit_test(test_one_thread),
        cmocka_unit_test(test_several_contexts), cmocka_unit_test(test_weights_of_another_context),
    };
    unsetenv("OMP_PROC_BIND");
    backend = count > 1 ? names[1] : "openblas";
    return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
