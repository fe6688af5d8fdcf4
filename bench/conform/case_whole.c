// SPDX-License-Identifier: BSD-2-Clause
// Cases of whole operations: matrix products and operations on rows, on one thread and on three.
#include "case_whole.h"

#include "case_matmul.h"
#include "case_rows.h"

// ---- Matrix products ----

static product_shape whole_shape(int64_t m, int64_t n, int64_t k) {
    product_shape shape = product_plain;
    shape.rows = m;
    shape.cols = n;
    shape.k = k;
    shape.x_gap = cases_gap(k);
    shape.y_gap = cases_gap(n);
    shape.w_gap = cases_gap(n);
    shape.whole = true;
    return shape;
}

// b as it is and packed, (k, n) and (n, k), on one thread.
static void run_whole_ways(conform_probe *p, const char *reason, product_shape shape) {
    for (int i = 0; i < 4; i++) {
        shape.transposed = i % 2;
        shape.packed = i / 2;
        product_run(p, reason, &shape);
    }
}

void conform_whole_bits(conform_probe *p) {
    const int64_t dims[][3] = {{1, 16, 16},   {2, 64, 32},  {16, 48, 64},   {3, 768, 64},
                               {2, 2000, 32}, {64, 64, 64}, {130, 128, 256}};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        run_whole_ways(p, "bits", whole_shape(dims[i][0], dims[i][1], dims[i][2]));
    }
}

void conform_whole_sizes(conform_probe *p) {
    static const int64_t odd[] = {1, 2, 3, 5, 7, 15, 17, 31, 33, 65, 100, 257};
    int count = p->level == CONFORM_QUICK ? 24 : p->level == CONFORM_ORDINARY ? 100 : 400;
    for (int i = 0; i < count; i++) {
        product_shape shape = whole_shape(odd[conform_random(p) % 12], odd[conform_random(p) % 12],
                                          odd[conform_random(p) % 12]);
        run_whole_ways(p, "bits", shape);
    }
}

void conform_whole_strides(conform_probe *p) {
    for (int i = 0; i < 4; i++) {
        product_shape shape = whole_shape(5, 48, 32);
        shape.joined = true;
        shape.x_gap = i == 0 || i == 3 ? 16 : 0;
        shape.w_gap = i == 1 || i == 3 ? 32 : 0;
        shape.y_gap = i == 2 || i == 3 ? 48 : 0;
        run_whole_ways(p, "strides", shape);
    }
}

// Only the memory is checked.
void conform_whole_padding(conform_probe *p) {
    static const int64_t gaps[] = {1, 3, 7, 8, 9, 16, 31, 64};
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
        product_shape shape = whole_shape(5, i % 2 ? 48 : 37, 32);
        shape.y_gap = gaps[i];
        shape.memory_only = true;
        run_whole_ways(p, "padding", shape);
    }
}

void conform_whole_bounds(conform_probe *p) {
    static const conform_where places[] = {CONFORM_UNALIGNED, CONFORM_AT_END, CONFORM_AT_START};
    for (int i = 0; i < 12; i++) {
        product_shape shape = whole_shape(1 + i * 2, i % 2 ? 37 : 64, 1 + i * 5);
        shape.x_where = shape.y_where = shape.others = places[i % 3];
        shape.x_gap = shape.y_gap = shape.w_gap = 0;
        run_whole_ways(p, "alignment", shape);
    }
}

void conform_whole_null(conform_probe *p) {
    for (int i = 0; i < 4; i++) {
        product_shape shape = whole_shape(1 + 4 * i, 48, 17);
        shape.bias = false;
        run_whole_ways(p, "null_operand", shape);
    }
}

void conform_whole_empty(conform_probe *p) {
    for (int i = 0; i < 4; i++) {
        product_shape shape = whole_shape(1 + 4 * (i / 2), 37, 0);
        shape.x_gap = 16;
        shape.bias = i % 2;
        shape.packed = false;
        product_run(p, "empty", &shape);
    }
}

// With a host of three threads.
void conform_whole_host(conform_probe *p) {
    for (int i = 0; i < 8; i++) {
        product_shape shape = whole_shape(1 + 40 * (i % 4), i / 4 ? 37 : 256, 100);
        shape.threads = THREADS_MOST;
        run_whole_ways(p, "threads", shape);
    }
}

// ---- Operations on rows ----

// Each operation that the candidate has, as if it were a unit of its own.
static void run_whole_rows(conform_probe *p, const char *reason, rows_shape shape) {
    const int32_t slot = p->slot;
    shape.whole = true;
    for (decoct_op op = 0; op < DCT_OPS; op++) {
        p->slot = DCT_SLOT_ROWS + op;
        for (shape.form = 0; p->given->whole.rows_ops >> op & 1 && shape.form < rows_forms(p);
             shape.form++) {
            rows_run(p, reason, &shape);
        }
    }
    p->slot = slot;
}

void conform_whole_rows_bits(conform_probe *p) {
    static const int64_t dims[][2] = {{1, 16}, {3, 64}, {17, 48}, {2, 2000}, {3, 37}, {40, 769}};
    for (int i = 0; i < 2 * (int)(sizeof dims / sizeof *dims); i++) {
        rows_shape shape = rows_plain;
        shape.rows = dims[i / 2][0];
        shape.cols = dims[i / 2][1];
        shape.x_gap = shape.y_gap = cases_gap(shape.cols);
        shape.threads = i % 2 ? THREADS_MOST : 1;
        run_whole_rows(p, i % 2 ? "threads" : "bits", shape);
    }
}

void conform_whole_rows_memory(conform_probe *p) {
    static const conform_where places[] = {CONFORM_UNALIGNED, CONFORM_AT_END, CONFORM_AT_START};
    for (int i = 0; i < 12; i++) {
        rows_shape shape = rows_plain;
        shape.rows = 1 + i % 4;
        shape.cols = i % 2 ? 37 : 64;
        shape.x_where = shape.y_where = shape.others = places[i % 3];
        shape.x_gap = i / 6 ? 5 : 0;
        shape.y_gap = i / 6 ? 9 : 0;
        shape.threads = 1;
        run_whole_rows(p, "alignment", shape);
    }
}

void conform_whole_rows_operands(conform_probe *p) {
    for (int i = 0; i < 8; i++) {
        rows_shape shape = rows_plain;
        shape.rows = 3;
        shape.cols = i % 2 ? 48 : 130;
        shape.x_gap = shape.y_gap = cases_gap(shape.cols);
        shape.given = i / 2 % 2 ? 0 : ROWS_ALL;
        shape.in_place = i / 4 == 1;
        shape.threads = 1;
        run_whole_rows(p, shape.in_place ? "in_place" : "null_operand", shape);
    }
}
