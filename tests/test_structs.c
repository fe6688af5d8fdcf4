// SPDX-License-Identifier: BSD-2-Clause
// Structs that cross the border: callers of the first release, newer ones, and those that forgot
// struct_size.
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Sizes of the structs of release 0.1.0 on a machine of 64 bits.
enum {
    OPTIONS = 56,
    BACKEND_INFO = 48,
    MATMUL = 96,
    ATTENTION = 248,
    BLOCK = 136,
    MODEL_INFO = 72,
    SAMPLE = 32,
    WEIGHTS = 44, // this one and those below as they were when they came
    ROWS = 120,
    STEP_INFO = 56,
    BLOCK_FROM = 272
};

static float one[4] = {1.0f, 1.0f, 1.0f, 1.0f}, out[4];

// A struct at the beginning of a longer one, as a newer caller has it.
typedef union longer {
    uint32_t struct_size;
    decoct_options options;
    decoct_backend_info backend_info;
    decoct_matmul_args matmul;
    decoct_attention_args attention;
    decoct_block_args block;
    decoct_block_from_args block_from;
    decoct_model_info model_info;
    decoct_sample_args sample;
    decoct_step_info step_info;
    decoct_weights_args weights;
    decoct_rows_args rows;
    unsigned char bytes[512];
} longer;

typedef decoct_status use(decoct_context *ctx, void *args);

static decoct_status use_matmul(decoct_context *ctx, void *args) {
    return decoct_matmul(ctx, args);
}

static decoct_status use_weights(decoct_context *ctx, void *args) {
    decoct_weights *weights = NULL;
    decoct_status status = decoct_weights_create_from(ctx, args, &weights);
    decoct_weights_destroy(weights);
    return status;
}

static decoct_status use_rows(decoct_context *ctx, void *args) {
    return decoct_rows(ctx, args);
}

static decoct_status use_attention(decoct_context *ctx, void *args) {
    return decoct_attention(ctx, args);
}

static decoct_status use_block(decoct_context *ctx, void *args) {
    decoct_block *block = NULL;
    decoct_status status = decoct_block_create(ctx, args, &block);
    decoct_block_destroy(block);
    return status;
}

static decoct_status use_block_from(decoct_context *ctx, void *args) {
    decoct_block *block = NULL;
    decoct_status status = decoct_block_create_from(ctx, args, &block);
    decoct_block_destroy(block);
    return status;
}

static decoct_status use_sample(decoct_context *ctx, void *args) {
    int32_t id;
    return decoct_sample(ctx, args, one, 4, &id);
}

static decoct_status use_backend_info(decoct_context *ctx, void *args) {
    return decoct_backend_describe(ctx, 0, args);
}

static decoct_model *model;

static decoct_status use_model_info(decoct_context *ctx, void *args) {
    return decoct_model_describe(ctx, model, args);
}

static decoct_session *session;

static decoct_status use_step_info(decoct_context *ctx, void *args) {
    return decoct_session_step(ctx, session, 0, args);
}

static void expect(decoct_context *ctx, use *call, longer *args, uint32_t size, const char *text) {
    longer before = *args;
    args->struct_size = before.struct_size = size;
    decoct_status status = call(ctx, args);
    if ((status == DECOCT_OK) != !text || (text && !strstr(decoct_last_error(ctx), text))) {
        print_error("struct_size %u: %d \"%s\", expected \"%s\"\n", size, status,
                    decoct_last_error(ctx), text ? text : "success");
        fail();
    }
    if (text) {
        assert_int_equal(status, DECOCT_E_ARGUMENT);
        assert_memory_equal(args, &before, sizeof before);
    }
}

static const struct {
    const char *least;
    use *call;
    uint32_t first, now;
    longer args;
} structs[] = {
    {"matmul: struct_size 8, at least 96",
     use_matmul,
     MATMUL,
     sizeof(decoct_matmul_args),
     {.matmul = {.m = 1, .n = 1, .k = 1, .x = one, .b = one, .y = out}}},
    {"weights: struct_size 8, at least 44",
     use_weights,
     WEIGHTS,
     sizeof(decoct_weights_args),
     {.weights = {.dtype = DECOCT_BF16, .k = 1, .n = 1, .w = one}}},
    {"rows: struct_size 8, at least 120",
     use_rows,
     ROWS,
     sizeof(decoct_rows_args),
     {.rows = {.op = DECOCT_OP_GELU, .rows = 1, .cols = 1, .x = one, .y = out}}},
    {"attention: struct_size 8, at least 248",
     use_attention,
     ATTENTION,
     sizeof(decoct_attention_args),
     {.attention = {.heads = 1,
                    .kv_heads = 1,
                    .q_len = 1,
                    .kv_len = 1,
                    .head_dim = 1,
                    .batch = 1,
                    .q = one,
                    .k = one,
                    .v = one,
                    .out = out}}},
    {"block: struct_size 8, at least 136",
     use_block,
     BLOCK,
     sizeof(decoct_block_args),
     {.block =
          {.d_model = 1, .heads = 1, .d_ffn = 1, .qkv = one, .proj = one, .up = one, .down = one}}},
    {"block: struct_size 8, at least 272",
     use_block_from,
     BLOCK_FROM,
     sizeof(decoct_block_from_args),
     {.block_from = {.norm = DECOCT_OP_RMS_NORM,
                     .act = DECOCT_OP_SILU,
                     .d_model = 1,
                     .heads = 1,
                     .d_ffn = 1,
                     .qkv = one,
                     .proj = one,
                     .up = one,
                     .down = one}}},
    {"sample: struct_size 8, at least 32",
     use_sample,
     SAMPLE,
     sizeof(decoct_sample_args),
     {.sample = {.top_k = 1}}},
    {"backend info: struct_size 8, at least 48",
     use_backend_info,
     BACKEND_INFO,
     sizeof(decoct_backend_info),
     {.struct_size = 0}},
    {"model info: struct_size 8, at least 72",
     use_model_info,
     MODEL_INFO,
     sizeof(decoct_model_info),
     {.struct_size = 0}},
    {"step info: struct_size 8, at least 56",
     use_step_info,
     STEP_INFO,
     sizeof(decoct_step_info),
     {.struct_size = 0}},
};

static void test_sizes(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    char folder[512];
    const char *fixtures = getenv("DECOCT_TEST_FIXTURES");
    snprintf(folder, sizeof folder, "%s/models/gpt2-bf16-untied", fixtures ? fixtures : "fixtures");
    assert_int_equal(decoct_model_open(ctx, folder, &model), DECOCT_OK);
    assert_int_equal(decoct_session_create(ctx, model, 0, &session), DECOCT_OK);
    (void)state;
    for (size_t i = 0; i < sizeof structs / sizeof *structs; i++) {
        longer args = structs[i].args;
        uint32_t first = structs[i].first, now = structs[i].now;
        assert_true(now >= first);
        expect(ctx, structs[i].call, &args, 8, structs[i].least);
        expect(ctx, structs[i].call, &args, 0, "struct_size 0, at least");
        expect(ctx, structs[i].call, &args, first - 1, "at least");
        expect(ctx, structs[i].call, &args, first, NULL);
        args = structs[i].args;
        expect(ctx, structs[i].call, &args, now, NULL);
        args = structs[i].args;
        expect(ctx, structs[i].call, &args, now + 64, NULL);
        args = structs[i].args;
        args.bytes[now + 63] = 1;
        expect(ctx, structs[i].call, &args, now + 63, NULL);
        args = structs[i].args;
        args.bytes[now + 63] = 1;
        expect(ctx, structs[i].call, &args, now + 64, "newer than this library");
        expect(ctx, structs[i].call, &args, UINT32_MAX, "struct_size 4294967295");
    }
    assert_int_equal(decoct_matmul(ctx, NULL), DECOCT_E_ARGUMENT);
    assert_string_equal(decoct_last_error(ctx), "matmul: the struct is NULL");
    decoct_session_destroy(session);
    decoct_model_close(model);
    decoct_context_close(ctx);
}

// What a caller of release 0.1.0 gets back is whole, and nothing behind its struct is touched.
static void test_first_release_gets_answers(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    longer info;
    (void)state;
    memset(&info, 0x5A, sizeof info);
    info.struct_size = BACKEND_INFO;
    assert_int_equal(decoct_backend_describe(ctx, 0, &info.backend_info), DECOCT_OK);
    assert_int_equal(info.struct_size, BACKEND_INFO);
    assert_true(strlen(info.backend_info.reason) > 0 && strlen(info.backend_info.origin) > 0);
    for (size_t i = BACKEND_INFO; i < sizeof info; i++) {
        assert_int_equal(info.bytes[i], 0x5A);
    }
    assert_int_equal(decoct_backend_describe(ctx, 99, &info.backend_info), DECOCT_E_ARGUMENT);
    decoct_context_close(ctx);
}

static void test_options(void **state) {
    char error[256] = "";
    decoct_context *ctx = NULL;
    longer o = {.options = {.threads = 1, .error = error, .error_size = sizeof error}};
    (void)state;
    // Too short to name a buffer for the text: it is kept for this thread.
    o.struct_size = 8;
    assert_int_equal(decoct_context_open(&o.options, &ctx), DECOCT_E_ARGUMENT);
    assert_string_equal(error, "");
    assert_string_equal(decoct_last_error(NULL), "options: struct_size 8, at least 56");
    o.struct_size = OPTIONS;
    o.options.wait = 7; // not in a struct of that size
    assert_int_equal(decoct_context_open(&o.options, &ctx), DECOCT_OK);
    assert_string_equal(decoct_last_error(NULL), "");
    decoct_context_close(ctx);
    o.struct_size = sizeof(decoct_options);
    assert_int_equal(decoct_context_open(&o.options, &ctx), DECOCT_E_ARGUMENT);
    assert_string_equal(error, "options: wait is 7, not 0 or 1");
    o.options.wait = 0;
    o.options.reserved = 1;
    assert_int_equal(decoct_context_open(&o.options, &ctx), DECOCT_E_ARGUMENT);
    assert_string_equal(error, "options: reserved is not 0");
    o.options.reserved = 0;
    o.struct_size = sizeof o;
    assert_int_equal(decoct_context_open(&o.options, &ctx), DECOCT_OK);
    decoct_context_close(ctx);
    o.bytes[sizeof o - 1] = 1;
    assert_int_equal(decoct_context_open(&o.options, &ctx), DECOCT_E_ARGUMENT);
    assert_non_null(strstr(error, "newer than this library"));
}

static void refuse_weights(decoct_context *ctx, decoct_weights_args a, const char *text) {
    decoct_weights *weights = NULL;
    assert_int_equal(decoct_weights_create_from(ctx, &a, &weights), DECOCT_E_ARGUMENT);
    assert_null(weights);
    if (!strstr(decoct_last_error(ctx), text)) {
        fail_msg("\"%s\", expected \"%s\"", decoct_last_error(ctx), text);
    }
}

// Weights of a type: what is wrong is named, and nothing is made.
static void test_stored_weights(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    const decoct_weights_args good = {
        .struct_size = sizeof good, .dtype = DECOCT_F16, .k = 2, .n = 3, .w = one};
    decoct_weights_args a = good;
    decoct_weights *weights = NULL;
    (void)state;
    for (a.dtype = 0; decoct_dtype_name(a.dtype); a.dtype++) {
    }
    refuse_weights(ctx, a, "weights: there is no type");
    a.dtype = -1;
    refuse_weights(ctx, a, "weights: there is no type -1");
    a = good, a.reserved = 1;
    refuse_weights(ctx, a, "weights: reserved is not 0");
    a = good, a.transposed = 2;
    refuse_weights(ctx, a, "weights: transposed is not 0 or 1");
    a = good, a.w = NULL;
    refuse_weights(ctx, a, "weights: w is NULL");
    a = good, a.k = -4;
    refuse_weights(ctx, a, "weights: k is -4");
    a = good, a.n = INT64_MAX / 2;
    refuse_weights(ctx, a, "weights: w (2, 4611686018427387903)");
    a = good, a.stride = 2;
    refuse_weights(ctx, a, "weights: w has stride 2");
    assert_int_equal(decoct_weights_create_from(ctx, &good, NULL), DECOCT_E_ARGUMENT);
    assert_string_equal(decoct_last_error(ctx), "weights: out is NULL");
    assert_int_equal(decoct_weights_create_from(ctx, NULL, &weights), DECOCT_E_ARGUMENT);
    assert_string_equal(decoct_last_error(ctx), "weights: the struct is NULL");
    a.transposed = 1; // now a row has 2
    assert_int_equal(decoct_weights_create_from(ctx, &a, &weights), DECOCT_OK);
    decoct_weights_destroy(weights);
    decoct_context_close(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_first_release_gets_answers),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_stored_weights),
    };
    return cmocka_run_group_tests_name("structs", tests, NULL, NULL);
}
