// SPDX-License-Identifier: BSD-2-Clause
// How the operations treat unusual arguments: empty inputs, sizes that were not set, scalars that
// are NaN or infinite, operands that share elements, sizes beyond all memory.
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096 };

static float x[ROOM], w[ROOM], y[ROOM];
static const int64_t HUGE_SIZE = INT64_C(1) << 62;

static void expect(decoct_context *ctx, decoct_status status, const char *text) {
    const char *said = decoct_last_error(ctx);
    if (text ? status != DECOCT_E_ARGUMENT || !strstr(said, text) : status != DECOCT_OK) {
        print_error("%d \"%s\", expected \"%s\"\n", status, said, text ? text : "success");
        fail();
    }
}

static bool all_are(const float *p, int64_t count, float value) {
    for (int64_t i = 0; i < count; i++) {
        if (memcmp(&p[i], &value, sizeof value) != 0) {
            return false;
        }
    }
    return true;
}

static decoct_matmul_args product(void) {
    return (decoct_matmul_args){
        .struct_size = sizeof(decoct_matmul_args), .m = 3, .n = 5, .k = 4, .x = x, .b = w, .y = y};
}

static decoct_attention_args attention(void) {
    return (decoct_attention_args){.struct_size = sizeof(decoct_attention_args),
                                   .heads = 2,
                                   .kv_heads = 2,
                                   .q_len = 3,
                                   .kv_len = 5,
                                   .head_dim = 4,
                                   .q = x,
                                   .k = w,
                                   .v = w + 64,
                                   .out = y};
}

// ---- Zeros ----

static void test_empty_products(void **state) {
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    decoct_matmul_args a = product();
    a.k = 0;
    y[15] = 7.0f;
    expect(ctx, decoct_matmul(ctx, &a), NULL);
    assert_true(all_are(y, 15, 0.0f) && all_are(y + 15, 1, 7.0f));
    a.bias = w;
    a.b = a.x = NULL;
    expect(ctx, decoct_matmul(ctx, &a), NULL);
    for (int i = 0; i < 3; i++) {
        assert_true(check_same_bits(y + i * 5, w, 5));
    }
    decoct_weights *weights = NULL;
    expect(ctx, decoct_weights_create(ctx, 0, 5, NULL, 0, 0, &weights), NULL);
    a.weights = weights;
    memset(y, 0, sizeof y);
    expect(ctx, decoct_matmul(ctx, &a), NULL);
    assert_true(check_same_bits(y + 10, w, 5));
    decoct_weights_destroy(weights);
    a = product();
    a.y = a.y + 1;
    y[1] = 9.0f;
    a.m = 0;
    expect(ctx, decoct_matmul(ctx, &a), NULL);
    a.m = 3;
    a.n = 0;
    expect(ctx, decoct_matmul(ctx, &a), NULL);
    assert_true(y[1] == 9.0f);
    a = product();
    a.m = 0; // all operands are NULL
    a.x = a.b = a.y = NULL;
    expect(ctx, decoct_matmul(ctx, &a), NULL);
    decoct_context_close(ctx);
}

static void test_empty_rows(void **state) {
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    expect(ctx, decoct_softmax(ctx, 0, 5, 0.0f, NULL, 0, NULL, 0), NULL);
    expect(ctx, decoct_layer_norm(ctx, 5, 0, 0.0f, NULL, NULL, NULL, 0, NULL, 0), NULL);
    expect(ctx, decoct_bias(ctx, 0, 5, NULL, NULL, 0), NULL);
    expect(ctx, decoct_embedding(ctx, 0, 5, NULL, NULL, 0, 0, NULL, 0), NULL);
    expect(ctx, decoct_embedding(ctx, 0, 5, NULL, NULL, 9, 0, NULL, 0), NULL);
    decoct_context_close(ctx);
}

static const struct {
    size_t field;
    const char *name;
} needed[] = {{offsetof(decoct_attention_args, heads), "heads"},
              {offsetof(decoct_attention_args, kv_heads), "kv_heads"},
              {offsetof(decoct_attention_args, head_dim), "head_dim"}};

static void test_empty_attention(void **state) {
    static float with_one[ROOM];
    decoct_context *ctx = check_open(*state, 2);
    if (!ctx) {
        skip();
    }
    decoct_attention_args a = attention();
    a.batch = 1;
    a.out = with_one;
    expect(ctx, decoct_attention(ctx, &a), NULL);
    a = attention(); // batch 0 is 1
    memset(y, 0x5A, sizeof y);
    expect(ctx, decoct_attention(ctx, &a), NULL);
    assert_true(check_same_bits(y, with_one, 24));
    a.kv_len = 0;
    a.k = a.v = NULL;
    expect(ctx, decoct_attention(ctx, &a), NULL);
    assert_true(all_are(y, 24, 0.0f));
    a.q_len = 0;
    a.q = a.out = NULL;
    expect(ctx, decoct_attention(ctx, &a), NULL);
    a.kv_len = 5; // the keys are not read
    expect(ctx, decoct_attention(ctx, &a), NULL);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        for (int64_t value = 0; value > -2; value--) {
            char text[64];
            a = attention();
            memcpy((char *)&a + needed[i].field, &value, sizeof value);
            snprintf(text, sizeof text, "attention: %s is %d, at least 1", needed[i].name,
                     (int)value);
            expect(ctx, decoct_attention(ctx, &a), text);
        }
    }
    a = attention();
    a.batch = -1;
    expect(ctx, decoct_attention(ctx, &a), "batch is -1");
    decoct_context_close(ctx);
}

// ---- Scalars ----

static void test_scalars(void **state) {
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    decoct_context *ctx = check_open("scalar", 1);
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        decoct_attention_args a = attention();
        a.scale = odd[i];
        expect(ctx, decoct_attention(ctx, &a), "attention: the scale is not a finite number");
        expect(ctx, decoct_softmax(ctx, 1, 4, odd[i], x, 0, y, 0), "softmax: scale");
        expect(ctx, decoct_layer_norm(ctx, 1, 4, odd[i], NULL, NULL, x, 0, y, 0),
               "layer_norm: eps");
        decoct_block *block = NULL;
        decoct_block_args b = {.struct_size = sizeof b,
                               .eps = odd[i],
                               .d_model = 2,
                               .heads = 1,
                               .d_ffn = 2,
                               .qkv = w,
                               .proj = w,
                               .up = w,
                               .down = w};
        expect(ctx, decoct_block_create(ctx, &b, &block), "block: eps");
        int32_t id = 0;
        decoct_sample_args s = {.struct_size = sizeof s, .temperature = odd[i]};
        expect(ctx, decoct_sample(ctx, &s, x, 4, &id), "sample: temperature");
        s = (decoct_sample_args){.struct_size = sizeof s, .temperature = 1.0f, .top_p = odd[i]};
        expect(ctx, decoct_sample(ctx, &s, x, 4, &id), "sample: top_p");
    }
    expect(ctx, decoct_layer_norm(ctx, 1, 4, -1e-9f, NULL, NULL, x, 0, y, 0), "layer_norm: eps");
    expect(ctx, decoct_layer_norm(ctx, 1, 4, 0.0f, NULL, NULL, x, 0, y, 0), NULL);
    expect(ctx, decoct_softmax(ctx, 1, 4, -2.0f, x, 0, y, 0), NULL);
    decoct_attention_args a = attention();
    a.reserved = 1e-30f;
    expect(ctx, decoct_attention(ctx, &a), "attention: reserved is not 0");
    a.reserved = NAN;
    expect(ctx, decoct_attention(ctx, &a), "attention: reserved is not 0");
    decoct_context_close(ctx);
}

// ---- Operands that share elements ----

static void test_product_in_place(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    (void)state;
    decoct_matmul_args a = product();
    a.x = y;
    expect(ctx, decoct_matmul(ctx, &a), "y shares an element with x");
    a.x = y + 14; // only the last element of y
    expect(ctx, decoct_matmul(ctx, &a), "y shares an element with x");
    a.x = y + 15;
    expect(ctx, decoct_matmul(ctx, &a), NULL);
    a = product();
    a.b = y + 3;
    expect(ctx, decoct_matmul(ctx, &a), "y shares an element with b");
    a = product();
    a.bias = y + 10;
    expect(ctx, decoct_matmul(ctx, &a), "y shares an element with bias");
    a = product(); // x (3, 4) and y (3, 5) in rows of 9: beside each other
    a.x = y;
    a.y = y + 4;
    a.x_stride = a.y_stride = 9;
    expect(ctx, decoct_matmul(ctx, &a), NULL);
    a.y = y + 3;
    expect(ctx, decoct_matmul(ctx, &a), "y shares an element with x");
    a.y = y + 5; // the last of a row is the first of x's next
    expect(ctx, decoct_matmul(ctx, &a), "y shares an element with x");
    a = product();
    a.m = 0; // nothing is written
    a.x = y;
    expect(ctx, decoct_matmul(ctx, &a), NULL);
    decoct_context_close(ctx);
}

static void test_attention_in_place(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    (void)state;
    decoct_attention_args a = attention();
    a.q = y;
    expect(ctx, decoct_attention(ctx, &a), "attention: out shares an element with q");
    a = attention();
    a.k = y + 20;
    expect(ctx, decoct_attention(ctx, &a), "attention: out shares an element with k");
    a = attention();
    a.v = y + 23;
    expect(ctx, decoct_attention(ctx, &a), "attention: out shares an element with v");
    a = attention();
    a.mask = y;
    expect(ctx, decoct_attention(ctx, &a), "attention: out shares an element with the mask");
    a = attention();
    a.weights = y + 23;
    expect(ctx, decoct_attention(ctx, &a), "attention: weights shares an element with out");
    a.weights = y + 24;
    expect(ctx, decoct_attention(ctx, &a), NULL);
    a.weights = x + 10;
    expect(ctx, decoct_attention(ctx, &a), "attention: weights shares an element with q");
    a = attention(); // q, k, v and out side by side in rows of 4 x 2 heads x 4
    a.kv_len = 3;
    a.q = y;
    a.k = y + 8;
    a.v = y + 16;
    a.out = y + 24;
    a.q_head_stride = a.k_head_stride = a.v_head_stride = a.out_head_stride = 4;
    a.q_stride = a.k_stride = a.v_stride = a.out_stride = 32;
    memset(y, 0, sizeof y);
    expect(ctx, decoct_attention(ctx, &a), NULL);
    a.out = y + 23;
    expect(ctx, decoct_attention(ctx, &a), "attention: out shares an element with v");
    decoct_context_close(ctx);
}

static void test_rows_in_place(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    int32_t ids[4] = {0, 1, 2, 1};
    (void)state;
    expect(ctx, decoct_softmax(ctx, 3, 4, 0.0f, y, 0, y, 0), NULL);
    expect(ctx, decoct_softmax(ctx, 3, 4, 0.0f, y, 7, y, 7), NULL);
    expect(ctx, decoct_softmax(ctx, 1, 4, 0.0f, y, 9, y, 4), NULL); // one row has no stride
    expect(ctx, decoct_softmax(ctx, 3, 4, 0.0f, y, 8, y + 4, 8), NULL);
    expect(ctx, decoct_softmax(ctx, 3, 4, 0.0f, y, 8, y, 4), "softmax: y shares an element with x");
    expect(ctx, decoct_gelu(ctx, 0, 3, 4, y, 0, y + 1, 0), "gelu: y shares an element with x");
    expect(ctx, decoct_add(ctx, 3, 4, y, 0, y, 0), NULL);
    expect(ctx, decoct_add(ctx, 3, 4, y, 0, y + 4, 0), "add: y shares an element with x");
    expect(ctx, decoct_layer_norm(ctx, 3, 4, 0.0f, y + 8, NULL, x, 0, y, 0),
           "layer_norm: y shares an element with gain");
    expect(ctx, decoct_layer_norm(ctx, 3, 4, 0.0f, NULL, y, x, 0, y, 0),
           "layer_norm: y shares an element with bias");
    expect(ctx, decoct_bias(ctx, 3, 4, y + 4, y, 0), "bias: y shares an element with bias");
    expect(ctx, decoct_embedding(ctx, 4, 4, ids, y, 3, 0, y + 8, 0),
           "embedding: y shares an element with table");
    expect(ctx, decoct_embedding(ctx, 4, 4, ids, y, 3, 0, y + 12, 0), NULL);
    memset(y, 0, sizeof y);
    expect(ctx, decoct_embedding(ctx, 4, 4, (const int32_t *)(const void *)(y + 3), x, 3, 0, y, 0),
           "embedding: y shares an element with ids");
    decoct_context_close(ctx);
}

static void test_block_in_place(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    decoct_block *block = NULL;
    decoct_cache *cache = NULL;
    (void)state;
    decoct_block_args b = {.struct_size = sizeof b,
                           .d_model = 4,
                           .heads = 2,
                           .d_ffn = 8,
                           .qkv = w,
                           .proj = w,
                           .up = w,
                           .down = w};
    expect(ctx, decoct_block_create(ctx, &b, &block), NULL);
    expect(ctx, decoct_cache_create(ctx, block, 64, &cache), NULL);
    expect(ctx, decoct_block_forward(ctx, block, cache, 3, y, 0, y, 4), NULL);
    expect(ctx, decoct_block_forward(ctx, block, cache, 3, y, 9, y + 4, 9), NULL);
    expect(ctx, decoct_block_forward(ctx, block, cache, 3, y, 0, y + 4, 0),
           "block: y shares an element with x");
    expect(ctx, decoct_block_forward(ctx, block, cache, 3, y, 0, y, 8),
           "block: y shares an element with x");
    expect(ctx, decoct_block_forward(ctx, block, cache, 3, y, HUGE_SIZE, y, 0),
           "block: x (3, 4) with stride 4611686018427387904 is too large");
    assert_int_equal(decoct_cache_length(cache), 6);
    decoct_cache_destroy(cache);
    decoct_block_destroy(block);
    decoct_context_close(ctx);
}

static void test_texts_in_place(void **state) {
    char folder[512];
    const char *fixtures = getenv("DECOCT_TEST_FIXTURES");
    snprintf(folder, sizeof folder, "%s/models/gpt2-bf16-untied", fixtures ? fixtures : "fixtures");
    decoct_context *ctx = check_open("scalar", 1);
    decoct_model *model = NULL;
    decoct_session *session = NULL;
    int32_t ids[16] = {1, 2, 3};
    char *bytes = (char *)ids;
    int64_t count;
    uint64_t length;
    (void)state;
    expect(ctx, decoct_model_open(ctx, folder, &model), NULL);
    expect(ctx, decoct_session_create(ctx, model, 0, &session), NULL);
    float *logits = (float *)(void *)ids;
    expect(ctx, decoct_session_eval(ctx, session, ids, 3, 0, logits + 2), "logits shares");
    assert_int_equal(decoct_session_length(session), 0);
    expect(ctx, decoct_session_eval(ctx, session, ids, 3, 0, y), NULL);
    expect(ctx, decoct_decode(ctx, model, ids, 3, bytes + 11, 8, &length),
           "decode: ids overlap the text");
    expect(ctx, decoct_decode(ctx, model, ids, 3, bytes + 12, 16, &length), NULL);
    expect(ctx, decoct_decode(ctx, model, ids, -3, bytes + 12, 16, &length), "decode: count is -3");
    expect(ctx, decoct_decode(ctx, model, NULL, 3, bytes, 16, &length), "decode: ids is NULL");
    expect(ctx, decoct_decode(ctx, model, ids, 3, NULL, 16, &length), "decode: text is NULL");
    expect(ctx, decoct_decode(ctx, model, ids, 3, bytes + 12, 16, NULL), "decode: length is NULL");
    expect(ctx, decoct_encode(ctx, model, "ab", 2, ids, -8, &count), "encode: room is -8");
    expect(ctx, decoct_encode(ctx, model, "ab", 2, ids, 8, NULL), "encode: count is NULL");
    expect(ctx, decoct_encode(ctx, model, bytes + 30, 2, ids, 8, &count), "overlap the text");
    memcpy(bytes + 32, "ab", 2);
    expect(ctx, decoct_encode(ctx, model, bytes + 32, 2, ids, 8, &count), NULL);
    decoct_session_destroy(session);
    decoct_model_close(model);
    decoct_context_close(ctx);
}

// ---- The message names the argument ----

static void test_rows_are_named(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    int32_t ids[4] = {0, 1, 2, 1};
    (void)state;
    expect(ctx, decoct_softmax(ctx, -1, 4, 0.0f, x, 0, y, 0), "softmax: rows is -1, at least 0");
    expect(ctx, decoct_gelu(ctx, 0, 3, -4, x, 0, y, 0), "gelu: cols is -4, at least 0");
    expect(ctx, decoct_add(ctx, 3, 4, x, 3, y, 0), "add: x has stride 3, less than its 4 columns");
    expect(ctx, decoct_bias(ctx, 3, 4, w, y, -1), "bias: y has stride -1");
    expect(ctx, decoct_softmax(ctx, 3, 4, 0.0f, x, HUGE_SIZE, y, 0),
           "softmax: x (3, 4) with stride 4611686018427387904 is too large");
    expect(ctx, decoct_embedding(ctx, 4, 4, ids, x, 3, 3, y, 0), "embedding: table has stride 3");
    expect(ctx, decoct_embedding(ctx, 4, 4, ids, x, -3, 0, y, 0), "embedding: table_rows is -3");
    expect(ctx, decoct_embedding(ctx, 4, 4, ids, x, HUGE_SIZE, 0, y, 0),
           "embedding: table (4611686018427387904, 4)");
    expect(ctx, decoct_embedding(ctx, 4, 4, ids, NULL, 3, 0, y, 0), "embedding: table is NULL");
    expect(ctx, decoct_embedding(ctx, 4, 4, NULL, x, 3, 0, y, 0), "embedding: ids is NULL");
    decoct_matmul_args m = product();
    m.n = -5;
    expect(ctx, decoct_matmul(ctx, &m), "matmul: n is -5, at least 0");
    decoct_weights *weights = NULL;
    expect(ctx, decoct_weights_create(ctx, -1, 5, w, 0, 0, &weights), "weights: k is -1");
    expect(ctx, decoct_weights_create(ctx, 4, 5, NULL, 0, 0, &weights), "weights: w is NULL");
    expect(ctx, decoct_weights_create(ctx, 4, 5, w, 4, 0, &weights), "weights: w has stride 4");
    decoct_context_close(ctx);
}

static void test_others_are_named(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    double amount = 0.0;
    int64_t count = 0;
    uint64_t length = 0;
    int32_t ids[4] = {0};
    char text[8] = "";
    (void)state;
    expect(ctx, decoct_probe(ctx, 9, 1024, x, y, &amount), "probe: there is no kind 9");
    expect(ctx, decoct_probe(ctx, DECOCT_PROBE_READ, -1, x, y, &amount), "probe: count is -1");
    expect(ctx, decoct_probe(ctx, DECOCT_PROBE_READ, 1024, NULL, y, &amount),
           "probe: from is NULL");
    expect(ctx, decoct_probe(ctx, DECOCT_PROBE_COPY, 1024, x, NULL, &amount), "probe: to is NULL");
    expect(ctx, decoct_probe(ctx, DECOCT_PROBE_COPY, 1024, x, x + 1023, &amount),
           "probe: to overlaps from");
    expect(ctx, decoct_probe(ctx, DECOCT_PROBE_FMA, 1, x, y, NULL), "probe: amount is NULL");
    decoct_model *model = NULL;
    decoct_session *session = NULL;
    expect(ctx, decoct_model_open(ctx, NULL, &model), "model: folder is NULL");
    expect(ctx, decoct_model_open(ctx, "x", NULL), "model: out is NULL");
    expect(ctx, decoct_encode(ctx, NULL, "a", 1, ids, 4, &count), "encode: model is NULL");
    expect(ctx, decoct_decode(ctx, NULL, ids, 4, text, 8, &length), "decode: model is NULL");
    expect(ctx, decoct_session_create(ctx, NULL, 0, &session), "session: model is NULL");
    expect(ctx, decoct_session_eval(ctx, NULL, ids, 4, 0, y), "session: session is NULL");
    decoct_context_close(ctx);
}

// ---- Sizes beyond all memory ----

static void test_huge_sizes(void **state) {
    decoct_context *ctx = check_open("scalar", 1);
    (void)state;
    decoct_attention_args a = attention();
    a.heads = a.kv_heads = HUGE_SIZE;
    expect(ctx, decoct_attention(ctx, &a), "attention: q (1, 4611686018427387904, 3, 4)");
    a = attention();
    a.head_dim = HUGE_SIZE;
    expect(ctx, decoct_attention(ctx, &a), "attention: q (1, 2, 3, 4611686018427387904)");
    a = attention();
    a.kv_len = HUGE_SIZE / 16;
    expect(ctx, decoct_attention(ctx, &a), "attention: k (1, 2, 288230376151711744, 4)");
    a = attention();
    a.q_len = a.kv_len = INT64_C(1) << 31;
    expect(ctx, decoct_attention(ctx, &a),
           "attention: scores (batch, heads, q_len, kv_len) = (1, 2, 2147483648, 2147483648)");
    a = attention();
    a.value_dim = HUGE_SIZE;
    expect(ctx, decoct_attention(ctx, &a), "attention: v (1, 2, 5, 4611686018427387904)");
    a = attention();
    a.v_head_stride = HUGE_SIZE;
    expect(ctx, decoct_attention(ctx, &a),
           "attention: v (1, 2, 5, 4) is too large with these strides");
    a = attention();
    a.q_stride = -4;
    expect(ctx, decoct_attention(ctx, &a), "a stride of q is negative");
    a = attention();
    a.mask = w;
    a.batch = 2;
    a.mask_batch_stride = INT64_MAX;
    expect(ctx, decoct_attention(ctx, &a), "the strides of the mask are too large");
    decoct_matmul_args m = product();
    m.k = HUGE_SIZE;
    expect(ctx, decoct_matmul(ctx, &m), "matmul: x (3, 4611686018427387904)");
    m = product();
    m.y_stride = HUGE_SIZE;
    expect(ctx, decoct_matmul(ctx, &m), "matmul: y (3, 5) with stride 4611686018427387904");
    expect(ctx, decoct_softmax(ctx, HUGE_SIZE, 4, 0.0f, x, 0, y, 0),
           "softmax: y (4611686018427387904, 4)");
    decoct_context_close(ctx);
}

int main(void) {
    check_fill(x, ROOM, 1, 1.0f);
    check_fill(w, ROOM, 2, 1.0f);
    static const check_test tests[] = {{"empty products", test_empty_products},
                                       {"empty rows", test_empty_rows},
                                       {"empty attention", test_empty_attention}};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_product_in_place),
        cmocka_unit_test(test_attention_in_place),
        cmocka_unit_test(test_rows_in_place),
        cmocka_unit_test(test_block_in_place),
        cmocka_unit_test(test_rows_are_named),
        cmocka_unit_test(test_others_are_named),
        cmocka_unit_test(test_huge_sizes),
        cmocka_unit_test(test_texts_in_place),
    };
    return check_all_backends("arguments", tests, sizeof tests / sizeof *tests) +
           cmocka_run_group_tests_name("arguments", others, NULL, NULL);
}
