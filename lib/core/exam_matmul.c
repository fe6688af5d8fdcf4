// SPDX-License-Identifier: BSD-2-Clause
// Cases of the matrix product, packed and not.
#include "exam.h"

#include <string.h>

enum { START = EXAM_START, W = 1 << 13, BIAS = 23456, K_MOST = 2048 };

typedef struct product_case {
    const char *what;
    int64_t rows, cols, k;
    bool bias, accumulate, scratch, special;
} product_case;

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// ---- One product ----

static decoct_matmul_piece product_piece(const exam *e, const product_case *c, float *y) {
    return (decoct_matmul_piece){.rows = c->rows,
                                 .cols = c->cols,
                                 .k = c->k,
                                 .x = c->special ? e->special : e->input + 3,
                                 .x_stride = c->special ? EXAM_SPECIAL_COLS : c->k + 1,
                                 .y = y,
                                 .y_stride = c->cols + 3,
                                 .bias = c->bias ? e->input + BIAS : NULL,
                                 .accumulate = c->accumulate};
}

static void run_packed(const decoct_backend *b, exam *e, const product_case *c, float *y,
                       float *scratch) {
    int64_t panel = b->matmul.panel_cols;
    for (int64_t j = 0; j < c->cols; j += panel) {
        b->matmul.pack(c->k, smaller(c->cols - j, panel), e->input + W + 1 + j, c->cols + 2, 1,
                       e->panels + j * c->k);
    }
    decoct_matmul_piece piece = product_piece(e, c, y);
    piece.w = e->panels;
    piece.panel_stride = panel * c->k;
    piece.scratch = scratch;
    b->matmul.run(&piece);
}

static void run_plain(const decoct_backend *b, exam *e, const product_case *c, float *y) {
    decoct_matmul_piece piece = product_piece(e, c, y);
    piece.w = e->input + W + 1;
    piece.panel_stride = c->cols + 2;
    b->matmul_plain(&piece);
}

static bool examine_product(exam *e, const decoct_backend *b, const product_case *c, bool plain) {
    exam_begin(e, NULL, c->rows * (c->cols + 3));
    float *scratch = NULL;
    if (c->scratch && !plain && b->matmul.scratch_size > 0 &&
        !(scratch = exam_scratch(e, b->matmul.scratch_size))) {
        return false;
    }
    run_packed(e->scalar, e, c, e->right + START, NULL);
    if (plain) {
        run_plain(b, e, c, e->given + START);
    } else {
        run_packed(b, e, c, e->given + START, scratch);
    }
    exam_matrix y = {"", START, c->rows, c->cols, c->cols + 3};
    return exam_same(e, c->what, &y, 1);
}

// ---- The cases, which depend on the sizes that the kernel names ----

// A kernel is promised no more than its own blocks; and all must find room here.
static void fit(product_case *c, const decoct_matmul_kernel *m) {
    int64_t panel = m->panel_cols, wide = (c->cols + panel - 1) / panel * panel;
    c->rows = m->m_block ? smaller(c->rows, m->m_block) : c->rows;
    c->rows = smaller(c->rows, (EXAM_OUTPUT - EXAM_START - EXAM_GUARD) / (c->cols + 3));
    c->k = m->k_block ? smaller(c->k, m->k_block) : c->k;
    c->k = smaller(c->k, (EXAM_INPUT - W - 1) / (c->cols + 2));
    c->k = smaller(c->k, EXAM_PANELS / wide);
}

static bool examine_products(exam *e, const decoct_backend *b, bool plain) {
    const decoct_matmul_kernel *m = &b->matmul;
    int64_t panel = m->panel_cols, cols = 2 * panel + 5, tiles = 2 * (int64_t)m->tile_rows + 1;
    int64_t k_block = m->k_block ? smaller(m->k_block, K_MOST) : 500;
    const product_case cases[] = {
        {"1 x 1 x 1", 1, 1, 1, false, false, true, false},
        {"1 row", 1, panel + 3, 33, true, false, true, false},
        {"2 rows", 2, 16, 16, false, false, true, false},
        {"several panels", 5, cols, 19, true, false, true, false},
        {"several panels, accumulated", 5, cols, 19, false, true, true, false},
        {"several panels without scratch", 5, cols, 19, true, true, false, false},
        {"more rows than a tile", smaller(tiles, 41), panel + 3, 9, true, false, true, false},
        {"k of 0", 3, 7, 0, false, false, true, false},
        {"k of 0 with a bias", 3, 7, 0, true, false, true, false},
        {"k of a whole block", 2, 5, k_block, false, false, true, false},
        {"k of a whole block, accumulated", 1, 3, k_block, true, true, true, false},
        {"special numbers", EXAM_SPECIAL_ROWS, 18, EXAM_SPECIAL_COLS, false, false, true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        product_case c = cases[i];
        fit(&c, m);
        if (!examine_product(e, b, &c, plain)) {
            return false;
        }
    }
    return true;
}

// ---- Packing: what a panel holds is defined without scalar, whose panels are narrower ----

static bool examine_pack(exam *e, const decoct_matmul_kernel *m, int64_t k, int64_t cols,
                         bool transposed) {
    int64_t panel = m->panel_cols, row_stride = transposed ? 1 : cols + 5;
    int64_t col_stride = transposed ? k + 2 : 1;
    const float *w = e->input + 5;
    exam_begin(e, NULL, 0);
    memcpy(e->panels, e->input, (size_t)(k * panel + EXAM_GUARD) * sizeof(float));
    m->pack(k, cols, w, row_stride, col_stride, e->panels);
    for (int64_t i = 0; i < k * panel + EXAM_GUARD; i++) {
        int64_t p = i / panel, j = i % panel;
        float right = p >= k ? e->input[i] : j < cols ? w[p * row_stride + j * col_stride] : 0.0f;
        if (memcmp(&right, &e->panels[i], sizeof right) != 0) {
            return exam_fail(e, "pack%s: step %lld column %lld: %.9g instead of %.9g",
                             transposed ? " of a transposed matrix" : "", (long long)p,
                             (long long)j, (double)e->panels[i], (double)right);
        }
    }
    return exam_same(e, "pack", NULL, 0);
}

bool exam_matmul(exam *e, const decoct_backend *b) {
    const decoct_matmul_kernel *m = &b->matmul;
    int64_t panel = m->panel_cols;
    return examine_pack(e, m, 16, panel, false) && examine_pack(e, m, 7, 5, false) &&
           examine_pack(e, m, 5, panel - 1, true) && examine_products(e, b, false);
}

bool exam_matmul_plain(exam *e, const decoct_backend *b) {
    return examine_products(e, b, true);
}
