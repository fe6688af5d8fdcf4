// SPDX-License-Identifier: BSD-2-Clause
// oneDNN: one primitive, from its description to its call.
#include "library.h"
#include "onednn.h"

enum { QUERY_KERNEL = 8 };

bool onednn_strided(const onednn *lib, const onednn_shape *s, onednn_layout *layout) {
    const int64_t dims[] = {s->groups, s->rows, s->cols};
    const int64_t strides[] = {s->group_stride, s->row_stride, s->col_stride};
    int flat = s->groups == 0;
    return !lib->layout_strided(layout, 3 - flat, dims + flat, ONEDNN_F32, strides + flat);
}

bool onednn_make(const onednn *lib, void *plan, const int *whats,
                 const onednn_layout *const *layouts, int count, onednn_call *call) {
    *call = (onednn_call){.count = count};
    bool made = !lib->primitive_create(&call->primitive, plan) &&
                !lib->plan_query(plan, QUERY_KERNEL, 0, &call->kernel);
    for (int i = 0; i < count && made; i++) {
        call->args[i].what = whats[i];
        made = !lib->memory_create(&call->args[i].memory, layouts[i], lib->engine, NULL);
    }
    lib->plan_destroy(plan);
    return made;
}

bool onednn_matmul(const onednn *lib, const onednn_layout *x, onednn_layout *w,
                   const onednn_layout *y, float scale, onednn_call *call) {
    static const int whats[] = {ONEDNN_SRC, ONEDNN_WEIGHTS, ONEDNN_DST};
    const onednn_layout *layouts[] = {x, w, y};
    void *plan = NULL;
    return lib->plan_matmul(lib, &plan, x, w, y, scale) &&
           onednn_make(lib, plan, whats, layouts, 3, call);
}

bool onednn_softmax(const onednn *lib, const onednn_layout *data, int axis, onednn_call *call) {
    static const int whats[] = {ONEDNN_SRC, ONEDNN_DST};
    const onednn_layout *layouts[] = {data, data};
    void *plan = NULL;
    return lib->plan_softmax(lib, &plan, data, axis) &&
           onednn_make(lib, plan, whats, layouts, 2, call);
}

bool onednn_attach(const onednn *lib, const onednn_call *call, const void *src, const void *weights,
                   void *dst) {
    const onednn_arg *args = call->args;
    return !lib->memory_set(args[0].memory, (void *)(uintptr_t)src) &&
           (call->count < 3 || !lib->memory_set(args[1].memory, (void *)(uintptr_t)weights)) &&
           !lib->memory_set(args[call->count - 1].memory, dst);
}

bool onednn_execute(const onednn *lib, const onednn_call *call) {
    return !lib->primitive_execute(call->primitive, lib->stream, call->count, call->args);
}

void onednn_free(const onednn *lib, onednn_call *call) {
    for (int i = 0; i < call->count; i++) {
        if (call->args[i].memory) {
            lib->memory_destroy(call->args[i].memory);
        }
    }
    if (call->primitive) {
        lib->primitive_destroy(call->primitive);
    }
    *call = (onednn_call){0};
}

// ---- Release 2 ----

static bool plan_matmul(const onednn *lib, void **plan, const onednn_layout *x, onednn_layout *w,
                        const onednn_layout *y, float scale) {
    onednn_operation operation;
    void *attr = NULL;
    bool planned = !lib->attr_create(&attr) && !lib->attr_scale(attr, 1, 0, &scale) &&
                   !lib->matmul(&operation, x, w, NULL, y) &&
                   !lib->plan_create(plan, &operation, attr, lib->engine, NULL);
    lib->attr_destroy(attr);
    if (planned) {
        *w = *lib->plan_layout(*plan, ONEDNN_QUERY_WEIGHTS, 0);
    }
    return planned;
}

static bool plan_softmax(const onednn *lib, void **plan, const onednn_layout *data, int axis) {
    onednn_operation operation;
    return !lib->softmax(&operation, ONEDNN_INFERENCE, data, axis) &&
           !lib->plan_create(plan, &operation, NULL, lib->engine, NULL);
}

bool onednn2_find(void *handle, onednn *lib, char *note, size_t size) {
    const library_symbol symbols[] = {
        {"dnnl_memory_desc_init_by_strides", &lib->layout_strided},
        {"dnnl_memory_desc_init_by_tag", &lib->layout_tagged},
        {"dnnl_memory_desc_get_size", &lib->layout_size},
        {"dnnl_memory_create", &lib->memory_create},
        {"dnnl_primitive_attr_create", &lib->attr_create},
        {"dnnl_primitive_attr_set_output_scales", &lib->attr_scale},
        {"dnnl_primitive_attr_destroy", &lib->attr_destroy},
        {"dnnl_matmul_desc_init", &lib->matmul},
        {"dnnl_softmax_forward_desc_init", &lib->softmax},
        {"dnnl_primitive_desc_create", &lib->plan_create},
        {"dnnl_reorder_primitive_desc_create", &lib->plan_reorder},
        {"dnnl_primitive_desc_query_md", &lib->plan_layout},
    };
    lib->plan_matmul = plan_matmul;
    lib->plan_softmax = plan_softmax;
    return library_find(handle, symbols, (int)(sizeof symbols / sizeof *symbols), note, size);
}
