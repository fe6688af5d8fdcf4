// SPDX-License-Identifier: BSD-2-Clause
// llama.cpp's kernels, called through ggml as llama.cpp calls them: a graph of one operation on its
// CPU backend. ggml checks its arguments with abort(), so every argument must be valid.
#include "caches.h"
#include "library.h"
#include "llama.h"
#include "peer.h"

#include "cases/operands.h"
#include "cases/sizes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- ggml ----

enum { TYPE_F32 = 0, TYPE_F16 = 1, F16_MINUS_INFINITY = 0xFC00, ALIGNMENT = 64, NODES = 16 };

typedef struct context_params {
    size_t size;
    void *buffer;
    bool no_alloc; // tensors without data: it is given to them
} context_params;

// Threads and the memory they work in; shared by all jobs with that number of threads.
typedef struct team {
    struct team *next;
    int32_t threads;
    int users;
    void *backend, *pool;
} team;

typedef struct library {
    llama_cpu cpu;
    team *teams;
    void *reg;
    const char *(*version)(void);
    const char *(*commit)(void);
    void *(*reg_init)(void);
    void *(*reg_device)(void *reg, size_t index);
    void *(*reg_function)(void *reg, const char *name);
    void *(*backend_new)(void *device, const char *params);
    void (*backend_free)(void *backend);
    void (*backend_set_threads)(void *backend, int threads);
    void (*backend_set_pool)(void *backend, void *pool);
    int (*compute)(void *backend, void *graph);
    void *(*buffer_new)(void *data, size_t size);
    void (*buffer_free)(void *buffer);
    int (*place)(void *buffer, void *tensor, void *data);
    void *(*context_new)(context_params params);
    size_t (*context_size)(const void *context);
    bool (*context_no_alloc)(const void *context);
    void (*context_free)(void *context);
    size_t (*tensor_overhead)(void);
    size_t (*graph_overhead)(size_t nodes, bool gradients);
    void *(*graph_new)(void *context, size_t nodes, bool gradients);
    void (*graph_add)(void *graph, void *tensor);
    void *(*tensor_new)(void *context, int type, int rank, const int64_t *shape);
    size_t (*tensor_bytes)(const void *tensor);
    void *(*permute)(void *context, void *tensor, int axis0, int axis1, int axis2, int axis3);
    void *(*mul_mat)(void *context, void *w, void *x);
    void *(*soft_max)(void *context, void *x);
    void *(*attention)(void *context, void *q, void *k, void *v, void *mask, float scale,
                       float max_bias, float softcap);
} library;

typedef struct ggml_job {
    library *lib;
    team *team;
    void *context, *graph;
    void *buffers[5]; // views of the operands
    int buffer_count;
    void *own[3]; // w as ggml needs it, or k, v and the mask
} ggml_job;

static bool find_functions(library *lib, char *note, size_t size) {
    const library_symbol symbols[] = {
        {"ggml_version", &lib->version},
        {"ggml_commit", &lib->commit},
        {"ggml_backend_reg_dev_get", &lib->reg_device},
        {"ggml_backend_reg_get_proc_address", &lib->reg_function},
        {"ggml_backend_dev_init", &lib->backend_new},
        {"ggml_backend_free", &lib->backend_free},
        {"ggml_backend_graph_compute", &lib->compute},
        {"ggml_backend_cpu_buffer_from_ptr", &lib->buffer_new},
        {"ggml_backend_buffer_free", &lib->buffer_free},
        {"ggml_backend_tensor_alloc", &lib->place},
        {"ggml_init", &lib->context_new},
        {"ggml_get_mem_size", &lib->context_size},
        {"ggml_get_no_alloc", &lib->context_no_alloc},
        {"ggml_free", &lib->context_free},
        {"ggml_tensor_overhead", &lib->tensor_overhead},
        {"ggml_graph_overhead_custom", &lib->graph_overhead},
        {"ggml_new_graph_custom", &lib->graph_new},
        {"ggml_build_forward_expand", &lib->graph_add},
        {"ggml_new_tensor", &lib->tensor_new},
        {"ggml_nbytes", &lib->tensor_bytes},
        {"ggml_permute", &lib->permute},
        {"ggml_mul_mat", &lib->mul_mat},
        {"ggml_soft_max", &lib->soft_max},
        {"ggml_flash_attn_ext", &lib->attention},
    };
    // A backend that can be loaded has the first name, one that is linked the second.
    const library_symbol first = {"ggml_backend_init", &lib->reg_init};
    const library_symbol second = {"ggml_backend_cpu_reg", &lib->reg_init};
    library_find_optional(lib->cpu.handle, &first);
    return (lib->reg_init || library_find(lib->cpu.handle, &second, 1, note, size)) &&
           library_find(lib->cpu.handle, symbols, sizeof symbols / sizeof *symbols, note, size);
}

// Those that belong to the CPU backend and not to all.
static bool find_backend_functions(library *lib, char *note, size_t size) {
    lib->reg = lib->reg_init();
    void *set_threads = lib->reg ? lib->reg_function(lib->reg, "ggml_backend_set_n_threads") : NULL;
    void *set_pool =
        lib->reg ? lib->reg_function(lib->reg, "ggml_backend_cpu_set_threadpool") : NULL;
    if (!set_threads || !set_pool) {
        snprintf(note, size, "%s does not start or has no threads to set", lib->cpu.file);
        return false;
    }
    memcpy(&lib->backend_set_threads, &set_threads, sizeof set_threads);
    memcpy(&lib->backend_set_pool, &set_pool, sizeof set_pool);
    return true;
}

static void *new_context(const library *lib) {
    size_t size = NODES * lib->tensor_overhead() + lib->graph_overhead(NODES, false);
    return lib->context_new((context_params){size, NULL, true});
}

// The one struct passed by value: did it arrive correctly?
static bool check_context(const library *lib, char *note, size_t size) {
    void *context = new_context(lib);
    size_t wanted = NODES * lib->tensor_overhead() + lib->graph_overhead(NODES, false);
    bool well = context && lib->context_size(context) - wanted < ALIGNMENT && // it rounds up
                lib->context_no_alloc(context);
    if (context) {
        lib->context_free(context);
    }
    if (!well) {
        snprintf(note, size, "ggml %s has another ggml_init_params than this adapter",
                 lib->version());
    }
    return well;
}

static void *load_with(bool (*load)(const peer_request *, llama_cpu *, char *, size_t),
                       const peer_request *request, char *note, size_t size) {
    library *lib = calloc(1, sizeof *lib);
    if (!lib || !load(request, &lib->cpu, note, size) || !find_functions(lib, note, size) ||
        !find_backend_functions(lib, note, size) || !check_context(lib, note, size)) {
        free(lib);
        return NULL;
    }
    snprintf(note, size, "ggml %s (%s); %s", lib->version(), lib->commit(), lib->cpu.file);
    return lib;
}

static void *load_npm(const peer_request *request, char *note, size_t size) {
    return load_with(llama_cpu_load, request, note, size);
}

static void *load_ggml(const peer_request *request, char *note, size_t size) {
    bool native = llama_cpu_is_built(request);
    return load_with(native ? llama_cpu_load_built : llama_cpu_load, request, note, size);
}

// ---- Threads ----

static void drop_team(library *lib, team *t) {
    if (--t->users > 0) {
        return;
    }
    team **at = &lib->teams;
    while (*at && *at != t) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = t->next;
    }
    if (t->backend) {
        lib->backend_free(t->backend);
    }
    if (t->pool) {
        lib->cpu.pool_free(t->pool);
    }
    free(t);
}

static team *take_team(library *lib, int32_t threads) {
    for (team *t = lib->teams; t; t = t->next) {
        if (t->threads == threads) {
            t->users++;
            return t;
        }
    }
    team *t = calloc(1, sizeof *t);
    if (!t) {
        return NULL;
    }
    *t = (team){.next = lib->teams, .threads = threads, .users = 1};
    lib->teams = t;
    t->backend = lib->backend_new(lib->reg_device(lib->reg, 0), NULL);
    t->pool = llama_cpu_pool(&lib->cpu, threads);
    if (!t->backend || !t->pool) {
        drop_team(lib, t);
        return NULL;
    }
    lib->backend_set_threads(t->backend, threads);
    lib->backend_set_pool(t->backend, t->pool);
    return t;
}

// ---- Jobs ----

static void close_job(void *data) {
    ggml_job *j = data;
    for (int i = 0; i < j->buffer_count; i++) {
        j->lib->buffer_free(j->buffers[i]);
    }
    if (j->context) {
        j->lib->context_free(j->context);
    }
    if (j->team) {
        drop_team(j->lib, j->team);
    }
    for (int i = 0; i < 3; i++) {
        free(j->own[i]);
    }
    free(j);
}

// Sets the data of a tensor. ggml needs aligned memory, so that begins a little before.
static bool place(ggml_job *j, void *tensor, const void *data) {
    uintptr_t address = (uintptr_t)data, base = address / ALIGNMENT * ALIGNMENT;
    size_t bytes = address - base + j->lib->tensor_bytes(tensor);
    void *buffer = j->lib->buffer_new((void *)base, bytes);
    if (!buffer) {
        return false;
    }
    j->buffers[j->buffer_count++] = buffer;
    return j->lib->place(buffer, tensor, (void *)address) == 0;
}

// A dense tensor, the fastest axis first; NULL if it failed.
static void *operand(ggml_job *j, int type, int64_t n0, int64_t n1, int64_t n2, const void *data) {
    int64_t shape[] = {n0, n1, n2};
    void *tensor = j->lib->tensor_new(j->context, type, 3, shape);
    return tensor && place(j, tensor, data) ? tensor : NULL;
}

static void *allocate(int64_t count, int64_t each) {
    return operand_room(ceil_div(count * each, (int64_t)sizeof(float)));
}

// w (k, n) to (n, k), by blocks that the first cache holds.
static float *transpose(const float *w, int64_t k, int64_t n) {
    enum { BLOCK = 32 };
    float *t = allocate(k * n, sizeof *t);
    for (int64_t p = 0; t && p < k; p += BLOCK) {
        int64_t p_end = p + BLOCK < k ? p + BLOCK : k;
        for (int64_t j = 0; j < n; j += BLOCK) {
            int64_t j_end = j + BLOCK < n ? j + BLOCK : n;
            for (int64_t jj = j; jj < j_end; jj++) {
                for (int64_t pp = p; pp < p_end; pp++) {
                    t[jj * k + pp] = w[pp * n + jj];
                }
            }
        }
    }
    return t;
}

static void *open_matmul(ggml_job *j, const peer_case *c) {
    j->own[0] = transpose(c->w, c->k, c->n);
    void *w = j->own[0] ? operand(j, TYPE_F32, c->k, c->n, 1, j->own[0]) : NULL;
    void *x = operand(j, TYPE_F32, c->k, c->m, 1, c->x);
    return w && x ? j->lib->mul_mat(j->context, w, x) : NULL;
}

static void *open_softmax(ggml_job *j, const peer_case *c) {
    void *x = operand(j, TYPE_F32, c->n, c->m, 1, c->x);
    return x ? j->lib->soft_max(j->context, x) : NULL;
}

// (q_len, kv_len) halves, 0 where the query sees the key.
static uint16_t *causal_mask(int64_t q_len, int64_t kv_len) {
    uint16_t *mask = allocate(q_len * kv_len, sizeof *mask);
    for (int64_t i = 0; mask && i < q_len; i++) {
        for (int64_t p = 0; p < kv_len; p++) {
            mask[i * kv_len + p] = p > kv_len - q_len + i ? F16_MINUS_INFINITY : 0;
        }
    }
    return mask;
}

// A copy (heads, kv_len, head_dim) of k or v, which suits ggml better than (kv_len, heads *
// head_dim), the cache of libllama: one query reads 32768 keys several times as fast. As f32: f16
// would lose more than rounding allows.
static void *cached(ggml_job *j, const peer_case *c, const float *data, void **own) {
    *own = caches_by_heads(c, data, c->kv_heads);
    return *own ? operand(j, TYPE_F32, c->head_dim, c->kv_len, c->kv_heads, *own) : NULL;
}

static void *open_attention(ggml_job *j, const peer_case *c) {
    void *q = operand(j, TYPE_F32, c->head_dim, c->heads, c->q_len, c->q), *mask = NULL;
    void *k = cached(j, c, c->key, &j->own[0]), *v = cached(j, c, c->value, &j->own[1]);
    if (c->q_len > 1) { // a single query sees all
        j->own[2] = causal_mask(c->q_len, c->kv_len);
        mask = j->own[2] ? operand(j, TYPE_F16, c->kv_len, c->q_len, 1, j->own[2]) : NULL;
    }
    if (!q || !k || !v || (!mask && c->q_len > 1)) {
        return NULL;
    }
    q = j->lib->permute(j->context, q, 0, 2, 1, 3); // only how it is seen
    float scale = 1.0f / sqrtf((float)c->head_dim);
    return j->lib->attention(j->context, q, k, v, mask, scale, 0.0f, 0.0f);
}

static bool open_graph(ggml_job *j, const peer_case *c) {
    j->team = take_team(j->lib, c->threads);
    j->context = new_context(j->lib);
    if (!j->team || !j->context) {
        return false;
    }
    void *y = c->op == PEER_MATMUL    ? open_matmul(j, c)
              : c->op == PEER_SOFTMAX ? open_softmax(j, c)
                                      : open_attention(j, c);
    j->graph = j->lib->graph_new(j->context, NODES, false);
    if (!y || !place(j, y, c->y) || !j->graph) {
        return false;
    }
    j->lib->graph_add(j->graph, y);
    return true;
}

static void *open_ggml(void *data, const peer_case *c, char *why, size_t size) {
    *why = '\0';
    if (c->op == PEER_MATMUL_PLAIN ||
        c->op == PEER_BATCH) { // ggml_mul_mat refuses a w that is not transposed
        return NULL;
    }
    ggml_job *j = calloc(1, sizeof *j);
    if (j) {
        j->lib = data;
    }
    if (!j || !open_graph(j, c)) {
        snprintf(why, size, "out of memory, or a library that is other than expected");
        if (j) {
            close_job(j);
        }
        return NULL;
    }
    return j;
}

static bool run_ggml(void *data) {
    const ggml_job *j = data;
    return j->lib->compute(j->team->backend, j->graph) == 0;
}

#define CALLS "ggml_mul_mat, ggml_soft_max, ggml_flash_attn_ext, all f32"

const peer peer_ggml = {.name = "llama.cpp",
                        .words = CALLS,
                        .load = load_ggml,
                        .open = open_ggml,
                        .run = run_ggml,
                        .close = close_job,
                        .avx2 = LLAMA_CPU_AVX2};
const peer peer_ggml_npm = {.name = "llama.cpp-npm",
                            .words = CALLS,
                            .load = load_npm,
                            .open = open_ggml,
                            .run = run_ggml,
                            .close = close_job,
                            .only_named = true,
                            .avx2 = LLAMA_CPU_AVX2};
