// SPDX-License-Identifier: BSD-2-Clause
// ONNX Runtime: models of one operator, written here as ONNX bytes. Constant weights are
// initializers, which it packs when a session is made; inputs and outputs are bound to our memory.
#include "caches.h"
#include "library.h"
#include "onnx_bytes.h"
#include "peer.h"
#include "trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct library {
    const ort_api *api;
    ort_memory *memory;
    ort_env *env; // made by the first open(), with a pool of threads that all sessions share
    int32_t env_threads;
    char error[256]; // the message of the last failure
} library;

static bool well(library *lib, ort_status *status) {
    if (status) {
        snprintf(lib->error, sizeof lib->error, "%s", lib->api->message(status));
        lib->api->release_status(status);
    }
    return !status;
}

static bool no_memory(library *lib) {
    snprintf(lib->error, sizeof lib->error, "out of memory");
    return false;
}

static void *load_from(void *handle, char *note, size_t size) {
    const ort_api_base *(*base)(void) = NULL;
    const library_symbol symbols[] = {{"OrtGetApiBase", &base}};
    library *lib = calloc(1, sizeof *lib);
    if (!handle || !lib || !library_find(handle, symbols, 1, note, size)) {
        free(lib);
        return NULL;
    }
    lib->api = base()->get(ORT_API);
    if (lib->api && well(lib, lib->api->create_cpu_memory(ORT_ARENA, 0, &lib->memory))) {
        snprintf(note, size, "%s", base()->version());
        return lib;
    }
    snprintf(note, size, "%s: %s", base()->version(), lib->api ? lib->error : "no such API");
    free(lib);
    return NULL;
}

static void *load_npm(const peer_request *request, char *note, size_t size) {
    static const char file[] =
        "node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1";
    return load_from(library_open_in(request->folder, file, note, size), note, size);
}

static void *load_onnxruntime(const peer_request *request, char *note, size_t size) {
    static const char file[] = "pypi/onnxruntime/libonnxruntime.so.1";
    void *handle = library_open_in(request->folder, file, note, size);
    return handle ? load_from(handle, note, size) : load_npm(request, note, size);
}

// ---- Models ----

// Adds a tensor of f32 with dimensions up to the first 0.
static tensor *add(model *m, const char *name, const float *data, int64_t d0, int64_t d1,
                   int64_t d2, int64_t d3) {
    tensor *t = &m->tensors[m->count++];
    *t = (tensor){.name = name, .type = ORT_FLOAT, .dims = {d0, d1, d2, d3}, .data = (void *)data};
    while (t->rank < 4 && t->dims[t->rank] > 0) {
        t->rank++;
    }
    return t;
}

static void add_attribute(model *m, const char *name, int64_t value) {
    m->attribute[m->attributes].name = name;
    m->attribute[m->attributes++].value = value;
}

// ---- Sessions ----

typedef struct onnxruntime_job {
    library *lib;
    ort_session *session;
    ort_binding *binding;
    ort_value *values[TENSORS_MAX];
    int32_t last, total; // attention: the last position and the number of them
    float *key, *value;  // attention: (heads, kv_len, head_dim)
} onnxruntime_job;

static void close_onnxruntime(void *data) {
    onnxruntime_job *j = data;
    if (!j) {
        return;
    }
    const ort_api *api = j->lib->api; // each release accepts NULL
    api->release_binding(j->binding);
    for (int i = 0; i < TENSORS_MAX; i++) {
        api->release_value(j->values[i]);
    }
    api->release_session(j->session);
    free(j->key);
    free(j->value);
    free(j);
}

static bool run_onnxruntime(void *data) {
    const onnxruntime_job *j = data;
    return well(j->lib, j->lib->api->run_with_binding(j->session, NULL, j->binding));
}

// One environment for all: a second one would be the same. Its threads spin for a while after their
// work, so a pool for each session would disturb the others.
static bool make_env(library *lib, int32_t threads) {
    const ort_api *api = lib->api;
    ort_threading *threading = NULL;
    lib->env_threads = threads;
    bool made =
        well(lib, api->create_threading(&threading)) &&
        well(lib, api->set_shared_intra_threads(threading, threads)) &&
        well(lib, api->set_shared_inter_threads(threading, 1)) &&
        well(lib, api->create_env_with_threads(ORT_LOG_ERROR, "peers", threading, &lib->env));
    api->release_threading(threading);
    return made;
}

// Another number of threads than the environment's needs a pool of its own.
static bool set_options(library *lib, ort_options *options, const model *m, int32_t threads) {
    const ort_api *api = lib->api;
    return (threads != lib->env_threads || well(lib, api->share_threads(options))) &&
           (!m->raw || well(lib, api->add_config(options, "session.disable_prepacking", "1"))) &&
           well(lib, api->set_intra_threads(options, threads)) &&
           well(lib, api->set_inter_threads(options, 1)) &&
           well(lib, api->set_execution_mode(options, ORT_SEQUENTIAL)) &&
           well(lib, api->set_optimization(options, ORT_OPTIMIZE_ALL)) &&
           well(lib, api->set_log_severity(options, ORT_LOG_ERROR));
}

static bool make_session(onnxruntime_job *j, const model *m, int32_t threads) {
    library *lib = j->lib;
    const ort_api *api = lib->api;
    ort_options *options = NULL;
    onnx_bytes w;
    bool made = (onnx_write(&w, m) || no_memory(lib)) && well(lib, api->create_options(&options)) &&
                set_options(lib, options, m, threads) &&
                well(lib, api->create_session_from_array(lib->env, w.at, (size_t)(w.end - w.at),
                                                         options, &j->session));
    api->release_options(options);
    free(w.bytes);
    return made;
}

static bool bind(onnxruntime_job *j, const model *m) {
    library *lib = j->lib;
    const ort_api *api = lib->api;
    bool bound = well(lib, api->create_binding(j->session, &j->binding));
    for (int i = 0; bound && i < m->count; i++) {
        const tensor *t = &m->tensors[i];
        ort_value **v = &j->values[i];
        if (t->constant || !t->name[0]) {
            continue;
        }
        bound = well(lib, api->create_tensor(lib->memory, t->data, onnx_size(t), t->dims,
                                             (size_t)t->rank, t->type, v)) &&
                well(lib, i < m->inputs ? api->bind_input(j->binding, t->name, *v)
                                        : api->bind_output(j->binding, t->name, *v));
    }
    return bound;
}

// ---- Operators ----
// Each of these describes the model of a case, or returns false if the operator cannot do it.

// A row times a wide matrix is faster from unpacked weights; all else is as fast packed, in memory
// at least, or far faster (docs/tuning.md).
static bool describe_matmul(onnxruntime_job *j, const peer_case *c, model *m) {
    (void)j;
    bool raw = c->m == 1 && c->n >= 2 * c->k;
    *m = (model){.domain = "", .operation = "MatMul", .inputs = 2, .raw = raw};
    if (c->op == PEER_BATCH) {
        add(m, "x", c->x, c->count, c->m, c->k, 0);
        add(m, "w", c->w, c->count, c->k, c->n, 0);
        add(m, "y", c->y, c->count, c->m, c->n, 0);
        return true;
    }
    add(m, "x", c->x, c->m, c->k, 0, 0);
    add(m, "w", c->w, c->k, c->n, 0, 0)->constant = c->op == PEER_MATMUL;
    add(m, "y", c->y, c->m, c->n, 0, 0);
    return true;
}

static bool describe_softmax(onnxruntime_job *j, const peer_case *c, model *m) {
    (void)j;
    *m = (model){.domain = "", .operation = "Softmax", .inputs = 1};
    add(m, "x", c->x, c->m, c->n, 0, 0);
    add(m, "y", c->y, c->m, c->n, 0, 0);
    add_attribute(m, "axis", -1);
    return true;
}

static bool make_caches(onnxruntime_job *j, const peer_case *c) {
    j->key = caches_by_heads(c, c->key, c->kv_heads);
    j->value = caches_by_heads(c, c->value, c->kv_heads);
    return (j->key && j->value) || no_memory(j->lib);
}

static void add_caches(onnxruntime_job *j, const peer_case *c, model *m, const char *key,
                       const char *value) {
    add(m, key, j->key, 1, c->kv_heads, c->kv_len, c->head_dim);
    add(m, value, j->value, 1, c->kv_heads, c->kv_len, c->head_dim);
}

static void add_rows(model *m, const char *name, const float *at, int64_t n, int64_t width) {
    add(m, name, at, 1, n, width, 0);
}

static void add_number(model *m, const char *name, int32_t *at) {
    tensor *t = add(m, name, NULL, 1, 0, 0, 0);
    t->type = ORT_INT32;
    t->data = at;
}

// Reads the keys and values of the queries' own positions, and earlier ones from a cache, which it
// extends in place. It demands that head_dim is a multiple of 8.
static bool describe_group_query(onnxruntime_job *j, const peer_case *c, model *m) {
    int64_t past = c->kv_len - c->q_len, kv = c->kv_heads * c->head_dim;
    if (c->head_dim % 8 || !make_caches(j, c)) {
        return false;
    }
    j->last = (int32_t)c->kv_len - 1;
    j->total = (int32_t)c->kv_len;
    *m = (model){.domain = "com.microsoft", .operation = "GroupQueryAttention", .inputs = 7};
    add_rows(m, "q", c->q, c->q_len, c->heads * c->head_dim);
    add_rows(m, "k", c->key + past * kv, c->q_len, kv);
    add_rows(m, "v", c->value + past * kv, c->q_len, kv);
    add_caches(j, c, m, past ? "past_k" : "", past ? "past_v" : "");
    add_number(m, "last", &j->last);
    add_number(m, "total", &j->total);
    add_rows(m, "y", c->y, c->q_len, c->heads * c->head_dim);
    add_caches(j, c, m, "all_k", "all_v");
    add_attribute(m, "num_heads", c->heads);
    add_attribute(m, "kv_num_heads", c->kv_heads);
    return true;
}

// The limits of the next two: of several queries, the first has position 0.
static bool is_plain(const peer_case *c) {
    return c->q_len == 1 || c->q_len == c->kv_len;
}

// Keys and values by heads are the faster of the two layouts that it accepts.
static bool describe_multi_head(onnxruntime_job *j, const peer_case *c, model *m) {
    if (!is_plain(c) || c->kv_heads != c->heads || !make_caches(j, c)) {
        return false;
    }
    *m = (model){.domain = "com.microsoft", .operation = "MultiHeadAttention", .inputs = 3};
    add_rows(m, "q", c->q, c->q_len, c->heads * c->head_dim);
    add_caches(j, c, m, "k", "v");
    add_rows(m, "y", c->y, c->q_len, c->heads * c->head_dim);
    add_attribute(m, "num_heads", c->heads);
    add_attribute(m, "unidirectional", c->q_len > 1);
    return true;
}

// All three are by heads or not one; for one query both layouts of q and y are the same.
static bool describe_attention(onnxruntime_job *j, const peer_case *c, model *m) {
    bool one = c->q_len == 1;
    if (!is_plain(c) || (one && !make_caches(j, c))) {
        return false;
    }
    *m = (model){.domain = "", .operation = "Attention", .inputs = 3};
    if (one) {
        add(m, "q", c->q, 1, c->heads, 1, c->head_dim);
        add_caches(j, c, m, "k", "v");
        add(m, "y", c->y, 1, c->heads, 1, c->head_dim);
    } else {
        add_rows(m, "q", c->q, c->q_len, c->heads * c->head_dim);
        add_rows(m, "k", c->key, c->kv_len, c->kv_heads * c->head_dim);
        add_rows(m, "v", c->value, c->kv_len, c->kv_heads * c->head_dim);
        add_rows(m, "y", c->y, c->q_len, c->heads * c->head_dim);
        add_attribute(m, "q_num_heads", c->heads);
        add_attribute(m, "kv_num_heads", c->kv_heads);
    }
    add_attribute(m, "is_causal", !one);
    return true;
}

// ---- Cases ----

typedef bool (*description)(onnxruntime_job *, const peer_case *, model *);

static onnxruntime_job *open_job(library *lib, const peer_case *c, description describe, model *m) {
    onnxruntime_job *j = calloc(1, sizeof *j);
    if (!j) {
        no_memory(lib);
        return NULL;
    }
    j->lib = lib;
    if (describe(j, c, m) && make_session(j, m, c->threads) && bind(j, m)) {
        return j;
    }
    close_onnxruntime(j);
    return NULL;
}

// Keeps the operator that is the fastest here, and names it.
static onnxruntime_job *open_attention(library *lib, const peer_case *c, char *name, size_t size) {
    static const description operators[] = {describe_group_query, describe_multi_head,
                                            describe_attention};
    onnxruntime_job *best = NULL;
    double least = INFINITY;
    for (int i = 0; i < 3; i++) {
        model m;
        onnxruntime_job *j = open_job(lib, c, operators[i], &m), *worse = j;
        double taken = j ? trial_best(run_onnxruntime, j, least) : INFINITY;
        if (taken < least) {
            worse = best;
            best = j;
            least = taken;
            snprintf(name, size, "%s", m.operation);
        }
        close_onnxruntime(worse);
    }
    return best;
}

static void *open_onnxruntime(void *data, const peer_case *c, char *why, size_t size) {
    library *lib = data;
    model m;
    onnxruntime_job *j = NULL;
    *why = lib->error[0] = '\0';
    if (lib->env || make_env(lib, c->threads)) {
        j = c->op == PEER_ATTENTION ? open_attention(lib, c, why, size)
            : c->op == PEER_SOFTMAX ? open_job(lib, c, describe_softmax, &m)
                                    : open_job(lib, c, describe_matmul, &m);
    }
    if (!j) {
        snprintf(why, size, "%s", lib->error);
    }
    return j;
}

#define CALLS "MatMul, Softmax and its fastest attention operator, each a session of its own"

const peer peer_onnxruntime = {.name = "onnxruntime",
                               .words = CALLS,
                               .load = load_onnxruntime,
                               .open = open_onnxruntime,
                               .run = run_onnxruntime,
                               .close = close_onnxruntime};
const peer peer_onnxruntime_old = {.name = "onnxruntime-npm",
                                   .words = CALLS,
                                   .load = load_npm,
                                   .open = open_onnxruntime,
                                   .run = run_onnxruntime,
                                   .close = close_onnxruntime,
                                   .only_named = true};
