// SPDX-License-Identifier: BSD-2-Clause
// oneDNN: one primitive, from its description to its call.
#include "onednn.h"

enum { INFERENCE = 96, QUERY_KERNEL = 8, QUERY_WEIGHTS = 131 };

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
    onednn_operation operation;
    void *attr = NULL, *plan = NULL;
    bool planned = !lib->attr_create(&attr) && !lib->attr_scale(attr, 1, 0, &scale) &&
                   !lib->matmul(&operation, x, w, NULL, y) &&
                   !lib->plan_create(&plan, &operation, attr, lib->engine, NULL);
    lib->attr_destroy(attr);
    if (!planned) {
        return false;
    }
    *w = *lib->plan_layout(plan, QUERY_WEIGHTS, 0);
    return onednn_make(lib, plan, whats, layouts, 3, call);
}

bool onednn_softmax(const onednn *lib, const onednn_layout *data, int axis, onednn_call *call) {
    static const int whats[] = {ONEDNN_SRC, ONEDNN_DST};
    const onednn_layout *layouts[] = {data, data};
    onednn_operation operation;
    void *plan = NULL;
    return !lib->softmax(&operation, INFERENCE, data, axis) &&
           !lib->plan_create(&plan, &operation, NULL, lib->engine, NULL) &&
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
