// SPDX-License-Identifier: BSD-2-Clause
// Cases of whole operations. Scalar has no whole operations: its result comes from one piece.
#include "exam.h"

enum { START = EXAM_START, W = 1 << 13, BIAS = 23456, PANEL = DECOCT_LANES };

typedef struct whole_case {
    const char *what;
    int64_t m, n, k;
    bool bias, transposed;
} whole_case;

static const whole_case whole_cases[] = {
    {"1 x 1 x 1", 1, 1, 1, false, false},     {"5 x 37 x 19", 5, 37, 19, true, false},
    {"5 x 37 x 19 b", 5, 37, 19, true, true}, {"33 x 5 x 70", 33, 5, 70, false, true},
    {"3 x 7 x 0", 3, 7, 0, true, false},
};

static void run_now(void *context, int64_t count,
                    void (*task)(void *data, int64_t index, int32_t worker), void *data) {
    (void)context;
    for (int64_t i = 0; i < count; i++) {
        task(data, i, 0);
    }
}

static void run_scalar(exam *e, const decoct_whole_matmul *call) {
    const decoct_matmul_kernel *m = &e->scalar->matmul[DECOCT_F32];
    const float *b = call->b.data;
    int64_t row = call->b_transposed ? 1 : call->b.stride;
    int64_t col = call->b_transposed ? call->b.stride : 1;
    for (int64_t j = 0; j < call->n; j += PANEL) {
        m->pack(&(decoct_pack_piece){.k = call->k,
                                     .cols = call->n - j < PANEL ? call->n - j : PANEL,
                                     .w = b + j * col,
                                     .row_stride = row,
                                     .col_stride = col,
                                     .panel = e->panels + j * call->k});
    }
    m->run(&(decoct_matmul_piece){.rows = call->m,
                                  .cols = call->n,
                                  .k = call->k,
                                  .x = call->x,
                                  .w = e->panels,
                                  .w_stride = PANEL * call->k * (int64_t)sizeof(float),
                                  .y = {.data = e->right + START, .stride = call->y.stride},
                                  .bias = call->bias});
}

const decoct_host exam_host = {.struct_size = sizeof exam_host, .threads = 1, .run = run_now};

static bool examine_product(exam *e, const decoct_whole_kernels *kernels, const whole_case *c,
                            bool packs) {
    decoct_operand b = {.data = e->input + W + 1, .stride = (c->transposed ? c->k : c->n) + 2};
    decoct_whole_matmul call = {.m = c->m,
                                .n = c->n,
                                .k = c->k,
                                .x = {.data = e->input + 3, .stride = c->k + 1},
                                .b = b,
                                .b_transposed = c->transposed,
                                .bias = c->bias ? e->input + BIAS : NULL,
                                .y = {.data = e->given + START, .stride = c->n + 3}};
    decoct_whole_weights weights = {.k = c->k, .n = c->n, .b = b, .b_transposed = c->transposed};
    void *packed = NULL;
    if (packs && kernels->pack(&exam_host, &weights, &packed) == 0) {
        call.packed = packed;
        call.b.data = NULL;
    }
    exam_begin(e, NULL, c->m * (c->n + 3));
    bool done = kernels->matmul(&exam_host, &call) == 0;
    if (call.packed) {
        kernels->release(packed);
    }
    if (done) { // one that declines must not have written either
        call.b = b;
        run_scalar(e, &call);
    }
    exam_matrix y = {"", START, c->m, c->n, c->n + 3};
    return exam_same(e, c->what, &y, 1);
}

bool exam_whole_matmul(exam *e, const decoct_whole_kernels *kernels) {
    for (size_t i = 0; i < sizeof whole_cases / sizeof *whole_cases; i++) {
        if (!examine_product(e, kernels, &whole_cases[i], false) ||
            (kernels->pack && !examine_product(e, kernels, &whole_cases[i], true))) {
            return false;
        }
    }
    return true;
}
