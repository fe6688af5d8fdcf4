// SPDX-License-Identifier: BSD-2-Clause
// Brings a product of any layout into one that decoct_matmul has: x and y with dense rows, b with
// dense rows or columns. A product is also y^T = b^T x^T, which only exchanges strides; of both
// ways the one that copies less is used.
#include "multiply.h"

#include "contexts.h"

#include <stdbool.h>
#include <stdlib.h>

// Floats that are copied at once: 16 MiB, but not less than MANY rows, since b is packed again for
// each part of the rows.
enum { COPIED_FLOATS = 1 << 22, MANY = 256 };
// A matrix of at most this many elements (8 MiB) times a vector is faster as one row times the
// transposed matrix, unless all its rows begin in the same lines of the cache. docs/blas.md has the
// command that measures it.
enum { SMALL = 1 << 21, PAGE_FLOATS = 1024 };
enum { TILE = 16 };

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// ---- Copies ----

// A matrix (rows, cols) to another place and layout, by tiles, so that both sides use whole lines
// of the cache.
static void copy(int64_t rows, int64_t cols, const blas_view *from, float *to, int64_t row,
                 int64_t col) {
    for (int64_t i = 0; i < rows; i += TILE) {
        for (int64_t j = 0; j < cols; j += TILE) {
            int64_t last_row = smaller(i + TILE, rows), last_col = smaller(j + TILE, cols);
            for (int64_t r = i; r < last_row; r++) {
                for (int64_t c = j; c < last_col; c++) {
                    to[r * row + c * col] = from->data[r * from->row + c * from->col];
                }
            }
        }
    }
}

// ---- Two ways ----

typedef struct plan {
    blas_product p;
    bool copy_x, copy_b, copy_y;
    double cost; // elements to copy
} plan;

// Dense rows that do not overlap. Strides between rows or elements that do not exist do not count.
static bool has_dense_rows(int64_t rows, int64_t cols, int64_t row, int64_t col) {
    return (col == 1 || cols == 1) && (row >= cols || rows == 1);
}

static bool is_x_dense(const blas_product *p) {
    return has_dense_rows(p->m, p->k, p->x.row, p->x.col);
}

static bool is_b_dense(const blas_product *p) {
    return has_dense_rows(p->k, p->n, p->b.row, p->b.col) ||
           has_dense_rows(p->n, p->k, p->b.col, p->b.row);
}

static bool is_y_dense(const blas_product *p) {
    return has_dense_rows(p->m, p->n, p->y_row, p->y_col);
}

static plan plan_for(const blas_product *p) {
    plan w = {.p = *p};
    w.copy_x = !is_x_dense(p);
    w.copy_b = !is_b_dense(p);
    w.copy_y = !is_y_dense(p);
    double m = (double)p->m, n = (double)p->n, k = (double)p->k;
    w.cost = (w.copy_x ? m * k : 0) + (w.copy_b ? k * n : 0) +
             (w.copy_y ? m * n * (p->beta != 0.0f ? 2 : 1) : 0);
    return w;
}

static blas_view turned(const blas_view *v) {
    return (blas_view){v->data, v->col, v->row, v->next};
}

// y^T = b^T x^T
static blas_product transposed(const blas_product *p) {
    blas_product t = *p;
    t.m = p->n;
    t.n = p->m;
    t.x = turned(&p->b);
    t.b = turned(&p->x);
    t.y_row = p->y_col;
    t.y_col = p->y_row;
    return t;
}

// Is a matrix by a vector, y (m, 1), faster as y (1, m)?
static bool is_faster_as_row(const blas_product *p) {
    return p->m <= SMALL / p->k && p->x.row % PAGE_FLOATS != 0;
}

static plan cheaper_plan(const blas_product *p) {
    plan here = plan_for(p);
    blas_product t = transposed(p);
    plan other = plan_for(&t);
    bool faster = (p->n == 1 && is_faster_as_row(p)) || (t.n == 1 && !is_faster_as_row(&t));
    return other.cost < here.cost || (other.cost == here.cost && faster) ? other : here;
}

// ---- The product ----

// Without copies.
static void multiply_direct(decoct_context *ctx, const blas_product *p) {
    bool by_rows = has_dense_rows(p->k, p->n, p->b.row, p->b.col);
    int64_t b_rows = by_rows ? p->k : p->n;
    decoct_matmul_args args = {.struct_size = sizeof args,
                               .b_transposed = !by_rows,
                               .m = p->m,
                               .n = p->n,
                               .k = p->k,
                               .x = p->x.data,
                               .x_stride = p->m > 1 ? p->x.row : 0,
                               .b = p->b.data,
                               .b_stride = b_rows == 1 ? 0
                                           : by_rows   ? p->b.row
                                                       : p->b.col,
                               .y = p->y,
                               .y_stride = p->m > 1 ? p->y_row : 0,
                               .batch = p->batch,
                               .x_batch_stride = p->x.next,
                               .b_batch_stride = p->b.next,
                               .b_shared = p->b.next == 0,
                               .y_batch_stride = p->y_next,
                               .alpha = p->alpha,
                               .beta = p->beta};
    if (!ctx || decoct_matmul(ctx, &args)) {
        blas_multiply_simply(p);
    }
}

// Some rows of a product, through copies at `scratch`.
static void multiply_rows(decoct_context *ctx, const plan *w, int64_t row, int64_t rows,
                          float *scratch) {
    blas_product p = w->p;
    blas_view y = {p.y + row * p.y_row, p.y_row, p.y_col, 0};
    float *y_part = p.y + row * p.y_row;
    p.m = rows;
    p.x.data += row * p.x.row;
    p.y = y_part;
    if (w->copy_x) {
        copy(rows, p.k, &p.x, scratch, p.k, 1);
        p.x = (blas_view){scratch, p.k, 1, 0};
        scratch += rows * p.k;
    }
    if (w->copy_y) {
        if (p.beta != 0.0f) {
            copy(rows, p.n, &y, scratch, p.n, 1);
        }
        p.y = scratch;
        p.y_row = p.n;
        p.y_col = 1;
    }
    multiply_direct(ctx, &p);
    if (w->copy_y) {
        copy(rows, p.n, &(blas_view){scratch, p.n, 1, 0}, y_part, y.row, y.col);
    }
}

// Room for `rows` rows of what is copied; NULL: no memory.
static float *make_scratch(const plan *w, int64_t rows) {
    double floats =
        (double)rows * ((w->copy_x ? (double)w->p.k : 0) + (w->copy_y ? (double)w->p.n : 0)) +
        (w->copy_b ? (double)w->p.k * (double)w->p.n : 0);
    return floats < (double)(SIZE_MAX / 8) ? malloc((size_t)floats * sizeof(float)) : NULL;
}

static void multiply_copied(decoct_context *ctx, plan *w) {
    blas_product *p = &w->p;
    int64_t width = (w->copy_x ? p->k : 0) + (w->copy_y ? p->n : 0);
    int64_t rows = width ? COPIED_FLOATS / width : p->m;
    rows = smaller(rows > MANY ? rows : MANY, p->m);
    float *scratch = make_scratch(w, rows), *rest = scratch;
    if (!scratch) {
        blas_multiply_simply(p);
        return;
    }
    if (w->copy_b) {
        copy(p->k, p->n, &p->b, scratch, p->n, 1);
        p->b = (blas_view){scratch, p->n, 1, 0};
        rest += p->k * p->n;
    }
    for (int64_t row = 0; row < p->m; row += rows) {
        multiply_rows(ctx, w, row, smaller(rows, p->m - row), rest);
    }
    free(scratch);
}

// Is it a product of matrices that copies nothing? No other way is better then; making plans to
// find that out takes 20 ns, 1 % of a product of 64 x 64 x 64.
static bool is_direct(const blas_product *p) {
    return p->batch == 1 && p->m > 1 && p->n > 1 && is_x_dense(p) && is_b_dense(p) && is_y_dense(p);
}

static void multiply_on(decoct_context *ctx, const blas_product *p) {
    if (is_direct(p)) {
        multiply_direct(ctx, p);
        return;
    }
    plan w = cheaper_plan(p);
    // The library takes an x or y stride of 0 as that of dense matrices; only b can be shared.
    bool one_call = p->batch == 1 || (w.p.x.next > 0 && w.p.y_next > 0);
    if (w.cost == 0.0 && one_call) {
        multiply_direct(ctx, &w.p);
        return;
    }
    w.p.batch = 1;
    for (int64_t i = 0; i < p->batch; i++) {
        plan one = w;
        one.p.x.data += i * w.p.x.next;
        one.p.b.data += i * w.p.b.next;
        one.p.y += i * w.p.y_next;
        if (w.cost == 0.0) {
            multiply_direct(ctx, &one.p);
        } else {
            multiply_copied(ctx, &one);
        }
    }
}

void blas_multiply(const blas_product *p) {
    if (p->alpha == 0.0f || p->k == 0) {
        blas_multiply_simply(p);
        return;
    }
    double work = (double)p->batch * (double)p->m * (double)p->n * (double)p->k;
    blas_turn turn = blas_enter(work);
    multiply_on(turn.ctx, p);
    blas_leave(turn);
}
