// SPDX-License-Identifier: BSD-2-Clause
// oneDNN as a backend: its functions, and one primitive from its description to its call.
#ifndef ONEDNN_BACKEND_H
#define ONEDNN_BACKEND_H

#include <decoct/backend.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>

#if DNNL_VERSION_MAJOR != 2
#error "this plugin calls oneDNN 2.x: its descriptions of operations are gone in 3.0"
#endif

// X(name, function): the functions of oneDNN 2.x that the plugin calls.
#define ONEDNN_FUNCTIONS(X)                                                                        \
    X(engine_create, dnnl_engine_create)                                                           \
    X(stream_create, dnnl_stream_create)                                                           \
    X(stream_wait, dnnl_stream_wait)                                                               \
    X(stream_destroy, dnnl_stream_destroy)                                                         \
    X(layout_strided, dnnl_memory_desc_init_by_strides)                                            \
    X(layout_tagged, dnnl_memory_desc_init_by_tag)                                                 \
    X(layout_size, dnnl_memory_desc_get_size)                                                      \
    X(memory_create, dnnl_memory_create)                                                           \
    X(memory_destroy, dnnl_memory_destroy)                                                         \
    X(attr_create, dnnl_primitive_attr_create)                                                     \
    X(attr_scratchpad, dnnl_primitive_attr_set_scratchpad_mode)                                    \
    X(attr_destroy, dnnl_primitive_attr_destroy)                                                   \
    X(matmul, dnnl_matmul_desc_init)                                                               \
    X(softmax, dnnl_softmax_forward_desc_init)                                                     \
    X(plan_create, dnnl_primitive_desc_create)                                                     \
    X(plan_reorder, dnnl_reorder_primitive_desc_create)                                            \
    X(plan_query, dnnl_primitive_desc_query)                                                       \
    X(plan_layout, dnnl_primitive_desc_query_md)                                                   \
    X(plan_destroy, dnnl_primitive_desc_destroy)                                                   \
    X(primitive_create, dnnl_primitive_create)                                                     \
    X(primitive_execute, dnnl_primitive_execute)                                                   \
    X(primitive_destroy, dnnl_primitive_destroy)                                                   \
    X(sgemm, dnnl_sgemm)

typedef struct onednn_library {
#define X(name, function) __typeof__(function) *name;
    ONEDNN_FUNCTIONS(X)
#undef X
    // Of the OpenMP that Debian's library is linked with. The number is the calling thread's own.
    void (*set_threads)(int threads);
    int (*threads)(void);
    dnnl_engine_t engine;
    bool opened;
} onednn_library;

extern onednn_library onednn;

// A primitive with what its calls need besides the operands.
typedef struct onednn_primitive {
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t scratch,
        weights;        // weights: as oneDNN prefers them, where that was left open
    const char *kernel; // the name that oneDNN gives to what it chose
} onednn_primitive;

// One operand of a call.
typedef struct onednn_operand {
    int what; // DNNL_ARG_SRC and so on
    const void *data;
    const dnnl_memory_desc_t *layout;
} onednn_operand;

enum { ONEDNN_OPERANDS = 3 };

int32_t onednn_open(char *reason, uint64_t size);
// A matrix of f32 whose rows are `stride` apart.
bool onednn_matrix(int64_t rows, int64_t cols, int64_t stride, dnnl_memory_desc_t *layout);
// From the description of an operation, such as a dnnl_matmul_desc_t.
bool onednn_make(const void *operation, onednn_primitive *out);
void onednn_free(onednn_primitive *primitive);
// Runs it on the calling thread alone.
bool onednn_run(const onednn_primitive *primitive, const onednn_operand *operands, int count);

// onednn_matmul.c, onednn_softmax.c
int32_t onednn_matmul(const decoct_host *host, const decoct_whole_matmul *call);
int32_t onednn_pack(const decoct_host *host, const decoct_whole_weights *weights, void **packed);
void onednn_release(void *packed);
int32_t onednn_rows(const decoct_host *host, decoct_op op, const decoct_rows_piece *call);

#endif
