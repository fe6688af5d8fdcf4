// SPDX-License-Identifier: BSD-2-Clause
// Plugins from outside: used kernel by kernel, examined, refused with a message. The folders of the
// plugins come from the build: DECOCT_TEST_PLUGINS.
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// With the plugins of a path; `options` may be NULL.
static decoct_context *open_as(const char *path, const decoct_options *options) {
    decoct_context *ctx = NULL;
    setenv("DECOCT_BACKEND_PATH", path, 1);
    assert_int_equal(decoct_context_open(options, &ctx), DECOCT_OK);
    unsetenv("DECOCT_BACKEND_PATH");
    return ctx;
}

static decoct_context *open_with(const char *path) {
    return open_as(path, NULL);
}

// The description of the plugin whose file name ends in `file`.
static decoct_backend_info describe(decoct_context *ctx, const char *file) {
    decoct_backend_info info = {.struct_size = sizeof info};
    for (int32_t i = 0; i < decoct_backend_count(ctx); i++) {
        assert_int_equal(decoct_backend_describe(ctx, i, &info), DECOCT_OK);
        size_t length = strlen(info.origin), end = strlen(file);
        if (length >= end && strcmp(info.origin + length - end, file) == 0) {
            return info;
        }
    }
    fail_msg("no plugin %s was looked at", file);
    return info;
}

static const char *plugins(void) {
    const char *folder = getenv("DECOCT_TEST_PLUGINS");
    assert_non_null(folder);
    return folder;
}

static void test_good(void **state) {
    char path[512];
    (void)state;
    snprintf(path, sizeof path, "%s/good", plugins());
    decoct_context *ctx = open_with(path);
    decoct_backend_info info = describe(ctx, "/vendor.so");
    assert_true(info.usable && info.chosen && info.priority == 1000);
    assert_string_equal(info.name, "vendor");
    assert_string_equal(decoct_context_kernel(ctx, "add"), "vendor");
    assert_string_equal(decoct_context_kernel(ctx, "bias"), "vendor");
    assert_string_not_equal(decoct_context_kernel(ctx, "matmul"), "vendor");
    float x[2] = {1.0f, 2.0f}, y[2] = {3.0f, 4.0f};
    assert_int_equal(decoct_add(ctx, 1, 2, x, 0, y, 0), DECOCT_OK);
    assert_true(y[0] == 4.0f && y[1] == 6.0f);
    decoct_context_close(ctx);
}

static void test_wrong_kernel_is_not_admitted(void **state) {
    char path[512];
    (void)state;
    snprintf(path, sizeof path, "%s/wrong", plugins());
    decoct_context *ctx = open_with(path);
    decoct_backend_info info = describe(ctx, "/vendor.so");
    assert_non_null(strstr(info.reason, "not admitted: bias: "));
    assert_string_equal(decoct_context_kernel(ctx, "add"), "vendor");
    assert_string_not_equal(decoct_context_kernel(ctx, "bias"), "vendor");
    decoct_context_close(ctx);
}

// What a host can ask for: the rejected kernels of a backend; and to refuse a backend that has
// some.
static void test_rejected_kernels_are_told(void **state) {
    char path[512], error[1024] = "";
    decoct_context *ctx = NULL;
    decoct_options options = {.struct_size = sizeof options,
                              .backend = "vendor",
                              .error = error,
                              .error_size = sizeof error};
    (void)state;
    snprintf(path, sizeof path, "%s/wrong", plugins());
    setenv("DECOCT_BACKEND_PATH", path, 1);
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    decoct_backend_info info = describe(ctx, "/vendor.so");
    assert_true(info.forced && info.rejected_count == 1);
    assert_non_null(strstr(info.rejected, "bias: "));
    assert_non_null(strstr(info.rejected, " instead of "));
    assert_string_not_equal(decoct_context_kernel(ctx, "bias"), "vendor");
    decoct_context_close(ctx);
    options.strict_backend = 1;
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_E_UNSUPPORTED);
    assert_non_null(strstr(error, "'vendor'"));
    assert_non_null(strstr(error, "bias: "));
    setenv("DECOCT_BACKEND", "vendor", 1); // asked for by the environment: the same
    options.backend = NULL;
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_E_UNSUPPORTED);
    unsetenv("DECOCT_BACKEND");
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK); // nothing was asked for
    info = describe(ctx, "/vendor.so");
    assert_true(!info.forced && info.rejected_count == 1);
    decoct_context_close(ctx);
    snprintf(path, sizeof path, "%s/good", plugins()); // its NULL kernels are not an error
    setenv("DECOCT_BACKEND_PATH", path, 1);
    options.backend = "vendor";
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    info = describe(ctx, "/vendor.so");
    assert_true(info.forced && info.rejected_count == 0);
    assert_string_equal(info.rejected, "");
    decoct_context_close(ctx);
    unsetenv("DECOCT_BACKEND_PATH");
}

static void test_other_abi(void **state) {
    char path[512];
    (void)state;
    snprintf(path, sizeof path, "%s/abi", plugins());
    decoct_context *ctx = open_with(path);
    decoct_backend_info info = describe(ctx, "/vendor.so");
    assert_true(!info.usable && !info.chosen);
    assert_non_null(strstr(info.reason, "another version"));
    decoct_context_close(ctx);
}

static void test_force(void **state) {
    char path[512], error[256] = "";
    decoct_context *ctx = NULL;
    decoct_options options = {.struct_size = sizeof options,
                              .backend = "vendor",
                              .error = error,
                              .error_size = sizeof error};
    (void)state;
    snprintf(path, sizeof path, "%s/good:%s/abi", plugins(), plugins());
    setenv("DECOCT_BACKEND_PATH", path, 1);
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    assert_string_equal(decoct_context_kernel(ctx, "add"), "vendor");
    decoct_context_close(ctx);
    options.backend = "scalar";
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    assert_string_equal(decoct_context_kernel(ctx, "add"), "scalar");
    decoct_context_close(ctx);
    unsetenv("DECOCT_BACKEND_PATH");
    options.backend = "vendor";
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_E_UNSUPPORTED);
}

// Files that must not be loaded, or that are not plugins.
static void test_refused_files(void **state) {
    char folder[] = "/tmp/decoct-test-XXXXXX", from[512], to[128];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(from, sizeof from, "%s/good/vendor.so", plugins());
    snprintf(to, sizeof to, "%s/open.so", folder);
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_true(in && out);
    for (int c = getc(in); c != EOF; c = getc(in)) {
        putc(c, out);
    }
    fclose(in);
    fclose(out);
    assert_int_equal(chmod(to, 0666), 0);
    char text[128];
    snprintf(text, sizeof text, "%s/text.so", folder);
    out = fopen(text, "w");
    assert_non_null(out);
    fputs("no library", out);
    fclose(out);
    decoct_context *ctx = open_with(folder);
    assert_non_null(strstr(describe(ctx, "/open.so").reason, "written by everybody"));
    assert_true(!describe(ctx, "/open.so").usable && !describe(ctx, "/text.so").usable);
    assert_string_not_equal(decoct_context_kernel(ctx, "add"), "vendor");
    decoct_context_close(ctx);
    unlink(to);
    unlink(text);
    rmdir(folder);
    ctx = open_with("relative/folder");
    assert_non_null(strstr(describe(ctx, "relative/folder").reason, "not an absolute folder"));
    decoct_context_close(ctx);
    ctx = open_with("/nonexistent:");
    decoct_context_close(ctx);
}

// A context that sees the plugins of one folder of the build; `backend` is named, or NULL.
static decoct_context *open_named(const char *folder, const char *backend) {
    char path[512];
    decoct_options options = {.struct_size = sizeof options, .backend = backend};
    snprintf(path, sizeof path, "%s/%s", plugins(), folder);
    return open_as(path, &options);
}

// The same without a name, and what the context reports about one file there.
static decoct_context *open_odd(const char *folder, const char *file, decoct_backend_info *info) {
    decoct_context *ctx = open_named(folder, NULL);
    *info = describe(ctx, file);
    return ctx;
}

static void expect_sum(decoct_context *ctx) {
    float x[3] = {1.0f, 2.0f, 3.0f}, y[3] = {4.0f, 5.0f, 6.0f};
    assert_int_equal(decoct_add(ctx, 1, 3, x, 0, y, 0), DECOCT_OK);
    assert_true(y[0] == 5.0f && y[1] == 7.0f && y[2] == 9.0f);
}

// A table from an older header ends early: what it lacks is not read, others serve it.
static void test_shorter_table(void **state) {
    decoct_backend_info info;
    (void)state;
    decoct_context *ctx = open_odd("short", "/odd.so", &info);
    assert_true(info.usable && info.chosen);
    assert_string_equal(decoct_context_kernel(ctx, "matmul"), "odd");
    assert_string_not_equal(decoct_context_kernel(ctx, "add"), "odd");
    expect_sum(ctx);
    decoct_context_close(ctx);
}

// Nothing of a plugin runs before its instructions are known to be there: its usable() would trap.
static void test_refused_before_it_runs(void **state) {
    decoct_backend_info info;
    (void)state;
    decoct_context *ctx = open_odd("features", "/odd.so", &info);
    assert_true(!info.usable && !info.chosen);
    assert_non_null(strstr(info.reason, "lacks"));
    expect_sum(ctx);
    decoct_context_close(ctx);
    ctx = open_odd("refuses", "/odd.so", &info);
    assert_true(!info.usable && !info.chosen);
    assert_non_null(strstr(info.reason, "usable() rejected this machine"));
    decoct_context_close(ctx);
    ctx = open_odd("empty", "/empty.so", &info);
    assert_true(!info.usable && !info.chosen);
    assert_non_null(strstr(info.reason, "decoct_backend_entry"));
    decoct_context_close(ctx);
}

enum { SIDE = 67 };

// The same bits from both, of w as it is and packed.
static void compare_products(decoct_context *ctx, decoct_context *scalar, int64_t m, int64_t k) {
    static float x[SIDE * SIDE], b[SIDE * SIDE], y[SIDE * SIDE], z[SIDE * SIDE];
    decoct_weights *weights = NULL;
    check_fill(x, SIDE * SIDE, 1, 1.0f);
    check_fill(b, SIDE * SIDE, 2, 1.0f);
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = m, .n = SIDE, .k = k, .x = x, .b = b, .y = z};
    assert_int_equal(decoct_matmul(scalar, &a), DECOCT_OK);
    a.y = y;
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    assert_true(check_same_bits(y, z, m * SIDE));
    assert_int_equal(decoct_weights_create(ctx, k, SIDE, b, 0, 0, &weights), DECOCT_OK);
    a.b = NULL;
    a.weights = weights;
    memset(y, 0, sizeof y);
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    assert_true(check_same_bits(y, z, m * SIDE));
    decoct_weights_destroy(weights);
}

// The matmul of this odd plugin gives scalar's bits: with all rows and steps, with few of one, of
// both.
static void expect_product(const char *folder) {
    enum { FEW = 9 };
    decoct_backend_info info;
    decoct_context *ctx = open_odd(folder, "/odd.so", &info), *scalar = check_open("scalar", 1);
    assert_string_equal(decoct_context_kernel(ctx, "matmul"), "odd");
    for (int i = 0; i < 4; i++) {
        compare_products(ctx, scalar, i & 1 ? FEW : SIDE, i & 2 ? FEW : SIDE);
    }
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

// One that leaves all block sizes to the library.
static void test_no_block_sizes(void **state) {
    (void)state;
    expect_product("sizes");
}

// One whose m_block is not a multiple of its tile never gets more rows than that.
static void test_uneven_block_sizes(void **state) {
    (void)state;
    expect_product("blocks");
}

// A library of whole operations also gets the smallest product, which it sums in double.
static void test_whole_gets_small_products(void **state) {
    static const float x[3] = {1e8f, 1.0f, -1e8f}, b[3] = {1.0f, 1.0f, 1.0f};
    float y = 0.0f;
    (void)state;
    decoct_context *ctx = open_named("whole", "whole");
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = 1, .n = 1, .k = 3, .x = x, .b = b, .y = &y};
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
    assert_true(y == 1.0f); // the sum in f32 is 0
    decoct_context_close(ctx);
}

// A small product with weights of other bits is refused in a context that has not named them.
static void test_small_product_of_other_bits(void **state) {
    static const float x[2] = {1.0f, 2.0f}, b[4] = {1.0f, 2.0f, 3.0f, 4.0f};
    float y[2] = {7.0f, 7.0f};
    decoct_weights *weights = NULL;
    (void)state;
    decoct_context *other = open_named("other", "odd");
    decoct_context *ctx = check_open(NULL, 1);
    assert_int_equal(decoct_weights_create(other, 2, 2, b, 0, 0, &weights), DECOCT_OK);
    decoct_matmul_args a = {
        .struct_size = sizeof a, .m = 1, .n = 2, .k = 2, .x = x, .weights = weights, .y = y};
    assert_int_equal(decoct_matmul(ctx, &a), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(decoct_last_error(ctx), "other bits"));
    assert_true(y[0] == 7.0f && y[1] == 7.0f);
    decoct_weights_destroy(weights);
    decoct_context_close(ctx);
    decoct_context_close(other);
}

// Out of 20 queries and 128 keys, one head; `parameters` of attention.
static void attend(decoct_context *ctx, decoct_attention_args parameters, float *result) {
    enum { QUERIES = 20, LENGTH = 128, DIM = 4 };
    float q[QUERIES * DIM], k[LENGTH * DIM], v[LENGTH * DIM];
    decoct_attention_args a = parameters;
    check_fill(q, QUERIES * DIM, 1, 2.0f);
    check_fill(k, LENGTH * DIM, 2, 2.0f);
    check_fill(v, LENGTH * DIM, 3, 2.0f);
    a.struct_size = sizeof a;
    a.heads = a.kv_heads = 1;
    a.q_len = QUERIES;
    a.kv_len = LENGTH;
    a.head_dim = DIM;
    a.q_offset = LENGTH - QUERIES;
    a.q = q;
    a.k = k;
    a.v = v;
    a.out = result;
    assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
}

// A kernel is not given what it does not claim: the next best backend serves that.
static void test_parameters_not_claimed(void **state) {
    static const float one = 1.0f;
    static const decoct_attention_args parameters[] = {
        {.softcap = 3.0f}, {.window = 30}, {.slopes = &one}, {.sinks = &one}};
    float given[80], expected[80];
    char path[512];
    (void)state;
    snprintf(path, sizeof path, "%s/bare", plugins());
    decoct_context *ctx = open_with(path), *scalar = check_open("scalar", 1);
    decoct_backend_info info = describe(ctx, "/bare.so");
    if (info.usable) { // the CPU has its instructions
        assert_string_equal(decoct_context_kernel(ctx, "attention"), "mine");
        attend(ctx, (decoct_attention_args){0}, given);
        attend(scalar, (decoct_attention_args){0}, expected);
        assert_false(check_same_bits(given, expected, 80));
    }
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        attend(ctx, parameters[i], given);
        attend(scalar, parameters[i], expected);
        assert_true(check_same_bits(given, expected, 80));
    }
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_wrong_kernel_is_not_admitted),
        cmocka_unit_test(test_rejected_kernels_are_told),
        cmocka_unit_test(test_other_abi),
        cmocka_unit_test(test_force),
        cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_shorter_table),
        cmocka_unit_test(test_refused_before_it_runs),
        cmocka_unit_test(test_no_block_sizes),
        cmocka_unit_test(test_uneven_block_sizes),
        cmocka_unit_test(test_whole_gets_small_products),
        cmocka_unit_test(test_small_product_of_other_bits),
        cmocka_unit_test(test_parameters_not_claimed),
    };
    return cmocka_run_group_tests_name("plugin", tests, NULL, NULL);
}
