// SPDX-License-Identifier: BSD-2-Clause
#include "fill.h"

#include "cases/operands.h"
#include "cases/roles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COPIES_MAX = 4096 };

static int64_t count_of(const row_shape *shape) {
    return row_is(shape, "batch") ? shape->dims[ROW_COUNT] : 1;
}

// A row as a case of the catalogue. A batch has the operands of one product of that many times
// the depth, whose x (m, count k) and w (count k, n) are read as x (count, m, k) and w (count, k,
// n).
static work_case case_of(const row_shape *shape, int64_t dims[WORK_DIMS]) {
    const int64_t *d = shape->dims;
    bool attention = row_is(shape, "attention");
    work_case c = {.op = attention || row_is(shape, "softmax") ? shape->kind : "matmul",
                   .dims = dims,
                   .dtype = shape->dtype,
                   .seed = 1};
    if (attention) {
        const int64_t all[WORK_DIMS] = {1,
                                        d[ROW_HEADS],
                                        d[ROW_KV_HEADS],
                                        d[ROW_Q_LEN],
                                        d[ROW_KV_LEN],
                                        d[ROW_HEAD_DIM],
                                        d[ROW_HEAD_DIM],
                                        1};
        memcpy(dims, all, sizeof all);
        c.by_head = d[ROW_BY_HEAD] != 0;
    } else {
        const int64_t all[WORK_DIMS] = {d[0], d[1], d[2] * count_of(shape)};
        memcpy(dims, all, sizeof all);
    }
    return c;
}

static bool is_packed(const row_shape *shape) {
    return row_is(shape, "matmul") || row_is(shape, "cold");
}

// ---- For a peer ----

static peer_op op_of(const row_shape *shape) {
    return row_is(shape, "softmax")     ? PEER_SOFTMAX
           : row_is(shape, "attention") ? PEER_ATTENTION
           : row_is(shape, "batch")     ? PEER_BATCH
           : is_packed(shape)           ? PEER_MATMUL
                                        : PEER_MATMUL_PLAIN;
}

// (heads, len, dim) to (len, heads, dim); NULL: no memory.
static float *turn_heads(const float *from, const row_shape *shape) {
    int64_t heads = shape->dims[ROW_KV_HEADS], len = shape->dims[ROW_KV_LEN];
    int64_t dim = shape->dims[ROW_HEAD_DIM];
    float *to = operand_room(heads * len * dim);
    for (int64_t h = 0; to && h < heads; h++) {
        for (int64_t i = 0; i < len; i++) {
            memcpy(to + (i * heads + h) * dim, from + (h * len + i) * dim,
                   (size_t)dim * sizeof *to);
        }
    }
    return to;
}

static bool fill_attention(row_operands *o, const row_shape *shape) {
    const bench_work *w = o->works[0];
    o->c.heads = shape->dims[ROW_HEADS];
    o->c.kv_heads = shape->dims[ROW_KV_HEADS];
    o->c.head_dim = shape->dims[ROW_HEAD_DIM];
    o->c.q_len = shape->dims[ROW_Q_LEN];
    o->c.kv_len = shape->dims[ROW_KV_LEN];
    o->c.q = work_operand(w, ROLE_X);
    o->c.key = work_operand(w, ROLE_K);
    o->c.value = work_operand(w, ROLE_V);
    if (shape->dims[ROW_BY_HEAD]) {
        o->c.key = o->turned[0] = turn_heads(o->c.key, shape);
        o->c.value = o->turned[1] = turn_heads(o->c.value, shape);
    }
    return o->c.key && o->c.value;
}

static bool fill_case(row_operands *o, const row_shape *shape, int32_t threads) {
    const bench_work *w = o->works[0];
    o->c = (peer_case){.op = op_of(shape), .threads = threads, .count = count_of(shape)};
    if (o->c.op == PEER_ATTENTION) {
        return fill_attention(o, shape);
    }
    o->c.m = shape->dims[0];
    o->c.n = shape->dims[1];
    o->c.k = shape->dims[2];
    o->c.x = work_operand(w, ROLE_X);
    o->c.w = work_operand(w, ROLE_W);
    return true;
}

// ---- All of it ----

void fill_close(row_operands *o) {
    for (int i = o->copies - 1; i >= 0; i--) { // the first one's operands are used by the others
        work_close(o->works[i]);
    }
    free(o->works);
    free(o->turned[0]);
    free(o->turned[1]);
    free(o->y);
    free(o);
}

static bool open_works(row_operands *o, decoct_context *ctx, work_case *c, int copies, char *error,
                       size_t size) {
    o->works = calloc((size_t)copies, sizeof *o->works);
    snprintf(error, size, "out of memory");
    while (o->works && o->copies < copies) {
        if (work_open_on(ctx, NULL, c, &o->works[o->copies], error, size)) {
            return false;
        }
        o->copies++;
        c->shares = o->works[0];
    }
    return o->works != NULL;
}

static bool find_result(row_operands *o, bool batch) {
    work_output(o->works[0], &o->result);
    if (batch) {
        o->result = o->c.count * o->c.m * o->c.n;
        o->y = operand_new(o->result, 0.0f, 0);
    }
    return !batch || o->y;
}

row_operands *fill_open(const row_shape *shape, int32_t threads, decoct_context *ctx, bool packed,
                        char *error, size_t size) {
    int64_t dims[WORK_DIMS] = {0};
    work_case c = case_of(shape, dims);
    bool cold = row_is(shape, "cold"), batch = row_is(shape, "batch");
    double wanted = cold ? FILL_COLD_BYTES / work_expect(&c).constant + 1.0 : 1.0;
    int copies = wanted < COPIES_MAX ? (int)wanted : COPIES_MAX;
    // Weights of other types get their numbers by being packed.
    if (strcmp(c.op, "matmul") == 0 &&
        (!is_packed(shape) || (!packed && shape->dtype == DECOCT_F32))) {
        c.output = "matmul";
    }
    row_operands *o = calloc(1, sizeof *o);
    bool opened = o && open_works(o, ctx, &c, copies, error, size);
    if (opened && !(fill_case(o, shape, threads) && find_result(o, batch))) {
        snprintf(error, size, "out of memory");
        opened = false;
    }
    if (o && !opened) {
        fill_close(o);
    }
    return opened ? o : NULL;
}

const float *fill_weights(const row_operands *o, int copy) {
    return work_operand(o->works[copy], ROLE_W);
}

static decoct_status run_batch(const row_operands *o) {
    const peer_case *c = &o->c;
    decoct_matmul_args a = {.struct_size = sizeof a,
                            .m = c->m,
                            .n = c->n,
                            .k = c->k,
                            .batch = c->count,
                            .x = c->x,
                            .b = c->w,
                            .y = o->y};
    return decoct_matmul(work_context(o->works[0]), &a);
}

bool fill_run(void *operands) {
    row_operands *o = operands;
    bench_work *w = o->works[o->next];
    o->next = o->next + 1 < o->copies ? o->next + 1 : 0;
    return o->y ? !run_batch(o) : !work_run(w);
}

const float *fill_result(const row_operands *o) {
    return o->y ? o->y : work_operand(o->works[0], ROLE_Y);
}

// ---- The least cost ----

row_cost fill_cost(const row_shape *shape, const row_operands *o) {
    work_cost c = work_costs(o->works[0]);
    if (c.constant <= 0.0) {
        return (row_cost){c.flops, c.bytes, c.bytes, "GB/s", c.copies};
    }
    bool cold = row_is(shape, "cold");
    bool reads = cold || (row_is(shape, "matmul") && shape->dims[0] == 1) ||
                 (row_is(shape, "attention") && shape->dims[ROW_Q_LEN] == 1);
    return (row_cost){c.flops, reads ? c.constant : 0.0, cold ? FILL_COLD_BYTES : c.constant,
                      reads ? "GB/s" : "GFLOP/s", false};
}
