// SPDX-License-Identifier: BSD-2-Clause
// oneDNN 3.x: layouts are opaque, a plan is made in one step, and a constant factor is an operation
// after the product. A process has one oneDNN, so its functions are kept here.
#include "library.h"
#include "onednn.h"

#include <string.h>

enum { LINEAR = 0x26, SOFTMAX = 0x30000 };

static struct {
    int (*strided)(void **layout, int ndims, const int64_t *dims, int type, const int64_t *strides);
    int (*tagged)(void **layout, int ndims, const int64_t *dims, int type, int tag);
    int (*clone)(void **to, const void *layout);
    size_t (*size)(const void *layout);
    int (*memory)(void **memory, const void *layout, void *engine, void *data);
    int (*attr_create)(void **attr);
    int (*attr_destroy)(void *attr);
    int (*attr_after)(void *attr, const void *after);
    int (*after_create)(void **after);
    int (*after_destroy)(void *after);
    int (*after_append)(void *after, int kind, float alpha, float beta);
    int (*matmul)(void **plan, void *engine, const void *x, const void *w, const void *bias,
                  const void *y, const void *attr);
    int (*softmax)(void **plan, void *engine, int kind, int algorithm, const void *x, const void *y,
                   int axis, const void *attr);
    int (*reorder)(void **plan, const void *from, void *from_engine, const void *to,
                   void *to_engine, const void *attr);
    const void *(*plan_layout)(const void *plan, int what, int index);
} f;

// ---- Layouts: the first word is a pointer to theirs, which stays until the process ends ----

static void *of(const onednn_layout *layout) {
    void *theirs;
    memcpy(&theirs, layout->words, sizeof theirs);
    return theirs;
}

static int keep(onednn_layout *layout, void *theirs, int status) {
    *layout = (onednn_layout){{0}};
    memcpy(layout->words, &theirs, sizeof theirs);
    return status;
}

static int layout_strided(onednn_layout *layout, int ndims, const int64_t *dims, int type,
                          const int64_t *strides) {
    void *theirs = NULL;
    int status = f.strided(&theirs, ndims, dims, type, strides);
    return keep(layout, theirs, status);
}

static int layout_tagged(onednn_layout *layout, int ndims, const int64_t *dims, int type, int tag) {
    void *theirs = NULL;
    int status = f.tagged(&theirs, ndims, dims, type, tag);
    return keep(layout, theirs, status);
}

static size_t layout_size(const onednn_layout *layout) {
    return f.size(of(layout));
}

static int memory_create(void **memory, const onednn_layout *layout, void *engine, void *data) {
    return f.memory(memory, of(layout), engine, data);
}

// ---- Plans ----

static int plan_reorder(void **plan, const onednn_layout *from, void *from_engine,
                        const onednn_layout *to, void *to_engine, void *attr) {
    return f.reorder(plan, of(from), from_engine, of(to), to_engine, attr);
}

// An attribute that multiplies the result; NULL: it failed.
static void *make_factor(float scale) {
    void *attr = NULL, *after = NULL;
    bool made = !f.attr_create(&attr) && !f.after_create(&after) &&
                !f.after_append(after, LINEAR, scale, 0.0f) && !f.attr_after(attr, after);
    f.after_destroy(after);
    if (!made) {
        f.attr_destroy(attr);
    }
    return made ? attr : NULL;
}

static bool plan_matmul(const onednn *lib, void **plan, const onednn_layout *x, onednn_layout *w,
                        const onednn_layout *y, float scale) {
    bool factor = scale < 1.0f || scale > 1.0f;
    void *attr = factor ? make_factor(scale) : NULL, *theirs = NULL;
    bool planned = (attr || !factor) &&
                   !f.matmul(plan, lib->engine, of(x), of(w), NULL, of(y), attr) &&
                   !f.clone(&theirs, f.plan_layout(*plan, ONEDNN_QUERY_WEIGHTS, 0));
    if (attr) {
        f.attr_destroy(attr);
    }
    if (planned) {
        keep(w, theirs, 0);
    }
    return planned;
}

static bool plan_softmax(const onednn *lib, void **plan, const onednn_layout *data, int axis) {
    return !f.softmax(plan, lib->engine, ONEDNN_INFERENCE, SOFTMAX, of(data), of(data), axis, NULL);
}

bool onednn3_find(void *handle, onednn *lib, char *note, size_t size) {
    const library_symbol symbols[] = {
        {"dnnl_memory_desc_create_with_strides", &f.strided},
        {"dnnl_memory_desc_create_with_tag", &f.tagged},
        {"dnnl_memory_desc_clone", &f.clone},
        {"dnnl_memory_desc_get_size", &f.size},
        {"dnnl_memory_create", &f.memory},
        {"dnnl_primitive_attr_create", &f.attr_create},
        {"dnnl_primitive_attr_destroy", &f.attr_destroy},
        {"dnnl_primitive_attr_set_post_ops", &f.attr_after},
        {"dnnl_post_ops_create", &f.after_create},
        {"dnnl_post_ops_destroy", &f.after_destroy},
        {"dnnl_post_ops_append_eltwise", &f.after_append},
        {"dnnl_matmul_primitive_desc_create", &f.matmul},
        {"dnnl_softmax_forward_primitive_desc_create", &f.softmax},
        {"dnnl_reorder_primitive_desc_create", &f.reorder},
        {"dnnl_primitive_desc_query_md", &f.plan_layout},
    };
    lib->layout_strided = layout_strided;
    lib->layout_tagged = layout_tagged;
    lib->layout_size = layout_size;
    lib->memory_create = memory_create;
    lib->plan_reorder = plan_reorder;
    lib->plan_matmul = plan_matmul;
    lib->plan_softmax = plan_softmax;
    return library_find(handle, symbols, (int)(sizeof symbols / sizeof *symbols), note, size);
}
