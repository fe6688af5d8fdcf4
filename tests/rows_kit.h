// SPDX-License-Identifier: BSD-2-Clause
// Any operation on rows, by its line of ops.def: operands between forbidden pages, every odd shape
// and form against a bound, against scalar's bits, in place, with gaps between rows, of every type.
#ifndef ROWS_KIT_H
#define ROWS_KIT_H

#include "exact_kit.h"

#include "bench/cases/catalogue.h"
#include "bench/cases/odd.h"
#include "bench/cases/seeded.h"
#include "bench/cases/stored.h"

#include <decoct/lists.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

// One row of a result and what it was made of.
typedef struct rows_row {
    const decoct_rows_args *a;
    int64_t index;           // of the row
    const float *x, *up;     // up NULL: there is none
    const float *before, *y; // what y was, and what it is
} rows_row;

enum { KIT_ROOM = 1 << 18, KIT_TABLE = 7, KIT_IDS = 1 << 10, KIT_COLS = 1 << 17 };
enum { KIT_GAIN, KIT_BIAS, KIT_VECTORS };
static const float KIT_EPS = 1e-5f;

typedef struct kit_shape {
    int64_t rows, cols, x_pad, y_pad;
    float scale, shift; // of x: shift + [-scale, scale)
    bool end;           // operands touch the forbidden page behind them, not the one before
    bool bare;          // without operands that may be missing, and without the old y
    bool in_place;      // y is x
} kit_shape;

typedef struct kit_memory {
    decoct_context *ctx, *scalar;
    check_arena x, up, y, reference, stored, cosine, sine, vector[KIT_VECTORS];
    stored_type *types[DCT_DTYPES]; // NULL: f32
    float before[KIT_COLS];
    int32_t ids[KIT_IDS];
} kit_memory;

static bool kit_has(const catalogue_row *op, uint32_t bits) {
    return (op->needs & bits) != 0;
}

// A call that a case is a copy of; x and y follow.
static decoct_rows_args kit_call_of(const catalogue_row *op, const kit_shape *s) {
    return (decoct_rows_args){.struct_size = sizeof(decoct_rows_args),
                              .op = op->op,
                              .form = op->form,
                              .rows = s->rows,
                              .cols = s->cols,
                              .x_stride = s->cols + s->x_pad,
                              .y_stride = s->cols + s->y_pad,
                              .up_stride =
                                  kit_has(op, DCT_MAY_UP) && !s->bare ? s->cols + s->x_pad : 0,
                              .table_rows = kit_has(op, DCT_NEEDS_IDS) ? KIT_TABLE : 0,
                              .scale = kit_has(op, DCT_NEEDS_SCALE) ? 0.5f : 0.0f,
                              .eps = kit_has(op, DCT_NEEDS_EPS) ? KIT_EPS : 0.0f,
                              .beta = kit_has(op, DCT_NEEDS_BETA) && !s->bare ? 0.25f : 0.0f};
}

static int64_t kit_span(int64_t rows, int64_t cols, int64_t stride) {
    return rows ? (rows - 1) * stride + cols : 0;
}

static void kit_fill_rows(float *p, const kit_shape *s, int64_t rows, int64_t stride,
                          uint64_t seed) {
    for (int64_t i = 0; i < rows; i++) {
        check_fill(p + i * stride, s->cols, (uint64_t)i + seed, s->scale);
        if (s->cols > 0) {
            p[i * stride + s->cols - 1] = s->scale; // the largest value is in the tail
        }
        for (int64_t j = 0; j < s->cols; j++) {
            p[i * stride + j] += s->shift;
        }
    }
}

static const float *kit_vector(kit_memory *k, int which, const kit_shape *s) {
    float *p = check_place(&k->vector[which], s->cols, s->end);
    check_fill(p, s->cols, 7 + (uint64_t)which, 2.0f);
    return p;
}

// Heads of a third or half of the columns where that is possible; all of their columns are turned,
// or all but two.
static void kit_place_angles(kit_memory *k, const kit_shape *s, decoct_rows_args *a) {
    int64_t dim = s->cols % 3 == 0 ? s->cols / 3 : s->cols % 2 == 0 ? s->cols / 2 : s->cols;
    a->head_dim = dim;
    a->rotary_dim = dim - dim % 2 - (dim > 3 && s->bare ? 2 : 0);
    a->angle_stride = a->rotary_dim / 2 + s->x_pad;
    const kit_shape table = {.cols = a->rotary_dim / 2, .scale = 1.0f};
    int64_t span = kit_span(s->rows, table.cols, a->angle_stride);
    float *cosine = check_place(&k->cosine, span, s->end);
    float *sine = check_place(&k->sine, span, s->end);
    kit_fill_rows(cosine, &table, s->rows, a->angle_stride, 1500);
    kit_fill_rows(sine, &table, s->rows, a->angle_stride, 2500);
    a->cosine = cosine;
    a->sine = sine;
}

// The largest error of an element, in units of the bound that the headers state. The rows of a
// softmax also add up to 1.
static inline double kit_row_error(const rows_row *r) {
    const decoct_rows_args *a = r->a;
    const exact_row row = {.op = a->op,
                           .form = a->form,
                           .cols = a->cols,
                           .x = r->x,
                           .up = r->up,
                           .gain = a->gain,
                           .bias = a->bias,
                           .before = r->before,
                           .scale = a->scale != 0.0f ? a->scale : 1.0f,
                           .beta = a->beta,
                           .eps = a->eps,
                           .cosine = a->cosine ? a->cosine + r->index * a->angle_stride : NULL,
                           .sine = a->sine ? a->sine + r->index * a->angle_stride : NULL,
                           .head_dim = a->head_dim,
                           .rotary_dim = a->rotary_dim};
    double worst = exact_row_error(&row, r->y), sum = 0.0;
    for (int64_t j = 0; j < a->cols; j++) {
        sum += (double)r->y[j];
    }
    bool sums = a->op == DECOCT_OP_SOFTMAX && a->cols > 0;
    return sums ? check_worse(worst, fabs(sum - 1.0) / 0x1p-20) : worst;
}

// All operands but y. Returns x, which a table of ids is, too.
static float *kit_place_inputs(kit_memory *k, const catalogue_row *op, const kit_shape *s,
                               decoct_rows_args *a) {
    bool table = kit_has(op, DCT_NEEDS_IDS);
    int64_t rows = table ? KIT_TABLE : s->rows;
    float *x = check_place(&k->x, kit_span(rows, s->cols, a->x_stride), s->end);
    kit_fill_rows(x, s, rows, a->x_stride, 1);
    if (table) {
        seeded_ids(3, KIT_TABLE, k->ids, s->rows);
        a->ids = k->ids;
    }
    if (kit_has(op, DCT_MAY_UP) && !s->bare) {
        float *up = check_place(&k->up, kit_span(s->rows, s->cols, a->up_stride), s->end);
        kit_fill_rows(up, s, s->rows, a->up_stride, 500);
        a->up = up;
    }
    if (kit_has(op, DCT_NEEDS_ANGLES)) {
        kit_place_angles(k, s, a);
    }
    a->gain = kit_has(op, DCT_MAY_GAIN) && !s->bare ? kit_vector(k, KIT_GAIN, s) : NULL;
    a->bias = kit_has(op, DCT_NEEDS_BIAS) || (kit_has(op, DCT_MAY_BIAS) && !s->bare)
                  ? kit_vector(k, KIT_BIAS, s)
                  : NULL;
    a->x = x;
    return x;
}

// y as it is before the call; in place it is a copy of x.
static float *kit_place_y(const check_arena *arena, const kit_shape *s, const float *x) {
    int64_t stride = s->cols + s->y_pad;
    float *y = check_place(arena, kit_span(s->rows, s->cols, stride), s->end);
    kit_fill_rows(y, s, s->rows, stride, 99);
    for (int64_t i = 0; i < s->rows && s->in_place; i++) {
        memcpy(y + i * stride, x + i * stride, (size_t)s->cols * sizeof *y);
    }
    return y;
}

static void kit_run(decoct_context *ctx, const kit_shape *s, const decoct_rows_args *a, float *y) {
    decoct_rows_args call = *a;
    call.y = y;
    call.x = s->in_place ? y : a->x;
    assert_int_equal(decoct_rows(ctx, &call), DECOCT_OK);
}

// Each row against the bound.
static void kit_check_bounds(kit_memory *k, const kit_shape *s, const decoct_rows_args *a,
                             const float *x) {
    for (int64_t i = 0; i < s->rows; i++) {
        rows_row row = {.a = a,
                        .index = i,
                        .x = x + (a->ids ? a->ids[i] : i) * a->x_stride,
                        .up = a->up ? a->up + i * a->up_stride : NULL,
                        .y = a->y + i * a->y_stride};
        kit_fill_rows(k->before, s, 1, 0, (uint64_t)i + 99); // as kit_place_y
        row.before = s->in_place ? row.x : k->before;
        double worst = kit_row_error(&row);
        if (!(worst <= 1.0)) {
            print_error("%s, form %d, row of %lld: %.3g of the bound\n", decoct_op_name(a->op),
                        a->form, (long long)s->cols, worst);
        }
        assert_true(worst <= 1.0);
    }
}

static void kit_check_rows(const catalogue_row *op, const kit_shape *s, const float *y,
                           const float *right) {
    int64_t stride = s->cols + s->y_pad;
    for (int64_t i = 0; i < s->rows; i++) {
        const float *row = y + i * stride;
        if (!check_same_bits(row, right + i * stride, s->cols)) {
            fail_msg("%s, row %lld of %lld, %lld columns: not scalar's bits", op->name,
                     (long long)i, (long long)s->rows, (long long)s->cols);
        }
        assert_true(i + 1 == s->rows || check_padding(row + s->cols, s->y_pad));
    }
}

// x of another type has the bits of the same numbers as f32.
static void kit_check_types(kit_memory *k, const catalogue_row *op, const kit_shape *s,
                            decoct_rows_args a, float *x) {
    int64_t rows = a.ids ? KIT_TABLE : s->rows, count = kit_span(rows, s->cols, a.x_stride);
    for (decoct_dtype t = DECOCT_F32; t < DCT_DTYPES && kit_has(op, DCT_ANY_DTYPE); t++) {
        if (k->types[t] && !s->in_place) {
            int64_t floats = ((int64_t)stored_bytes(t, (double)count) + 3) / 4;
            char *at = (char *)check_place(&k->stored, floats, s->end);
            at += s->end ? floats * 4 - (int64_t)stored_bytes(t, (double)count) : 0;
            kit_fill_rows(x, s, rows, a.x_stride, 1);
            stored_write(k->types[t], x, count, at);
            float *y = kit_place_y(&k->y, s, x), *right = kit_place_y(&k->reference, s, x);
            kit_run(k->scalar, s, &a, right);
            decoct_rows_args typed = a;
            typed.x = at;
            typed.x_dtype = t;
            kit_run(k->ctx, s, &typed, y);
            kit_check_rows(op, s, y, right);
        }
    }
}

static void kit_check(kit_memory *k, const catalogue_row *op, const kit_shape *s) {
    decoct_rows_args a = kit_call_of(op, s);
    float *x = kit_place_inputs(k, op, s, &a);
    float *y = kit_place_y(&k->y, s, x), *right = kit_place_y(&k->reference, s, x);
    kit_run(k->ctx, s, &a, y);
    a.y = y;
    kit_check_bounds(k, s, &a, x);
    kit_run(k->scalar, s, &a, right);
    kit_check_rows(op, s, y, right);
    kit_check_types(k, op, s, a, x);
}

static bool kit_open(kit_memory *k, const char *backend) {
    *k = (kit_memory){.ctx = check_open(backend, 3)};
    if (!k->ctx) {
        return false;
    }
    k->scalar = check_open("scalar", 1);
    check_arena *large[] = {&k->x, &k->up, &k->y, &k->reference, &k->stored, &k->cosine, &k->sine};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        *large[i] = check_arena_open(KIT_ROOM);
    }
    for (int i = 0; i < KIT_VECTORS; i++) {
        k->vector[i] = check_arena_open(KIT_COLS);
    }
    for (decoct_dtype t = DECOCT_F32 + 1; t < DCT_DTYPES; t++) {
        decoct_status status = stored_open(k->scalar, t, &k->types[t]);
        assert_true(status == DECOCT_OK || status == DECOCT_E_UNSUPPORTED);
    }
    return true;
}

static void kit_close(kit_memory *k) {
    check_arena *large[] = {&k->x, &k->up, &k->y, &k->reference, &k->stored, &k->cosine, &k->sine};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        check_arena_close(large[i]);
    }
    for (int i = 0; i < KIT_VECTORS; i++) {
        check_arena_close(&k->vector[i]);
    }
    for (int t = 0; t < DCT_DTYPES; t++) {
        stored_close(k->types[t]);
    }
    decoct_context_close(k->ctx);
    decoct_context_close(k->scalar);
}

// Rows and columns of odd numbers, with gaps between the rows, with and without what may be
// missing.
static void kit_check_odd_shapes(kit_memory *k, const catalogue_row *op) {
    static const float scales[] = {1.0f, 20.0f, 150.0f, 0x1p-100f};
    // Tiny rows beside a bias or eps of ordinary size would only test these.
    unsigned kinds = kit_has(op, DCT_NEEDS_BIAS | DCT_NEEDS_EPS) ? 3 : 4;
    for (unsigned r = 0; r < ODD_DIMS; r++) {
        for (unsigned c = 0; c < ODD_DIMS; c++) {
            for (unsigned turn = 0; turn < 4; turn++) {
                kit_shape s = {.rows = odd_dims[r],
                               .cols = odd_dims[c],
                               .x_pad = (r + c) % 3,
                               .y_pad = (r + 2 * c) % 4,
                               .scale = scales[(r + c + turn) % kinds],
                               .end = turn % 2,
                               .bare = turn / 2,
                               .in_place = turn == 3 && !kit_has(op, DCT_NEEDS_IDS)};
                s.y_pad = s.in_place ? s.x_pad : s.y_pad;
                kit_check(k, op, &s);
            }
        }
    }
}

// The shapes that are hashed, one of long rows, and rows far from zero.
static void kit_check_other_shapes(kit_memory *k, const catalogue_row *op,
                                   const catalogue_shape *list, int count) {
    for (int i = 0; i < count; i++) {
        if (!list[i].large && strcmp(list[i].op, op->name) == 0) {
            kit_check(
                k, op,
                &(kit_shape){.rows = list[i].dims[0], .cols = list[i].dims[1], .scale = 4.0f});
        }
    }
    // A table of that width would not fit.
    int64_t cols = kit_has(op, DCT_NEEDS_IDS) ? 32768 + 5 : 65536 + 5;
    kit_check(k, op, &(kit_shape){.rows = 2, .cols = cols, .scale = 30.0f, .end = true});
    kit_check(k, op, &(kit_shape){.rows = 300, .cols = 384, .scale = 30.0f, .end = true});
    static const kit_shape shifted[] = {{.rows = 3, .cols = 100, .scale = 1.0f, .shift = 1000.0f},
                                        {.rows = 2, .cols = 1025, .scale = 0.5f, .shift = -4096.0f},
                                        {.rows = 1, .cols = 2049, .scale = 1e-3f, .shift = 8.0f}};
    for (size_t i = 0; kit_has(op, DCT_NEEDS_EPS) && i < 2 * sizeof shifted / sizeof *shifted;
         i++) {
        kit_shape s = shifted[i / 2];
        s.bare = i % 2;
        kit_check(k, op, &s);
    }
}

// All shapes of all forms of the operation.
static void kit_sweep(void **state, decoct_op wanted) {
    static kit_memory k;
    catalogue_row op;
    int count = 0, forms = 0;
    if (!kit_open(&k, *state)) {
        skip();
    }
    catalogue_shape *list = catalogue_shapes(&count);
    assert_non_null(list);
    for (int i = 0; catalogue_row_at(i, &op); i++) {
        if (op.op == wanted) {
            kit_check_odd_shapes(&k, &op);
            kit_check_other_shapes(&k, &op, list, count);
            forms++;
        }
    }
    assert_true(forms > 0);
    free(list);
    kit_close(&k);
}

#endif
