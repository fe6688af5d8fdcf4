// SPDX-License-Identifier: BSD-2-Clause
// OpenVINO: models of one operation on its CPU plugin, all f32. Attention is the graph that its
// plugin makes of scaled_dot_product_attention and fuses to one kernel, with keys that are turned
// ahead.
#include "caches.h"
#include "cases/operands.h"
#include "grouped.h"
#include "library.h"
#include "openvino_ir.h"
#include "peer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_F32 = 4, INPUTS = 4 };

typedef struct their_shape {
    int64_t rank;
    int64_t *dims;
} their_shape;

typedef struct their_version {
    const char *build, *words;
} their_version;

// The functions return 0 when they succeed.
typedef struct library {
    void *core;
    int (*version)(their_version *version);
    const char *(*message)(
        void); // of the last failure; to be freed, which is rare enough not to be
    int (*core_create)(void **core);
    int (*tensor_create)(int type, their_shape shape, void *data, void **tensor);
    int (*tensor_bytes)(const void *tensor, size_t *bytes);
    void (*tensor_free)(void *tensor);
    int (*model_read)(void *core, const char *text, size_t size, const void *weights, void **model);
    void (*model_free)(void *model);
    int (*compile)(const void *core, const void *model, const char *device, size_t settings,
                   void **compiled, ...);
    void (*compiled_free)(void *compiled);
    int (*request_create)(const void *compiled, void **request);
    void (*request_free)(void *request);
    int (*set_input)(void *request, size_t index, const void *tensor);
    int (*set_output)(void *request, size_t index, const void *tensor);
    int (*infer)(void *request);
} library;

typedef struct openvino_job {
    const library *lib;
    peer_case c;
    void *compiled, *request;
    float *own[INPUTS + 1]; // copies of operands, and of the result as the last one
    grouped as;             // attention: the layout of q and of the result
} openvino_job;

static void *load_openvino(const peer_request *request, char *note, size_t size) {
    static const char file[] = "pypi/openvino/libopenvino_c.so";
    void *handle = library_open_in(request->folder, file, note, size);
    library *lib = calloc(1, sizeof *lib);
    their_version version = {"", ""};
    const library_symbol symbols[] = {
        {"ov_get_openvino_version", &lib->version},
        {"ov_get_last_err_msg", &lib->message},
        {"ov_core_create", &lib->core_create},
        {"ov_tensor_create_from_host_ptr", &lib->tensor_create},
        {"ov_tensor_get_byte_size", &lib->tensor_bytes},
        {"ov_tensor_free", &lib->tensor_free},
        {"ov_core_read_model_from_memory_buffer", &lib->model_read},
        {"ov_model_free", &lib->model_free},
        {"ov_core_compile_model", &lib->compile},
        {"ov_compiled_model_free", &lib->compiled_free},
        {"ov_compiled_model_create_infer_request", &lib->request_create},
        {"ov_infer_request_free", &lib->request_free},
        {"ov_infer_request_set_input_tensor_by_index", &lib->set_input},
        {"ov_infer_request_set_output_tensor_by_index", &lib->set_output},
        {"ov_infer_request_infer", &lib->infer},
    };
    if (!handle || !lib ||
        !library_find(handle, symbols, (int)(sizeof symbols / sizeof *symbols), note, size)) {
        free(lib);
        return NULL;
    }
    if (lib->version(&version) || lib->core_create(&lib->core)) {
        snprintf(note, size, "it does not start: %s", lib->message());
        free(lib);
        return NULL;
    }
    snprintf(note, size, "OpenVINO %s", version.build);
    return lib;
}

// ---- A model ----

static void close_openvino(void *data) {
    openvino_job *j = data;
    if (!j) {
        return;
    }
    if (j->request) {
        j->lib->request_free(j->request);
    }
    if (j->compiled) {
        j->lib->compiled_free(j->compiled);
    }
    for (int i = 0; i <= INPUTS; i++) {
        free(j->own[i]);
    }
    free(j);
}

// A tensor of this memory, which stays ours. NULL: it failed, or f32 has another number.
static void *wrap(const library *lib, ir_shape shape, const float *data) {
    size_t bytes = 0, wanted = (size_t)ir_floats(&shape) * sizeof *data;
    void *tensor = NULL, *memory = (void *)(uintptr_t)data;
    bool made =
        !lib->tensor_create(TYPE_F32, (their_shape){shape.rank, shape.dims}, memory, &tensor) &&
        !lib->tensor_bytes(tensor, &bytes) && bytes == wanted;
    if (!made && tensor) {
        lib->tensor_free(tensor);
    }
    return made ? tensor : NULL;
}

static bool compile(openvino_job *j, const ir_graph *g, void *weights) {
    const library *lib = j->lib;
    char text[IR_TEXT], threads[16];
    void *model = NULL;
    snprintf(threads, sizeof threads, "%d", j->c.threads);
    bool made = ir_write(g, text) &&
                !lib->model_read(lib->core, text, strlen(text), weights, &model) &&
                !lib->compile(lib->core, model, "CPU", 10, &j->compiled, "INFERENCE_PRECISION_HINT",
                              "f32", "INFERENCE_NUM_THREADS", threads, "NUM_STREAMS", "1",
                              "PERFORMANCE_HINT", "LATENCY", "ENABLE_CPU_PINNING", "NO");
    if (model) {
        lib->model_free(model);
    }
    return made && !lib->request_create(j->compiled, &j->request);
}

// The inputs of the graph in their order, then the constant if it has one, then the result.
static bool make(openvino_job *j, const ir_graph *g, const float *const *data, float *result) {
    const library *lib = j->lib;
    void *weights = NULL;
    bool made = true;
    for (int i = 0; i < g->count && made; i++) {
        if (g->nodes[i].kind == IR_CONSTANT) {
            weights = wrap(lib, ir_shape_of(1, ir_floats(&g->nodes[i].shape), 0, 0, 0), data[i]);
            made = weights != NULL;
        }
    }
    made = made && compile(j, g, weights);
    if (weights) {
        lib->tensor_free(weights);
    }
    for (int i = 0; i < g->count && made; i++) {
        bool input = g->nodes[i].kind == IR_INPUT, output = g->nodes[i].kind == IR_RESULT;
        if (!input && !output) {
            continue;
        }
        void *tensor = wrap(lib, g->nodes[i].shape, input ? data[i] : result);
        made = tensor && !(input ? lib->set_input(j->request, (size_t)i, tensor)
                                 : lib->set_output(j->request, 0, tensor));
        if (tensor) {
            lib->tensor_free(tensor);
        }
    }
    return made;
}

// ---- Operations ----

static bool open_matmul(openvino_job *j) {
    const peer_case *c = &j->c;
    bool batch = c->op == PEER_BATCH;
    int rank = batch ? 3 : 2;
    ir_graph g = {0};
    ir_shape x = ir_shape_of(rank, c->m, c->k, 0, 0), w = ir_shape_of(rank, c->k, c->n, 0, 0);
    ir_shape y = ir_shape_of(rank, c->m, c->n, 0, 0);
    if (batch) {
        x = ir_shape_of(3, c->count, c->m, c->k, 0);
        w = ir_shape_of(3, c->count, c->k, c->n, 0);
        y = ir_shape_of(3, c->count, c->m, c->n, 0);
    }
    int in = ir_add(&g, IR_INPUT, x, 0, 0);
    int weights = ir_add(&g, c->op == PEER_MATMUL ? IR_CONSTANT : IR_INPUT, w, 0, 0);
    ir_add(&g, IR_RESULT, y, ir_add(&g, IR_MATMUL, y, in, weights), 0);
    return make(j, &g, (const float *const[]){c->x, c->w}, c->y);
}

static bool open_softmax(openvino_job *j) {
    ir_graph g = {0};
    ir_shape shape = ir_shape_of(2, j->c.m, j->c.n, 0, 0);
    int in = ir_add(&g, IR_INPUT, shape, 0, 0);
    ir_add(&g, IR_RESULT, shape, ir_add(&g, IR_SOFTMAX, shape, in, 0), 0);
    return make(j, &g, (const float *const[]){j->c.x}, j->c.y);
}

// ---- Attention ----

// Keys (heads, head_dim, kv_len).
static float *make_keys(const openvino_job *j) {
    const peer_case *c = &j->c;
    int64_t dim = c->head_dim, len = c->kv_len;
    float *key = caches_by_heads(c, c->key, j->as.heads);
    float *turned = operand_room(j->as.heads * len * dim);
    for (int64_t h = 0; key && turned && h < j->as.heads; h++) {
        for (int64_t p = 0; p < len; p++) {
            for (int64_t d = 0; d < dim; d++) {
                turned[(h * dim + d) * len + p] = key[(h * len + p) * dim + d];
            }
        }
    }
    bool made = key != NULL;
    free(key);
    if (!made) {
        free(turned);
    }
    return made ? turned : NULL;
}

static bool open_attention(openvino_job *j) {
    const peer_case *c = &j->c;
    ir_graph g = {0};
    j->as = grouped_of(c);
    int64_t heads = j->as.heads;
    bool masked = c->q_len > 1;
    ir_shape rows = ir_shape_of(4, 1, heads, j->as.rows, c->head_dim);
    ir_shape scores = ir_shape_of(4, 1, heads, j->as.rows, c->kv_len);
    int q = ir_add(&g, IR_INPUT, rows, 0, 0);
    int k = ir_add(&g, IR_INPUT, ir_shape_of(4, 1, heads, c->head_dim, c->kv_len), 0, 0);
    int v = ir_add(&g, IR_INPUT, ir_shape_of(4, 1, heads, c->kv_len, c->head_dim), 0, 0);
    j->own[q] = grouped_queries(c, j->as, 1.0f / sqrtf((float)c->head_dim));
    j->own[k] = make_keys(j);
    j->own[v] = caches_by_heads(c, c->value, heads);
    j->own[INPUTS] = malloc((size_t)(c->heads * c->q_len * c->head_dim) * sizeof(float));
    bool made = j->own[q] && j->own[k] && j->own[v] && j->own[INPUTS];
    int at = 0;
    if (masked) {
        at = ir_add(&g, IR_INPUT, ir_shape_of(4, 1, 1, j->as.rows, c->kv_len), 0, 0);
        j->own[at] = grouped_mask(c, j->as);
        made = made && j->own[at];
    }
    int score = ir_add(&g, IR_MATMUL, scores, q, k);
    score = masked ? ir_add(&g, IR_ADD, scores, score, at) : score;
    score = ir_add(&g, IR_SOFTMAX, scores, score, 0);
    ir_add(&g, IR_RESULT, rows, ir_add(&g, IR_MATMUL, rows, score, v), 0);
    return made && make(j, &g, (const float *const *)j->own, j->own[INPUTS]);
}

static void finish_openvino(void *data) {
    const openvino_job *j = data;
    if (j->c.op == PEER_ATTENTION) {
        grouped_finish(&j->c, j->as, j->own[INPUTS]);
    }
}

// ---- Cases ----

static void *open_openvino(void *data, const peer_case *c, char *why, size_t size) {
    const library *lib = data;
    openvino_job *j = calloc(1, sizeof *j);
    bool opened = false;
    *why = '\0';
    if (j) {
        j->lib = lib;
        j->c = *c;
        opened = c->op == PEER_ATTENTION ? open_attention(j)
                 : c->op == PEER_SOFTMAX ? open_softmax(j)
                                         : open_matmul(j);
    }
    if (!opened) {
        snprintf(why, size, "it cannot make the model: %s", lib->message());
        close_openvino(j);
        return NULL;
    }
    return j;
}

static bool run_openvino(void *data) {
    const openvino_job *j = data;
    return !j->lib->infer(j->request);
}

const peer peer_openvino = {.name = "openvino",
                            .words = "MatMul (constant weights), SoftMax; attention: MatMul, Add "
                                     "of a mask, SoftMax, MatMul, which it fuses",
                            .load = load_openvino,
                            .open = open_openvino,
                            .run = run_openvino,
                            .finish = finish_openvino,
                            .close = close_openvino};
