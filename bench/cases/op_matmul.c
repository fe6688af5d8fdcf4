// SPDX-License-Identifier: BSD-2-Clause
// Matrix product: x (m, k) times w (k, n); w as it is (the output "matmul") or packed ahead.
#include "op.h"
#include "operands.h"
#include "stored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma weak decoct_weights_create_from // a library that is compared with this one may lack it

// The q, k, v projection: x (seq, d) times w (d, 3 d).
static void shape_matmul(const work_case *c, int64_t dims[WORK_DIMS]) {
    int64_t d = op_d_model(c);
    dims[0] = c->seq;
    dims[1] = 3 * d;
    dims[2] = d;
}

static bool is_packed(const bench_work *w) {
    return !w->c.output || strcmp(w->c.output, w->op.outputs[1]) == 0;
}

// Packs b, which is (n, k) if it is transposed. Of another type than f32 it becomes what is stored.
static decoct_status pack(bench_work *w, float *b, int32_t transposed) {
    int64_t n = w->dims[1], k = w->dims[2];
    if (w->c.dtype == DECOCT_F32) {
        return decoct_weights_create(w->ctx, k, n, b, 0, transposed, &w->weights);
    }
    decoct_weights_args a = {
        .struct_size = sizeof a, .dtype = w->c.dtype, .k = k, .n = n, .transposed = transposed};
    if (!decoct_weights_create_from) {
        return DECOCT_E_UNSUPPORTED;
    }
    snprintf(w->kernels, sizeof w->kernels, "matmul_%s", stored_name(w->c.dtype));
    const bench_work *from = w->c.shares; // has the same numbers
    decoct_status status = DECOCT_OK;
    if (from && from->stored) {
        memcpy(b, from->operand[ROLE_W], (size_t)(n * k) * sizeof *b);
    } else {
        status = stored_new(w->ctx, w->c.dtype, b, n * k, &w->stored);
    }
    a.w = from && from->stored ? from->stored : w->stored;
    return status ? status : decoct_weights_create_from(w->ctx, &a, &w->weights);
}

// The hashed weights are packed from a transposed copy, which must change nothing.
static decoct_status pack_transposed(bench_work *w, const float *b) {
    int64_t n = w->dims[1], k = w->dims[2];
    float *turned = operand_room(k * n); // the same b, stored (n, k)
    if (!turned) {
        return DECOCT_E_MEMORY;
    }
    for (int64_t p = 0; p < k; p++) {
        for (int64_t j = 0; j < n; j++) {
            turned[j * k + p] = b[p * n + j];
        }
    }
    decoct_status status = pack(w, turned, 1);
    free(turned);
    return status;
}

static decoct_status open_matmul(bench_work *w) {
    int64_t m = w->dims[0], n = w->dims[1], k = w->dims[2];
    float *b = op_fill(w, ROLE_W, k * n, op_scale(k), 0.05f);
    bool made = b && op_fill(w, ROLE_X, m * k, 1.0f, 1.0f) && op_fill(w, ROLE_Y, m * n, 1.0f, 1.0f);
    if (!made || (w->c.hashed && !op_fill(w, ROLE_BIAS, n, 1.0f, 0.0f))) {
        return DECOCT_E_MEMORY;
    }
    return !is_packed(w) ? DECOCT_OK : w->c.hashed ? pack_transposed(w, b) : pack(w, b, 0);
}

static decoct_status multiply(bench_work *w, int64_t m, const float *x, float *y) {
    decoct_matmul_args a = {.struct_size = sizeof a,
                            .m = m,
                            .n = w->dims[1],
                            .k = w->dims[2],
                            .x = x,
                            .b = w->weights ? NULL : w->operand[ROLE_W],
                            .weights = w->weights,
                            .bias = w->operand[ROLE_BIAS],
                            .y = y};
    return decoct_matmul(w->ctx, &a);
}

static decoct_status run_matmul(bench_work *w) {
    return multiply(w, w->dims[0], w->operand[ROLE_X], w->operand[ROLE_Y]);
}

static int64_t width_matmul(const bench_work *w) {
    return w->dims[1];
}

static int64_t count_matmul(const bench_work *w) {
    return w->dims[0] * w->dims[1];
}

static decoct_status rows_matmul(bench_work *w, const int64_t *which, int64_t number, float *out) {
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < number && !status; i++) {
        status = multiply(w, 1, w->operand[ROLE_X] + which[i] * w->dims[2], out + i * w->dims[1]);
    }
    return status;
}

static work_cost cost_matmul(const bench_work *w) {
    double m = (double)w->dims[0], n = (double)w->dims[1], k = (double)w->dims[2];
    double constant = stored_bytes(w->c.dtype, n * k);
    return (work_cost){.flops = 2.0 * m * n * k,
                       .arithmetic = 2.0 * m * n * k,
                       .bytes = constant + 4.0 * (m * n + m * k),
                       .constant = constant};
}

// w twice, as f32 and packed.
static double need_matmul(const bench_work *w) {
    return cost_matmul(w).bytes + 4.0 * (double)(w->dims[1] * w->dims[2]);
}

const work_op op_matmul = {
    .name = "matmul",
    .dims = "m n k",
    .kernels = "matmul",
    .outputs = {"matmul", "matmul_packed"},
    .has_head_dim = true,
    .has_dtype = true,
    .shape = shape_matmul,
    .need = need_matmul,
    .open = open_matmul,
    .run = run_matmul,
    .cost = cost_matmul,
    .count = count_matmul,
    .rows = rows_matmul,
    .width = width_matmul,
};
