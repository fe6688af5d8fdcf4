// SPDX-License-Identifier: BSD-2-Clause
// The operations on rows, each form of each line of ops.def: which operands it has follows from
// what the line says it needs.
#include "hard_rows.h"
#include "op.h"
#include "rows_call.h"
#include "seeded.h"
#include "stored.h"

#include <decoct/lists.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS, COLS, TABLE_ROWS, FORMS_MOST = 8, TABLE = 4096, MEMORY_COST = 4 };

static const struct {
    const char *name;
    uint32_t needs;
    int forms;
    double cost;
} lines[] = {
#define DECOCT_OP(NAME, name, needs, forms, cost) {#name, needs, forms, cost},
#include <decoct/ops.def>
#undef DECOCT_OP
};

static const char *const form_names[DCT_OPS][FORMS_MOST] = {
#define DECOCT_OP(NAME, name, needs, forms, cost)
#define DECOCT_FORM(NAME, form, name) [DECOCT_OP_##NAME][form] = #name,
#include <decoct/ops.def>
#undef DECOCT_OP
};

static uint32_t needs_of(const bench_work *w) {
    return w->op.needs;
}

static bool has(const bench_work *w, uint32_t bits) {
    return (needs_of(w) & bits) != 0;
}

// ---- Shapes of a decoder ----

// The scores of all heads: heads seq rows of seq columns.
static void shape_of_scores(const work_case *c, int64_t dims[WORK_DIMS]) {
    dims[ROWS] = c->heads * c->seq;
    dims[COLS] = c->seq;
}

// The activations: (seq, d).
static void shape_of_activations(const work_case *c, int64_t dims[WORK_DIMS]) {
    dims[ROWS] = c->seq;
    dims[COLS] = op_d_model(c);
    dims[TABLE_ROWS] = TABLE;
}

// ---- Operands ----

static int64_t count_rows(const bench_work *w) {
    return w->dims[ROWS] * w->dims[COLS];
}

static int64_t width_rows(const bench_work *w) {
    return w->dims[COLS];
}

// The scores of attention are scaled in the operation.
static bool is_of_scores(uint32_t needs) {
    return (needs & DCT_NEEDS_SCALE) && !(needs & DCT_READS_Y);
}

// A bias is added in place.
static bool is_in_place(const bench_work *w) {
    return has(w, DCT_NEEDS_BIAS);
}

static int role_of_x(const bench_work *w) {
    return is_in_place(w) ? ROLE_Y : has(w, DCT_NEEDS_IDS) ? ROLE_W : ROLE_X;
}

// Hashed numbers spread so far that exponentials matter, and not where they are only added.
static float scale_of_x(const bench_work *w) {
    bool plain = w->op.hard || has(w, DCT_READS_Y | DCT_NEEDS_IDS);
    return plain ? 1.0f : has(w, DCT_NEEDS_SCALE) ? 16.0f : has(w, DCT_NEEDS_EPS) ? 4.0f : 8.0f;
}

static bool fill_x(bench_work *w) {
    int64_t rows = has(w, DCT_NEEDS_IDS) ? w->dims[TABLE_ROWS] : w->dims[ROWS],
            cols = width_rows(w);
    float *x = is_in_place(w) ? NULL : op_fill(w, role_of_x(w), rows * cols, scale_of_x(w), 2.0f);
    for (int64_t i = 0; x && w->op.hard && i < rows; i++) {
        hard_row_make(&hard_rows[i % HARD_HASHED], x + i * cols, cols);
    }
    return x || is_in_place(w);
}

// A table of another type than f32 is x as it is stored.
static decoct_status store_x(bench_work *w) {
    int64_t all = w->dims[TABLE_ROWS] * width_rows(w);
    return w->c.dtype == DECOCT_F32
               ? DECOCT_OK
               : stored_new(w->ctx, w->c.dtype, w->operand[ROLE_W], all, &w->stored);
}

static bool fill_ids(bench_work *w) {
    w->ids = malloc((size_t)w->dims[ROWS] * sizeof *w->ids);
    if (w->ids) {
        seeded_ids(ROLE_IDS, w->dims[TABLE_ROWS], w->ids, w->dims[ROWS]);
    }
    return w->ids;
}

// y as it is before each run.
static bool keep_y(bench_work *w) {
    float *before = op_fill(w, ROLE_BEFORE, count_rows(w), 0.0f, 0.0f);
    if (before) {
        memcpy(before, w->operand[ROLE_Y], (size_t)count_rows(w) * sizeof *before);
    }
    return before;
}

// A decoder's heads; of other shapes three heads where that is possible.
static int64_t head_dim(const bench_work *w) {
    int64_t cols = width_rows(w);
    return !w->c.hashed ? w->c.head_dim : cols % 3 ? cols : cols / 3;
}

// Pairs of columns that are turned.
static int64_t pairs(const bench_work *w) {
    return has(w, DCT_NEEDS_ANGLES) ? head_dim(w) / 2 : 0;
}

static bool fill_angles(bench_work *w) {
    int64_t all = w->dims[ROWS] * pairs(w);
    return op_fill(w, ROLE_COSINE, all, 1.0f, 1.0f) && op_fill(w, ROLE_SINE, all, 1.0f, 1.0f);
}

static decoct_status open_rows(bench_work *w) {
    bool made = fill_x(w) && op_fill(w, ROLE_Y, count_rows(w), 1.0f, 2.0f) &&
                (!has(w, DCT_MAY_UP) || op_fill(w, ROLE_UP, count_rows(w), 8.0f, 2.0f)) &&
                (!has(w, DCT_MAY_GAIN) || op_fill(w, ROLE_GAIN, width_rows(w), 2.0f, 2.0f)) &&
                (!has(w, DCT_MAY_BIAS | DCT_NEEDS_BIAS) ||
                 op_fill(w, ROLE_BIAS, width_rows(w), 1.0f, 2.0f)) &&
                (!has(w, DCT_NEEDS_IDS) || fill_ids(w)) &&
                (!has(w, DCT_NEEDS_ANGLES) || fill_angles(w)) && (!w->op.adds || keep_y(w));
    return made ? store_x(w) : DECOCT_E_MEMORY;
}

// ---- Running ----

static decoct_rows_args arguments(const bench_work *w) {
    return (decoct_rows_args){.struct_size = sizeof(decoct_rows_args),
                              .op = w->op.line,
                              .form = w->op.form,
                              .rows = w->dims[ROWS],
                              .cols = w->dims[COLS],
                              .x = w->stored ? w->stored : w->operand[role_of_x(w)],
                              .x_dtype = w->c.dtype,
                              .y = w->operand[ROLE_Y],
                              .up = w->operand[ROLE_UP],
                              .gain = w->operand[ROLE_GAIN],
                              .bias = w->operand[ROLE_BIAS],
                              .ids = w->ids,
                              .table_rows = has(w, DCT_NEEDS_IDS) ? w->dims[TABLE_ROWS] : 0,
                              .scale = has(w, DCT_NEEDS_SCALE) && w->c.hashed ? 0.5f : 0.0f,
                              .eps = has(w, DCT_NEEDS_EPS) ? 0x1p-17f : 0.0f,
                              .beta = has(w, DCT_NEEDS_BETA) ? 0.25f : 0.0f,
                              .cosine = w->operand[ROLE_COSINE],
                              .sine = w->operand[ROLE_SINE],
                              .head_dim = has(w, DCT_NEEDS_ANGLES) ? head_dim(w) : 0};
}

static decoct_status run_rows(bench_work *w) {
    decoct_rows_args a = arguments(w);
    return rows_call(w->ctx, &a);
}

static decoct_status rows_alone(bench_work *w, const int64_t *which, int64_t number, float *out) {
    decoct_status status = DECOCT_OK;
    int64_t cols = width_rows(w);
    for (int64_t i = 0; i < number && !status; i++) {
        decoct_rows_args a = arguments(w);
        int64_t at = which[i] * cols;
        a.rows = 1;
        a.y = out + i * cols;
        if (w->op.adds) {
            memcpy(a.y, w->operand[ROLE_BEFORE] + at, (size_t)cols * sizeof *a.y);
        }
        a.x = is_in_place(w) ? a.y : a.ids ? a.x : (const float *)a.x + at;
        a.ids = a.ids ? a.ids + which[i] : NULL;
        a.up = a.up ? a.up + at : NULL;
        a.cosine = a.cosine ? a.cosine + which[i] * pairs(w) : NULL;
        a.sine = a.sine ? a.sine + which[i] * pairs(w) : NULL;
        status = rows_call(w->ctx, &a);
    }
    return status;
}

// Arithmetic is counted where it can be the limit; a lower count gives a lower share of the
// ceiling. What an operation's line says is more than the memory access of an element is at most
// that.
static work_cost cost_rows(const bench_work *w) {
    double all = (double)count_rows(w), cols = (double)width_rows(w);
    double passes = 2.0 + (has(w, DCT_READS_Y) ? 1.0 : 0.0) + (has(w, DCT_MAY_UP) ? 1.0 : 0.0);
    double vectors =
        (has(w, DCT_MAY_GAIN) ? 1.0 : 0.0) + (has(w, DCT_MAY_BIAS | DCT_NEEDS_BIAS) ? 1.0 : 0.0);
    double listed = lines[w->op.line].cost;
    double flop = is_of_scores(needs_of(w)) ? SOFTMAX_FLOP
                  : has(w, DCT_NEEDS_EPS)   ? NORM_FLOP
                  : listed > MEMORY_COST    ? listed
                                            : 0.0;
    return (work_cost){
        .arithmetic = flop * all,
        .bytes = 4.0 * (passes * all + vectors * cols + 2.0 * (double)(w->dims[ROWS] * pairs(w))),
        .streams = true,
        .copies = true};
}

static double need_rows(const bench_work *w) {
    double table = has(w, DCT_NEEDS_IDS) ? (double)(w->dims[TABLE_ROWS] * width_rows(w)) : 0.0;
    return cost_rows(w).bytes + 4.0 * table;
}

// ---- The list ----

static void name(work_op *op) {
    const char *form = form_names[op->line][op->form];
    char number[16] = "";
    if (!form && op->form > 0) {
        snprintf(number, sizeof number, "form%d", op->form);
        form = number;
    }
    snprintf(op->name, sizeof op->name, "%s%s%s%s", lines[op->line].name, form ? "_" : "",
             form ? form : "", op->hard ? "_hard" : "");
}

static void describe(work_op *op) {
    uint32_t needs = lines[op->line].needs;
    op->needs = needs;
    bool scores = is_of_scores(needs);
    op->kernels = lines[op->line].name;
    op->dims = needs & DCT_NEEDS_IDS ? "rows cols table_rows" : "rows cols";
    op->has_head_dim = !scores;
    op->has_dtype = (needs & DCT_ANY_DTYPE) && (needs & DCT_NEEDS_IDS);
    op->adds = needs & (DCT_READS_Y | DCT_NEEDS_BIAS);
    op->shape = op->hard ? NULL : scores ? shape_of_scores : shape_of_activations;
    op->need = need_rows;
    op->open = open_rows;
    op->run = run_rows;
    op->cost = cost_rows;
    op->count = count_rows;
    op->rows = rows_alone;
    op->width = width_rows;
    name(op);
}

bool op_rows_at(int index, work_op *out) {
    for (int line = 0; line < DCT_OPS; line++) {
        for (int form = 0; form < lines[line].forms; form++) {
            for (int hard = 0; hard <= ((lines[line].needs & DCT_NEEDS_EPS) != 0); hard++) {
                if (index-- == 0) {
                    *out = (work_op){.line = line, .form = form, .hard = hard};
                    describe(out);
                    return true;
                }
            }
        }
    }
    return false;
}
