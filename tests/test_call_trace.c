// SPDX-License-Identifier: BSD-2-Clause
// decoct_context_trace: what is reported of direct calls and of a model's steps, when nothing is,
// and that no bit changes.
#include "cancelled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096, CALLS = 256 };

static float in[3][ROOM], out[ROOM], again[ROOM];

// A copy of what was reported; the names as text, since they need not live longer.
typedef struct record {
    decoct_trace_call call;
    char operation[32], backend[32];
} record;

typedef struct records {
    decoct_context *ctx;
    decoct_status inside; // of a call on the context
    int count;
    record all[CALLS];
} records;

static records seen;

static void note(void *user, const decoct_trace_call *call) {
    records *r = user;
    record *to = &r->all[r->count < CALLS ? r->count : CALLS - 1];
    r->count++;
    to->call = *call;
    snprintf(to->operation, sizeof to->operation, "%s", call->operation);
    snprintf(to->backend, sizeof to->backend, "%s", call->backend ? call->backend : "NULL");
    r->inside = decoct_softmax(r->ctx, 1, 1, 0.0f, in[0], 0, in[0], 0);
}

static decoct_context *open_traced(decoct_options options) {
    decoct_context *ctx = NULL;
    options.struct_size = sizeof options;
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    seen = (records){.ctx = ctx};
    assert_int_equal(decoct_context_trace(ctx, note, &seen), DECOCT_OK);
    return ctx;
}

// The one operation since the last look.
static const decoct_trace_call *only(const char *operation, const char *kernel) {
    assert_int_equal(seen.count, 1);
    const record *r = &seen.all[0];
    assert_string_equal(r->operation, operation);
    assert_string_equal(r->backend, decoct_context_kernel(seen.ctx, kernel));
    assert_int_equal(r->call.struct_size, sizeof(decoct_trace_call));
    assert_int_equal(r->call.status, DECOCT_OK);
    assert_true(r->call.nanoseconds >= 0);
    assert_int_equal(seen.inside, DECOCT_E_BUSY);
    seen.count = 0;
    return &r->call;
}

static void test_matmul(void **state) {
    decoct_context *ctx = open_traced((decoct_options){.threads = 2});
    (void)state;
    assert_int_equal(decoct_matmul_dense(ctx, 5, 7, 9, in[0], in[1], 0, NULL, out), DECOCT_OK);
    const decoct_trace_call *call = only("matmul", "matmul");
    assert_true(call->batch == 1 && call->m == 5 && call->n == 7 && call->k == 9);
    assert_true(call->dtype == DECOCT_F32 && call->rows == 0 && call->heads == 0);
    // With alpha and beta another operation runs inside.
    decoct_matmul_args args = {.struct_size = sizeof args,
                               .m = 4,
                               .n = 6,
                               .k = 8,
                               .batch = 3,
                               .alpha = 0.5f,
                               .beta = 2.0f,
                               .x = in[0],
                               .b = in[1],
                               .y = out};
    assert_int_equal(decoct_matmul(ctx, &args), DECOCT_OK);
    call = only("matmul", "matmul");
    assert_true(call->batch == 3 && call->m == 4 && call->n == 6 && call->k == 8);
    decoct_context_close(ctx);
}

// Not the strongest backend, but the one that did it.
static void test_backend(void **state) {
    decoct_context *ctx = open_traced((decoct_options){.threads = 1, .backend = "scalar"});
    (void)state;
    assert_int_equal(decoct_matmul_dense(ctx, 5, 7, 9, in[0], in[1], 0, NULL, out), DECOCT_OK);
    assert_string_equal(seen.all[0].backend, "scalar");
    only("matmul", "matmul");
    decoct_context_close(ctx);
}

static void test_weights(void **state) {
    static const uint16_t ones[ROOM] = {0x3C00, 0x3C00};
    decoct_context *ctx = open_traced((decoct_options){.threads = 1});
    decoct_weights *weights = NULL;
    decoct_weights_args from = {
        .struct_size = sizeof from, .dtype = DECOCT_F16, .k = 12, .n = 10, .w = ones};
    (void)state;
    assert_int_equal(decoct_weights_create_from(ctx, &from, &weights), DECOCT_OK);
    const decoct_trace_call *call = only("weights", "matmul_f16");
    assert_true(call->n == 10 && call->k == 12 && call->dtype == DECOCT_F16 && call->m == 0);
    decoct_matmul_args args = {.struct_size = sizeof args,
                               .m = 3,
                               .n = 10,
                               .k = 12,
                               .x = in[0],
                               .weights = weights,
                               .y = out};
    assert_int_equal(decoct_matmul(ctx, &args), DECOCT_OK);
    call = only("matmul", "matmul_f16");
    assert_true(call->m == 3 && call->n == 10 && call->k == 12 && call->dtype == DECOCT_F16);
    decoct_weights_destroy(weights);
    decoct_context_close(ctx);
}

static void test_attention_and_rows(void **state) {
    decoct_context *ctx = open_traced((decoct_options){.threads = 2});
    (void)state;
    for (int64_t queries = 3; queries < 40; queries += 30) { // keys packed by block, and ahead
        assert_int_equal(
            decoct_attention_dense(ctx, 1, 4, 2, queries, 20, 6, 0, in[0], in[1], in[2], out),
            DECOCT_OK);
        const decoct_trace_call *call = only("attention", "attention");
        assert_true(call->batch == 1 && call->heads == 4 && call->kv_heads == 2);
        assert_true(call->q_len == queries && call->kv_len == 20);
        assert_true(call->head_dim == 6 && call->value_dim == 6 && call->m == 0);
    }
    assert_int_equal(decoct_gelu(ctx, DECOCT_GELU_ERF, 3, 11, in[0], 0, out, 0), DECOCT_OK);
    const decoct_trace_call *call = only("gelu", "gelu");
    assert_true(call->rows == 3 && call->cols == 11 && call->batch == 0);
    decoct_context_close(ctx);
}

static void test_off(void **state) {
    decoct_context *ctx = open_traced((decoct_options){.threads = 1});
    (void)state;
    assert_int_equal(decoct_add(ctx, 1, 4, in[0], -1, out, 0), DECOCT_E_ARGUMENT);
    assert_int_equal(seen.count, 0); // it did not begin
    assert_int_equal(decoct_matmul_dense(ctx, 5, 7, 9, in[0], in[1], 0, NULL, out), DECOCT_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(decoct_context_trace(ctx, NULL, NULL), DECOCT_OK);
    assert_int_equal(decoct_matmul_dense(ctx, 5, 7, 9, in[0], in[1], 0, NULL, again), DECOCT_OK);
    assert_int_equal(seen.count, 1);
    assert_true(check_same_bits(out, again, 35));
    assert_int_equal(decoct_context_trace(NULL, note, NULL), DECOCT_E_ARGUMENT);
    decoct_context_close(ctx);
}

static void wait_and_round(void *user, const decoct_trace_call *call) {
    (void)call;
    ++*(int *)user;
    be_rude();
}

static bool multiply_twice(void *ctx) {
    return decoct_matmul_dense(ctx, 5, 7, 9, in[0], in[1], 0, NULL, again) == DECOCT_OK &&
           decoct_matmul_dense(ctx, 5, 7, 9, in[0], in[1], 0, NULL, again) == DECOCT_OK;
}

static void test_rude(void **state) {
    decoct_context *ctx = open_traced((decoct_options){.threads = 1});
    int calls = 0;
    (void)state;
    assert_int_equal(decoct_matmul_dense(ctx, 5, 7, 9, in[0], in[1], 0, NULL, out), DECOCT_OK);
    assert_int_equal(decoct_context_trace(ctx, wait_and_round, &calls), DECOCT_OK);
    expect_not_cancelled(multiply_twice, ctx);
    assert_true(calls == 2 && check_same_bits(out, again, 35));
    decoct_context_close(ctx);
}

// ---- A run that fails, and a model ----

static void run_none(void *host, decoct_task task, void *task_data, int64_t count) {
    (void)host;
    (void)task;
    (void)task_data;
    (void)count;
}

static void test_failure(void **state) {
    enum { N = 256 };
    static float x[N * N], y[N * N];
    decoct_context *ctx = open_traced((decoct_options){.threads = 2, .parallel_for = run_none});
    (void)state;
    assert_int_equal(decoct_matmul_dense(ctx, N, N, N, x, x, 0, NULL, y), DECOCT_E_SYSTEM);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.all[0].call.status, DECOCT_E_SYSTEM);
    decoct_context_close(ctx);
}

static int count_of(const char *operation) {
    int count = 0;
    for (int i = 0; i < seen.count && i < CALLS; i++) {
        count += strcmp(seen.all[i].operation, operation) == 0;
        assert_non_null(decoct_context_kernel(seen.ctx, "matmul"));
        assert_string_not_equal(seen.all[i].backend, "NULL");
    }
    return count;
}

static void test_model(void **state) {
    static const int32_t ids[] = {1, 2, 3};
    static float logits[2][ROOM];
    char folder[1024];
    decoct_model *model = NULL;
    decoct_session *session = NULL;
    decoct_model_info info = {.struct_size = sizeof info};
    (void)state;
    decoct_context *ctx = open_traced((decoct_options){.threads = 1});
    snprintf(folder, sizeof folder, "%s/models/gpt2-f32", getenv("DECOCT_TEST_FIXTURES"));
    assert_int_equal(decoct_model_open(ctx, folder, &model), DECOCT_OK);
    assert_int_equal(decoct_model_describe(ctx, model, &info), DECOCT_OK);
    assert_true(info.vocabulary <= ROOM);
    assert_true(count_of("weights") >= 4 * info.layers);
    for (int on = 1; on >= 0; on--) {
        assert_int_equal(decoct_context_trace(ctx, on ? note : NULL, &seen), DECOCT_OK);
        seen.count = 0;
        assert_int_equal(decoct_session_create(ctx, model, 0, &session), DECOCT_OK);
        assert_int_equal(decoct_session_eval(ctx, session, ids, 3, 0, logits[on]), DECOCT_OK);
        decoct_session_destroy(session);
        assert_int_equal(count_of("matmul"), on ? 4 * info.layers + 1 : 0);
        assert_int_equal(count_of("attention"), on ? info.layers : 0);
        assert_int_equal(count_of("gelu"), on ? info.layers : 0);
        assert_int_equal(count_of("layer_norm"), on ? 2 * info.layers + 1 : 0);
        assert_int_equal(count_of("embedding"), on ? 1 : 0);
    }
    assert_true(check_same_bits(logits[0], logits[1], info.vocabulary));
    decoct_model_close(model);
    decoct_context_close(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matmul),  cmocka_unit_test(test_weights),
        cmocka_unit_test(test_failure), cmocka_unit_test(test_attention_and_rows),
        cmocka_unit_test(test_off),     cmocka_unit_test(test_model),
        cmocka_unit_test(test_backend), cmocka_unit_test(test_rude),
    };
    for (int i = 0; i < 3; i++) {
        check_fill(in[i], ROOM, (uint64_t)i + 1, 1.0f);
    }
    return cmocka_run_group_tests_name("call trace", tests, NULL, NULL);
}
