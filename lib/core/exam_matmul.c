// SPDX-License-Identifier: BSD-2-Clause
// Cases of the matrix product, packed and not.
#include "exam.h"

#include "sizes.h"

#include <string.h>

enum { START = EXAM_START, W = 1 << 13, BIAS = 23456, K_MOST = 2048 };

typedef enum product_way { PACKED, PLAIN, PLAIN_PACK } product_way;

typedef struct product_case {
    const char *what;
    int64_t rows, cols, k;
    bool bias, accumulate, scratch, special, cut;
} product_case;

// ---- One product ----

static decoct_matmul_piece product_piece(const exam *e, const product_case *c, float *y) {
    return (decoct_matmul_piece){.rows = c->rows,
                                 .cols = c->cols,
                                 .k = c->k,
                                 .x = {.data = c->special ? e->special : e->input + 3,
                                       .stride = c->special ? EXAM_SPECIAL_COLS : c->k + 1},
                                 .y = {.data = y, .stride = c->cols + 3},
                                 .bias = c->bias ? e->input + BIAS : NULL,
                                 .accumulate = c->accumulate};
}

// w (k, cols) of the kernel's type is at W + 1, in rows of cols + 2 numbers.
static const void *product_w(const exam *e, const decoct_matmul_kernel *m, int64_t j) {
    return (const char *)(e->input + W + 1) + j * dct_dtype_bytes(m->w_dtype);
}

// As the library packs: DCT_PACK_STEPS steps of each panel at a time.
static void pack_product(const decoct_matmul_kernel *m, exam *e, const product_case *c) {
    int64_t panel = m->panel_cols, bytes = dct_panel_bytes(m, c->k);
    for (int64_t j = 0; j < c->cols; j += panel) {
        for (int64_t p = 0; p < c->k; p += DCT_PACK_STEPS) {
            const char *w = product_w(e, m, j);
            m->pack(&(decoct_pack_piece){.k = dct_smaller(c->k - p, DCT_PACK_STEPS),
                                         .cols = dct_smaller(c->cols - j, panel),
                                         .w = w + p * (c->cols + 2) * dct_dtype_bytes(m->w_dtype),
                                         .row_stride = c->cols + 2,
                                         .col_stride = 1,
                                         .panel = (char *)e->panels + j / panel * bytes +
                                                  dct_panel_bytes(m, p)});
        }
    }
}

static decoct_matmul_piece packed_piece(const decoct_matmul_kernel *m, exam *e,
                                        const product_case *c, float *y, void *scratch) {
    decoct_matmul_piece piece = product_piece(e, c, y);
    piece.w = e->panels;
    piece.w_stride = dct_panel_bytes(m, c->k);
    piece.scratch = scratch;
    return piece;
}

// In one piece; or, as between blocks of k, in two of which the second continues from y.
static void run_packed(const decoct_matmul_kernel *m, exam *e, const product_case *c, float *y,
                       void *scratch) {
    pack_product(m, e, c);
    decoct_matmul_piece piece = packed_piece(m, e, c, y, scratch);
    if (c->cut && c->k > DCT_PACK_STEPS) {
        decoct_matmul_piece first = piece;
        first.k = DCT_PACK_STEPS;
        first.bias = NULL;
        m->run(&first);
        piece.k -= DCT_PACK_STEPS;
        piece.x.data = (const float *)piece.x.data + DCT_PACK_STEPS;
        piece.w = (const char *)piece.w + dct_panel_bytes(m, DCT_PACK_STEPS);
        piece.accumulate = 1;
    }
    m->run(&piece);
}

static decoct_matmul_piece plain_piece(const decoct_matmul_kernel *m, exam *e,
                                       const product_case *c, float *y) {
    decoct_matmul_piece piece = product_piece(e, c, y);
    piece.w = product_w(e, m, 0);
    piece.w_stride = (c->cols + 2) * dct_dtype_bytes(m->w_dtype);
    return piece;
}

// The panels are NaN before.
static void run_plain_pack(const decoct_matmul_kernel *m, exam *e, const product_case *c, float *y,
                           void *scratch) {
    int64_t bytes = dct_panel_bytes(m, c->k), panels = dct_ceil_div(c->cols, m->panel_cols);
    decoct_matmul_piece piece = plain_piece(m, e, c, y);
    piece.scratch = scratch;
    memset(e->panels, 0xff, (size_t)(bytes * panels));
    m->plain_pack(&piece, e->panels, bytes);
}

// Makes both results, and compares them.
static bool examine_way(exam *e, const decoct_matmul_kernel *m, const product_case *c,
                        product_way way, void *scratch) {
    const exam_matrix y = {"", START, c->rows, c->cols, c->cols + 3};
    float *given = e->given + START;
    run_packed(&e->scalar->matmul[m->w_dtype], e, c, e->right + START, NULL);
    if (way == PACKED) {
        run_packed(m, e, c, given, scratch);
    } else if (way == PLAIN) {
        decoct_matmul_piece piece = plain_piece(m, e, c, given);
        m->plain(&piece);
    } else {
        run_plain_pack(m, e, c, given, scratch);
    }
    if (!exam_same(e, c->what, &y, 1)) {
        return false;
    }
    if (way == PLAIN_PACK && !c->accumulate) { // the panels that it has packed
        decoct_matmul_piece piece = packed_piece(m, e, c, given, scratch);
        m->run(&piece);
        return exam_same(e, c->what, &y, 1);
    }
    return true;
}

static bool examine_product(exam *e, const decoct_matmul_kernel *m, const product_case *c,
                            product_way way) {
    exam_begin(e, NULL, c->rows * (c->cols + 3));
    void *scratch = NULL;
    int64_t panels = dct_ceil_div(c->cols, m->panel_cols);
    int64_t bytes = dct_panel_bytes(m, c->k), room = (int64_t)sizeof e->panels / panels;
    if (way != PLAIN && (bytes < 0 || bytes > room)) {
        return exam_fail(e, "panel_bytes(%lld) is %lld, more than %lld", (long long)c->k,
                         (long long)bytes, (long long)room);
    }
    if (c->scratch && way != PLAIN && m->scratch_bytes > 0 &&
        !(scratch = exam_scratch(e, (int64_t)m->scratch_bytes))) {
        return false;
    }
    return examine_way(e, m, c, way, scratch);
}

// ---- The cases, which depend on the sizes that the kernel names ----

// A kernel never gets more than its own blocks; and all must fit here.
static void fit(product_case *c, const decoct_matmul_kernel *m) {
    int64_t panel = m->panel_cols, wide = dct_ceil_div(c->cols, panel) * panel;
    c->rows = m->m_block ? dct_smaller(c->rows, m->m_block) : c->rows;
    c->rows = dct_smaller(c->rows, (EXAM_OUTPUT - EXAM_START - EXAM_GUARD) / (c->cols + 3));
    c->k = m->k_block ? dct_smaller(c->k, m->k_block) : c->k;
    c->k = dct_smaller(c->k, (EXAM_INPUT - W - 1) / (c->cols + 2));
    c->k = dct_smaller(c->k, EXAM_PANELS / wide - m->k_group);
}

static bool examine_products(exam *e, const decoct_matmul_kernel *m, product_way way) {
    int64_t panel = m->panel_cols, cols = 2 * panel + 5, tiles = 2 * (int64_t)m->tile_rows + 1;
    int64_t k_block = m->k_block ? dct_smaller(m->k_block, K_MOST) : 500;
    const product_case cases[] = {
        {"1 x 1 x 1", 1, 1, 1, false, false, true, false, false},
        {"1 row", 1, panel + 3, 33, true, false, true, false, false},
        {"2 rows", 2, 16, 16, false, false, true, false, false},
        {"several panels", 5, cols, 19, true, false, true, false, false},
        {"several panels, accumulated", 5, cols, 19, false, true, true, false, false},
        {"several panels without scratch", 5, cols, 19, true, true, false, false, false},
        {"more rows than a tile", dct_smaller(tiles, 41), panel + 3, 9, true, false, true, false,
         false},
        {"k of 0", 3, 7, 0, false, false, true, false, false},
        {"k of 0 with a bias", 3, 7, 0, true, false, true, false, false},
        {"k of a whole block", 2, 5, k_block, false, false, true, false, false},
        {"k of a whole block, accumulated", 1, 3, k_block, true, true, true, false, false},
        {"two blocks of k", 3, cols, 40, true, false, true, false, true},
        {"special numbers", EXAM_SPECIAL_ROWS, 18, EXAM_SPECIAL_COLS, false, false, true, true,
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        product_case c = cases[i];
        fit(&c, m);
        if (!examine_product(e, m, &c, way)) {
            return false;
        }
    }
    return true;
}

// ---- Packing: what a panel holds is defined without scalar, whose panels are narrower ----

typedef struct pack_case {
    int64_t k, cols;
    bool transposed;
} pack_case;

// Byte i of the panel as it must be: of number (p, j) of the group of steps.
static char right_byte(const decoct_matmul_kernel *m, const decoct_pack_piece *a, int64_t i) {
    int64_t size = dct_dtype_bytes(m->w_dtype), group = m->k_group, at = i / size;
    int64_t p = at / (m->panel_cols * group) * group + at % group;
    int64_t j = at / group % m->panel_cols;
    return p < a->k && j < a->cols
               ? ((const char *)a->w)[(p * a->row_stride + j * a->col_stride) * size + i % size]
               : 0;
}

static bool examine_pack(exam *e, const decoct_matmul_kernel *m, const pack_case *c) {
    int64_t size = dct_dtype_bytes(m->w_dtype);
    int64_t panel = dct_panel_bytes(m, c->k);
    if (panel < 0 || panel > (EXAM_PANELS - EXAM_GUARD) * (int64_t)sizeof(float)) {
        return exam_fail(e, "panel_bytes(%lld) is %lld", (long long)c->k, (long long)panel);
    }
    int64_t bytes = panel + (int64_t)(EXAM_GUARD * sizeof(float));
    decoct_pack_piece piece = {.k = c->k,
                               .cols = c->cols,
                               .w = e->input + 5,
                               .row_stride = c->transposed ? 1 : c->cols + 5,
                               .col_stride = c->transposed ? c->k + 2 : 1,
                               .panel = e->panels};
    exam_begin(e, NULL, 0);
    memcpy(e->panels, e->input, (size_t)bytes);
    m->pack(&piece);
    for (int64_t i = m->panel_bytes ? panel : 0; i < bytes; i++) { // its own order, if it says so
        char right = i < panel ? right_byte(m, &piece, i) : ((const char *)e->input)[i];
        if (((const char *)e->panels)[i] != right) {
            return exam_fail(e, "pack%s: number %lld of the panel is wrong",
                             c->transposed ? " of a transposed matrix" : "", (long long)(i / size));
        }
    }
    return exam_same(e, "pack", NULL, 0);
}

bool exam_matmul(exam *e, const decoct_matmul_kernel *m) {
    int64_t panel = m->panel_cols;
    const pack_case cases[] = {{16, panel, false}, {7, 5, false}, {5, panel - 1, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!examine_pack(e, m, &cases[i])) {
            return false;
        }
    }
    return examine_products(e, m, PACKED);
}

bool exam_matmul_plain(exam *e, const decoct_matmul_kernel *m) {
    return examine_products(e, m, PLAIN);
}

bool exam_matmul_plain_pack(exam *e, const decoct_matmul_kernel *m) {
    return examine_products(e, m, PLAIN_PACK);
}
