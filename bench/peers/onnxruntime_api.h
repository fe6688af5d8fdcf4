// SPDX-License-Identifier: BSD-2-Clause
// The few entries of ONNX Runtime's table of functions that we call. The table only ever grows at
// its end, so the number of an entry is fixed once it was released; these are all in version 10.
// Then the model that onnxruntime.c builds.
#ifndef BENCH_ONNXRUNTIME_API_H
#define BENCH_ONNXRUNTIME_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORT_API = 10, ORT_LOG_ERROR = 3, ORT_SEQUENTIAL = 0, ORT_OPTIMIZE_ALL = 99, ORT_ARENA = 1 };
// Types of elements, the same numbers in a model's file and in the API.
enum { ORT_FLOAT = 1, ORT_INT32 = 6 };

typedef struct ort_status ort_status; // NULL: it went well; otherwise to be released
typedef struct ort_env ort_env;
typedef struct ort_threading ort_threading;
typedef struct ort_options ort_options;
typedef struct ort_session ort_session;
typedef struct ort_memory ort_memory;
typedef struct ort_value ort_value;
typedef struct ort_binding ort_binding;
typedef struct ort_run_options ort_run_options;
typedef void (*ort_skipped)(void);

typedef struct ort_api {
    ort_skipped skip_0[2];
    const char *(*message)(const ort_status *); // 2
    ort_skipped skip_3[5];
    ort_status *(*create_session_from_array)(const ort_env *, const void *model, size_t size,
                                             const ort_options *, ort_session **); // 8
    ort_skipped skip_9;
    ort_status *(*create_options)(ort_options **); // 10
    ort_skipped skip_11[2];
    ort_status *(*set_execution_mode)(ort_options *, int mode); // 13
    ort_skipped skip_14[8];
    ort_status *(*set_log_severity)(ort_options *, int level);    // 22
    ort_status *(*set_optimization)(ort_options *, int level);    // 23
    ort_status *(*set_intra_threads)(ort_options *, int threads); // 24
    ort_status *(*set_inter_threads)(ort_options *, int threads); // 25
    ort_skipped skip_26[23];
    ort_status *(*create_tensor)(const ort_memory *, void *data, size_t bytes, const int64_t *dims,
                                 size_t rank, int type, ort_value **); // 49
    ort_skipped skip_50[19];
    ort_status *(*create_cpu_memory)(int allocator, int kind, ort_memory **); // 69
    ort_skipped skip_70[23];
    void (*release_status)(ort_status *); // 93
    void (*release_memory)(ort_memory *);
    void (*release_session)(ort_session *);
    void (*release_value)(ort_value *); // 96
    ort_skipped skip_97[3];
    void (*release_options)(ort_options *); // 100
    ort_skipped skip_101[18];
    ort_status *(*create_env_with_threads)(int level, const char *id, const ort_threading *,
                                           ort_env **); // 119
    ort_status *(*share_threads)(ort_options *);        // 120
    ort_status *(*create_threading)(ort_threading **);  // 121
    void (*release_threading)(ort_threading *);         // 122
    ort_skipped skip_123[7];
    ort_status *(*add_config)(ort_options *, const char *key, const char *value); // 130
    ort_skipped skip_131[2];
    ort_status *(*run_with_binding)(ort_session *, const ort_run_options *,
                                    const ort_binding *);                       // 133
    ort_status *(*create_binding)(ort_session *, ort_binding **);               // 134
    void (*release_binding)(ort_binding *);                                     // 135
    ort_status *(*bind_input)(ort_binding *, const char *, const ort_value *);  // 136
    ort_status *(*bind_output)(ort_binding *, const char *, const ort_value *); // 137
    ort_skipped skip_138[9];
    ort_status *(*set_shared_intra_threads)(ort_threading *, int threads); // 147
    ort_status *(*set_shared_inter_threads)(ort_threading *, int threads); // 148
} ort_api;

#define ORT_IS_AT(entry, number)                                                                   \
    _Static_assert(offsetof(ort_api, entry) == (number) * sizeof(ort_skipped), #entry)
ORT_IS_AT(create_session_from_array, 8);
ORT_IS_AT(set_inter_threads, 25);
ORT_IS_AT(create_tensor, 49);
ORT_IS_AT(create_cpu_memory, 69);
ORT_IS_AT(release_value, 96);
ORT_IS_AT(release_options, 100);
ORT_IS_AT(release_threading, 122);
ORT_IS_AT(bind_output, 137);
ORT_IS_AT(set_shared_inter_threads, 148);
#undef ORT_IS_AT

typedef struct ort_api_base {
    const ort_api *(*get)(uint32_t version);
    const char *(*version)(void);
} ort_api_base;

// ---- A model of one operator, from which onnxruntime.c writes the bytes of an ONNX file ----

enum { TENSORS_MAX = 10, ATTRIBUTES_MAX = 3 };

typedef struct tensor {
    const char *name; // "": an optional input that is left out
    int type, rank;
    int64_t dims[4];
    void *data;
    bool constant; // a part of the model: an initializer
} tensor;

// One operator. The first `inputs` tensors are its inputs, the others its outputs.
typedef struct model {
    const char *domain, *operation;
    bool raw; // constants are not to be packed
    int count, inputs, attributes;
    tensor tensors[TENSORS_MAX];
    struct {
        const char *name;
        int64_t value;
    } attribute[ATTRIBUTES_MAX];
} model;

#endif
