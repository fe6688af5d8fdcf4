// SPDX-License-Identifier: BSD-2-Clause
// Any operation on rows, by its line of ops.def: operands between forbidden pages, every shape and
// form against a bound, against scalar's bits, in place, with gaps between rows, on any number of
// threads.
#ifndef ROWS_KIT_H
#define ROWS_KIT_H

#include "check.h"

#include <decoct/lists.h>
#include <math.h>
#include <string.h>

// One row of a result and what it was made of.
typedef struct rows_row {
    const decoct_rows_args *a;
    int64_t index; // of the row
    const float *x, *up;
    const float *y;
} rows_row;

typedef struct rows_kit {
    decoct_op op;
    // The largest error of an element, in units of the bound that types.h states.
    double (*error)(const rows_row *row);
} rows_kit;

enum { KIT_ROOM = 1 << 18, KIT_COLS = 1 << 17 };

typedef struct rows_shape {
    int64_t rows, cols, x_pad, y_pad, up_pad;
    float size; // of the input: [-size, size)
    int32_t form;
    bool end;   // operands end at the forbidden page; else they begin there
    bool parts; // those that may be NULL are given
} rows_shape;

typedef struct rows_arenas {
    check_arena x, y, right, up, gain, bias;
} rows_arenas;

static uint32_t kit_needs(decoct_op op) {
    static const uint32_t needs_of[DCT_OPS] = {
#define DECOCT_OP(NAME, name, needs, forms, cost) [DCT_OP_INDEX_##NAME] = (needs),
#include <decoct/ops.def>
#undef DECOCT_OP
    };
    return needs_of[op];
}

static int32_t kit_forms(decoct_op op) {
    static const int32_t forms_of[DCT_OPS] = {
#define DECOCT_OP(NAME, name, needs, forms, cost) [DCT_OP_INDEX_##NAME] = (forms),
#include <decoct/ops.def>
#undef DECOCT_OP
    };
    return forms_of[op];
}

static rows_arenas kit_open(void) {
    return (rows_arenas){check_arena_open(KIT_ROOM), check_arena_open(KIT_ROOM),
                         check_arena_open(KIT_ROOM), check_arena_open(KIT_ROOM),
                         check_arena_open(KIT_COLS), check_arena_open(KIT_COLS)};
}

static void kit_close(rows_arenas *a) {
    check_arena *all[] = {&a->x, &a->y, &a->right, &a->up, &a->gain, &a->bias};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        check_arena_close(all[i]);
    }
}

// `rows` rows of seeded numbers; the largest one is in the tail. Gaps keep their pattern.
static float *kit_rows(const check_arena *arena, const rows_shape *s, int64_t pad, uint64_t seed) {
    int64_t stride = s->cols + pad, span = s->rows ? (s->rows - 1) * stride + s->cols : 0;
    float *p = check_place(arena, span, s->end);
    for (int64_t i = 0; i < s->rows; i++) {
        check_fill(p + i * stride, s->cols, seed + (uint64_t)i, s->size);
        if (s->cols > 0) {
            p[i * stride + s->cols - 1] = s->size;
        }
    }
    return p;
}

// A vector of (cols) for an operand that the operation may read; NULL: it does not.
static float *kit_vector(const check_arena *arena, const rows_shape *s, bool read, uint64_t seed) {
    float *p = read ? check_place(arena, s->cols, s->end) : NULL;
    if (p) {
        check_fill(p, s->cols, seed, 2.0f);
    }
    return p;
}

static decoct_rows_args kit_args(const rows_kit *kit, const rows_arenas *in, const rows_shape *s) {
    uint32_t needs = kit_needs(kit->op);
    bool up = needs & DCT_MAY_UP && s->parts;
    return (decoct_rows_args){
        .struct_size = sizeof(decoct_rows_args),
        .op = kit->op,
        .rows = s->rows,
        .cols = s->cols,
        .x = kit_rows(&in->x, s, s->x_pad, 1),
        .x_stride = s->cols + s->x_pad,
        .form = s->form,
        .y_stride = s->cols + s->y_pad,
        .up = up ? kit_rows(&in->up, s, s->up_pad, 3001) : NULL,
        .up_stride = up ? s->cols + s->up_pad : 0,
        .gain = kit_vector(&in->gain, s, needs & DCT_MAY_GAIN && s->parts, 7),
        .bias = kit_vector(&in->bias, s,
                           needs & DCT_NEEDS_BIAS || (needs & DCT_MAY_BIAS && s->parts), 8),
        .scale = needs & DCT_NEEDS_SCALE ? 0.5f : 0.0f,
        .eps = needs & DCT_NEEDS_EPS ? 0x1p-17f : 0.0f};
}

// Each row against its bound, and gaps as they were.
static void kit_check_rows(const rows_kit *kit, const decoct_rows_args *a) {
    for (int64_t i = 0; i < a->rows; i++) {
        rows_row row = {.a = a,
                        .index = i,
                        .x = (const float *)a->x + i * a->x_stride,
                        .up = a->up ? a->up + i * a->up_stride : NULL,
                        .y = a->y + i * a->y_stride};
        double error = kit->error(&row);
        if (!(error <= 1.0)) {
            print_error("%s, form %d, row of %lld: %.3g of the bound\n", decoct_op_name(a->op),
                        a->form, (long long)a->cols, error);
        }
        assert_true(error <= 1.0);
        assert_true(i + 1 == a->rows || check_padding(row.y + a->cols, a->y_stride - a->cols));
    }
}

static void kit_same_rows(const decoct_rows_args *a, const float *right, int64_t stride) {
    for (int64_t i = 0; i < a->rows; i++) {
        assert_true(check_same_bits(a->y + i * a->y_stride, right + i * stride, a->cols));
    }
}

static void kit_check(const rows_kit *kit, decoct_context *ctx, decoct_context *scalar,
                      const rows_arenas *in, const rows_shape *s) {
    decoct_rows_args a = kit_args(kit, in, s), b = a;
    int64_t span = s->rows ? (s->rows - 1) * a.y_stride + s->cols : 0;
    a.y = check_place(&in->y, span, s->end);
    b.y = check_place(&in->right, span, s->end);
    assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
    kit_check_rows(kit, &a);
    assert_int_equal(decoct_rows(scalar, &b), DECOCT_OK);
    kit_same_rows(&a, b.y, b.y_stride);
    // In place: x is lost, and so comes last.
    a.y = (float *)(uintptr_t)a.x;
    a.y_stride = a.x_stride;
    assert_int_equal(decoct_rows(ctx, &a), DECOCT_OK);
    kit_same_rows(&a, b.y, b.y_stride);
    for (int64_t i = 0; i + 1 < a.rows; i++) {
        assert_true(check_padding(a.y + i * a.y_stride + a.cols, s->x_pad));
    }
}

// All shapes, forms and sizes of numbers; then rows that threads share.
static void kit_sweep(void **state, const rows_kit *kit) {
    static const float sizes[] = {1.0f, 20.0f, 150.0f, 0x1p-100f};
    decoct_context *ctx = check_open(*state, 3), *scalar = check_open("scalar", 1);
    if (!ctx) {
        decoct_context_close(scalar);
        skip();
    }
    rows_arenas in = kit_open();
    for (int i = 0; i < CHECK_DIMS * CHECK_DIMS * 2; i++) {
        int r = i / 2 % CHECK_DIMS, c = i / 2 / CHECK_DIMS;
        rows_shape s = {.rows = check_dims[r],
                        .cols = check_dims[c],
                        .x_pad = (r + c) % 3,
                        .y_pad = (r + 2 * c) % 4,
                        .up_pad = r % 2,
                        .size = sizes[(r + c + i) % 4],
                        .end = i % 2,
                        .parts = (r + c) % 2};
        for (s.form = 0; s.form < kit_forms(kit->op); s.form++) {
            kit_check(kit, ctx, scalar, &in, &s);
        }
    }
    static const int64_t lengths[][2] = {{2, 65541}, {40, 1025}, {300, 384}, {3, 2049}};
    for (size_t i = 0; i < 2 * sizeof lengths / sizeof *lengths; i++) {
        rows_shape s = {.rows = lengths[i / 2][0],
                        .cols = lengths[i / 2][1],
                        .size = 30.0f,
                        .end = true,
                        .parts = i % 2};
        for (s.form = 0; s.form < kit_forms(kit->op); s.form++) {
            kit_check(kit, ctx, scalar, &in, &s);
        }
    }
    kit_close(&in);
    decoct_context_close(ctx);
    decoct_context_close(scalar);
}

#endif
