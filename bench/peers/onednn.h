// SPDX-License-Identifier: BSD-2-Clause
// The declarations of oneDNN for the adapter, and the few steps that its operations share. What
// release 3 has in another form than release 2 is in onednn3.c.
#ifndef BENCH_ONEDNN_H
#define BENCH_ONEDNN_H

#include "peer.h"

// Their descriptions, of which only the sizes matter here: a layout is as long as theirs in 2.x
// (in 3.x the first word is a pointer to theirs), an operation longer than any of theirs.
typedef struct onednn_layout {
    int64_t words[87];
} onednn_layout;

typedef struct onednn_operation {
    int64_t words[1024];
} onednn_operation;

typedef struct onednn_version {
    int major, minor, patch; // theirs is longer
} onednn_version;

// Their numbers for arguments and types.
enum { ONEDNN_SRC = 1, ONEDNN_DST = 17, ONEDNN_WEIGHTS = 33, ONEDNN_F32 = 3 };

typedef struct onednn_arg {
    int what;
    void *memory;
} onednn_arg;

// Their functions return 0 when they succeed. A plan is a primitive descriptor in their terms.
typedef struct onednn {
    void *engine, *stream;
    const onednn_version *(*version)(void);
    int (*isa)(void);
    const char *(*isa_name)(int isa);
    int (*engine_create)(void **engine, int kind, size_t index);
    int (*stream_create)(void **stream, void *engine, unsigned flags);
    int (*stream_wait)(void *stream);
    int (*layout_strided)(onednn_layout *layout, int ndims, const int64_t *dims, int type,
                          const int64_t *strides);
    int (*layout_tagged)(onednn_layout *layout, int ndims, const int64_t *dims, int type, int tag);
    size_t (*layout_size)(const onednn_layout *layout);
    int (*memory_create)(void **memory, const onednn_layout *layout, void *engine, void *data);
    int (*memory_set)(void *memory, void *data);
    int (*memory_destroy)(void *memory);
    int (*attr_create)(void **attr);
    int (*attr_scale)(void *attr, int64_t count, int mask, const float *scales);
    int (*attr_destroy)(void *attr);
    int (*matmul)(onednn_operation *operation, const onednn_layout *x, const onednn_layout *w,
                  const onednn_layout *bias, const onednn_layout *y);
    int (*softmax)(onednn_operation *operation, int kind, const onednn_layout *data, int axis);
    int (*plan_create)(void **plan, const onednn_operation *operation, void *attr, void *engine,
                       void *hint);
    int (*plan_reorder)(void **plan, const onednn_layout *from, void *from_engine,
                        const onednn_layout *to, void *to_engine, void *attr);
    int (*plan_query)(void *plan, int what, int index, void *answer);
    const onednn_layout *(*plan_layout)(void *plan, int what, int index);
    int (*plan_destroy)(void *plan);
    int (*primitive_create)(void **primitive, void *plan);
    int (*primitive_execute)(void *primitive, void *stream, int count, const onednn_arg *args);
    int (*primitive_destroy)(void *primitive);
    int (*sgemm)(char trans_a, char trans_b, int64_t m, int64_t n, int64_t k, float alpha,
                 const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
                 int64_t ldc);
    void (*set_threads)(int threads); // of OpenMP
    // Of this adapter, for the release that was found: the plan of y = scale * x w, and of softmax.
    // The layout that a plan prefers for the weights goes to `w`.
    bool (*plan_matmul)(const struct onednn *lib, void **plan, const onednn_layout *x,
                        onednn_layout *w, const onednn_layout *y, float scale);
    bool (*plan_softmax)(const struct onednn *lib, void **plan, const onednn_layout *data,
                         int axis);
} onednn;

// A primitive and the memory that it works on: source, (weights,) destination.
typedef struct onednn_call {
    void *primitive;
    onednn_arg args[3];
    int count;
    const char *kernel; // the name that oneDNN gives to what it chose
} onednn_call;

// A matrix of f32 for each group; groups of 0: one plain matrix.
typedef struct onednn_shape {
    int64_t groups, rows, cols;
    int64_t group_stride, row_stride, col_stride;
} onednn_shape;

enum { ONEDNN_INFERENCE = 96, ONEDNN_QUERY_WEIGHTS = 131 };

// onednn3.c: fills in what release 3 has in another form. False: a function is missing.
bool onednn3_find(void *handle, onednn *lib, char *note, size_t size);

// onednn_call.c
bool onednn2_find(void *handle, onednn *lib, char *note, size_t size);
bool onednn_strided(const onednn *lib, const onednn_shape *shape, onednn_layout *layout);
// The primitive of a plan, with memory of these layouts for its arguments; ends the plan.
bool onednn_make(const onednn *lib, void *plan, const int *whats,
                 const onednn_layout *const *layouts, int count, onednn_call *call);
// y = scale * x w. If `w` leaves the layout open, it becomes the one that oneDNN prefers.
bool onednn_matmul(const onednn *lib, const onednn_layout *x, onednn_layout *w,
                   const onednn_layout *y, float scale, onednn_call *call);
bool onednn_softmax(const onednn *lib, const onednn_layout *data, int axis, onednn_call *call);
// Sets the data pointer of each argument.
bool onednn_attach(const onednn *lib, const onednn_call *call, const void *src, const void *weights,
                   void *dst);
bool onednn_execute(const onednn *lib, const onednn_call *call);
void onednn_free(const onednn *lib, onednn_call *call);

// Attention as a job of its own: onednn_attention.c.
void *onednn_attention_open(const onednn *lib, const peer_case *c);
bool onednn_attention_run(void *job);
void onednn_attention_close(void *job);

#endif
