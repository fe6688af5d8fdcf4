// SPDX-License-Identifier: BSD-2-Clause
// The table of oneDNN as a backend, its library, and one primitive from its description to its
// call. Each call runs on the calling thread: blocks are divided among the threads of the context.
#include "onednn.h"

#include "whole/library.h"

#include <stdio.h>
#include <stdlib.h>

onednn_library onednn;

static bool create_engine(char *reason, uint64_t size) {
    bool made = onednn.engine_create(&onednn.engine, dnnl_cpu, 0) == dnnl_success;
    if (!made) {
        snprintf(reason, size, "oneDNN cannot create an engine for this CPU");
    }
    return made;
}

int32_t onednn_open(char *reason, uint64_t size) {
    const whole_symbol symbols[] = {
#define X(name, function) {#function, &onednn.name},
        ONEDNN_FUNCTIONS(X)
#undef X
            {"omp_set_num_threads", &onednn.set_threads},
        {"omp_get_max_threads", &onednn.threads},
    };
    return !whole_open(&onednn.opened, "libdnnl.so.2", symbols,
                       (int)(sizeof symbols / sizeof *symbols), create_engine, reason, size);
}

// ---- Primitives ----

bool onednn_matrix(int64_t rows, int64_t cols, int64_t stride, dnnl_memory_desc_t *layout) {
    const dnnl_dims_t dims = {rows, cols};
    const dnnl_dims_t strides = {stride > cols ? stride : cols, 1};
    return onednn.layout_strided(layout, 2, dims, dnnl_f32, strides) == dnnl_success;
}

static dnnl_primitive_desc_t make_plan(const void *operation) {
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t plan = NULL;
    // Its own scratch memory would be shared by threads.
    if (onednn.attr_create(&attr) == dnnl_success &&
        onednn.attr_scratchpad(attr, dnnl_scratchpad_mode_user) == dnnl_success) {
        onednn.plan_create(&plan, operation, attr, onednn.engine, NULL);
    }
    if (attr) {
        onednn.attr_destroy(attr);
    }
    return plan;
}

bool onednn_make(const void *operation, onednn_primitive *out) {
    int threads = onednn.threads();
    onednn.set_threads(1); // it is made for as many as there are now
    dnnl_primitive_desc_t plan = make_plan(operation);
    bool made = plan && onednn.primitive_create(&out->primitive, plan) == dnnl_success;
    if (made) {
        onednn.plan_query(plan, dnnl_query_impl_info_str, 0, &out->kernel);
        out->scratch = *onednn.plan_layout(plan, dnnl_query_scratchpad_md, 0);
        out->weights = *onednn.plan_layout(plan, dnnl_query_weights_md, 0);
    }
    if (plan) {
        onednn.plan_destroy(plan);
    }
    onednn.set_threads(threads);
    return made;
}

void onednn_free(onednn_primitive *primitive) {
    if (primitive->primitive) {
        onednn.primitive_destroy(primitive->primitive);
    }
    *primitive = (onednn_primitive){0};
}

// Gives each operand its memory object; the number that was made.
static int attach(const onednn_operand *operands, int count, dnnl_exec_arg_t *args) {
    for (int i = 0; i < count; i++) {
        args[i].arg = operands[i].what;
        if (onednn.memory_create(&args[i].memory, operands[i].layout, onednn.engine,
                                 (void *)(uintptr_t)operands[i].data) != dnnl_success) {
            return i;
        }
    }
    return count;
}

static bool execute(const onednn_primitive *p, const dnnl_exec_arg_t *args, int count) {
    dnnl_stream_t stream = NULL;
    int threads = onednn.threads();
    onednn.set_threads(1);
    bool well =
        onednn.stream_create(&stream, onednn.engine, dnnl_stream_default_flags) == dnnl_success &&
        onednn.primitive_execute(p->primitive, stream, count, args) == dnnl_success &&
        onednn.stream_wait(stream) == dnnl_success;
    if (stream) {
        onednn.stream_destroy(stream);
    }
    onednn.set_threads(threads);
    return well;
}

bool onednn_run(const onednn_primitive *p, const onednn_operand *operands, int count) {
    onednn_operand all[ONEDNN_OPERANDS + 1];
    dnnl_exec_arg_t args[ONEDNN_OPERANDS + 1];
    size_t bytes = onednn.layout_size(&p->scratch);
    void *scratch = bytes > 0 ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    for (int i = 0; i < count; i++) {
        all[i] = operands[i];
    }
    all[count] = (onednn_operand){DNNL_ARG_SCRATCHPAD, scratch, &p->scratch};
    int needed = count + (bytes > 0);
    int made = bytes > 0 && !scratch ? 0 : attach(all, needed, args);
    bool well = made == needed && execute(p, args, made);
    for (int i = 0; i < made; i++) {
        onednn.memory_destroy(args[i].memory);
    }
    free(scratch);
    return well;
}

// ---- The table ----

static const decoct_whole_kernels whole = {.dtypes = 1u << DECOCT_F32,
                                           .bits = DECOCT_BITS_OTHER,
                                           .matmul = onednn_matmul,
                                           .pack = onednn_pack,
                                           .release = onednn_release,
                                           .rows_ops = UINT64_C(1) << DECOCT_OP_SOFTMAX,
                                           .rows = onednn_rows,
                                           .open = onednn_open};

__attribute__((visibility("default"))) extern const decoct_backend decoct_backend_entry;
const decoct_backend decoct_backend_entry = {.struct_size = sizeof(decoct_backend),
                                             .abi = DECOCT_BACKEND_ABI,
                                             .name = "onednn",
                                             .version = WHOLE_VERSION,
                                             .priority = 1000,
                                             .bits = DECOCT_BITS_OTHER,
                                             .whole = &whole,
                                             .whole_size = sizeof whole};
