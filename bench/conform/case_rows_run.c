// SPDX-License-Identifier: BSD-2-Clause
#include "case_rows.h"
#include "case_whole.h"

#include "cases/hard_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_ROWS = 7 };

const rows_shape rows_plain = {
    .scale = 4.0f, .factor = 0.5f, .beta = -0.75f, .eps = 0x1p-17f, .given = ROWS_ALL};

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

static decoct_op op_of(const conform_probe *p) {
    return p->slot - DCT_SLOT_ROWS;
}

bool rows_has(const conform_probe *p, uint32_t bits) {
    return (needs_of[op_of(p)] & bits) != 0;
}

int32_t rows_forms(const conform_probe *p) {
    return forms_of[op_of(p)];
}

int rows_optional(const conform_probe *p) {
    return (rows_has(p, DCT_MAY_GAIN) ? ROWS_GAIN : 0) |
           (rows_has(p, DCT_MAY_BIAS) ? ROWS_BIAS : 0) | (rows_has(p, DCT_MAY_UP) ? ROWS_UP : 0) |
           (rows_has(p, DCT_NEEDS_BETA) ? ROWS_BETA : 0);
}

float rows_power(int exponent) {
    return ldexpf(1.0f, exponent);
}

// ---- Operands ----

typedef struct rows_operands {
    conform_matrix *x, *before; // before: y before the call, in place a copy of x
    conform_matrix *up, *gain, *bias, *ids, *cosine, *sine, *y, *right;
    decoct_rows_piece piece; // of y
} rows_operands;

static conform_matrix *make(conform_probe *p, const rows_shape *s, const char *name, int64_t rows,
                            int64_t gap, decoct_dtype dtype, conform_where where) {
    conform_matrix *m = conform_operand(p, name, rows, s->joined ? s->cols + gap : s->cols,
                                        s->cols + gap, dtype, where);
    cases_fill(p, m, s->scale, s->special);
    for (int64_t i = 0; i < rows && s->hard; i++) {
        hard_row_make(s->hard, (float *)m->data + i * m->stride, s->cols);
    }
    return m;
}

static conform_matrix *make_vector(conform_probe *p, const rows_shape *s, const char *name,
                                   bool special) {
    conform_matrix *m = conform_operand(p, name, 1, s->cols, s->cols, DECOCT_F32, s->others);
    cases_fill(p, m, 2.0f, special ? s->special : NULL);
    return m;
}

static int64_t head_dim_of(int64_t cols) {
    return cols % 3 == 0 ? cols / 3 : cols % 2 == 0 ? cols / 2 : cols;
}

static void make_angles(conform_probe *p, const rows_shape *s, rows_operands *o) {
    int64_t dim = head_dim_of(s->cols), turned = dim - dim % 2;
    turned = s->unturned ? 0 : s->partial && turned > 2 ? turned - 2 : turned;
    int64_t half = turned / 2, stride = half + (s->others == CONFORM_ALIGNED ? cases_gap(half) : 1);
    conform_matrix **tables[] = {&o->cosine, &o->sine};
    for (int i = 0; i < 2; i++) {
        *tables[i] =
            conform_operand(p, i ? "sine" : "cosine", s->rows, half, stride, DECOCT_F32, s->others);
        cases_fill(p, *tables[i], 1.0f, s->all_special ? s->special : NULL);
        conform_input(p, *tables[i]);
    }
    o->piece.cosine = o->cosine->data;
    o->piece.sine = o->sine->data;
    o->piece.angle_stride = stride;
    o->piece.head_dim = dim;
    o->piece.rotary_dim = turned;
}

static conform_matrix *make_ids(conform_probe *p, const rows_shape *s) {
    conform_matrix *ids = conform_ids(p, "ids", s->rows, s->others);
    for (int64_t i = 0; i < s->rows; i++) {
        ((int32_t *)ids->data)[i] = (int32_t)(conform_random(p) % TABLE_ROWS);
    }
    conform_input(p, ids);
    return ids;
}

static const float *vector_of(conform_probe *p, const rows_shape *s, const char *name, bool special,
                              conform_matrix **m) {
    *m = make_vector(p, s, name, special);
    conform_input(p, *m);
    return (*m)->data;
}

// What is read besides x and y.
static void make_others(conform_probe *p, const rows_shape *s, rows_operands *o) {
    bool always = rows_has(p, DCT_NEEDS_BIAS);
    if (rows_has(p, DCT_MAY_UP) && s->given & ROWS_UP) {
        o->up = make(p, s, "up", s->rows, s->x_gap, DECOCT_F32, s->x_where);
        conform_input(p, o->up);
        o->piece.up = conform_in(o->up);
    }
    if (rows_has(p, DCT_MAY_GAIN) && s->given & ROWS_GAIN) {
        o->piece.gain = vector_of(p, s, "gain", s->all_special, &o->gain);
    }
    if (always || (rows_has(p, DCT_MAY_BIAS) && s->given & ROWS_BIAS)) {
        o->piece.bias = vector_of(p, s, "bias", s->all_special, &o->bias);
    }
    if (rows_has(p, DCT_NEEDS_IDS)) {
        o->ids = make_ids(p, s);
        o->piece.ids = o->ids->data;
    }
    if (rows_has(p, DCT_NEEDS_ANGLES)) {
        make_angles(p, s, o);
    }
}

static conform_matrix *make_y(conform_probe *p, const rows_shape *s, const rows_operands *o) {
    bool read = rows_has(p, DCT_READS_Y) && o->piece.beta != 0.0f;
    read = read || (rows_has(p, DCT_READS_Y) && !rows_has(p, DCT_NEEDS_BETA));
    conform_matrix *y = conform_operand(p, "y", s->rows, s->joined ? s->cols + s->y_gap : s->cols,
                                        s->cols + s->y_gap, DECOCT_F32, s->y_where);
    if (s->in_place) {
        for (int64_t i = 0; i < s->rows; i++) {
            memcpy((float *)y->data + i * y->stride, (float *)o->x->data + i * o->x->stride,
                   (size_t)s->cols * sizeof(float));
        }
    } else if (read) {
        cases_fill(p, y, s->scale, s->special);
    }
    return y; // else its old numbers are NaN
}

static void make_operands(conform_probe *p, const rows_shape *s, rows_operands *o) {
    bool table = rows_has(p, DCT_NEEDS_IDS);
    *o = (rows_operands){.piece = {.rows = s->rows, .cols = s->cols, .form = s->form}};
    o->piece.scale = rows_has(p, DCT_NEEDS_EPS)     ? s->eps
                     : rows_has(p, DCT_NEEDS_SCALE) ? s->factor
                                                    : 0.0f;
    o->piece.beta = rows_has(p, DCT_NEEDS_BETA) && s->given & ROWS_BETA ? s->beta : 0.0f;
    o->x = make(p, s, table ? "table" : "x", table ? TABLE_ROWS : s->rows, s->x_gap, p->dtype,
                s->x_where);
    conform_input(p, o->x);
    make_others(p, s, o);
    o->before = make_y(p, s, o);
    conform_input(p, o->before);
    o->y = conform_copy(p, o->before);
    o->right = conform_copy(p, o->before);
    o->piece.x = s->in_place ? conform_in(o->y) : conform_in(o->x);
    o->piece.y = conform_out(o->y);
    o->piece.y_streams = s->streams && !s->in_place && !rows_has(p, DCT_READS_Y);
}

// ---- Judging ----

static const float *row_at(const conform_matrix *m, int64_t i) {
    return m ? (const float *)m->data + i * m->stride : NULL;
}

// Row i of x, as f32.
static void read_x(const rows_operands *o, int64_t i, float *x) {
    int64_t row = o->ids ? ((const int32_t *)o->ids->data)[i] : i;
    for (int64_t j = 0; j < o->piece.cols; j++) {
        x[j] = conform_get(o->x, row, j);
    }
}

static bool is_near(conform_probe *p, const char *reason, const rows_operands *o,
                    const conform_matrix *given) {
    const decoct_rows_piece *a = &o->piece;
    exact_result all = cases_exact_room(a->rows, a->cols);
    float *x = calloc((size_t)a->cols, sizeof *x);
    bool known = x;
    for (int64_t i = 0; i < a->rows && known; i++) {
        read_x(o, i, x);
        const exact_row row = {.op = op_of(p),
                               .form = a->form,
                               .cols = a->cols,
                               .x = x,
                               .up = row_at(o->up, i),
                               .gain = a->gain,
                               .bias = a->bias,
                               .before = row_at(o->before, i),
                               .scale = a->scale,
                               .beta = a->beta,
                               .eps = a->scale,
                               .cosine = row_at(o->cosine, i),
                               .sine = row_at(o->sine, i),
                               .head_dim = a->head_dim,
                               .rotary_dim = a->rotary_dim,
                               .order = cases_order(p)};
        known = exact_row_of(&row, cases_exact_row(all, i, a->cols));
    }
    bool near = known ? cases_near(p, reason, given, all) : true;
    cases_exact_free(all);
    free(x);
    return near;
}

static void run_right(conform_probe *p, const rows_shape *s, const rows_operands *o) {
    decoct_rows_piece right = o->piece;
    right.y = conform_out(o->right);
    right.x = s->in_place ? conform_in(o->right) : o->piece.x;
    conform_call_right((conform_kernel *)p->right->rows[op_of(p)].run, &right);
}

static bool call_given(conform_probe *p, const rows_operands *o) {
    return conform_call(p, (conform_kernel *)p->given->rows[op_of(p)].run, &o->piece);
}

// The reason of a difference: that of the case if the plain case of this size is right.
static const char *find_reason(conform_probe *p, const char *reason, const rows_shape *s) {
    rows_operands o;
    rows_shape plain = rows_plain;
    plain.form = s->form;
    plain.rows = s->rows;
    plain.cols = s->cols;
    plain.x_gap = plain.y_gap = cases_gap(s->cols);
    if (s->whole || !cases_is_aspect(reason)) {
        return reason;
    }
    make_operands(p, &plain, &o);
    run_right(p, &plain, &o);
    return call_given(p, &o) && !cases_same(o.y, o.right) ? "bits" : reason;
}

static bool is_right(conform_probe *p, const char *reason, const rows_shape *s,
                     const rows_operands *o) {
    conform_matrix given = cases_columns(o->y, s->cols), right = cases_columns(o->right, s->cols);
    if (!p->exact || s->near) {
        return s->memory_only || is_near(p, reason, o, &given);
    }
    return s->memory_only || cases_same(&given, &right) ||
           conform_compare_bits(p, find_reason(p, reason, s), &given, &right);
}

// ---- The case ----

static void name_case(conform_probe *p, const rows_shape *s) {
    static const char *const places[] = {"aligned", "at the end", "at the start", "unaligned"};
    const char *numbers = s->special ? s->special->name : s->hard ? s->hard->name : "";
    conform_begin(p, "form %d, %lld x %lld, gaps %lld and %lld, %s and %s%s%s%s%s%s", s->form,
                  (long long)s->rows, (long long)s->cols, (long long)s->x_gap, (long long)s->y_gap,
                  places[s->x_where], places[s->y_where], s->in_place ? ", in place" : "",
                  s->streams ? ", past the caches" : "",
                  rows_optional(p) & ~s->given ? ", operands missing" : "", *numbers ? ", " : "",
                  numbers);
}

bool rows_run(conform_probe *p, const char *reason, const rows_shape *s) {
    rows_operands o;
    if ((s->special || s->hard) && !p->exact) {
        return true; // of other bits only the accuracy for ordinary numbers is required
    }
    name_case(p, s);
    make_operands(p, s, &o);
    run_right(p, s, &o);
    if (s->whole) {
        whole_end end = whole_rows(p, op_of(p), &o.piece, s->threads);
        return end == WHOLE_DECLINED ? conform_compare_bits(p, "write_bounds", o.y, o.before)
                                     : end == WHOLE_DONE && is_right(p, reason, s, &o);
    }
    bool fine = call_given(p, &o);
    return is_right(p, reason, s, &o) && fine;
}
