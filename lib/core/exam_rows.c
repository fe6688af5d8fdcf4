// SPDX-License-Identifier: BSD-2-Clause
// Cases of the operations on rows, which follow from what each of them needs; of pack_keys and of
// the probes.
#include "exam.h"

#include <string.h>

enum { GAIN = 1, BIAS = 2, UP = 4, STREAMED = 8, START = EXAM_START };

typedef struct rows_case {
    const char *what;
    int64_t rows, cols, x_gap, y_gap;
    float scale;
    int parts; // of the operands that may be NULL: those that are given; STREAMED: y_streams
    bool in_place, special, wide;
} rows_case;

static const rows_case row_cases[] = {
    {"5 x 37", 5, 37, 3, 1, 0.5f, GAIN | BIAS | UP, false, false, false},
    {"1 x 1", 1, 1, 0, 0, 1.0f, GAIN, false, false, false},
    {"7 x 3", 7, 3, 1, 13, 1.0f, UP, false, false, true},
    {"3 x 16", 3, 16, 0, 0, -3.0f, BIAS, false, false, false},
    {"2 x 64 with wide gaps", 2, 64, 100, 200, 40.0f, 0, false, false, true},
    {"3 x 133 in place", 3, 133, 0, 0, 1.0f, UP, true, false, true},
    {"2 x 1100", 2, 1100, 2, 7, 0.25f, GAIN | BIAS | UP, false, false, true},
    {"2 x 1100 in place", 2, 1100, 0, 0, 1.0f, GAIN, true, false, false},
    {"special numbers", EXAM_SPECIAL_ROWS, EXAM_SPECIAL_COLS, 0, 2, 0.5f, GAIN | BIAS | UP, false,
     true, false},
    {"special numbers in place", EXAM_SPECIAL_ROWS, EXAM_SPECIAL_COLS, 0, 0, 1.0f, 0, true, true,
     false},
    {"9 x 133 past the caches", 9, 133, 0, 3, 0.5f, GAIN | BIAS | UP | STREAMED, false, false,
     true},
    {"special numbers past the caches", EXAM_SPECIAL_ROWS, EXAM_SPECIAL_COLS, 1, 2, 1.0f,
     GAIN | BIAS | STREAMED, false, true, false},
};

static const uint32_t needs_of[DCT_OPS] = {
#define DECOCT_OP(NAME, name, needs, forms, cost) [DCT_OP_INDEX_##NAME] = (needs),
#include <decoct/ops.def>
#undef DECOCT_OP
};

static const int32_t forms_of[DCT_OPS] = {
#define DECOCT_OP(NAME, name, needs, forms, cost) [DCT_OP_INDEX_##NAME] = (forms),
#include <decoct/ops.def>
#undef DECOCT_OP
};

typedef struct rows_exam {
    const decoct_rows_kernel *scalar, *candidate;
    const decoct_whole_kernels *whole; // the candidate is an operation of these; NULL: it is not
    decoct_op op;
    uint32_t needs;
    int32_t form;
    decoct_dtype dtype; // of x
} rows_exam;

// Columns of a head: several heads where that is possible, some with columns that are not turned.
static int64_t head_dim_of(int64_t cols) {
    return cols % 7 == 0 ? cols / 7 : cols % 11 == 0 ? cols / 11 : cols % 2 ? cols : cols / 2;
}

static void give_angles(const exam *e, decoct_rows_piece *piece) {
    piece->head_dim = head_dim_of(piece->cols);
    piece->rotary_dim = piece->head_dim - (piece->head_dim % 2 ? 1 : piece->head_dim % 4);
    piece->angle_stride = piece->rotary_dim / 2 + 3;
    piece->cosine = e->input + 11003;
    piece->sine = e->input + 13001;
}

static decoct_rows_piece rows_piece(const exam *e, const rows_case *c, const rows_exam *k,
                                    float *y) {
    static const int32_t ids[] = {3, 0, 3, 7, 1, 2, 6, 5, 4};
    int64_t x_stride = c->in_place ? c->cols + c->y_gap : c->cols + c->x_gap;
    const float *x = c->special ? e->special : e->input + (c->wide ? EXAM_WIDE : 1);
    bool bias = k->needs & DCT_NEEDS_BIAS || (k->needs & DCT_MAY_BIAS && c->parts & BIAS);
    bool up = k->needs & DCT_MAY_UP && c->parts & UP;
    decoct_rows_piece piece = {
        .rows = c->rows,
        .cols = c->cols,
        .x = {.data = c->in_place ? y : x, .stride = x_stride, .dtype = k->dtype},
        .up = {.data = up ? e->input + 5001 : NULL, .stride = c->cols + 1},
        .y = {.data = y, .stride = c->cols + c->y_gap},
        .gain = k->needs & DCT_MAY_GAIN && c->parts & GAIN ? e->input + 9001 : NULL,
        .bias = bias ? e->input + 7003 : NULL,
        .ids = k->needs & DCT_NEEDS_IDS ? ids : NULL,
        .scale = k->needs & DCT_NEEDS_EPS ? 0x1p-17f : c->scale,
        .form = k->form,
        .beta = k->needs & DCT_NEEDS_BETA ? c->scale - 0.5f : 0.0f,
        .y_streams = c->parts & STREAMED && !(k->needs & DCT_READS_Y)};
    if (k->needs & DCT_NEEDS_ANGLES) {
        give_angles(e, &piece);
    }
    return piece;
}

// A whole operation that declines must not have written anything.
static void run_both(const rows_exam *k, const decoct_rows_piece *right,
                     const decoct_rows_piece *given) {
    bool done = !k->whole || k->whole->rows(&exam_host, k->op, given) == 0;
    if (done) {
        k->scalar->run(right);
    }
    if (!k->whole) {
        k->candidate->run(given);
    }
}

static bool examine_rows(exam *e, const rows_exam *k) {
    bool table = k->needs & DCT_NEEDS_IDS; // which is never y
    for (size_t i = 0; i < sizeof row_cases / sizeof *row_cases; i++) {
        const rows_case *c = &row_cases[i];
        if (table && (c->in_place || c->special)) {
            continue;
        }
        const float *from = c->special ? e->special : c->wide ? e->input + EXAM_WIDE : NULL;
        exam_begin(e, c->in_place ? from : NULL, c->rows * (c->cols + c->y_gap));
        decoct_rows_piece right = rows_piece(e, c, k, e->right + START);
        decoct_rows_piece given = rows_piece(e, c, k, e->given + START);
        run_both(k, &right, &given);
        exam_matrix y = {"", START, c->rows, c->cols, given.y.stride};
        if (!exam_same(e, c->what, &y, 1)) {
            return false;
        }
    }
    return true;
}

bool exam_rows(exam *e, decoct_op op, const decoct_rows_kernel *kernel) {
    rows_exam k = {.scalar = &e->scalar->rows[op], .candidate = kernel, .needs = needs_of[op]};
    for (k.dtype = 0; k.dtype < DCT_DTYPES; k.dtype++) {
        bool asked = k.dtype == DECOCT_F32 || k.needs & DCT_ANY_DTYPE;
        if (!asked || !(kernel->x_dtypes >> k.dtype & 1)) {
            continue;
        }
        for (k.form = 0; k.form < forms_of[op]; k.form++) {
            if (!examine_rows(e, &k)) {
                return false;
            }
        }
    }
    return true;
}

bool exam_whole_rows(exam *e, const decoct_whole_kernels *kernels) {
    for (decoct_op op = 0; op < DCT_OPS; op++) {
        rows_exam k = {.scalar = &e->scalar->rows[op],
                       .whole = kernels,
                       .op = op,
                       .needs = needs_of[op],
                       .dtype = DECOCT_F32};
        for (; kernels->rows_ops >> op & 1 && k.form < forms_of[op]; k.form++) {
            if (!examine_rows(e, &k)) {
                return false;
            }
        }
    }
    return true;
}

bool exam_pack_keys(exam *e, void (*pack_keys)(const decoct_keys_piece *piece)) {
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
        decoct_keys_piece piece = {.count = count,
                                   .head_dim = dim,
                                   .k = {.data = e->input, .stride = stride},
                                   .block = e->right + START};
        e->scalar->pack_keys(&piece);
        piece.block = e->given + START;
        pack_keys(&piece);
        exam_matrix block = {"", START, dim, DECOCT_KEY_BLOCK, DECOCT_KEY_BLOCK};
        if (!exam_same(e, cases[i].what, &block, 1)) {
            return false;
        }
    }
    return true;
}

// Probes have no right result, but must write only to their outputs; and a copy must be equal.
bool exam_probe(exam *e, const decoct_probe_kernel *kernel) {
    enum { COUNT = 1024 };
    exam_matrix sink = {"sink: ", START, 1, DECOCT_LANES, DECOCT_LANES};
    exam_matrix to = {"", START, 1, COUNT, COUNT};
    exam_begin(e, NULL, COUNT);
    memset(e->given + START, 0, DECOCT_LANES * sizeof(float));
    kernel->fma(1, e->given + START);
    memcpy(e->right + START, e->given + START, DECOCT_LANES * sizeof(float));
    if (!exam_same(e, "fma", &sink, 1)) {
        return false;
    }
    kernel->read(COUNT, e->input, e->given + START);
    memcpy(e->right + START, e->given + START, DECOCT_LANES * sizeof(float));
    if (!exam_same(e, "read", &sink, 1)) {
        return false;
    }
    kernel->copy(COUNT, e->input + COUNT, e->given + START);
    memcpy(e->right + START, e->input + COUNT, COUNT * sizeof(float));
    return exam_same(e, "copy", &to, 1);
}
