// SPDX-License-Identifier: BSD-2-Clause
// The rows of `decoct peers`: what peers are given is what our side works on, and drawn shapes.
#include "bench/peers/draw.h"
#include "bench/peers/fill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static decoct_context *open_scalar(void) {
    decoct_options options = {.struct_size = sizeof options, .threads = 1, .backend = "scalar"};
    decoct_context *ctx = NULL;
    assert_int_equal(decoct_context_open(&options, &ctx), DECOCT_OK);
    return ctx;
}

static row_operands *fill(decoct_context *ctx, const row_shape *shape) {
    char error[256] = "";
    row_operands *o = fill_open(shape, 1, ctx, true, error, sizeof error);
    assert_non_null(o);
    assert_true(fill_run(o));
    return o;
}

// A peer that reads keys and values as rows of all heads gets our result.
static void test_caches(void **state) {
    (void)state;
    decoct_context *ctx = open_scalar();
    for (int64_t by_head = 0; by_head < 2; by_head++) {
        const row_shape shape = {"attention", {6, 8, 3, 37, 2, by_head}, DECOCT_F32};
        row_operands *o = fill(ctx, &shape);
        const peer_case *c = &o->c;
        float *out = calloc((size_t)o->result, sizeof *out);
        assert_non_null(out);
        assert_int_equal(o->result, 3 * 6 * 8);
        decoct_attention_args a = {.struct_size = sizeof a,
                                   .causal = 1,
                                   .batch = 1,
                                   .heads = c->heads,
                                   .kv_heads = c->kv_heads,
                                   .q_len = c->q_len,
                                   .kv_len = c->kv_len,
                                   .head_dim = c->head_dim,
                                   .value_dim = c->head_dim,
                                   .q_offset = c->kv_len - c->q_len,
                                   .q = c->q,
                                   .k = c->key,
                                   .v = c->value,
                                   .out = out,
                                   .q_head_stride = c->head_dim,
                                   .q_stride = c->heads * c->head_dim,
                                   .k_head_stride = c->head_dim,
                                   .k_stride = c->kv_heads * c->head_dim,
                                   .v_head_stride = c->head_dim,
                                   .v_stride = c->kv_heads * c->head_dim,
                                   .out_head_stride = c->head_dim,
                                   .out_stride = c->heads * c->head_dim};
        assert_int_equal(decoct_attention(ctx, &a), DECOCT_OK);
        assert_memory_equal(out, fill_result(o), (size_t)o->result * sizeof *out);
        free(out);
        fill_close(o);
    }
    decoct_context_close(ctx);
}

// Each product of a batch is what the same product gives alone.
static void test_batch(void **state) {
    (void)state;
    decoct_context *ctx = open_scalar();
    const row_shape shape = {"batch", {3, 5, 7, 4}, DECOCT_F32};
    row_operands *o = fill(ctx, &shape);
    const peer_case *c = &o->c;
    float one[15];
    assert_true(c->op == PEER_BATCH && c->count == 4 && o->result == 60);
    for (int64_t i = 0; i < c->count; i++) {
        decoct_matmul_args a = {.struct_size = sizeof a,
                                .m = c->m,
                                .n = c->n,
                                .k = c->k,
                                .x = c->x + i * 21,
                                .b = c->w + i * 35,
                                .y = one};
        assert_int_equal(decoct_matmul(ctx, &a), DECOCT_OK);
        assert_memory_equal(one, fill_result(o) + i * 15, sizeof one);
    }
    assert_true(fill_cost(&shape, o).flops == 2.0 * 3 * 5 * 7 * 4);
    fill_close(o);
    decoct_context_close(ctx);
}

static bool accept_all(const void *data, const row_shape *shape) {
    (void)data;
    (void)shape;
    return true;
}

static bool accept_attention(const void *data, const row_shape *shape) {
    (void)data;
    return row_is(shape, "attention");
}

// The same seed gives the same shapes on every machine, another one others.
static void test_seeds(void **state) {
    (void)state;
    uint64_t a = draw_seed("2026-11-26"), b = draw_seed("2026-11-26"), c = draw_seed("2026-11-27");
    int different = 0;
    for (int i = 0; i < 200; i++) {
        row_shape one, two, other;
        char name[128], second[128], third[128];
        assert_true(draw_shape(&a, accept_all, NULL, &one) &&
                    draw_shape(&b, accept_all, NULL, &two) &&
                    draw_shape(&c, accept_all, NULL, &other));
        row_name(&one, name, sizeof name);
        row_name(&two, second, sizeof second);
        row_name(&other, third, sizeof third);
        assert_string_equal(one.kind, two.kind);
        assert_string_equal(name, second);
        different += strcmp(name, third) != 0;
    }
    assert_true(different > 190);
}

static void test_drawn_attention(void **state) {
    (void)state;
    uint64_t seed = draw_seed("attention");
    for (int i = 0; i < 500; i++) {
        row_shape s;
        assert_true(draw_shape(&seed, accept_attention, NULL, &s));
        const int64_t *d = s.dims;
        assert_true(d[ROW_KV_HEADS] >= 1 && d[ROW_HEADS] % d[ROW_KV_HEADS] == 0);
        assert_true(d[ROW_HEADS] <= 32 && d[ROW_HEAD_DIM] % 8 == 0 && d[ROW_HEAD_DIM] <= 128);
        assert_true(d[ROW_Q_LEN] >= 1 && d[ROW_Q_LEN] <= d[ROW_KV_LEN]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_caches), cmocka_unit_test(test_batch),
                                       cmocka_unit_test(test_seeds),
                                       cmocka_unit_test(test_drawn_attention)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
