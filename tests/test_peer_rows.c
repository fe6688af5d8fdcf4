// SPDX-License-Identifier: BSD-2-Clause
// The rows of `decoct peers`: what peers are given is what our side works on, and drawn shapes.
#include "bench/peers/draw.h"
#include "bench/peers/fill.h"
#include "bench/peers/openvino_ir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

static void next_name(uint64_t *seed, char name[160]) {
    row_shape s;
    char dims[128];
    assert_true(draw_shape(seed, accept_all, NULL, &s));
    row_name(&s, dims, sizeof dims);
    snprintf(name, 160, "%s/%s", s.kind, dims);
}

// What is printed beside a table must be drawn again anywhere. The shapes also depend on rows.def.
static void test_known_seeds(void **state) {
    (void)state;
    assert_int_equal(draw_seed("2026-11-27"), UINT64_C(0xaa309822f543ede0));
    assert_int_equal(draw_seed("7"), UINT64_C(0x6c576fac43fd004b));
}

// Every character of a seed counts: the first shapes of all days of two years are different.
static void test_every_day(void **state) {
    (void)state;
    enum { DAYS = 2 * 12 * 31, SHAPES = 3 };
    static char all[DAYS][SHAPES][160];
    int repeated = 0;
    for (int day = 0; day < DAYS; day++) {
        char date[32];
        snprintf(date, sizeof date, "%d-%02d-%02d", 2026 + day / 372, 1 + day / 31 % 12,
                 1 + day % 31);
        uint64_t seed = draw_seed(date);
        for (int i = 0; i < SHAPES; i++) {
            next_name(&seed, all[day][i]);
        }
        for (int before = 0; before < day; before++) {
            repeated += memcmp(all[before], all[day], sizeof all[day]) == 0;
        }
    }
    assert_int_equal(repeated, 0);
}

typedef struct limits {
    int64_t least[ROW_DIMS], most[ROW_DIMS];
    double work;
} limits;

static double work_of(const row_shape *s) {
    const int64_t *d = s->dims;
    return row_is(s, "attention")
               ? (double)(d[ROW_KV_HEADS] * d[ROW_HEAD_DIM] * d[ROW_KV_LEN])
               : (double)d[0] * (double)d[1] * (row_is(s, "softmax") ? 1.0 : (double)d[2]);
}

static limits limits_of(const char *kind) {
    limits l = {.work = 0.0};
    row_shape s;
    bool begun = false;
    for (int row = 0; row_shape_at(row, &s); row++) {
        for (int i = 0; i < ROW_DIMS && row_is(&s, kind); i++) {
            l.least[i] = !begun || s.dims[i] < l.least[i] ? s.dims[i] : l.least[i];
            l.most[i] = !begun || s.dims[i] > l.most[i] ? s.dims[i] : l.most[i];
        }
        l.work = row_is(&s, kind) && work_of(&s) > l.work ? work_of(&s) : l.work;
        begun = begun || row_is(&s, kind);
    }
    return l;
}

// Between the named rows, each dimension near both ends of what they span, and of every kind.
static void test_between_the_named(void **state) {
    (void)state;
    static const char *const kinds[] = {"matmul", "plain",   "batch",    "blas",
                                        "cold",   "softmax", "attention"};
    enum { KINDS = sizeof kinds / sizeof *kinds, EACH = 300 };
    uint64_t seed = draw_seed("between");
    int drawn[KINDS] = {0}, low[KINDS] = {0}, high[KINDS] = {0};
    for (int i = 0; i < KINDS * EACH; i++) {
        row_shape s;
        int kind = 0;
        assert_true(draw_shape(&seed, accept_all, NULL, &s));
        while (!row_is(&s, kinds[kind])) {
            assert_true(++kind < KINDS);
        }
        limits l = limits_of(s.kind);
        for (int d = 0; d < ROW_DIMS; d++) {
            assert_in_range(s.dims[d], l.least[d], l.most[d]);
        }
        assert_true(work_of(&s) <= l.work);
        drawn[kind]++;
        low[kind] += s.dims[1] < 2 * l.least[1];
        high[kind] += s.dims[1] > l.most[1] / 2;
    }
    for (int kind = 0; kind < KINDS; kind++) {
        assert_in_range(drawn[kind], EACH / 2, 2 * EACH);
        assert_true(low[kind] > 0 && high[kind] > 0);
    }
}

// The same seed gives the same shapes on every machine, another one others.
static void test_seeds(void **state) {
    (void)state;
    uint64_t a = draw_seed("2026-11-26"), b = draw_seed("2026-11-26"), c = draw_seed("2026-11-27");
    int different = 0, repeated = 0;
    char before[128] = "";
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
        repeated += strcmp(name, before) == 0;
        memcpy(before, name, sizeof before);
    }
    assert_true(different > 190 && repeated < 10);
}

// Keys shared by 1, 2 or 4 heads; one query, a few, or a whole prompt; of caches both layouts.
static void test_drawn_attention(void **state) {
    (void)state;
    enum { ALL = 500, LONGEST = 4096 };
    uint64_t seed = draw_seed("attention");
    int groups[5] = {0}, one = 0, few = 0, prompts = 0, by_head = 0;
    for (int i = 0; i < ALL; i++) {
        row_shape s;
        assert_true(draw_shape(&seed, accept_attention, NULL, &s));
        const int64_t *d = s.dims, length = d[ROW_Q_LEN], group = d[ROW_HEADS] / d[ROW_KV_HEADS];
        assert_true(d[ROW_KV_HEADS] >= 1 && d[ROW_HEADS] % d[ROW_KV_HEADS] == 0);
        assert_in_range(group, 1, 4);
        assert_true(d[ROW_HEAD_DIM] % 8 == 0);
        assert_true(length >= 1 && length <= d[ROW_KV_LEN]);
        const bool prompt = length == d[ROW_KV_LEN];
        assert_true(prompt || length <= 8);
        // No prompt takes longer than the named one of 4096 keys, nor is it of caches by head.
        assert_true(!prompt ||
                    (!d[ROW_BY_HEAD] && d[ROW_HEADS] * d[ROW_HEAD_DIM] * length * length <=
                                            INT64_C(12) * 64 * LONGEST * LONGEST * 11 / 10));
        groups[group]++;
        one += length == 1;
        few += length > 1 && !prompt;
        prompts += prompt;
        by_head += d[ROW_BY_HEAD] != 0;
    }
    assert_in_range(groups[1], ALL / 5, ALL / 2);
    assert_in_range(groups[2], ALL / 5, ALL / 2);
    assert_in_range(groups[4], ALL / 5, ALL / 2);
    assert_in_range(one, ALL / 5, ALL / 2);
    assert_in_range(few, ALL / 5, ALL / 2);
    assert_in_range(prompts, ALL / 5, ALL / 2);
    assert_in_range(by_head, ALL / 5, ALL / 2);
}

// A product by a constant and softmax of it: nodes, ports and edges.
static void test_model_text(void **state) {
    (void)state;
    static const char expected[] =
        "<net name=\"one\" version=\"11\"><layers>"
        "<layer id=\"0\" name=\"n0\" type=\"Parameter\" version=\"opset1\"><data "
        "element_type=\"f32\" shape=\"2,3\"/><output><port id=\"0\" precision=\"FP32\">"
        "<dim>2</dim><dim>3</dim></port></output></layer>"
        "<layer id=\"1\" name=\"n1\" type=\"Const\" version=\"opset1\"><data element_type=\"f32\" "
        "shape=\"3,5\" offset=\"0\" size=\"60\"/><output><port id=\"0\" precision=\"FP32\">"
        "<dim>3</dim><dim>5</dim></port></output></layer>"
        "<layer id=\"2\" name=\"n2\" type=\"MatMul\" version=\"opset1\"><data "
        "transpose_a=\"false\" transpose_b=\"false\"/><input><port id=\"0\" precision=\"FP32\">"
        "<dim>2</dim><dim>3</dim></port><port id=\"1\" precision=\"FP32\"><dim>3</dim><dim>5</dim>"
        "</port></input><output><port id=\"2\" precision=\"FP32\"><dim>2</dim><dim>5</dim></port>"
        "</output></layer>"
        "<layer id=\"3\" name=\"n3\" type=\"SoftMax\" version=\"opset1\"><data axis=\"1\"/><input>"
        "<port id=\"0\" precision=\"FP32\"><dim>2</dim><dim>5</dim></port></input><output>"
        "<port id=\"1\" precision=\"FP32\"><dim>2</dim><dim>5</dim></port></output></layer>"
        "<layer id=\"4\" name=\"n4\" type=\"Result\" version=\"opset1\"><input><port id=\"0\" "
        "precision=\"FP32\"><dim>2</dim><dim>5</dim></port></input></layer></layers><edges>"
        "<edge from-layer=\"0\" from-port=\"0\" to-layer=\"2\" to-port=\"0\"/>"
        "<edge from-layer=\"1\" from-port=\"0\" to-layer=\"2\" to-port=\"1\"/>"
        "<edge from-layer=\"2\" from-port=\"2\" to-layer=\"3\" to-port=\"0\"/>"
        "<edge from-layer=\"3\" from-port=\"1\" to-layer=\"4\" to-port=\"0\"/></edges></net>";
    ir_shape x = ir_shape_of(2, 2, 3, 0, 0), w = ir_shape_of(2, 3, 5, 0, 0);
    ir_shape y = ir_shape_of(2, 2, 5, 0, 0);
    ir_graph g = {0};
    char text[IR_TEXT];
    int in = ir_add(&g, IR_INPUT, x, 0, 0), constant = ir_add(&g, IR_CONSTANT, w, 0, 0);
    int product = ir_add(&g, IR_MATMUL, y, in, constant);
    ir_add(&g, IR_RESULT, y, ir_add(&g, IR_SOFTMAX, y, product, 0), 0);
    assert_true(ir_write(&g, text));
    assert_string_equal(text, expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caches),     cmocka_unit_test(test_batch),
        cmocka_unit_test(test_seeds),      cmocka_unit_test(test_known_seeds),
        cmocka_unit_test(test_every_day),  cmocka_unit_test(test_between_the_named),
        cmocka_unit_test(test_model_text), cmocka_unit_test(test_drawn_attention)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
