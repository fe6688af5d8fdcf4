// SPDX-License-Identifier: BSD-2-Clause
// PyTorch without Python: its C functions for compiled models (torch/csrc/inductor/aoti_torch in
// its headers). Attention only: the kernel that scaled_dot_product_attention has for f32 on CPUs.
#include "caches.h"
#include "grouped.h"
#include "library.h"
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>

enum { Q, KEY, VALUE, MASK, INPUTS };

// The functions return 0 when they succeed.
typedef struct library {
    uint64_t (*version)(void); // a byte each of major, minor and patch, from the top
    int32_t (*type_f32)(void);
    int32_t (*device_cpu)(void);
    void (*set_gradients)(bool enabled); // of this thread; whether a call is recorded
    void (*set_threads)(int threads);
    int (*tensor_of)(void *data, int64_t rank, const int64_t *dims, const int64_t *strides,
                     int64_t offset, int32_t type, int32_t device, int32_t device_index,
                     void **tensor);
    int (*tensor_free)(void *tensor);
    int (*tensor_data)(void *tensor, void **data);
    int (*tensor_strides)(void *tensor, int64_t **strides);
    int (*attend)(void *q, void *key, void *value, double dropout, int32_t causal, void **mask,
                  double *scale, void **result, void **log_sums);
    const char *(*message)(void); // of the last failure; the library may lack it
} library;

typedef struct torch_job {
    const library *lib;
    peer_case c;
    grouped as;
    float *own[INPUTS]; // copies of operands
    void *inputs[INPUTS], *result;
} torch_job;

static void *load_torch(const peer_request *request, char *note, size_t size) {
    static const char file[] = "torch/torch/libtorch_cpu.so";
    void *handle = library_open_in(request->folder, file, note, size);
    library *lib = calloc(1, sizeof *lib);
    const library_symbol symbols[] = {
        {"aoti_torch_abi_version", &lib->version},
        {"aoti_torch_dtype_float32", &lib->type_f32},
        {"aoti_torch_device_type_cpu", &lib->device_cpu},
        {"aoti_torch_grad_mode_set_enabled", &lib->set_gradients},
        {"omp_set_num_threads", &lib->set_threads}, // of the OpenMP that it is linked with
        {"aoti_torch_create_tensor_from_blob", &lib->tensor_of},
        {"aoti_torch_delete_tensor_object", &lib->tensor_free},
        {"aoti_torch_get_data_ptr", &lib->tensor_data},
        {"aoti_torch_get_strides", &lib->tensor_strides},
        {"aoti_torch_cpu__scaled_dot_product_flash_attention_for_cpu", &lib->attend},
    };
    if (!handle || !lib ||
        !library_find(handle, symbols, (int)(sizeof symbols / sizeof *symbols), note, size)) {
        free(lib);
        return NULL;
    }
    library_find_optional(
        handle, &(library_symbol){"torch_exception_get_what_without_backtrace", &lib->message});
    uint64_t version = lib->version();
    snprintf(note, size, "PyTorch %d.%d.%d", (int)(version >> 56), (int)(version >> 48 & 255),
             (int)(version >> 40 & 255));
    return lib;
}

static void free_tensor(const library *lib, void **tensor) {
    if (*tensor) {
        lib->tensor_free(*tensor);
        *tensor = NULL;
    }
}

static void close_torch(void *data) {
    torch_job *j = data;
    free_tensor(j->lib, &j->result);
    for (int i = 0; i < INPUTS; i++) {
        free_tensor(j->lib, &j->inputs[i]);
        free(j->own[i]);
    }
    free(j);
}

// A dense tensor (1, heads, rows, cols) of memory that stays ours.
static bool wrap(torch_job *j, int input, int64_t heads, int64_t rows, int64_t cols) {
    const library *lib = j->lib;
    const int64_t dims[] = {1, heads, rows, cols};
    const int64_t strides[] = {heads * rows * cols, rows * cols, cols, 1};
    return j->own[input] && !lib->tensor_of(j->own[input], 4, dims, strides, 0, lib->type_f32(),
                                            lib->device_cpu(), 0, &j->inputs[input]);
}

// A whole prompt has the call's own mask; other queries than one are the last of the keys, which
// it cannot be asked for.
static bool is_masked(const peer_case *c) {
    return c->q_len > 1 && c->q_len < c->kv_len;
}

static bool make_inputs(torch_job *j) {
    const peer_case *c = &j->c;
    int64_t heads = j->as.heads;
    j->own[Q] = grouped_queries(c, j->as, 1.0f);
    j->own[KEY] = caches_by_heads(c, c->key, heads);
    j->own[VALUE] = caches_by_heads(c, c->value, heads);
    if (is_masked(c)) {
        j->own[MASK] = grouped_mask(c, j->as);
        if (!wrap(j, MASK, 1, j->as.rows, c->kv_len)) {
            return false;
        }
    }
    return wrap(j, Q, heads, j->as.rows, c->head_dim) &&
           wrap(j, KEY, heads, c->kv_len, c->head_dim) &&
           wrap(j, VALUE, heads, c->kv_len, c->head_dim);
}

static void *open_torch(void *data, const peer_case *c, char *why, size_t size) {
    const library *lib = data;
    torch_job *j = calloc(1, sizeof *j);
    *why = '\0';
    if (c->op != PEER_ATTENTION) {
        free(j);
        return NULL;
    }
    lib->set_threads(c->threads);
    if (j) {
        *j = (torch_job){.lib = lib, .c = *c, .as = grouped_of(c)};
        if (make_inputs(j)) {
            return j;
        }
        close_torch(j);
    }
    snprintf(why, size, "it cannot make the tensors: %s", lib->message ? lib->message() : "");
    return NULL;
}

// Each call makes a new result, as everywhere in PyTorch.
static bool run_torch(void *data) {
    torch_job *j = data;
    void *log_sums = NULL;
    bool whole = j->c.q_len > 1 && !is_masked(&j->c);
    j->lib->set_gradients(false);
    free_tensor(j->lib, &j->result);
    bool done =
        !j->lib->attend(j->inputs[Q], j->inputs[KEY], j->inputs[VALUE], 0.0, whole,
                        j->inputs[MASK] ? &j->inputs[MASK] : NULL, NULL, &j->result, &log_sums);
    free_tensor(j->lib, &log_sums);
    return done;
}

// The result has the dims (1, heads, rows, head_dim), and strides that PyTorch chooses.
static void finish_torch(void *data) {
    const torch_job *j = data;
    const peer_case *c = &j->c;
    void *from = NULL;
    int64_t *strides = NULL, rows = j->as.heads * j->as.rows;
    float *dense = malloc((size_t)(rows * c->head_dim) * sizeof *dense);
    if (dense && !j->lib->tensor_data(j->result, &from) &&
        !j->lib->tensor_strides(j->result, &strides)) {
        for (int64_t i = 0; i < rows * c->head_dim; i++) {
            int64_t row = i / c->head_dim;
            dense[i] =
                ((const float *)from)[row / j->as.rows * strides[1] +
                                      row % j->as.rows * strides[2] + i % c->head_dim * strides[3]];
        }
        grouped_finish(c, j->as, dense);
    }
    free(dense);
}

const peer peer_torch = {.name = "torch",
                         .words = "_scaled_dot_product_flash_attention_for_cpu, which "
                                  "scaled_dot_product_attention calls for f32",
                         .load = load_torch,
                         .open = open_torch,
                         .run = run_torch,
                         .finish = finish_torch,
                         .close = close_torch};
