// SPDX-License-Identifier: BSD-2-Clause
// Backends that give other bits: admitted if they are near, never chosen by priority, and used
// where they are named; whole products; and tables of lists that a library cannot use.
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A context that sees the plugins of this folder.
static decoct_context *open_folder_with(const char *folder, decoct_options options) {
    char path[512];
    decoct_context *ctx = NULL;
    options.struct_size = sizeof options;
    options.threads = 2;
    assert_non_null(getenv("DECOCT_TEST_PLUGINS"));
    snprintf(path, sizeof path, "%s/%s", getenv("DECOCT_TEST_PLUGINS"), folder);
    setenv("DECOCT_BACKEND_PATH", path, 1);
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    unsetenv("DECOCT_BACKEND_PATH");
    return ctx;
}

// `name` NULL: it names no backend.
static decoct_context *open_folder(const char *folder, const char *name) {
    return open_folder_with(folder, (decoct_options){.backend = name});
}

static decoct_backend_info describe(decoct_context *ctx, const char *file) {
    decoct_backend_info info = {.struct_size = sizeof info};
    for (int32_t i = 0; i < decoct_backend_count(ctx); i++) {
        assert_int_equal(decoct_backend_describe(ctx, i, &info), DECOCT_OK);
        if (strstr(info.origin, file)) {
            return info;
        }
    }
    fail_msg("no plugin %s was looked at", file);
    return info;
}

enum { M = 5, N = 37, K = 19 };
typedef struct product {
    float x[M * K], b[K * N], y[M * N], right[M * N];
} product;

static void multiply(decoct_context *ctx, const decoct_weights *weights, int64_t k, float *y) {
    static product p;
    check_fill(p.x, M * K, 1, 1.0f);
    check_fill(p.b, K * N, 2, 1.0f);
    decoct_matmul_args a = {.struct_size = sizeof a,
                            .m = M,
                            .n = N,
                            .k = k,
                            .x = p.x,
                            .b = weights ? NULL : p.b,
                            .weights = weights,
                            .y = y};
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
}

static decoct_weights *weights_of(decoct_context *ctx, int64_t k) {
    float b[K * N];
    decoct_weights *weights = NULL;
    check_fill(b, K * N, 2, 1.0f);
    assert_int_equal(decoct_weights_create(ctx, k, N, b, 0, 0, &weights), DECOCT_OK);
    return weights;
}

static void right_product(int64_t k, float *y) {
    decoct_context *ctx = NULL;
    assert_int_equal(decoct_context_open(NULL, &ctx), DECOCT_OK);
    multiply(ctx, NULL, k, y);
    decoct_context_close(ctx);
}

static void assert_other_bits(const float *y, const float *right) {
    assert_false(check_same_bits(y, right, M * N));
    for (int64_t i = 0; i < M * N; i++) {
        float away = y[i] - right[i];
        assert_true(away < 0x1p-12f && away > -0x1p-12f);
    }
}

static void test_never_by_priority(void **state) {
    float y[M * N], right[M * N];
    (void)state;
    decoct_context *ctx = open_folder("other", NULL);
    decoct_backend_info info = describe(ctx, "/odd.so");
    assert_true(info.usable && !info.chosen && info.other_bits && info.rejected_count == 0);
    assert_non_null(strstr(info.reason, "gives other bits"));
    assert_string_not_equal(decoct_context_kernel(ctx, "matmul"), "odd");
    right_product(K, right);
    multiply(ctx, NULL, K, y);
    assert_true(check_same_bits(y, right, M * N));
    decoct_context_close(ctx);
}

static void test_named(void **state) {
    float y[M * N], right[M * N];
    (void)state;
    decoct_context *ctx = open_folder("other", "odd"), *exact = NULL;
    assert_true(describe(ctx, "/odd.so").chosen);
    assert_string_equal(decoct_context_kernel(ctx, "matmul"), "odd");
    right_product(K, right);
    multiply(ctx, NULL, K, y);
    assert_other_bits(y, right);
    // Its weights do not bring their bits into a context that has not named it.
    decoct_weights *weights = weights_of(ctx, K);
    multiply(ctx, weights, K, y);
    assert_other_bits(y, right);
    assert_int_equal(decoct_context_open(NULL, &exact), DECOCT_OK);
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = 1, .n = N, .k = K, .x = right, .weights = weights, .y = y};
    assert_int_equal(decoct_matmul(exact, &a), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(decoct_last_error(exact), "other bits"));
    decoct_weights_destroy(weights);
    decoct_context_close(exact);
    decoct_context_close(ctx);
}

// One kernel of other bits does not keep the exact ones of its backend from serving.
static void test_one_kernel(void **state) {
    (void)state;
    decoct_context *ctx = open_folder("mixed", NULL);
    assert_string_equal(decoct_context_kernel(ctx, "matmul"), "odd");
    assert_string_not_equal(decoct_context_kernel(ctx, "add"), "odd");
    assert_true(describe(ctx, "/odd.so").other_bits);
    decoct_context_close(ctx);
    ctx = open_folder("mixed", "odd");
    assert_string_equal(decoct_context_kernel(ctx, "add"), "odd");
    decoct_context_close(ctx);
}

static void test_whole_products(void **state) {
    float y[M * N], right[M * N];
    (void)state;
    decoct_context *ctx = open_folder("whole", "whole");
    assert_string_equal(decoct_context_kernel(ctx, "matmul"), "whole");
    assert_string_not_equal(decoct_context_kernel(ctx, "attention"), "whole");
    right_product(K, right);
    multiply(ctx, NULL, K, y);
    assert_other_bits(y, right);
    float first[M * N];
    memcpy(first, y, sizeof first);
    decoct_weights *weights = weights_of(ctx, K), *declined = weights_of(ctx, 7);
    multiply(ctx, weights, K, y);
    assert_true(check_same_bits(y, first, M * N));
    right_product(7, right); // which it declines: kernels do it
    multiply(ctx, NULL, 7, y);
    assert_true(check_same_bits(y, right, M * N));
    multiply(ctx, declined, 7, y);
    assert_true(check_same_bits(y, right, M * N));
    decoct_weights_destroy(weights);
    decoct_weights_destroy(declined);
    decoct_context_close(ctx);
    ctx = open_folder("whole", NULL);
    assert_string_not_equal(decoct_context_kernel(ctx, "matmul"), "whole");
    decoct_context_close(ctx);
}

// Weights that the plugin packs itself are used by its products only, and those that it does not
// pack are a copy; a batch is of kernels.
static void test_whole_weights(void **state) {
    enum { COPIED = 11 };
    float y[M * N], first[M * N], b[K * COPIED];
    (void)state;
    check_fill(b, K * COPIED, 2, 1.0f);
    decoct_context *ctx = open_folder("whole", "whole"), *old = open_folder("whole_old", "whole");
    multiply(ctx, NULL, K, first);
    decoct_weights *weights = weights_of(ctx, K), *copied = NULL;
    multiply(ctx, weights, K, y);
    assert_true(check_same_bits(y, first, M * N));
    assert_string_not_equal(decoct_context_kernel(old, "softmax"), "whole");
    multiply(old, NULL, K, y); // a table that ends with `matmul`
    assert_true(check_same_bits(y, first, M * N));
    // Another plugin cannot read them, and its own would be packed elsewhere.
    float right[M * N];
    right_product(K, right);
    multiply(old, weights, K, y);
    assert_true(check_same_bits(y, right, M * N));
    decoct_weights_destroy(weights);
    assert_int_equal(decoct_weights_create(ctx, K, COPIED, b, 0, 0, &copied), DECOCT_OK);
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = 1, .n = COPIED, .k = K, .x = first, .b = b, .y = right};
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    a.b = NULL;
    a.weights = copied;
    a.y = y;
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    assert_true(check_same_bits(y, right, COPIED));
    decoct_weights_destroy(copied);
    decoct_context_close(old);
    decoct_context_close(ctx);
}

// The backend that did the last call.
static void note_backend(void *user, const decoct_trace_call *call) {
    snprintf(user, 32, "%s", call->backend ? call->backend : "");
}

static void softmax_of(decoct_context *ctx, int64_t cols, float *y) {
    float x[M * N];
    check_fill(x, M * N, 3, 4.0f);
    assert_int_equal(decoct_rows(ctx, &(decoct_rows_args){.struct_size = sizeof(decoct_rows_args),
                                                          .op = DECOCT_OP_SOFTMAX,
                                                          .rows = M,
                                                          .cols = cols,
                                                          .scale = 0.5f,
                                                          .x = x,
                                                          .y = y}),
                     DECOCT_OK);
}

static void test_whole_rows(void **state) {
    float y[M * N], right[M * N];
    char by[32] = "";
    (void)state;
    decoct_context *ctx = open_folder("whole", "whole"), *exact = NULL;
    assert_int_equal(decoct_context_open(NULL, &exact), DECOCT_OK);
    assert_string_equal(decoct_context_kernel(ctx, "softmax"), "whole");
    assert_string_not_equal(decoct_context_kernel(ctx, "log_softmax"), "whole");
    assert_int_equal(decoct_context_trace(ctx, note_backend, by), DECOCT_OK);
    softmax_of(ctx, N, y);
    assert_string_equal(by, "whole");
    softmax_of(exact, N, right);
    assert_other_bits(y, right);
    softmax_of(ctx, 7, y); // which it declines
    assert_string_not_equal(by, "whole");
    softmax_of(exact, 7, right);
    assert_true(check_same_bits(y, right, M * 7));
    decoct_context_close(exact);
    decoct_context_close(ctx);
}

// Whole operations without the library that they call: the reason is in the list, and an error only
// where the backend is named. And those that are wrong.
static void test_whole_operations_that_are_refused(void **state) {
    char error[512] = "";
    decoct_options options = {.struct_size = sizeof options,
                              .backend = "whole",
                              .error = error,
                              .error_size = sizeof error};
    (void)state;
    decoct_context *ctx = open_folder("whole_missing", NULL);
    decoct_backend_info info = describe(ctx, "/whole.so");
    assert_int_equal(info.rejected_count, 1);
    assert_non_null(strstr(info.rejected, "libvendor.so.9: cannot open"));
    decoct_context_close(ctx);
    ctx = open_folder("whole_wrong", "whole");
    info = describe(ctx, "/whole.so");
    assert_int_equal(info.rejected_count, 2);
    assert_non_null(strstr(info.rejected, "whole_matmul: "));
    assert_non_null(strstr(info.rejected, "whole_rows: 5 x 37: "));
    assert_string_not_equal(decoct_context_kernel(ctx, "matmul"), "whole");
    decoct_context_close(ctx);
    char path[512];
    snprintf(path, sizeof path, "%s/whole_missing", getenv("DECOCT_TEST_PLUGINS"));
    setenv("DECOCT_BACKEND_PATH", path, 1);
    options.strict_backend = 1;
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_E_UNSUPPORTED);
    assert_non_null(strstr(error, "libvendor.so.9: cannot open"));
    unsetenv("DECOCT_BACKEND_PATH");
}

// A host that cancels at the first question, and counts what is asked of its pool after that.
typedef struct host {
    int64_t questions, runs_after;
} host;

static int32_t cancel(void *data, int64_t done, int64_t total) {
    host *h = data;
    (void)done;
    (void)total;
    h->questions++;
    return 1;
}

static void run_in_order(void *data, decoct_task task, void *task_data, int64_t count) {
    host *h = data;
    h->runs_after += h->questions > 0;
    for (int64_t i = 0; i < count; i++) {
        task(task_data, i);
    }
}

// Whole products of a batch, and of a matrix whose rows are scaled in parts: after the first part
// the host cancels, and no other is computed.
static void test_cancelled_whole_products(void **state) {
    enum { WIDE = 1 << 15, PART = 8, PARTS = 3, ALL = PARTS * PART * WIDE };
    float *numbers = calloc(ALL + 2 * WIDE, sizeof *numbers);
    (void)state;
    assert_non_null(numbers);
    for (int parts = 0; parts < 2; parts++) {
        host h = {0};
        decoct_context *ctx =
            open_folder_with("whole", (decoct_options){.backend = "whole",
                                                       .parallel_for = run_in_order,
                                                       .parallel_for_host = &h,
                                                       .progress = cancel,
                                                       .progress_host = &h,
                                                       .progress_work = 1});
        decoct_matmul_args a = {.struct_size = sizeof a,
                                .m = parts ? PARTS * PART : PART,
                                .n = WIDE,
                                .k = 1,
                                .batch = parts ? 1 : PARTS,
                                .b_shared = 1,
                                .alpha = 0.5f,
                                .x = numbers + ALL,
                                .b = numbers + ALL + WIDE,
                                .y = numbers};
        h = (host){0};
        assert_int_equal(decoct_matmul(ctx, &a), DECOCT_E_CANCELLED);
        assert_int_equal(h.questions, 1);
        assert_int_equal(h.runs_after, 0);
        decoct_context_close(ctx);
    }
    free(numbers);
}

static void test_lists(void **state) {
    static const char *const refused[][2] = {{"/null_items.so", "is NULL"},
                                             {"/small_items.so", "smaller than"},
                                             {"/many_items.so", "more than 4096"}};
    static const char *const taken[] = {"/large_items.so", "/unknown_operation.so"};
    (void)state;
    decoct_context *ctx = open_folder("lists", NULL);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        decoct_backend_info info = describe(ctx, refused[i][0]);
        assert_false(info.usable);
        assert_non_null(strstr(info.reason, refused[i][1]));
    }
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        assert_true(describe(ctx, taken[i]).usable);
    }
    decoct_context_close(ctx);
    ctx = open_folder("types", NULL);
    decoct_backend_info info = describe(ctx, "/odd.so");
    assert_true(info.usable && info.chosen);
    assert_non_null(strstr(info.reason, "2 of its kernels are of types or operations"));
    decoct_context_close(ctx);
}

// One plugin of the folder, which serves a slot (or does not), whatever the others offer.
static decoct_context *open_layout(const char *name) {
    char without[4096] = "";
    static const char *const all[] = {"groups", "wide", "uncut", "cpus", "keys", "narrow"};
    const char *folder = getenv("DECOCT_TEST_PLUGINS");
    assert_non_null(folder);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i], name) != 0) {
            size_t used = strlen(without);
            snprintf(without + used, sizeof without - used, "%s%s/layouts/layouts_%s.so",
                     used ? ":" : "", folder, all[i]);
        }
    }
    setenv("DECOCT_BACKEND_WITHOUT", without, 1);
    decoct_context *ctx = open_folder("layouts", NULL);
    unsetenv("DECOCT_BACKEND_WITHOUT");
    return ctx;
}

// Products of unpacked b and of weights, large enough for several groups of columns.
static void check_layout(const char *name, int64_t m, int64_t n, int64_t k) {
    decoct_context *ctx = open_layout(name), *plain = NULL;
    assert_string_equal(decoct_context_kernel(ctx, "matmul"), name);
    assert_int_equal(decoct_context_open(NULL, &plain), DECOCT_OK);
    float *x = calloc((size_t)(m * k), 4), *b = calloc((size_t)(k * n), 4);
    float *y = calloc((size_t)(m * n), 4), *right = calloc((size_t)(m * n), 4);
    assert_true(x && b && y && right);
    check_fill(x, m * k, 1, 1.0f);
    check_fill(b, k * n, 2, 1.0f);
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = m, .n = n, .k = k, .x = x, .b = b, .y = right};
    assert_int_equal(decoct_matmul(plain, &a), DECOCT_OK);
    a.y = y;
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    assert_true(check_same_bits(y, right, m * n));
    decoct_weights *weights = NULL;
    assert_int_equal(decoct_weights_create(ctx, k, n, b, 0, 0, &weights), DECOCT_OK);
    memset(y, 0, (size_t)(m * n) * 4);
    a.b = NULL;
    a.weights = weights;
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    assert_true(check_same_bits(y, right, m * n));
    decoct_weights_destroy(weights);
    free(x);
    free(b);
    free(y);
    free(right);
    decoct_context_close(plain);
    decoct_context_close(ctx);
}

static void test_layouts(void **state) {
    (void)state;
    check_layout("groups", 30, 20000, 1);
    check_layout("groups", 40, 5000, 5);
    check_layout("wide", 30, 300, 600);
    check_layout("cpus", 5, 40, 41);
}

static void test_layouts_that_are_refused(void **state) {
    (void)state;
    decoct_context *ctx = open_layout("uncut");
    assert_non_null(strstr(describe(ctx, "layouts_uncut.so").rejected, "matmul: "));
    decoct_context_close(ctx);
    ctx = open_layout("keys"); // its whole table is of other bits
    assert_string_not_equal(decoct_context_kernel(ctx, "pack_keys"), "keys");
    assert_true(describe(ctx, "layouts_keys.so").other_bits);
    decoct_context_close(ctx);
    ctx = open_layout("narrow");
    assert_string_not_equal(decoct_context_kernel(ctx, "softmax"), "narrow");
    assert_non_null(strstr(describe(ctx, "layouts_narrow.so").reason, "does not use"));
    decoct_context_close(ctx);
    ctx = open_layout("cpus");
    assert_non_null(strstr(describe(ctx, "layouts_cpus.so").reason, "1 of its kernels need"));
    decoct_context_close(ctx);
}

static void test_older_abi(void **state) {
    (void)state;
    decoct_context *ctx = open_folder("abi2", NULL);
    decoct_backend_info info = describe(ctx, "/abi2.so");
    assert_false(info.usable);
    assert_non_null(strstr(info.reason, "ABI 2, this library has 3"));
    decoct_context_close(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_by_priority),
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_one_kernel),
        cmocka_unit_test(test_whole_products),
        cmocka_unit_test(test_whole_weights),
        cmocka_unit_test(test_whole_rows),
        cmocka_unit_test(test_whole_operations_that_are_refused),
        cmocka_unit_test(test_cancelled_whole_products),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_older_abi),
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_layouts_that_are_refused),
    };
    return cmocka_run_group_tests_name("bits", tests, NULL, NULL);
}
