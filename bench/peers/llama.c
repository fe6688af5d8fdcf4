// SPDX-License-Identifier: BSD-2-Clause
// Whole models in llama.cpp. Two of its structs are passed by value: their layouts are those of
// release 0.5, and their defaults are checked before they are used.
#include "llama.h"

#include "library.h"

#include <stdio.h>
#include <stdlib.h>

// ---- Its structs ----

enum { TYPE_F16 = 1, LAYERS_SPLIT = 1, FLASH_AUTO = -1, FLASH_ON = 1 };
enum { LOAD_AUTO = -1, LOAD_INTO_MEMORY = 0 };

typedef struct model_params {
    void *devices;
    const void *buffer_overrides;
    int32_t gpu_layers;
    int split_mode, load_mode, lazy_mode;
    int32_t main_gpu;
    const float *tensor_split;
    bool (*progress)(float share, void *data);
    void *progress_data;
    const void *overrides;
    bool vocabulary_only, check_tensors, extra_buffers, no_host, no_alloc, load_mtp;
} model_params;

typedef struct context_params {
    uint32_t context, batch, micro_batch, sequences, snapshots, outputs, outputs_each;
    int32_t threads, threads_batch;
    int context_type, rope_scaling, pooling, attention, flash_attention;
    float rope_base, rope_scale, yarn_extension, yarn_attention, yarn_fast, yarn_slow;
    uint32_t yarn_context;
    float defragment;
    void *watch, *watch_data;
    int type_k, type_v;
    void *abort, *abort_data;
    bool embeddings, offload_kqv, no_timing, offload, whole_window, unified;
    void *samplers;
    size_t sampler_count;
    void *other;
} context_params;

typedef struct batch {
    int32_t count;
    int32_t *tokens;
    float *embeddings;    // NULL
    int32_t *positions;   // NULL: those that follow
    int32_t *sequences;   // NULL: sequence 0
    int32_t **sequence;   // NULL
    int8_t *wants_logits; // NULL: the last one does
} batch;

// ---- The library ----

typedef struct library {
    llama_cpu cpu;
    const char *(*version)(void);
    void (*log_set)(void (*print)(int level, const char *text, void *data), void *data);
    void (*start)(void);
    void *(*add_backend)(const char *path);
    model_params (*model_defaults)(void);
    context_params (*context_defaults)(void);
    void *(*model_load)(const char *path, model_params params);
    void (*model_free)(void *model);
    void *(*context_new)(void *model, context_params params);
    void (*context_free)(void *context);
    void (*attach_pool)(void *context, void *pool, void *pool_batch);
    void *(*memory)(const void *context);
    bool (*forget)(void *memory, int32_t sequence, int32_t from, int32_t to);
    int32_t (*last_position)(void *memory, int32_t sequence);
    int32_t (*decode)(void *context, batch tokens);
    float *(*logits)(void *context, int32_t index);
} library;

typedef struct llama_job {
    const library *lib;
    void *model, *context, *pool;
    int64_t room; // of the context, in tokens
} llama_job;

static void say_nothing(int level, const char *text, void *data) {
    (void)level;
    (void)text;
    (void)data;
}

static bool find_functions(library *lib, void *handle, char *note, size_t size) {
    const library_symbol symbols[] = {
        {"llama_version", &lib->version},
        {"llama_log_set", &lib->log_set},
        {"llama_backend_init", &lib->start},
        {"ggml_backend_load", &lib->add_backend},
        {"llama_model_default_params", &lib->model_defaults},
        {"llama_context_default_params", &lib->context_defaults},
        {"llama_model_load_from_file", &lib->model_load},
        {"llama_model_free", &lib->model_free},
        {"llama_init_from_model", &lib->context_new},
        {"llama_free", &lib->context_free},
        {"llama_attach_threadpool", &lib->attach_pool},
        {"llama_get_memory", &lib->memory},
        {"llama_memory_seq_rm", &lib->forget},
        {"llama_memory_seq_pos_max", &lib->last_position},
        {"llama_decode", &lib->decode},
        {"llama_get_logits_ith", &lib->logits},
    };
    return library_find(handle, symbols, sizeof symbols / sizeof *symbols, note, size);
}

// Are the defaults at their places? In another layout some would not be.
static bool check_layouts(const library *lib, char *note, size_t size) {
    model_params m = lib->model_defaults();
    context_params c = lib->context_defaults();
    bool model = m.gpu_layers == -1 && m.split_mode == LAYERS_SPLIT && m.load_mode == LOAD_AUTO &&
                 m.lazy_mode == 1 && m.main_gpu == 0 && !m.progress && !m.overrides &&
                 !m.vocabulary_only && !m.check_tensors && m.extra_buffers && !m.no_host &&
                 !m.no_alloc && !m.load_mtp;
    bool head = c.context == 512 && c.batch == 2048 && c.micro_batch == 512 && c.sequences == 1 &&
                c.outputs == 0 && c.outputs_each == 1 && c.threads == c.threads_batch &&
                c.attention == -1 && c.flash_attention == FLASH_AUTO;
    bool tail = c.yarn_slow == -1.0f && c.defragment == -1.0f && c.type_k == TYPE_F16 &&
                c.type_v == TYPE_F16 && !c.abort && !c.embeddings && c.offload_kqv && c.no_timing &&
                c.offload && c.whole_window && !c.unified && !c.samplers && !c.sampler_count &&
                !c.other;
    if (!model || !head || !tail) {
        snprintf(note, size, "libllama %s has other structs than release 0.5", lib->version());
    }
    return model && head && tail;
}

// libllama keeps its backends in one list per process, so this is done once.
static bool load_llama(library *lib, const peer_request *request, char *note, size_t size) {
    char path[LLAMA_PATH_ROOM];
    const char *names[] = {path, NULL};
    if (!llama_cpu_find(request->folder, "libllama.*so", path, note, size) ||
        !llama_cpu_load(request, &lib->cpu, note, size)) {
        return false;
    }
    void *handle = library_open(names, note, size);
    if (!handle || !find_functions(lib, handle, note, size) || !check_layouts(lib, note, size)) {
        return false;
    }
    lib->log_set(say_nothing, NULL);
    lib->start();
    if (!lib->add_backend(lib->cpu.path)) {
        snprintf(note, size, "libllama does not load %s", lib->cpu.file);
        return false;
    }
    return true;
}

void *llama_peer_load(const peer_request *request, char *note, size_t size) {
    static library lib;
    static bool loaded;
    loaded = loaded || load_llama(&lib, request, note, size);
    if (loaded) {
        snprintf(note, size, "libllama %s; %s", lib.version(), lib.cpu.file);
    }
    return loaded ? &lib : NULL;
}

// ---- A model ----

void llama_peer_close(void *data) {
    llama_job *j = data;
    if (j->context) {
        j->lib->context_free(j->context);
    }
    if (j->pool) {
        j->lib->cpu.pool_free(j->pool);
    }
    if (j->model) {
        j->lib->model_free(j->model);
    }
    free(j);
}

// The cache stays f16, its default: flash attention would convert one of f32 to f16 in each call.
// Its micro-batch of 512 stays, too: others are no faster (docs/tuning.md).
static void *open_context(const llama_job *j, int32_t threads) {
    context_params c = j->lib->context_defaults();
    c.context = (uint32_t)j->room;
    c.batch = c.context;
    c.outputs = 1;
    c.threads = threads;
    c.threads_batch = threads;
    c.flash_attention = FLASH_ON;
    return j->lib->context_new(j->model, c);
}

void *llama_peer_open(void *data, const char *gguf, int32_t threads, int64_t context, char *why,
                      size_t size) {
    const library *lib = data;
    llama_job *j = context > 0 && context <= INT32_MAX ? calloc(1, sizeof *j) : NULL;
    *why = '\0';
    if (!j) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    *j = (llama_job){.lib = lib, .room = context};
    model_params m = lib->model_defaults();
    m.gpu_layers = 0;
    m.load_mode = LOAD_INTO_MEMORY;
    j->model = lib->model_load(gguf, m);
    j->pool = llama_cpu_pool(&lib->cpu, threads);
    j->context = j->model && j->pool ? open_context(j, threads) : NULL;
    if (!j->context) {
        snprintf(why, size, "%s: llama.cpp cannot %s", gguf,
                 !j->model ? "load it" : "start its threads or make a context");
        llama_peer_close(j);
        return NULL;
    }
    lib->attach_pool(j->context, j->pool, j->pool);
    return j;
}

bool llama_peer_run(void *data, const int32_t *tokens, int64_t count, int64_t keep) {
    llama_job *j = data;
    void *memory = j->lib->memory(j->context);
    // It aborts when there are more than its batch may hold.
    if (count < 1 || keep < 0 || count > j->room || keep > j->room - count ||
        !j->lib->forget(memory, 0, (int32_t)keep, -1) ||
        j->lib->last_position(memory, 0) + 1 != (int32_t)keep) {
        return false;
    }
    batch b = {.count = (int32_t)count, .tokens = (int32_t *)(uintptr_t)tokens}; // it only reads
    return j->lib->decode(j->context, b) == 0 && llama_peer_logits(j) != NULL;
}

const float *llama_peer_logits(void *data) {
    llama_job *j = data;
    return j->lib->logits(j->context, -1);
}
