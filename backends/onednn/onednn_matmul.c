// SPDX-License-Identifier: BSD-2-Clause
// Matrix products of oneDNN: dnnl_sgemm where b is row-major, and its matmul primitive for weights
// that were packed into the layout that it prefers, in parts of some columns, one for each thread.
#include "onednn.h"

#include "whole/split.h"

#include <stdatomic.h>
#include <stdlib.h>

// Primitives that packed weights keep, and the rows for which the layout is chosen.
enum { KEPT = 16, USUAL_ROWS = 64 };

// Products of one shape: of all parts of some columns but the last one, and of that.
typedef struct shape {
    int64_t m, x_stride, y_stride;
    bool bias;
    bool fast; // there are primitives; else a product of the copy is
    bool kept; // by the weights
    onednn_primitive primitives[2];
} shape;

typedef struct weights {
    int64_t k, n, cols, parts; // cols: of all parts but the last one
    dnnl_memory_desc_t layouts[2];
    int64_t part_bytes;
    char *floats;
    float *copy; // b as it was given, but dense
    bool transposed;
    _Atomic(shape *) shapes[KEPT];
} weights;

// ---- Unpacked ----

typedef struct product {
    const decoct_whole_matmul *call;
    whole_split split;
    const shape *shape;
    atomic_int failures;
} product;

static void multiply_block(void *data, int64_t index, int32_t worker) {
    product *p = data;
    const decoct_whole_matmul *a = p->call;
    whole_block b = whole_block_at(&p->split, index);
    const float *w = (const float *)a->b.data + (a->b_transposed ? b.col * a->b.stride : b.col);
    int64_t least = a->b_transposed ? a->k : b.cols;
    int threads = onednn.threads();
    (void)worker;
    whole_begin(a, &b);
    if (a->k == 0) {
        return;
    }
    onednn.set_threads(1);
    bool well =
        onednn.sgemm('N', a->b_transposed ? 'T' : 'N', b.rows, b.cols, a->k, 1.0f, whole_x(a, &b),
                     whole_larger(a->x.stride, a->k), w, whole_larger(a->b.stride, least), 1.0f,
                     whole_y(a, &b), whole_larger(a->y.stride, b.cols)) == dnnl_success;
    onednn.set_threads(threads);
    p->failures += !well;
}

// ---- Packed ----

// x (m, k) w (k, cols) + bias; w: its layout, or left open.
static bool make_product(int64_t m, int64_t k, int64_t cols, const shape *s,
                         const dnnl_memory_desc_t *w, onednn_primitive *out) {
    dnnl_memory_desc_t x, y, bias;
    dnnl_matmul_desc_t operation;
    return onednn_matrix(m, k, s->x_stride, &x) && onednn_matrix(m, cols, s->y_stride, &y) &&
           onednn_matrix(1, cols, cols, &bias) &&
           onednn.matmul(&operation, &x, w, s->bias ? &bias : NULL, &y) == dnnl_success &&
           onednn_make(&operation, out);
}

// Its batch-reduce kernels. What else it has for such weights is a slow reference.
static bool is_fast(const onednn_primitive *p) {
    return p->kernel && strstr(p->kernel, "brg");
}

static bool choose_layout(int64_t k, int64_t cols, dnnl_memory_desc_t *layout) {
    const dnnl_dims_t dims = {k, cols};
    const shape usual = {.x_stride = k, .y_stride = cols};
    dnnl_memory_desc_t any;
    onednn_primitive made = {0};
    bool well =
        onednn.layout_tagged(&any, 2, dims, dnnl_f32, dnnl_format_tag_any) == dnnl_success &&
        make_product(USUAL_ROWS, k, cols, &usual, &any, &made) && is_fast(&made);
    *layout = made.weights;
    onednn_free(&made);
    return well;
}

static int64_t cols_of(const weights *w, int64_t part) {
    return whole_smaller(w->cols, w->n - part * w->cols);
}

static const dnnl_memory_desc_t *layout_of(const weights *w, int64_t part) {
    return &w->layouts[part == w->parts - 1];
}

// Copies the columns of one part into its layout.
static bool fill_part(const weights *w, const decoct_whole_weights *from, int64_t part) {
    bool t = from->b_transposed;
    const float *b = (const float *)from->b.data + part * w->cols * (t ? from->b.stride : 1);
    const dnnl_dims_t dims = {w->k, cols_of(w, part)};
    const dnnl_dims_t strides = {t ? 1 : from->b.stride, t ? from->b.stride : 1};
    dnnl_memory_desc_t given;
    dnnl_primitive_desc_t plan = NULL;
    onednn_primitive copy = {0};
    bool well = onednn.layout_strided(&given, 2, dims, dnnl_f32, strides) == dnnl_success &&
                onednn.plan_reorder(&plan, &given, onednn.engine, layout_of(w, part), onednn.engine,
                                    NULL) == dnnl_success &&
                onednn.primitive_create(&copy.primitive, plan) == dnnl_success &&
                onednn_run(&copy,
                           (onednn_operand[]){
                               {DNNL_ARG_FROM, b, &given},
                               {DNNL_ARG_TO, w->floats + part * w->part_bytes, layout_of(w, part)}},
                           2);
    if (plan) {
        onednn.plan_destroy(plan);
    }
    onednn_free(&copy);
    return well;
}

static float *copy_dense(const decoct_whole_weights *from) {
    int64_t rows = from->b_transposed ? from->n : from->k, cols = from->k + from->n - rows;
    float *copy = malloc((size_t)(rows * cols) * sizeof *copy);
    for (int64_t i = 0; i < rows && copy; i++) {
        memcpy(copy + i * cols, (const float *)from->b.data + i * from->b.stride,
               (size_t)cols * sizeof *copy);
    }
    return copy;
}

int32_t onednn_pack(const decoct_host *host, const decoct_whole_weights *from, void **packed) {
    weights *w = from->k > 0 && from->n > 0 ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        return 1;
    }
    int64_t most = (from->n + WHOLE_COLS - 1) / WHOLE_COLS;
    w->k = from->k;
    w->n = from->n;
    w->cols =
        whole_smaller(whole_part(from->n, whole_smaller(host->threads, most), WHOLE_COLS), from->n);
    w->parts = (from->n + w->cols - 1) / w->cols;
    bool well = choose_layout(w->k, w->cols, &w->layouts[0]) &&
                choose_layout(w->k, cols_of(w, w->parts - 1), &w->layouts[1]);
    size_t bytes = well ? onednn.layout_size(&w->layouts[0]) : 0;
    size_t last = well ? onednn.layout_size(&w->layouts[1]) : 0;
    bytes = ((bytes > last ? bytes : last) + 63) / 64 * 64;
    w->part_bytes = (int64_t)bytes;
    w->floats = well ? aligned_alloc(64, bytes * (size_t)w->parts) : NULL;
    w->copy = w->floats ? copy_dense(from) : NULL;
    w->transposed = from->b_transposed;
    for (int64_t part = 0; part < w->parts && w->floats && well; part++) {
        well = fill_part(w, from, part);
    }
    if (!well || !w->copy) {
        onednn_release(w);
        return 1;
    }
    *packed = w;
    return 0;
}

static void free_shape(shape *s) {
    if (s) {
        onednn_free(&s->primitives[0]);
        onednn_free(&s->primitives[1]);
        free(s);
    }
}

void onednn_release(void *packed) {
    weights *w = packed;
    for (int i = 0; i < KEPT; i++) {
        free_shape(w->shapes[i]);
    }
    free(w->floats);
    free(w->copy);
    free(w);
}

static bool is_same(const shape *a, const shape *b) {
    return a->m == b->m && a->x_stride == b->x_stride && a->y_stride == b->y_stride &&
           a->bias == b->bias;
}

static shape *make_shape(const weights *w, const shape *wanted) {
    shape *s = malloc(sizeof *s);
    if (!s) {
        return NULL;
    }
    *s = *wanted;
    s->fast = true;
    for (int i = 0; i < 2 && s->fast; i++) {
        int64_t part = i ? w->parts - 1 : 0;
        s->fast =
            make_product(s->m, w->k, cols_of(w, part), s, layout_of(w, part), &s->primitives[i]) &&
            is_fast(&s->primitives[i]);
    }
    return s;
}

// The primitives of a product: kept by the weights as far as there is room, which is filled in
// order and never emptied. NULL: no memory.
static shape *find_shape(weights *w, const shape *wanted) {
    shape *made = NULL;
    for (int i = 0; i < KEPT; i++) {
        shape *found = atomic_load(&w->shapes[i]);
        if (!found) {
            made = made ? made : make_shape(w, wanted);
            if (!made) {
                return NULL;
            }
            made->kept = true;
            if (atomic_compare_exchange_strong(&w->shapes[i], &found, made)) {
                return made;
            }
        }
        if (is_same(found, wanted)) {
            free_shape(made);
            return found;
        }
    }
    made = made ? made : make_shape(w, wanted);
    if (made) {
        made->kept = false;
    }
    return made;
}

static void multiply_part(void *data, int64_t part, int32_t worker) {
    product *p = data;
    const decoct_whole_matmul *a = p->call;
    const weights *w = a->packed;
    int64_t cols = cols_of(w, part), col = part * w->cols;
    dnnl_memory_desc_t x, y, bias;
    bool well = onednn_matrix(a->m, a->k, a->x.stride, &x) &&
                onednn_matrix(a->m, cols, a->y.stride, &y) && onednn_matrix(1, cols, cols, &bias);
    (void)worker;
    const onednn_operand operands[] = {
        {DNNL_ARG_SRC, a->x.data, &x},
        {DNNL_ARG_WEIGHTS, w->floats + part * w->part_bytes, layout_of(w, part)},
        {DNNL_ARG_DST, (float *)a->y.data + col, &y},
        {DNNL_ARG_BIAS, a->bias + (a->bias ? col : 0), &bias}};
    well =
        well && onednn_run(&p->shape->primitives[part == w->parts - 1], operands, a->bias ? 4 : 3);
    p->failures += !well;
}

static int32_t multiply_unpacked(const decoct_host *host, const decoct_whole_matmul *call) {
    product p = {.call = call, .split = whole_divide(host, call->m, call->n, call->k)};
    host->run(host->context, p.split.count, multiply_block, &p);
    return p.failures > 0;
}

static int32_t multiply_packed(const decoct_host *host, const decoct_whole_matmul *call) {
    const shape wanted = {.m = call->m,
                          .x_stride = call->x.stride,
                          .y_stride = call->y.stride,
                          .bias = call->bias != NULL};
    weights *w = (void *)(uintptr_t)call->packed;
    shape *s = find_shape(w, &wanted);
    if (!s || !s->fast) {
        if (s && !s->kept) {
            free_shape(s);
        }
        decoct_whole_matmul plain = *call;
        plain.packed = NULL;
        plain.b = (decoct_operand){.data = w->copy, .stride = w->transposed ? w->k : w->n};
        plain.b_transposed = w->transposed;
        return multiply_unpacked(host, &plain);
    }
    product p = {.call = call, .shape = s};
    host->run(host->context, w->parts, multiply_part, &p);
    if (!s->kept) {
        free_shape(s);
    }
    return p.failures > 0;
}

int32_t onednn_matmul(const decoct_host *host, const decoct_whole_matmul *call) {
    return call->packed ? multiply_packed(host, call) : multiply_unpacked(host, call);
}
