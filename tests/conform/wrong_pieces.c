// SPDX-License-Identifier: BSD-2-Clause
// Mistakes in how a kernel reads its arguments.
#include "plugin.h"

// ---- Rows ----

// Each row of x is copied to memory that all threads share.
static void use_static_scratch(const decoct_rows_piece *a) {
    enum { ROOM = 1 << 14 };
    static float scratch[ROOM];
    decoct_rows_piece row = *a;
    row.rows = 1;
    for (int64_t i = 0; i < a->rows; i++) {
        const float *x = (const float *)a->x.data + i * a->x.stride;
        row.y.data = (float *)a->y.data + i * a->y.stride;
        row.x.data = x;
        if (a->cols <= ROOM) {
            memcpy(scratch, x, (size_t)a->cols * sizeof *x);
            row.x.data = scratch;
        }
        right_rows(&row);
    }
}

static void ignore_stride(const decoct_rows_piece *whole) {
    decoct_rows_piece a = *whole;
    if (number(3, 0, 0, 1)) {
        a.y.stride = a.cols;
    } else {
        a.x.stride = a.cols;
    }
    right_rows(&a);
}

// ---- Matrix product ----

static void ignore_accumulate(const decoct_matmul_piece *whole) {
    decoct_matmul_piece a = *whole;
    a.accumulate = 0;
    right_matmul(&a);
}

// y stays as it is; or is 0, whatever it was, or without the bias.
static void ignore_k_of_0(const decoct_matmul_piece *whole) {
    decoct_matmul_piece a = *whole;
    int64_t form = number(3, 0, 0, 2);
    if (a.k == 0 && form == 0) {
        return;
    }
    a.accumulate = a.k == 0 && form == 1 ? 0 : a.accumulate;
    a.bias = a.k == 0 && form == 2 ? NULL : a.bias;
    right_matmul(&a);
}

// ---- Attention ----

static decoct_attention_piece row_of(const decoct_attention_piece *whole, int64_t i) {
    decoct_attention_piece a = *whole;
    a.rows = 1;
    a.q += i * a.q_stride;
    a.out += i * a.out_stride;
    a.mask = a.mask ? a.mask + i * a.mask_stride : NULL;
    a.weights = a.weights ? a.weights + i * a.weights_stride : NULL;
    a.visible += i * a.visible_step;
    a.position += i;
    a.state = a.state ? a.state + 2 * i : NULL;
    return a;
}

// All rows; with a seed every second or third one.
static bool is_wrong_row(int64_t i) {
    return (i + number(3, 0, 0, 2)) % number(4, 1, 1, 3) == 0;
}

static void ignore_mask(const decoct_attention_piece *whole) {
    for (int64_t i = 0; i < whole->rows; i++) {
        decoct_attention_piece a = row_of(whole, i);
        a.mask = is_wrong_row(i) ? NULL : a.mask;
        right_attention(&a);
    }
}

static void write_no_weights(const decoct_attention_piece *whole) {
    for (int64_t i = 0; i < whole->rows; i++) {
        decoct_attention_piece a = row_of(whole, i);
        a.weights = is_wrong_row(i) ? NULL : a.weights;
        right_attention(&a);
    }
}

// Rows whose largest score is lost, or whose outputs are divided by the sum, as those of a piece
// without a state.
static void end_part_wrongly(const decoct_attention_piece *a) {
    const bool divides = number(5, 0, 0, 1);
    right_attention(a);
    for (int64_t i = 0; a->state && i < a->rows; i++) {
        float *state = a->state + 2 * i, *out = a->out + i * a->out_stride;
        if (state[1] == 0.0f || !is_wrong_row(i)) {
            continue;
        }
        state[0] = divides ? state[0] : 0.0f;
        for (int64_t c = 0; divides && c < a->value_dim; c++) {
            out[c] *= 1.0f / state[1];
        }
    }
}

static void exceed_scratch(const decoct_attention_piece *a) {
    right_attention(a);
    ((float *)a->scratch)[a->value_dim + number(3, 0, 0, 15)] = 0.0f;
}

const mistake wrong_pieces[] = {
    {"static_scratch", .rows = use_static_scratch},
    {"strides_ignored", .rows = ignore_stride},
    {"accumulate_ignored", .matmul = ignore_accumulate},
    {"wrong_for_k_of_0", .matmul = ignore_k_of_0},
    {"mask_ignored", .attention = ignore_mask},
    {"weights_not_written", .attention = write_no_weights},
    {"part_ends_wrongly", .attention = end_part_wrongly},
    {"scratch_exceeded", .attention = exceed_scratch},
    {.name = NULL},
};
