// SPDX-License-Identifier: BSD-2-Clause
// Threads whose vector registers have another length than those of the thread that opened the
// context give the same bits: for every operation of the catalogue, and for weights that the other
// side packed. Where this CPU has registers of one length only, there is nothing to test.
#include "check.h"

#include "bench/cases/catalogue.h"
#include "bench/cases/output_hash.h"
#include "bench/cases/work.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum { THREADS = 2 };

// ---- Other threads ----

// Gives the calling thread registers of another length. False: this CPU has no other one.
static bool change_length(void) {
#if defined(__aarch64__) && defined(PR_SVE_SET_VL)
    int before = prctl(PR_SVE_GET_VL);
    for (int bytes = 16; before >= 0 && bytes <= 256; bytes *= 2) {
        if (bytes != (before & PR_SVE_VL_LEN_MASK) && prctl(PR_SVE_SET_VL, bytes) >= 0 &&
            (prctl(PR_SVE_GET_VL) & PR_SVE_VL_LEN_MASK) == bytes) {
            return true;
        }
    }
#endif
    return false;
}

typedef struct thread_job {
    void (*run)(void *data);
    void *data;
    bool changed;
} thread_job;

static void *thread_main(void *data) {
    thread_job *job = data;
    job->changed = change_length();
    if (job->changed) {
        job->run(job->data);
    }
    return NULL;
}

// Runs it on a thread of another length. False: there is none.
static bool run_changed(void (*run)(void *data), void *data) {
    thread_job job = {.run = run, .data = data};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, thread_main, &job), 0);
    pthread_join(thread, NULL);
    return job.changed;
}

static void nothing(void *data) {
    (void)data;
}

// A context whose product comes from a backend for one length; skips the test if there is none.
static decoct_context *open_bound(void) {
    decoct_context *ctx = NULL;
    decoct_options options = {.struct_size = sizeof options, .threads = THREADS};
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    bool bound = strncmp(decoct_context_kernel(ctx, "matmul"), "sve_", 4) == 0;
    if (!bound || !run_changed(nothing, NULL)) {
        decoct_context_close(ctx);
        print_message("skipped: no kernel that needs one length serves here, or this CPU has no "
                      "registers of another one\n");
        skip();
    }
    return ctx;
}

// ---- Every operation ----

typedef struct hash_job {
    decoct_context *ctx;
    const catalogue_shape *shapes;
    int count, step; // how many there are, and from one that is computed to the next
    uint64_t *hashes;
    const char *wrong; // what could not be computed
} hash_job;

static bool hash_shape(const hash_job *job, int i) {
    work_case c = catalogue_case(&job->shapes[i]);
    bench_work *w = NULL;
    char error[256];
    int64_t count = 0;
    bool fine = work_open_on(job->ctx, NULL, &c, &w, error, sizeof error) == DECOCT_OK &&
                work_run(w) == DECOCT_OK;
    const float *out = fine ? work_output(w, &count) : NULL;
    job->hashes[i] = out ? output_hash(out, count) : 0;
    work_close(w);
    return out != NULL;
}

static void hash_all(void *data) {
    hash_job *job = data;
    for (int i = 0; i < job->count; i += job->step) {
        if (!job->shapes[i].large && !job->shapes[i].needs_model && !hash_shape(job, i)) {
            job->wrong = job->shapes[i].output;
        }
    }
}

static void expect_same(const hash_job *a, const hash_job *b) {
    assert_null(a->wrong);
    assert_null(b->wrong);
    for (int i = 0; i < a->count; i += b->step) {
        char name[256];
        catalogue_shape_name(&a->shapes[i], name, sizeof name);
        if (a->hashes[i] != b->hashes[i]) {
            fail_msg("%s %s has other bits", a->shapes[i].output, name);
        }
    }
}

// First a caller of another length with workers of this one, then a caller of this length with
// workers of another one, who have that of the thread that made them.
static void test_operations(void **state) {
    (void)state;
    decoct_context *ctx = open_bound(), *other = open_bound();
    int count = 0;
    catalogue_shape *shapes = catalogue_shapes(&count);
    uint64_t *hashes = calloc(3 * (size_t)count, sizeof *hashes);
    assert_non_null(shapes);
    assert_non_null(hashes);
    hash_job same = {.ctx = ctx, .shapes = shapes, .count = count, .step = 1, .hashes = hashes};
    hash_job caller = same, workers = same;
    caller.hashes += count;
    workers.hashes += 2 * (size_t)count;
    workers.ctx = other;
    workers.step = 7; // an emulator is slow
    hash_all(&same);
    assert_true(run_changed(hash_all, &caller));
    expect_same(&same, &caller);
    assert_true(run_changed(hash_all, &workers)); // makes the workers
    hash_all(&workers);
    expect_same(&same, &workers);
    free(shapes);
    free(hashes);
    decoct_context_close(ctx);
    decoct_context_close(other);
}

// ---- Weights ----

// Larger than the blocks of any kernel, and no multiple of them.
enum { M = 101, K = 1100, N = 200 };

typedef struct product_job {
    decoct_context *ctx;
    decoct_dtype dtype;
    const void *w;
    const float *x, *bias;
    decoct_weights *weights; // NULL: packed here
    float *y;
    decoct_status status;
} product_job;

static void pack_weights(void *data) {
    product_job *job = data;
    job->status = decoct_weights_create_from(
        job->ctx,
        &(decoct_weights_args){.struct_size = sizeof(decoct_weights_args),
                               .k = K,
                               .n = N,
                               .w = job->w,
                               .stride = N,
                               .dtype = job->dtype},
        &job->weights);
}

static void multiply(void *data) {
    product_job *job = data;
    job->status =
        decoct_matmul(job->ctx, &(decoct_matmul_args){.struct_size = sizeof(decoct_matmul_args),
                                                      .m = M,
                                                      .n = N,
                                                      .k = K,
                                                      .x = job->x,
                                                      .x_stride = K,
                                                      .weights = job->weights,
                                                      .bias = job->bias,
                                                      .y = job->y,
                                                      .y_stride = N,
                                                      .alpha = 1.0f,
                                                      .batch = 1});
}

// Packed here and used there, and the other way round.
static void check_weights(decoct_context *ctx, decoct_dtype dtype, const void *w) {
    static float x[M * K], bias[N], y[3][M * N];
    check_fill(x, M * K, 1, 1.0f);
    check_fill(bias, N, 2, 1.0f);
    product_job here = {.ctx = ctx, .dtype = dtype, .w = w, .x = x, .bias = bias, .y = y[0]};
    product_job there = here;
    there.y = y[1];
    pack_weights(&here);
    assert_int_equal(here.status, DECOCT_OK);
    multiply(&here);
    assert_int_equal(here.status, DECOCT_OK);
    assert_true(run_changed(pack_weights, &there));
    assert_int_equal(there.status, DECOCT_OK);
    multiply(&there);
    assert_int_equal(there.status, DECOCT_OK);
    assert_true(check_same_bits(y[0], y[1], M * N));
    here.y = y[2];
    assert_true(run_changed(multiply, &here));
    assert_int_equal(here.status, DECOCT_OK);
    assert_true(check_same_bits(y[0], y[2], M * N));
    decoct_weights_destroy(here.weights);
    decoct_weights_destroy(there.weights);
}

static void test_weights(void **state) {
    (void)state;
    static float w[K * N];
    static uint16_t half[K * N];
    decoct_context *ctx = open_bound();
    check_fill(w, K * N, 3, 1.0f);
    for (int i = 0; i < K * N; i++) {
        half[i] = (uint16_t)(0x3800 + i % 977); // ordinary numbers of both types
    }
    check_weights(ctx, DECOCT_F32, w);
    check_weights(ctx, DECOCT_F16, half);
    check_weights(ctx, DECOCT_BF16, half);
    decoct_context_close(ctx);
}

// ---- The trace ----

typedef struct trace_job {
    decoct_context *ctx;
    bool right; // each operation worked
    int count;
    char backends[4][64];
} trace_job;

static void note(void *user, const decoct_trace_call *call) {
    trace_job *job = user;
    if (job->count < 4) {
        snprintf(job->backends[job->count++], sizeof job->backends[0], "%s", call->backend);
    }
}

// Weights, a product with them, an operation on rows and attention.
static void run_traced(void *data) {
    enum { SIDE = 24 };
    static float x[SIDE * SIDE], y[SIDE * SIDE];
    trace_job *job = data;
    decoct_weights *w = NULL;
    decoct_attention_args attention = {.struct_size = sizeof attention,
                                       .heads = 1,
                                       .kv_heads = 1,
                                       .q_len = SIDE,
                                       .kv_len = SIDE,
                                       .head_dim = SIDE,
                                       .q = x,
                                       .k = x,
                                       .v = x,
                                       .out = y};
    job->count = 0;
    job->right = !decoct_context_trace(job->ctx, note, job) &&
                 !decoct_weights_create(job->ctx, SIDE, SIDE, x, SIDE, 0, &w);
    decoct_matmul_args product = {.struct_size = sizeof product,
                                  .m = SIDE,
                                  .n = SIDE,
                                  .k = SIDE,
                                  .x = x,
                                  .weights = w,
                                  .y = y};
    job->right = job->right && !decoct_matmul(job->ctx, &product) &&
                 !decoct_softmax(job->ctx, SIDE, SIDE, 1.0f, x, 0, y, 0) &&
                 !decoct_attention(job->ctx, &attention);
    decoct_weights_destroy(w);
}

// It names the backend that ran, which on a thread of another length is not the chosen one.
static void test_trace(void **state) {
    (void)state;
    trace_job here = {.ctx = open_bound()}, changed = {.ctx = here.ctx};
    run_traced(&here);
    assert_true(run_changed(run_traced, &changed));
    assert_true(here.right && changed.right);
    assert_int_equal(here.count, 4);
    assert_int_equal(changed.count, 4);
    for (int i = 0; i < 4; i++) {
        assert_memory_equal(here.backends[i], "sve_", 4);
        assert_memory_not_equal(changed.backends[i], "sve_", 4);
    }
    decoct_context_close(here.ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_trace),
    };
    return cmocka_run_group_tests_name("lengths of vectors", tests, NULL, NULL);
}
