// SPDX-License-Identifier: BSD-2-Clause
// Cases of packing: of w for a matrix product, whose panels are defined unless the kernel has a
// layout of its own, and of keys.
#include "case_matmul.h"

#include <string.h>

// ---- Panels of w ----

typedef struct pack_case {
    int64_t k, cols;
    bool transposed;
    int64_t gap;
    conform_where w_where;
} pack_case;

// Byte i of the panel: of number (step, j) of the group of steps; what does not exist is 0.
static unsigned char right_byte(const decoct_matmul_kernel *m, const decoct_pack_piece *a,
                                int64_t size, int64_t i) {
    int64_t group = m->k_group, at = i / size;
    int64_t step = at / (m->panel_cols * group) * group + at % group;
    int64_t j = at / group % m->panel_cols;
    int64_t from = (step * a->row_stride + j * a->col_stride) * size + i % size;
    return step < a->k && j < a->cols ? ((const unsigned char *)a->w)[from] : 0;
}

static void run_pack(conform_probe *p, const char *reason, const pack_case *c) {
    const decoct_matmul_kernel *m = product_kernel(p);
    int64_t bytes = dct_panel_bytes(m, c->k);
    conform_begin(p, "%lld steps of %lld columns%s, gap %lld", (long long)c->k, (long long)c->cols,
                  c->transposed ? ", transposed" : "", (long long)c->gap);
    int64_t rows = c->transposed ? c->cols : c->k, cols = c->transposed ? c->k : c->cols;
    conform_matrix *w =
        conform_random_operand(p, "w", rows, cols, cols + c->gap, p->dtype, c->w_where, 2.0f);
    conform_matrix *panel =
        conform_bytes(p, "panel", bytes, bytes % 64 ? CONFORM_ALIGNED : CONFORM_AT_END);
    conform_matrix *right = conform_copy(p, panel);
    const decoct_pack_piece piece = {.k = c->k,
                                     .cols = c->cols,
                                     .w = w->data,
                                     .row_stride = c->transposed ? 1 : w->stride,
                                     .col_stride = c->transposed ? w->stride : 1,
                                     .panel = panel->data};
    conform_input(p, w);
    for (int64_t i = 0; i < bytes; i++) {
        ((unsigned char *)right->data)[i] = right_byte(m, &piece, w->size, i);
    }
    if (conform_call(p, (conform_kernel *)m->pack, &piece) && !m->panel_bytes) {
        conform_compare_bits(p, reason, panel, right);
    }
}

// Each function tries one aspect at panels of all widths and some numbers of steps.
static void run_packs(conform_probe *p, const char *reason, const pack_case *like) {
    const int64_t panel = product_kernel(p)->panel_cols;
    const int64_t cols[] = {panel, panel - 1, 1, 5, panel / 2 + 1}, k[] = {16, 1, 7, 13};
    for (int i = 0; i < 5 * 4; i++) {
        pack_case c = *like;
        c.cols = cols[i / 4];
        c.k = k[i % 4];
        run_pack(p, reason, &c);
    }
}

void conform_matmul_pack(conform_probe *p) {
    const pack_case dense = {.gap = 0}, transposed = {.transposed = true, .gap = 3};
    const pack_case gap = {.gap = 16}, unaligned = {.gap = 1, .w_where = CONFORM_UNALIGNED};
    const pack_case end = {.w_where = CONFORM_AT_END}, start = {.w_where = CONFORM_AT_START};
    pack_case end_of_rows = transposed;
    end_of_rows.w_where = CONFORM_AT_END;
    run_packs(p, "bits", &dense);
    run_packs(p, "strides", &gap);
    run_packs(p, "strides", &transposed);
    run_packs(p, "alignment", &unaligned);
    run_packs(p, "alignment", &end);
    run_packs(p, "alignment", &start);
    run_packs(p, "alignment", &end_of_rows);
}

// ---- Keys ----

static void run_keys(conform_probe *p, const char *reason, int64_t count, int64_t dim, int64_t gap,
                     conform_where where, const cases_special *kind) {
    conform_begin(p, "%lld keys of %lld, gap %lld%s%s", (long long)count, (long long)dim,
                  (long long)gap, kind ? ", " : "", kind ? kind->name : "");
    conform_matrix *k = conform_operand(p, "k", count, dim, dim + gap, DECOCT_F32, where);
    cases_fill(p, k, 2.0f, kind);
    conform_input(p, k);
    // A block of 64 keys is always a multiple of 64 bytes.
    conform_matrix *block = conform_operand(p, "block", dim, DECOCT_KEY_BLOCK, DECOCT_KEY_BLOCK,
                                            DECOCT_F32, CONFORM_AT_END);
    conform_matrix *right = conform_copy(p, block);
    decoct_keys_piece piece = {
        .count = count, .head_dim = dim, .k = conform_in(k), .block = right->data};
    conform_call_right((conform_kernel *)p->right->pack_keys, &piece);
    piece.block = block->data;
    if (conform_call(p, (conform_kernel *)p->given->pack_keys, &piece)) {
        conform_compare_bits(p, reason, block, right); // a copy has no rounding
    }
}

static const int64_t key_counts[] = {64, 1, 2, 3, 8, 15, 16, 17, 33, 61, 63};
static const int64_t key_dims[] = {64, 16, 1, 2, 3, 7, 8, 9, 15, 17, 33, 65, 80, 128, 200};
enum {
    KEY_COUNTS = sizeof key_counts / sizeof *key_counts,
    KEY_DIMS = sizeof key_dims / sizeof *key_dims
};

static void run_all_keys(conform_probe *p, const char *reason, int64_t gap, conform_where where) {
    for (int i = 0; i < KEY_COUNTS * KEY_DIMS; i++) {
        if (p->level > CONFORM_QUICK || i % 3 == 0) {
            int64_t dim = key_dims[i % KEY_DIMS];
            run_keys(p, reason, key_counts[i / KEY_DIMS], dim, gap < 0 ? cases_gap(dim) : gap,
                     where, NULL);
        }
    }
}

void conform_keys_bits(conform_probe *p) {
    run_keys(p, "bits", DECOCT_KEY_BLOCK, 64, 0, CONFORM_ALIGNED, NULL);
    run_all_keys(p, "bits", -1, CONFORM_ALIGNED);
}

void conform_keys_strides(conform_probe *p) {
    run_all_keys(p, "strides", 16, CONFORM_ALIGNED);
    run_all_keys(p, "strides", 301, CONFORM_ALIGNED);
}

void conform_keys_alignment(conform_probe *p) {
    run_all_keys(p, "alignment", 0, CONFORM_UNALIGNED);
    run_all_keys(p, "alignment", 5, CONFORM_UNALIGNED);
}

void conform_keys_bounds(conform_probe *p) {
    run_all_keys(p, "alignment", 0, CONFORM_AT_END);
    run_all_keys(p, "alignment", 3, CONFORM_AT_END);
    run_all_keys(p, "alignment", 0, CONFORM_AT_START);
}

void conform_keys_special(conform_probe *p) {
    for (int i = 0; i < cases_special_count; i++) {
        run_keys(p, "special", 61, 48, 0, CONFORM_ALIGNED, &cases_specials[i]);
    }
}
