// SPDX-License-Identifier: BSD-2-Clause
// Cases of the matrix product, with packed w, and with unpacked w where the kernel has `plain` or
// `plain_pack`.
#include "case_matmul.h"

enum { QUICK = CONFORM_QUICK, ORDINARY = CONFORM_ORDINARY, FULL = CONFORM_FULL };
enum { K_MOST = 2048 };

// With packed and with unpacked w, and with w that is packed on the way.
static void run_ways(conform_probe *p, const char *reason, product_shape shape) {
    product_run(p, reason, &shape);
    shape.plain = true;
    shape.transposed = false;
    product_run(p, reason, &shape);
    shape.keeps = true;
    product_run(p, reason, &shape);
}

// Gaps that make every row aligned.
static product_shape aligned(int64_t rows, int64_t cols, int64_t k) {
    product_shape shape = product_plain;
    shape.rows = rows;
    shape.cols = cols;
    shape.k = k;
    shape.x_gap = cases_gap(k);
    shape.y_gap = shape.w_gap = cases_gap(cols);
    return shape;
}

static int64_t tile_of(const conform_probe *p) {
    return product_kernel(p)->tile_rows;
}

static int64_t panel_of(const conform_probe *p) {
    return product_kernel(p)->panel_cols;
}

// The longest piece, as far as it is tried.
static int64_t k_most_of(const conform_probe *p) {
    int64_t k = product_kernel(p)->k_block;
    return k == 0 ? 1040 : k < K_MOST ? k : K_MOST;
}

// ---- The plain case: aligned, dense, with a bias ----

static void run_even(conform_probe *p, const char *reason, bool near) {
    const int64_t panel = panel_of(p), tile = tile_of(p), k = k_most_of(p) / 16 * 16;
    const struct {
        int64_t rows, cols, k;
        int level;
    } dims[] = {
        {1, panel, 16, QUICK},        {1, 4 * panel, 64, QUICK},   {2, 2 * panel, 32, QUICK},
        {tile, 2 * panel, 48, QUICK}, {17, 64, 64, QUICK},         {2, 768, 64, QUICK},
        {3, 2000, 32, QUICK},         {1, 2048, 128, QUICK},       {2, 48, k, QUICK},
        {1, 2 * panel, k, QUICK},     {96, 768, 768, ORDINARY},    {1, 3072, 768, ORDINARY},
        {64, 2048, 512, FULL},        {2 * tile, 4096, 1024, FULL}};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        product_shape shape = aligned(dims[i].rows, dims[i].cols, dims[i].k);
        shape.near = near;
        if (dims[i].level <= p->level) {
            run_ways(p, reason, shape);
        }
    }
}

void conform_matmul_bits(conform_probe *p) {
    run_even(p, "bits", false);
}

// Scalar itself is within the bounds, so this fails with the case above; it measures the error.
void conform_matmul_accuracy(conform_probe *p) {
    run_even(p, "accuracy", true);
}

// ---- Sizes ----

typedef struct size_lists {
    int64_t rows[9], cols[9], k[10];
} size_lists;

static size_lists lists_of(const conform_probe *p) {
    const int64_t panel = panel_of(p), tile = tile_of(p), most = k_most_of(p);
    return (size_lists){
        .rows = {1, 2, 3, tile > 1 ? tile - 1 : 4, tile, tile + 1, 2 * tile + 1, 7, 33},
        .cols = {1, 3, panel - 1, panel, panel + 1, 2 * panel + 5, 100, 1023, 2001},
        .k = {1, 2, 3, 7, 15, 17, 33, most / 2 + 1, most - 1, most}};
}

static void run_sizes_to(conform_probe *p, double most) {
    const size_lists l = lists_of(p);
    for (int r = 0; r < 9; r++) {
        for (int c = 0; c < 9; c++) {
            for (int k = 0; k < 10; k++) {
                bool chosen = p->level >= ORDINARY || (r + 2 * c + 3 * k) % 9 == 0;
                double work = (double)l.rows[r] * (double)l.cols[c] * (double)l.k[k];
                if (chosen && work <= most) {
                    run_ways(p, "bits", aligned(l.rows[r], l.cols[c], l.k[k]));
                }
            }
        }
    }
}

void conform_matmul_sizes(conform_probe *p) {
    run_sizes_to(p, p->level < ORDINARY ? 3e5 : p->level < FULL ? 1e6 : 2e7);
    run_ways(p, "bits", aligned(5, 2001, 33));
    run_ways(p, "bits", aligned(1, 37, k_most_of(p) - 1));
    run_ways(p, "bits", aligned(product_kernel(p)->m_block, 35, 19));
    for (int i = 0; i < (p->level < ORDINARY ? 0 : p->level < FULL ? 40 : 400); i++) {
        int64_t rows = 1 + (int64_t)(conform_random(p) % 50);
        int64_t cols = 1 + (int64_t)(conform_random(p) % 300);
        run_ways(p, "bits", aligned(rows, cols, 1 + (int64_t)(conform_random(p) % 300)));
    }
}

// ---- Strides and gaps ----

// The gaps are a part of the operands here, so that a kernel that ignores a stride is not reported
// for writing to them.
void conform_matmul_strides(conform_probe *p) {
    static const int64_t gaps[][3] = {
        {16, 0, 0}, {0, 16, 0}, {0, 0, 16}, {16, 32, 48}, {1024, 64, 80}};
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
        product_shape shape = aligned(5, 2 * panel_of(p), 48);
        shape.x_gap = gaps[i][0];
        shape.y_gap = gaps[i][1];
        shape.w_gap = gaps[i][2];
        shape.joined = true;
        run_ways(p, "strides", shape);
        shape.transposed = true;
        product_run(p, "strides", &shape);
    }
}

// Only the memory is checked.
void conform_matmul_padding(conform_probe *p) {
    static const int64_t gaps[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 64, 100};
    for (size_t i = 0; i < 2 * sizeof gaps / sizeof *gaps; i++) {
        product_shape shape = aligned(i % 4 < 2 ? 3 : 2 * tile_of(p) + 1, 2 * panel_of(p), 16);
        shape.cols -= i % 2 ? 0 : (int64_t)i % 7;
        shape.w_gap = cases_gap(shape.cols);
        shape.y_gap = gaps[i / 2];
        shape.memory_only = true;
        run_ways(p, "padding", shape);
    }
}

// ---- Places in memory ----

static const int64_t few_dims[][3] = {{1, 1, 1},   {1, 16, 16},  {2, 37, 5},   {5, 67, 33},
                                      {7, 64, 17}, {1, 2001, 3}, {13, 21, 40}, {1, 100, 131}};
enum { FEW_DIMS = sizeof few_dims / sizeof *few_dims };

void conform_matmul_alignment(conform_probe *p) {
    for (int i = 0; i < 5 * FEW_DIMS; i++) {
        const int64_t *d = few_dims[i / 5];
        product_shape shape = aligned(d[0], d[1], d[2]);
        shape.x_where = i % 5 == 1 ? CONFORM_ALIGNED : CONFORM_UNALIGNED;
        shape.y_where = i % 5 == 0 ? CONFORM_ALIGNED : CONFORM_UNALIGNED;
        shape.others = i % 5 >= 2 ? CONFORM_UNALIGNED : CONFORM_ALIGNED;
        if (i % 5 >= 3) { // rows do not begin alike
            shape.x_gap = i % 5 == 3 ? 0 : 3;
            shape.y_gap = i % 5 == 3 ? 0 : 1;
            shape.w_gap = i % 5 == 3 ? 0 : 5;
        }
        run_ways(p, "alignment", shape);
    }
}

// All operands touch the guard page behind them, or that before them.
void conform_matmul_bounds(conform_probe *p) {
    for (int i = 0; i < 2 * FEW_DIMS; i++) {
        const int64_t *d = few_dims[i / 2];
        product_shape shape = aligned(d[0], d[1], d[2]);
        shape.x_where = shape.y_where = shape.others = i % 2 ? CONFORM_AT_START : CONFORM_AT_END;
        shape.x_gap = shape.y_gap = shape.w_gap = 0;
        run_ways(p, "alignment", shape);
    }
}

// ---- Operands ----

void conform_matmul_accumulate(conform_probe *p) {
    for (int i = 0; i < 4 * FEW_DIMS; i++) {
        const int64_t *d = few_dims[i / 4];
        product_shape shape = aligned(d[0], d[1], d[2]);
        shape.accumulate = i % 4 != 1;
        shape.cut = i % 4 != 0;
        shape.bias = i % 4 != 3;
        run_ways(p, "accumulate", shape);
    }
}

// Without a bias; then without the scratch memory that the kernel asks for.
void conform_matmul_null(conform_probe *p) {
    for (int i = 0; i < 3 * FEW_DIMS; i++) {
        const int64_t *d = few_dims[i / 3];
        product_shape shape = aligned(i % 3 == 2 ? tile_of(p) + 1 : d[0], d[1], d[2]);
        shape.bias = i % 3 != 0;
        shape.no_scratch = i % 3 != 0;
        run_ways(p, "null_operand", shape);
    }
}

// k = 0 gives the bias or zeros, or what was in y.
void conform_matmul_empty(conform_probe *p) {
    const int64_t rows[] = {1, 2, 3, tile_of(p) + 1},
                  cols[] = {7, panel_of(p), 2 * panel_of(p) + 5};
    for (int i = 0; i < 4 * 4 * 3; i++) {
        product_shape shape = aligned(rows[i / 12], cols[i % 3], 0);
        shape.x_gap = 16;
        shape.bias = i / 3 % 2;
        shape.accumulate = i / 6 % 2;
        run_ways(p, "empty", shape);
    }
}

// ---- Special numbers ----

void conform_matmul_special(conform_probe *p) {
    for (int i = 0; i < 4 * cases_special_count; i++) {
        product_shape shape = aligned(i % 4 == 3 ? 9 : 1 + i % 4, 2 * panel_of(p) + 5, 21);
        shape.special = &cases_specials[i / 4];
        shape.all_special = i % 2;
        shape.accumulate = i / 2 % 2;
        run_ways(p, "special", shape);
    }
}

// Every number of 16 bits: each becomes the f32 of the same value.
void conform_matmul_patterns(conform_probe *p) {
    enum { COLS = 1024, PATTERNS = 1 << 16 };
    for (int64_t i = 0; i < PATTERNS && p->dtype != DECOCT_F32 && p->exact; i += COLS) {
        product_shape shape = aligned(1 + i / COLS % 3, COLS, 1);
        shape.patterns = i;
        shape.bias = false;
        run_ways(p, "special", shape);
    }
}
