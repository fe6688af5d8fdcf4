// SPDX-License-Identifier: BSD-2-Clause
// Matrix products of oneDNN: dnnl_sgemm where b is row-major, each thread with a block of y; and
// its matmul primitive for weights that were packed into the layout that it prefers, each thread
// with some rows of y, since its fast kernels write whole rows.
#include "onednn.h"

#include "whole/split.h"

#include <stdatomic.h>
#include <stdlib.h>

// Primitives that packed weights keep, and the rows for which the layout is chosen.
enum { KEPT = 16, USUAL_ROWS = 64 };

// Products of one shape: of `rows` rows of y, the work of one thread, and of the last ones.
typedef struct shape {
    int64_t m, rows, x_stride, y_stride;
    bool fast; // there are primitives; else a product of the copy is
    bool kept; // by the weights
    onednn_primitive primitives[2];
} shape;

typedef struct weights {
    int64_t k, n;
    dnnl_memory_desc_t layout;
    float *floats;
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

// x (m, k) w (k, cols); w: its layout, or left open. The bias is added later: with it some shapes
// have no fast primitive.
static bool make_product(int64_t m, int64_t k, int64_t cols, const shape *s,
                         const dnnl_memory_desc_t *w, onednn_primitive *out) {
    dnnl_memory_desc_t x, y;
    dnnl_matmul_desc_t operation;
    return onednn_matrix(m, k, s->x_stride, &x) && onednn_matrix(m, cols, s->y_stride, &y) &&
           onednn.matmul(&operation, &x, w, NULL, &y) == dnnl_success &&
           onednn_make(&operation, out);
}

// Its batch-reduce kernels. What else it has for such weights is a slow reference.
static bool is_fast(const onednn_primitive *p) {
    return p->kernel && strstr(p->kernel, "brg");
}

static bool choose_layout(weights *w) {
    const dnnl_dims_t dims = {w->k, w->n};
    const shape usual = {.x_stride = w->k, .y_stride = w->n};
    dnnl_memory_desc_t any;
    onednn_primitive made = {0};
    bool well =
        onednn.layout_tagged(&any, 2, dims, dnnl_f32, dnnl_format_tag_any) == dnnl_success &&
        make_product(USUAL_ROWS, w->k, w->n, &usual, &any, &made) && is_fast(&made);
    w->layout = made.weights;
    onednn_free(&made);
    return well;
}

// Copies b into the layout.
static bool fill(const weights *w, const decoct_whole_weights *from) {
    bool t = from->b_transposed;
    const dnnl_dims_t dims = {w->k, w->n};
    const dnnl_dims_t strides = {t ? 1 : from->b.stride, t ? from->b.stride : 1};
    dnnl_memory_desc_t given;
    dnnl_primitive_desc_t plan = NULL;
    onednn_primitive copy = {0};
    const onednn_operand operands[] = {{DNNL_ARG_FROM, from->b.data, &given},
                                       {DNNL_ARG_TO, w->floats, &w->layout}};
    bool well = onednn.layout_strided(&given, 2, dims, dnnl_f32, strides) == dnnl_success &&
                onednn.plan_reorder(&plan, &given, onednn.engine, &w->layout, onednn.engine,
                                    NULL) == dnnl_success &&
                onednn.primitive_create(&copy.primitive, plan) == dnnl_success &&
                onednn_run(&copy, operands, 2);
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

typedef struct packing {
    const decoct_whole_weights *from;
    weights *to;
    bool well;
} packing;

static void pack_all(void *data, int64_t index, int32_t worker) {
    packing *p = data;
    weights *w = p->to;
    (void)index;
    (void)worker;
    size_t bytes = choose_layout(w) ? onednn.layout_size(&w->layout) : 0;
    w->floats = bytes > 0 ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    w->copy = w->floats ? copy_dense(p->from) : NULL;
    p->well = w->copy && fill(w, p->from);
}

int32_t onednn_pack(const decoct_host *host, const decoct_whole_weights *from, void **packed) {
    weights *w = from->k > 0 && from->n > 0 ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        return 1;
    }
    w->k = from->k;
    w->n = from->n;
    w->transposed = from->b_transposed;
    packing p = {.from = from, .to = w};
    host->run(host->context, 1, pack_all, &p);
    if (!p.well) {
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
    return a->m == b->m && a->rows == b->rows && a->x_stride == b->x_stride &&
           a->y_stride == b->y_stride;
}

static shape *make_shape(const weights *w, const shape *wanted) {
    shape *s = malloc(sizeof *s);
    if (!s) {
        return NULL;
    }
    *s = *wanted;
    int64_t last = s->m % s->rows ? s->m % s->rows : s->rows;
    s->fast = true;
    for (int i = 0; i < 2 && s->fast; i++) {
        s->fast = make_product(i ? last : s->rows, w->k, w->n, s, &w->layout, &s->primitives[i]) &&
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

static void multiply_rows(void *data, int64_t index, int32_t worker) {
    product *p = data;
    const decoct_whole_matmul *a = p->call;
    const weights *w = a->packed;
    int64_t first = index * p->shape->rows, rows = whole_smaller(p->shape->rows, a->m - first);
    const float *x_data = (const float *)a->x.data + first * a->x.stride;
    float *y_data = (float *)a->y.data + first * a->y.stride;
    dnnl_memory_desc_t x, y;
    const onednn_operand operands[] = {{DNNL_ARG_SRC, x_data, &x},
                                       {DNNL_ARG_WEIGHTS, w->floats, &w->layout},
                                       {DNNL_ARG_DST, y_data, &y}};
    (void)worker;
    bool well = onednn_matrix(rows, a->k, a->x.stride, &x) &&
                onednn_matrix(rows, a->n, a->y.stride, &y) &&
                onednn_run(&p->shape->primitives[first + rows == a->m], operands, 3);
    p->failures += !well;
    for (int64_t i = 0; i < rows && a->bias; i++, y_data += a->y.stride) {
        for (int64_t j = 0; j < a->n; j++) {
            y_data[j] += a->bias[j];
        }
    }
}

static int32_t multiply_unpacked(const decoct_host *host, const decoct_whole_matmul *call) {
    product p = {.call = call, .split = whole_divide(host, call->m, call->n, call->k)};
    host->run(host->context, p.split.count, multiply_block, &p);
    return p.failures > 0;
}

// Rows of one thread. Fewer than WHOLE_ROWS for each: the threads share the columns of the copy.
static int64_t rows_of(const decoct_host *host, int64_t m) {
    int64_t rows = (m + host->threads - 1) / host->threads;
    return host->threads == 1 || rows >= WHOLE_ROWS ? rows : 0;
}

static int32_t multiply_packed(const decoct_host *host, const decoct_whole_matmul *call) {
    const shape wanted = {.m = call->m,
                          .rows = rows_of(host, call->m),
                          .x_stride = call->x.stride,
                          .y_stride = call->y.stride};
    weights *w = (void *)(uintptr_t)call->packed;
    shape *s = wanted.rows > 0 ? find_shape(w, &wanted) : NULL;
    if (s && s->fast) {
        product p = {.call = call, .shape = s};
        host->run(host->context, (s->m + s->rows - 1) / s->rows, multiply_rows, &p);
        if (!s->kept) {
            free_shape(s);
        }
        return p.failures > 0;
    }
    if (s && !s->kept) {
        free_shape(s);
    }
    decoct_whole_matmul plain = *call;
    plain.packed = NULL;
    plain.b = (decoct_operand){.data = w->copy, .stride = w->transposed ? w->k : w->n};
    plain.b_transposed = w->transposed;
    return multiply_unpacked(host, &plain);
}

int32_t onednn_matmul(const decoct_host *host, const decoct_whole_matmul *call) {
    return call->packed ? multiply_packed(host, call) : multiply_unpacked(host, call);
}
