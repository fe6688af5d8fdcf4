// SPDX-License-Identifier: BSD-2-Clause
#include "case_matmul.h"
#include "case_whole.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PANEL = 16, ROWS_MOST = 256 };

const product_shape product_plain = {.bias = true, .threads = 1, .patterns = -1};

const decoct_matmul_kernel *product_kernel(const conform_probe *p) {
    return &p->given->matmul[p->slot - DCT_SLOT_MATMUL];
}

static const decoct_matmul_kernel *right_kernel(const conform_probe *p) {
    return &p->right->matmul[p->dtype];
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// ---- Packing ----

// All panels of one w, a few steps at a time, as the library does it.
typedef struct pack_job {
    const decoct_matmul_kernel *kernel;
    const conform_matrix *w; // (k, cols), or (cols, k)
    bool transposed;
    int64_t k, cols;
    char *panels;
} pack_job;

static int64_t panels_of(const decoct_matmul_kernel *m, int64_t cols) {
    return (cols + m->panel_cols - 1) / m->panel_cols;
}

static void pack_all(const void *data) {
    const pack_job *job = data;
    const decoct_matmul_kernel *m = job->kernel;
    int64_t row = job->transposed ? 1 : job->w->stride, col = job->transposed ? job->w->stride : 1;
    for (int64_t j = 0; j < job->cols; j += m->panel_cols) {
        char *panel = job->panels + j / m->panel_cols * dct_panel_bytes(m, job->k);
        for (int64_t i = 0; i < job->k; i += DCT_PACK_STEPS) {
            m->pack(&(decoct_pack_piece){.k = smaller(job->k - i, DCT_PACK_STEPS),
                                         .cols = smaller(job->cols - j, m->panel_cols),
                                         .w = (const char *)job->w->data +
                                              (i * row + j * col) * job->w->size,
                                         .row_stride = row,
                                         .col_stride = col,
                                         .panel = panel + dct_panel_bytes(m, i)});
        }
    }
}

// ---- Operands ----

typedef struct product_operands {
    conform_matrix *x, *w, *bias, *before, *y, *right, *panels, *kept, *scratch;
    decoct_matmul_piece piece; // of y
} product_operands;

static conform_matrix *make(conform_probe *p, const product_shape *s, const char *name,
                            int64_t rows, int64_t cols, int64_t gap, decoct_dtype dtype,
                            conform_where where, bool special) {
    conform_matrix *m =
        conform_operand(p, name, rows, s->joined ? cols + gap : cols, cols + gap, dtype, where);
    cases_fill(p, m, 2.0f, special ? s->special : NULL);
    return m;
}

// One after the other, and 1 for x.
static void put_patterns(const product_shape *s, product_operands *o) {
    for (int64_t j = 0; j < s->cols; j++) {
        ((uint16_t *)o->w->data)[j] = (uint16_t)(s->patterns + j);
    }
    for (int64_t i = 0; i < s->rows; i++) {
        conform_set(o->x, i, 0, 1.0f);
    }
}

static void make_inputs(conform_probe *p, const product_shape *s, product_operands *o) {
    o->x = make(p, s, "x", s->rows, s->k, s->x_gap, DECOCT_F32, s->x_where, true);
    o->w = make(p, s, "w", s->transposed ? s->cols : s->k, s->transposed ? s->k : s->cols, s->w_gap,
                p->dtype, s->plain ? s->others : CONFORM_ALIGNED, s->all_special);
    if (s->patterns >= 0) {
        put_patterns(s, o);
    }
    conform_input(p, o->x);
    conform_input(p, o->w);
    if (s->bias) {
        o->bias = conform_operand(p, "bias", 1, s->cols, s->cols, DECOCT_F32, s->others);
        cases_fill(p, o->bias, 2.0f, s->all_special ? s->special : NULL);
        conform_input(p, o->bias);
    }
}

// y as it was before: NaN, unless the sums continue from it.
static void make_outputs(conform_probe *p, const product_shape *s, product_operands *o) {
    o->before = conform_operand(p, "y", s->rows, s->joined ? s->cols + s->y_gap : s->cols,
                                s->cols + s->y_gap, DECOCT_F32, s->y_where);
    if (s->accumulate) {
        cases_fill(p, o->before, 2.0f, s->special);
    }
    conform_input(p, o->before);
    o->y = conform_copy(p, o->before);
    o->right = conform_copy(p, o->before);
}

static void make_operands(conform_probe *p, const product_shape *s, product_operands *o) {
    *o = (product_operands){.x = NULL};
    make_inputs(p, s, o);
    make_outputs(p, s, o);
    o->piece = (decoct_matmul_piece){.rows = s->rows,
                                     .cols = s->cols,
                                     .k = s->k,
                                     .x = conform_in(o->x),
                                     .y = conform_out(o->y),
                                     .bias = o->bias ? o->bias->data : NULL,
                                     .accumulate = s->accumulate};
}

// ---- The two calls ----

static void run_right(conform_probe *p, const product_shape *s, const product_operands *o) {
    const decoct_matmul_kernel *m = right_kernel(p);
    int64_t one = dct_panel_bytes(m, s->k), size = panels_of(m, s->cols) * one;
    void *panels = aligned_alloc(64, (size_t)(size + 64) / 64 * 64);
    if (!panels) {
        exit(EXIT_FAILURE); // reported as a test that did not come to its end
    }
    pack_all(&(pack_job){m, o->w, s->transposed, s->k, s->cols, panels});
    decoct_matmul_piece piece = o->piece;
    piece.w = panels;
    piece.w_stride = one;
    piece.y = conform_out(o->right);
    conform_call_right((conform_kernel *)m->run, &piece);
    free(panels);
}

// Room for panels, which ends at a guard page where their alignment lets it.
static conform_matrix *make_panels(conform_probe *p, const product_shape *s) {
    const decoct_matmul_kernel *m = product_kernel(p);
    int64_t size = panels_of(m, s->cols) * dct_panel_bytes(m, s->k);
    return conform_bytes(p, "panels", size, size % 64 ? CONFORM_ALIGNED : CONFORM_AT_END);
}

// Packed by the candidate.
static bool pack_given(conform_probe *p, const product_shape *s, product_operands *o) {
    const decoct_matmul_kernel *m = product_kernel(p);
    int64_t one = dct_panel_bytes(m, s->k);
    o->panels = make_panels(p, s);
    const pack_job job = {m, o->w, s->transposed, s->k, s->cols, o->panels->data};
    bool fine = s->k == 0 || conform_call(p, pack_all, &job);
    conform_input(p, o->panels);
    o->piece.w = o->panels->data;
    o->piece.w_stride = one;
    return fine;
}

typedef struct keeping_call {
    const decoct_matmul_kernel *kernel;
    const decoct_matmul_piece *piece;
    char *panels;
    int64_t panel_stride;
} keeping_call;

static void call_keeping(const void *data) {
    const keeping_call *call = data;
    call->kernel->plain_pack(call->piece, call->panels, call->panel_stride);
}

// The piece of o, or its steps from `from` on.
static bool call_given(conform_probe *p, const product_shape *s, const product_operands *o,
                       const decoct_matmul_piece *piece, int64_t from) {
    const decoct_matmul_kernel *m = product_kernel(p);
    if (s->keeps) {
        char *panels = (char *)o->kept->data + dct_panel_bytes(m, from);
        const keeping_call call = {m, piece, panels, dct_panel_bytes(m, s->k)};
        return conform_call(p, call_keeping, &call);
    }
    return conform_call(p, (conform_kernel *)(s->plain ? m->plain : m->run), piece);
}

static bool run_cut(conform_probe *p, const product_shape *s, const product_operands *o) {
    decoct_matmul_piece first = o->piece, second = o->piece;
    first.k = DCT_PACK_STEPS;
    first.bias = NULL;
    second.k -= first.k;
    second.x.data = (const float *)first.x.data + first.k;
    second.w = (const char *)first.w +
               (s->plain ? first.k * first.w_stride : dct_panel_bytes(product_kernel(p), first.k));
    second.accumulate = 1;
    return call_given(p, s, o, &first, 0) && call_given(p, s, o, &second, first.k);
}

// Packs w ahead; where it is packed on the way, to compare with.
static bool run_given(conform_probe *p, const product_shape *s, product_operands *o) {
    const decoct_matmul_kernel *m = product_kernel(p);
    bool fine = (s->plain && !s->keeps) || pack_given(p, s, o);
    if (s->keeps) {
        o->kept = make_panels(p, s);
    }
    if (s->plain) {
        o->piece.w = o->w->data;
        o->piece.w_stride = o->w->stride * o->w->size;
    }
    if (!s->plain || s->keeps) {
        o->scratch = s->no_scratch ? NULL : conform_scratch(p, (int64_t)m->scratch_bytes);
        o->piece.scratch = o->scratch ? o->scratch->data : NULL;
    }
    return (s->cut && s->k > DCT_PACK_STEPS ? run_cut(p, s, o)
                                            : call_given(p, s, o, &o->piece, 0)) &&
           fine;
}

// A product that a whole operation declines is done by kernels: nothing may have been written.
static bool run_whole(conform_probe *p, const product_shape *s, product_operands *o) {
    const decoct_whole_matmul call = {.m = s->rows,
                                      .n = s->cols,
                                      .k = s->k,
                                      .x = o->piece.x,
                                      .b = conform_in(o->w),
                                      .b_transposed = s->transposed,
                                      .bias = o->piece.bias,
                                      .y = o->piece.y};
    whole_end end = whole_multiply(p, &call, s->packed, s->threads);
    if (end == WHOLE_DECLINED) {
        conform_compare_bits(p, "write_bounds", o->y, o->before);
    }
    return end == WHOLE_DONE;
}

// ---- Judging ----

// w (k, cols) as f32.
static float *wide_w(const product_shape *s, const product_operands *o) {
    float *w = calloc((size_t)(s->k * s->cols) + 1, sizeof *w);
    for (int64_t i = 0; w && i < s->k; i++) {
        for (int64_t j = 0; j < s->cols; j++) {
            w[i * s->cols + j] = s->transposed ? conform_get(o->w, j, i) : conform_get(o->w, i, j);
        }
    }
    return w;
}

static bool is_near(conform_probe *p, const char *reason, const product_shape *s,
                    const product_operands *o, const conform_matrix *given) {
    exact_result all = cases_exact_room(s->rows, s->cols);
    float *w = wide_w(s, o);
    for (int64_t i = 0; w && i < s->rows; i++) {
        const float *before = (const float *)o->before->data + i * o->before->stride;
        exact_multiply(&(exact_product){.cols = s->cols,
                                        .k = s->k,
                                        .x = (const float *)o->x->data + i * o->x->stride,
                                        .w = w,
                                        .row_stride = s->cols,
                                        .col_stride = 1,
                                        .bias = o->piece.bias,
                                        .before = s->accumulate ? before : NULL},
                       cases_exact_row(all, i, s->cols));
    }
    bool near = !w || cases_near(p, reason, given, all);
    cases_exact_free(all);
    free(w);
    return near;
}

// The reason of a difference: that of the case if the plain case of this size is right.
static const char *find_reason(conform_probe *p, const char *reason, const product_shape *s) {
    product_operands o;
    product_shape plain = product_plain;
    plain.plain = s->plain;
    plain.keeps = s->keeps;
    plain.rows = s->rows;
    plain.cols = s->cols;
    plain.k = s->k;
    plain.x_gap = cases_gap(s->k);
    plain.y_gap = plain.w_gap = cases_gap(s->cols);
    if (s->whole || s->k == 0 || !cases_is_aspect(reason)) {
        return reason;
    }
    make_operands(p, &plain, &o);
    run_right(p, &plain, &o);
    return run_given(p, &plain, &o) && !cases_same(o.y, o.right) ? "bits" : reason;
}

static bool is_right(conform_probe *p, const char *reason, const product_shape *s,
                     const product_operands *o) {
    conform_matrix given = cases_columns(o->y, s->cols), right = cases_columns(o->right, s->cols);
    if (!p->exact || s->near) {
        return s->memory_only || is_near(p, reason, s, o, &given);
    }
    return s->memory_only || cases_same(&given, &right) ||
           conform_compare_bits(p, find_reason(p, reason, s), &given, &right);
}

// ---- The case ----

static void name_case(conform_probe *p, const product_shape *s) {
    static const char *const places[] = {"aligned", "at the end", "at the start", "unaligned"};
    char threads[32] = "";
    if (s->whole) {
        snprintf(threads, sizeof threads, ", %d threads%s", s->threads,
                 s->packed ? ", packed" : "");
    }
    conform_begin(p, "%s%lld x %lld x %lld, gaps %lld %lld %lld, %s and %s%s%s%s%s%s%s%s%s",
                  s->keeps   ? "packed on the way "
                  : s->plain ? "plain "
                             : "",
                  (long long)s->rows, (long long)s->cols, (long long)s->k, (long long)s->x_gap,
                  (long long)s->y_gap, (long long)s->w_gap, places[s->x_where], places[s->y_where],
                  s->transposed ? ", w transposed" : "", s->bias ? "" : ", no bias",
                  s->accumulate ? ", accumulated" : "", s->no_scratch ? ", no scratch" : "",
                  s->cut ? ", in two pieces" : "", threads, s->special ? ", " : "",
                  s->special ? s->special->name : "");
}

// Smaller where the kernel has smaller blocks; false: the kernel is not for it.
static bool fit(const conform_probe *p, product_shape *s) {
    if (s->special && !p->exact) {
        return false; // of other bits only the accuracy for ordinary numbers is required
    }
    if (s->whole) {
        return !s->packed || p->given->whole.pack;
    }
    const decoct_matmul_kernel *m = product_kernel(p);
    s->rows = smaller(s->rows, m->m_block ? (int64_t)m->m_block : ROWS_MOST);
    s->k = m->k_block ? smaller(s->k, m->k_block) : s->k;
    return s->keeps ? m->plain_pack != NULL : s->plain ? m->plain != NULL : m->run != NULL;
}

bool product_run(conform_probe *p, const char *reason, const product_shape *asked) {
    product_operands o;
    product_shape s = *asked;
    if (!fit(p, &s)) {
        return true;
    }
    name_case(p, &s);
    make_operands(p, &s, &o);
    run_right(p, &s, &o);
    if (s.whole) {
        return run_whole(p, &s, &o) && is_right(p, reason, &s, &o);
    }
    bool fine = run_given(p, &s, &o);
    fine = is_right(p, reason, &s, &o) && fine;
    return s.keeps && fine ? conform_compare_bits(p, "bits", o.kept, o.panels) : fine;
}
