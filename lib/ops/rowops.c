// SPDX-License-Identifier: BSD-2-Clause
// Operations on rows: checks, and rows divided among the threads. The operands of an operation
// follow from its line of ops.def; no operation is named here.
#include "rowops.h"

#include "core/border.h"
#include "core/call_trace.h"
#include "core/overlap.h"
#include "core/progress.h"
#include "machine/memory.h"
#include "whole.h"

#include <math.h>

// Elements of a small and of a large piece of work, and rows of the latter (docs/tuning.md).
enum { SMALL_PIECE = 1 << 14, LARGE_PIECE = 1 << 18, LARGE_ROWS = 16 };
enum { PIECES = 8 }; // of each of several threads, before pieces are more than small

// Elements of a y that, with an x of the same size, is more than the caches of most CPUs hold.
enum { STREAMED = 1 << 23 };

typedef struct rows_facts {
    const char *name;
    uint32_t needs; // DCT_NEEDS_ and so on
    int32_t forms;
    float cost; // multiply-adds that one element is worth
} rows_facts;

static const rows_facts facts[DCT_OPS] = {
#define DECOCT_OP(NAME, name, needs, forms, cost)                                                  \
    [DCT_OP_INDEX_##NAME] = {#name, needs, forms, cost},
#include <decoct/ops.def>
#undef DECOCT_OP
};

const char *decoct_op_name(decoct_op op) {
    return op >= 0 && op < DCT_OPS ? facts[op].name : NULL;
}

// ---- Running ----

typedef struct rows_job {
    const dct_choice *kernels;
    decoct_op op;
    const decoct_rows_piece *whole;
    int64_t chunk; // rows
} rows_job;

static const void *row_of(const decoct_operand *m, int64_t row) {
    return m->data ? (const char *)m->data + row * m->stride * dct_dtype_bytes(m->dtype) : NULL;
}

// On a thread of any vector length.
static void rows_here(const rows_job *job, const decoct_rows_piece *piece) {
    dct_choice_here(job->kernels)->rows[job->op][piece->x.dtype]->run(piece);
}

static void rows_task(void *data, int64_t index, int32_t worker) {
    const rows_job *job = data;
    decoct_rows_piece piece = *job->whole;
    int64_t first = index * job->chunk, left = piece.rows - first;
    (void)worker;
    piece.rows = left < job->chunk ? left : job->chunk;
    piece.y.data = (float *)piece.y.data + first * piece.y.stride;
    piece.up.data = row_of(&piece.up, first);
    piece.cosine = piece.cosine ? piece.cosine + first * piece.angle_stride : NULL;
    piece.sine = piece.sine ? piece.sine + first * piece.angle_stride : NULL;
    if (piece.ids) { // x is a table
        piece.ids += first;
    } else {
        piece.x.data = row_of(&piece.x, first);
    }
    rows_here(job, &piece);
}

// Is y so large that it may be stored past the caches? Where y is x its lines are there already.
static bool streams(decoct_op op, const decoct_rows_piece *a) {
    return a->x.data != a->y.data && !(facts[op].needs & DCT_READS_Y) &&
           a->rows >= STREAMED / a->cols;
}

// Rows of a piece. The first and last ones of a piece may take longer (simd/softmax.h), so pieces
// are large as long as threads that are delayed can leave some of theirs to others, and the host is
// called in time.
static int64_t rows_of_piece(const decoct_context *ctx, const decoct_rows_piece *a, double cost) {
    int32_t threads = dct_pool_threads(ctx->pool);
    int64_t small = a->cols < SMALL_PIECE ? SMALL_PIECE / a->cols : 1;
    int64_t large = a->cols < LARGE_PIECE / LARGE_ROWS ? LARGE_PIECE / a->cols : LARGE_ROWS;
    int64_t most = threads > 1 ? a->rows / (PIECES * threads) : a->rows;
    int64_t some = large < most ? large : most;
    bool late = dct_progress_wanted(ctx, (double)some * (double)a->cols * cost);
    return some > small && !late ? some : small;
}

static void run_rows(decoct_context *ctx, decoct_op op, const decoct_rows_piece *whole) {
    if (whole->rows == 0 || whole->cols == 0 || dct_whole_rows(ctx, op, whole)) {
        return;
    }
    decoct_rows_piece all = *whole;
    all.y_streams = streams(op, whole);
    rows_job job = {.kernels = ctx->kernels,
                    .op = op,
                    .whole = &all,
                    .chunk = rows_of_piece(ctx, &all, facts[op].cost)};
    int64_t count = whole->rows / job.chunk + (whole->rows % job.chunk != 0);
    if (count == 1) {
        rows_here(&job, &all);
        return;
    }
    double work = (double)whole->rows * (double)whole->cols * (double)facts[op].cost;
    dct_run(ctx, count, work, rows_task, &job);
}

void dct_rows(decoct_context *ctx, decoct_op op, const decoct_rows_piece *whole) {
    double begun = dct_call_begin(ctx);
    run_rows(ctx, op, whole);
    if (begun > 0.0) {
        decoct_trace_call call = {.operation = facts[op].name,
                                  .dtype = whole->x.dtype,
                                  .rows = whole->rows,
                                  .cols = whole->cols};
        const dct_choice *here = dct_choice_here(ctx->kernels);
        dct_call_end(ctx, begun, ctx->backends, here->rows[op][whole->x.dtype], call);
    }
}

// ---- Checks ----

static decoct_status check_numbers(dct_error *error, const rows_facts *f,
                                   const decoct_rows_args *a) {
    if (a->form < 0 || a->form >= f->forms) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "%s: there is no form %d", f->name, a->form);
    }
    if (a->x_dtype < 0 || a->x_dtype >= DCT_DTYPES ||
        (a->x_dtype != DECOCT_F32 && !(f->needs & DCT_ANY_DTYPE))) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "%s: x cannot have the type %d", f->name,
                        a->x_dtype);
    }
    if (!isfinite(a->beta)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "%s: beta %g is not a finite number", f->name,
                        (double)a->beta);
    }
    if (!isfinite(a->scale)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "%s: scale %g is not a finite number", f->name,
                        (double)a->scale);
    }
    if (!isfinite(a->eps) || a->eps < 0.0f) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "%s: eps %g is not a finite number of at least 0",
                        f->name, (double)a->eps);
    }
    return DECOCT_OK;
}

// The operands that an operation may be given, and the bits of `needs` that let it.
enum { ANY_BIAS = DCT_MAY_BIAS | DCT_NEEDS_BIAS, OPERANDS = 14 };
static const struct {
    const char *name;
    uint32_t known, needed;
} operands[OPERANDS] = {
    {"gain", DCT_MAY_GAIN, 0},
    {"bias", ANY_BIAS, DCT_NEEDS_BIAS},
    {"up", DCT_MAY_UP, 0},
    {"ids", DCT_NEEDS_IDS, DCT_NEEDS_IDS},
    {"scale", DCT_NEEDS_SCALE, 0},
    {"beta", DCT_NEEDS_BETA, 0},
    {"eps", DCT_NEEDS_EPS, 0},
    {"table_rows", DCT_NEEDS_IDS, 0},
    {"cosine", DCT_NEEDS_ANGLES, 0},
    {"sine", DCT_NEEDS_ANGLES, 0},
    {"angle_stride", DCT_NEEDS_ANGLES, 0},
    {"head_dim", DCT_NEEDS_ANGLES, 0},
    {"rotary_dim", DCT_NEEDS_ANGLES, 0},
    {"reserved", 0, 0},
};

// Those that are given, one bit each in the order of the list.
static uint32_t given_operands(const decoct_rows_args *a) {
    const bool given[OPERANDS] = {
        a->gain,         a->bias,        a->up,         a->ids,           a->scale != 0.0f,
        a->beta != 0.0f, a->eps != 0.0f, a->table_rows, a->cosine,        a->sine,
        a->angle_stride, a->head_dim,    a->rotary_dim, a->reserved != 0,
    };
    uint32_t bits = 0;
    for (int i = 0; i < OPERANDS; i++) {
        bits |= (uint32_t)given[i] << i;
    }
    return bits;
}

// An operand that is given must be one that the operation reads, and the other way round.
static decoct_status check_operands(dct_error *error, const rows_facts *f,
                                    const decoct_rows_args *a) {
    uint32_t given = given_operands(a);
    bool empty = a->rows == 0 || a->cols == 0;
    for (int i = 0; i < OPERANDS; i++) {
        bool there = given >> i & 1;
        if (there && !(f->needs & operands[i].known)) {
            return dct_fail(error, DECOCT_E_ARGUMENT, "%s: it has no use for %s", f->name,
                            operands[i].name);
        }
        if (!there && f->needs & operands[i].needed && !empty) {
            return dct_fail(error, DECOCT_E_ARGUMENT, "%s: %s is NULL", f->name, operands[i].name);
        }
    }
    return DECOCT_OK;
}

// Shapes, strides and pointers; sets strides of 0.
static decoct_status check_shapes(dct_error *error, const rows_facts *f, decoct_rows_args *a) {
    const char *op = f->name;
    bool table = f->needs & DCT_NEEDS_IDS;
    decoct_status status = dct_check_size(error, op, "rows", a->rows);
    status = status ? status : dct_check_size(error, op, "cols", a->cols);
    status = status ? status : dct_check_size(error, op, "table_rows", a->table_rows);
    status = status ? status : dct_check_rows(error, op, "y", a->rows, a->cols, &a->y_stride, a->y);
    if (!status) {
        const void *x = table && a->rows == 0 ? a : a->x; // a table that is not read may be NULL
        status = dct_check_rows(error, op, table ? "table" : "x", table ? a->table_rows : a->rows,
                                a->cols, &a->x_stride, x);
    }
    if (!status && a->up) {
        status = dct_check_rows(error, op, "up", a->rows, a->cols, &a->up_stride, a->up);
    }
    return status;
}

// Heads, and the angles of their columns; sets what is 0.
static decoct_status check_angles(dct_error *error, const rows_facts *f, decoct_rows_args *a) {
    if (!(f->needs & DCT_NEEDS_ANGLES)) {
        return DECOCT_OK;
    }
    a->head_dim = a->head_dim ? a->head_dim : a->cols;
    a->rotary_dim = a->rotary_dim ? a->rotary_dim : a->head_dim - a->head_dim % 2;
    if (a->head_dim < 0 || (a->head_dim > 0 && a->cols % a->head_dim)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "%s: head_dim %lld does not divide cols %lld",
                        f->name, (long long)a->head_dim, (long long)a->cols);
    }
    if (a->rotary_dim < 0 || a->rotary_dim % 2 || a->rotary_dim > a->head_dim) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "%s: rotary_dim %lld is not even, or more than head_dim %lld", f->name,
                        (long long)a->rotary_dim, (long long)a->head_dim);
    }
    int64_t half = a->cols > 0 ? a->rotary_dim / 2 : 0;
    const float *tables[] = {a->cosine, a->sine};
    static const char *const names[] = {"cosine", "sine"};
    dct_view y = dct_view_of_rows(a->y, a->rows, a->cols, a->y_stride);
    decoct_status status = DECOCT_OK;
    for (int i = 0; i < 2 && !status; i++) {
        status =
            dct_check_rows(error, f->name, names[i], a->rows, half, &a->angle_stride, tables[i]);
        dct_view table = dct_view_of_rows(tables[i], a->rows, half, a->angle_stride);
        status = status ? status : dct_check_apart(error, f->name, "y", &y, names[i], &table);
    }
    a->angle_stride = half > 0 ? a->angle_stride : 0; // tables of no column may be NULL
    return status;
}

static bool is_in_place(const decoct_rows_args *a) {
    return a->x == a->y && (a->x_stride == a->y_stride || a->rows < 2);
}

// The usual case, decided without a view: whole operands, gaps and all, are apart.
static bool is_all_apart(const rows_facts *f, const decoct_rows_args *a) {
    bool table = f->needs & DCT_NEEDS_IDS;
    uint64_t size = sizeof(float), y_bytes = (uint64_t)(a->rows * a->y_stride) * size;
    uint64_t x_bytes =
        (uint64_t)((table ? a->table_rows : a->rows) * a->x_stride * dct_dtype_bytes(a->x_dtype));
    uint64_t row = (uint64_t)a->cols * size;
    bool in_place = !table && is_in_place(a);
    return (in_place || dct_bytes_apart(a->y, y_bytes, a->x, x_bytes)) &&
           (!a->up ||
            dct_bytes_apart(a->y, y_bytes, a->up, (uint64_t)(a->rows * a->up_stride) * size)) &&
           dct_bytes_apart(a->y, y_bytes, a->gain, row) &&
           dct_bytes_apart(a->y, y_bytes, a->bias, row) &&
           dct_bytes_apart(a->y, y_bytes, a->ids, (uint64_t)a->rows * size);
}

// y may be x itself; the other inputs are read again for each row.
static decoct_status check_apart(dct_error *error, const rows_facts *f, const decoct_rows_args *a) {
    bool table = f->needs & DCT_NEEDS_IDS;
    int64_t x_rows = table ? a->table_rows : a->rows, size = dct_dtype_bytes(a->x_dtype);
    dct_view y = dct_view_of_rows(a->y, a->rows, a->cols, a->y_stride);
    dct_view x = dct_view_of_rows(a->x, x_rows, a->cols, a->x_stride);
    dct_view up = dct_view_of_rows(a->up, a->rows, a->cols, a->up_stride);
    dct_view gain = dct_view_of_rows(a->gain, 1, a->cols, a->cols);
    dct_view bias = dct_view_of_rows(a->bias, 1, a->cols, a->cols);
    dct_view ids = dct_view_of_rows(a->ids, 1, a->rows, a->rows);
    decoct_status status = DECOCT_OK;
    if (a->x_dtype != DECOCT_F32) {
        status = dct_bytes_apart(a->y, (uint64_t)(a->rows * a->y_stride) * sizeof(float), a->x,
                                 (uint64_t)(x_rows * a->x_stride * size))
                     ? DECOCT_OK
                     : dct_fail(error, DECOCT_E_ARGUMENT, "%s: y overlaps x", f->name);
    } else if (table || !is_in_place(a)) {
        status =
            dct_check_apart(error, f->name, "y", &y, table ? "table" : "x without being x", &x);
    }
    status = status ? status : dct_check_apart(error, f->name, "y", &y, "up", &up);
    status = status ? status : dct_check_apart(error, f->name, "y", &y, "gain", &gain);
    status = status ? status : dct_check_apart(error, f->name, "y", &y, "bias", &bias);
    return status ? status : dct_check_apart(error, f->name, "y", &y, "ids", &ids);
}

static decoct_status check_ids(dct_error *error, const rows_facts *f, const decoct_rows_args *a) {
    for (int64_t i = 0; a->ids && i < a->rows; i++) {
        if (a->ids[i] < 0 || a->ids[i] >= a->table_rows) {
            return dct_fail(error, DECOCT_E_ARGUMENT, "%s: id %d at %lld is not in [0, %lld)",
                            f->name, a->ids[i], (long long)i, (long long)a->table_rows);
        }
    }
    return DECOCT_OK;
}

// ---- The public call ----

static decoct_status rows(decoct_context *ctx, const decoct_rows_args *args) {
    decoct_rows_args a;
    decoct_status status = dct_take_struct(&ctx->error, "rows", &a, sizeof a, DCT_FIRST_ROWS, args);
    if (status) {
        return status;
    }
    if (a.op < 0 || a.op >= DCT_OPS) {
        return dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "rows: there is no operation %d", a.op);
    }
    const rows_facts *f = &facts[a.op];
    status = check_numbers(&ctx->error, f, &a);
    status = status ? status : check_operands(&ctx->error, f, &a);
    status = status ? status : check_shapes(&ctx->error, f, &a);
    status = status ? status : check_angles(&ctx->error, f, &a);
    if (!status && !is_all_apart(f, &a)) {
        status = check_apart(&ctx->error, f, &a);
    }
    status = status ? status : check_ids(&ctx->error, f, &a);
    if (!status) {
        float scale = a.scale == 0.0f ? 1.0f : a.scale;
        dct_rows(ctx, a.op,
                 &(decoct_rows_piece){.rows = a.rows,
                                      .cols = a.cols,
                                      .x = {.data = a.x, .stride = a.x_stride, .dtype = a.x_dtype},
                                      .up = {.data = a.up, .stride = a.up_stride},
                                      .y = {.data = a.y, .stride = a.y_stride},
                                      .gain = a.gain,
                                      .bias = a.bias,
                                      .ids = a.ids,
                                      .scale = f->needs & DCT_NEEDS_EPS ? a.eps : scale,
                                      .form = a.form,
                                      .beta = a.beta,
                                      .cosine = a.cosine,
                                      .sine = a.sine,
                                      .angle_stride = a.angle_stride,
                                      .head_dim = a.head_dim,
                                      .rotary_dim = a.rotary_dim});
    }
    return status;
}

decoct_status decoct_rows(decoct_context *ctx, const decoct_rows_args *args) {
    decoct_status status = dct_enter(ctx);
    return status ? status : dct_leave(ctx, rows(ctx, args));
}
