// SPDX-License-Identifier: BSD-2-Clause
// Cases of the kernels that work row by row: softmax, layer norm, GELU, add, bias; of embedding,
// pack_keys and the probes.
#include "exam.h"

#include <string.h>

enum { GAIN = 1, BIAS = 2, START = EXAM_START };

typedef struct rows_case {
    const char *what;
    int64_t rows, cols, x_gap, y_gap;
    float scale; // of softmax
    int parts;   // GAIN and BIAS: what layer norm is given
    bool in_place, special, wide;
} rows_case;

static const rows_case row_cases[] = {
    {"5 x 37", 5, 37, 3, 1, 0.5f, GAIN | BIAS, false, false, false},
    {"1 x 1", 1, 1, 0, 0, 1.0f, GAIN, false, false, false},
    {"7 x 3", 7, 3, 1, 13, 1.0f, 0, false, false, true},
    {"3 x 16", 3, 16, 0, 0, -3.0f, BIAS, false, false, false},
    {"2 x 64 with wide gaps", 2, 64, 100, 200, 40.0f, 0, false, false, true},
    {"3 x 133 in place", 3, 133, 0, 0, 1.0f, 0, true, false, true},
    {"2 x 1100", 2, 1100, 2, 7, 0.25f, GAIN | BIAS, false, false, true},
    {"2 x 1100 in place", 2, 1100, 0, 0, 1.0f, GAIN, true, false, false},
    {"special numbers", EXAM_SPECIAL_ROWS, EXAM_SPECIAL_COLS, 0, 2, 0.5f, GAIN | BIAS, false, true,
     false},
    {"special numbers in place", EXAM_SPECIAL_ROWS, EXAM_SPECIAL_COLS, 0, 0, 1.0f, 0, true, true,
     false},
};

typedef struct rows_exam {
    decoct_rows_kernel scalar, candidate;
    int32_t form;
    bool norm, biased; // needs a bias always
} rows_exam;

static decoct_rows_piece rows_piece(const exam *e, const rows_case *c, const rows_exam *k,
                                    float *y) {
    int64_t x_stride = c->in_place ? c->cols + c->y_gap : c->cols + c->x_gap;
    const float *x = c->special ? e->special : e->input + (c->wide ? EXAM_WIDE : 0);
    return (decoct_rows_piece){.rows = c->rows,
                               .cols = c->cols,
                               .x = c->in_place ? y : x,
                               .x_stride = x_stride,
                               .y = y,
                               .y_stride = c->cols + c->y_gap,
                               .gain = k->norm && c->parts & GAIN ? e->input + 9001 : NULL,
                               .bias = k->biased || (k->norm && c->parts & BIAS) ? e->input + 7003
                                                                                 : NULL,
                               .scale = k->norm ? 0x1p-17f : c->scale,
                               .form = k->form};
}

static bool examine_rows(exam *e, const rows_exam *k) {
    for (size_t i = 0; i < sizeof row_cases / sizeof *row_cases; i++) {
        const rows_case *c = &row_cases[i];
        const float *from = c->special ? e->special : c->wide ? e->input + EXAM_WIDE : NULL;
        exam_begin(e, c->in_place ? from : NULL, c->rows * (c->cols + c->y_gap));
        decoct_rows_piece right = rows_piece(e, c, k, e->right + START);
        decoct_rows_piece given = rows_piece(e, c, k, e->given + START);
        k->scalar(&right);
        k->candidate(&given);
        exam_matrix y = {"", START, c->rows, c->cols, given.y_stride};
        if (!exam_same(e, c->what, &y, 1)) {
            return false;
        }
    }
    return true;
}

bool exam_softmax(exam *e, const decoct_backend *b) {
    return examine_rows(e, &(rows_exam){.scalar = e->scalar->softmax, .candidate = b->softmax});
}

bool exam_layer_norm(exam *e, const decoct_backend *b) {
    return examine_rows(
        e, &(rows_exam){.scalar = e->scalar->layer_norm, .candidate = b->layer_norm, .norm = true});
}

bool exam_gelu(exam *e, const decoct_backend *b) {
    rows_exam k = {.scalar = e->scalar->gelu, .candidate = b->gelu};
    bool fine = examine_rows(e, &k);
    k.form = 1;
    return fine && examine_rows(e, &k);
}

bool exam_add(exam *e, const decoct_backend *b) {
    return examine_rows(e, &(rows_exam){.scalar = e->scalar->add, .candidate = b->add});
}

bool exam_bias(exam *e, const decoct_backend *b) {
    return examine_rows(
        e, &(rows_exam){.scalar = e->scalar->bias, .candidate = b->bias, .biased = true});
}

bool exam_embedding(exam *e, const decoct_backend *b) {
    static const int32_t ids[] = {3, 0, 3, 7, 1};
    static const int64_t cols[] = {37, 1, 16, 1100};
    for (size_t i = 0; i < sizeof cols / sizeof *cols; i++) {
        decoct_embedding_piece piece = {.rows = 5,
                                        .cols = cols[i],
                                        .ids = ids,
                                        .table = e->input + 1,
                                        .table_stride = cols[i] + 1,
                                        .y = e->right + START,
                                        .y_stride = cols[i] + 2};
        exam_begin(e, NULL, piece.rows * piece.y_stride);
        e->scalar->embedding(&piece);
        piece.y = e->given + START;
        b->embedding(&piece);
        exam_matrix y = {"", START, piece.rows, piece.cols, piece.y_stride};
        if (!exam_same(e, "5 rows", &y, 1)) {
            return false;
        }
    }
    return true;
}

bool exam_pack_keys(exam *e, const decoct_backend *b) {
    static const struct {
        int64_t count, dim, gap;
        const char *what;
    } cases[] = {{DECOCT_KEY_BLOCK, 16, 0, "64 keys of 16"},
                 {DECOCT_KEY_BLOCK - 3, 7, 1, "61 keys of 7"},
                 {1, 1, 0, "1 key of 1"},
                 {17, 65, 300, "17 keys of 65"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t count = cases[i].count, dim = cases[i].dim, stride = dim + cases[i].gap;
        exam_begin(e, NULL, dim * DECOCT_KEY_BLOCK);
        e->scalar->pack_keys(count, dim, e->input, stride, e->right + START);
        b->pack_keys(count, dim, e->input, stride, e->given + START);
        exam_matrix block = {"", START, dim, DECOCT_KEY_BLOCK, DECOCT_KEY_BLOCK};
        if (!exam_same(e, cases[i].what, &block, 1)) {
            return false;
        }
    }
    return true;
}

// Ceilings have no right result, but they have a right place for it; and a copy is a copy.
bool exam_probe(exam *e, const decoct_backend *b) {
    enum { COUNT = 1024 };
    exam_matrix sink = {"sink: ", START, 1, DECOCT_LANES, DECOCT_LANES};
    exam_matrix to = {"", START, 1, COUNT, COUNT};
    exam_begin(e, NULL, COUNT);
    memset(e->given + START, 0, DECOCT_LANES * sizeof(float));
    b->probe.fma(1, e->given + START);
    memcpy(e->right + START, e->given + START, DECOCT_LANES * sizeof(float));
    if (!exam_same(e, "fma", &sink, 1)) {
        return false;
    }
    b->probe.read(COUNT, e->input, e->given + START);
    memcpy(e->right + START, e->given + START, DECOCT_LANES * sizeof(float));
    if (!exam_same(e, "read", &sink, 1)) {
        return false;
    }
    b->probe.copy(COUNT, e->input + COUNT, e->given + START);
    memcpy(e->right + START, e->input + COUNT, COUNT * sizeof(float));
    return exam_same(e, "copy", &to, 1);
}
