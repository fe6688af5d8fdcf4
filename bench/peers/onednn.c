// SPDX-License-Identifier: BSD-2-Clause
// oneDNN: matmul with weights in the layout that it prefers, dnnl_sgemm, softmax; attention is
// in onednn_attention.c.
#include "onednn.h"
#include "library.h"
#include "trial.h"

#include "cases/operands.h"
#include "cases/sizes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANY = 1, CPU = 1, IN_ORDER = 1, ISA_AVX2 = 7 };

typedef struct onednn_job {
    const onednn *lib;
    peer_case c;
    onednn_call call;
    float *packed; // w; NULL: it is used row-major
    bool sgemm;    // instead of the call, with rows of w that are `ld` apart
    int64_t ld;
    void *attention; // the job of onednn_attention.c
} onednn_job;

// ---- The library ----

static bool find_functions(void *handle, onednn *lib, char *note, size_t size) {
    const library_symbol symbols[] = {
        {"dnnl_version", &lib->version},
        {"dnnl_get_effective_cpu_isa", &lib->isa},
        {"dnnl_cpu_isa2str", &lib->isa_name},
        {"dnnl_engine_create", &lib->engine_create},
        {"dnnl_stream_create", &lib->stream_create},
        {"dnnl_stream_wait", &lib->stream_wait},
        {"dnnl_memory_set_data_handle", &lib->memory_set},
        {"dnnl_memory_destroy", &lib->memory_destroy},
        {"dnnl_primitive_desc_query", &lib->plan_query},
        {"dnnl_primitive_desc_destroy", &lib->plan_destroy},
        {"dnnl_primitive_create", &lib->primitive_create},
        {"dnnl_primitive_execute", &lib->primitive_execute},
        {"dnnl_primitive_destroy", &lib->primitive_destroy},
        {"dnnl_sgemm", &lib->sgemm},
        {"omp_set_num_threads", &lib->set_threads}, // of the OpenMP that it is linked with
    };
    return library_find(handle, symbols, (int)(sizeof symbols / sizeof *symbols), note, size);
}

// Release 2 has the name with DNNL, too.
static const char avx2[] = "ONEDNN_MAX_CPU_ISA=AVX2";

static void set_variables(const peer_request *request) {
    if (request->avx2) {
        setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1);
        setenv("DNNL_MAX_CPU_ISA", "AVX2", 1);
    }
}

static bool is_allowed(const onednn *lib, const peer_request *request, char *note, size_t size) {
    int isa = lib->isa();
    return !request->avx2 || library_limited(isa == ISA_AVX2, avx2, lib->isa_name(isa), note, size);
}

static void *load_from(void *handle, int release, const peer_request *request, char *note,
                       size_t size) {
    onednn *lib = calloc(1, sizeof *lib);
    if (!lib || !find_functions(handle, lib, note, size) ||
        !(release == 3 ? onednn3_find : onednn2_find)(handle, lib, note, size) ||
        !is_allowed(lib, request, note, size)) {
        free(lib);
        return NULL;
    }
    if (lib->engine_create(&lib->engine, CPU, 0) ||
        lib->stream_create(&lib->stream, lib->engine, IN_ORDER)) {
        snprintf(note, size, "it cannot create an engine");
        free(lib);
        return NULL;
    }
    const onednn_version *v = lib->version();
    snprintf(note, size, "oneDNN %d.%d.%d; %s", v->major, v->minor, v->patch,
             lib->isa_name(lib->isa()));
    return lib;
}

static void *load_old(const peer_request *request, char *note, size_t size) {
    static const char *const names[] = {"libdnnl.so.2", NULL};
    set_variables(request);
    void *handle = library_open(names, note, size);
    return handle ? load_from(handle, 2, request, note, size) : NULL;
}

static void *load_onednn(const peer_request *request, char *note, size_t size) {
    static const char file[] = "pypi/onednn/libdnnl.so.3";
    set_variables(request);
    void *handle = library_open_in(request->folder, file, note, size);
    return handle ? load_from(handle, 3, request, note, size) : load_old(request, note, size);
}

// ---- Jobs ----

// Copies w (k, n) from the layout `from` to the layout `to`.
static bool pack(onednn_job *j, const onednn_layout *from, const onednn_layout *to) {
    static const int whats[] = {ONEDNN_SRC, ONEDNN_DST};
    const onednn *lib = j->lib;
    const onednn_layout *layouts[] = {from, to};
    onednn_call reorder = {0};
    void *plan = NULL;
    j->packed = operand_room(ceil_div((int64_t)lib->layout_size(to), (int64_t)sizeof(float)));
    bool packed = j->packed &&
                  !lib->plan_reorder(&plan, from, lib->engine, to, lib->engine, NULL) &&
                  onednn_make(lib, plan, whats, layouts, 2, &reorder) &&
                  onednn_attach(lib, &reorder, j->c.w, NULL, j->packed) &&
                  onednn_execute(lib, &reorder) && !lib->stream_wait(lib->stream);
    onednn_free(lib, &reorder);
    return packed;
}

static bool run_matmul(void *data) {
    const onednn_job *j = data;
    const peer_case *c = &j->c;
    if (j->sgemm) {
        return !j->lib->sgemm('N', 'N', c->m, c->n, c->k, 1.0f, c->x, c->k,
                              j->packed ? j->packed : c->w, j->ld, 0.0f, c->y, c->n);
    }
    return onednn_execute(j->lib, &j->call) && !j->lib->stream_wait(j->lib->stream);
}

// w row-major, in one call; of a batch all products.
static bool open_unpacked(onednn_job *j, const onednn_layout *x, onednn_layout *w,
                          const onednn_layout *y) {
    const peer_case *c = &j->c;
    return onednn_matmul(j->lib, x, w, y, 1.0f, &j->call) &&
           onednn_attach(j->lib, &j->call, c->x, c->w, c->y);
}

// w row-major: the faster of the two calls.
static bool open_plain(onednn_job *j, const onednn_layout *x, onednn_layout *w,
                       const onednn_layout *y) {
    if (!open_unpacked(j, x, w, y)) {
        return false;
    }
    double primitive = trial_best(run_matmul, j, INFINITY);
    j->sgemm = true;
    double sgemm = trial_best(run_matmul, j, primitive);
    j->sgemm = sgemm < primitive;
    return true;
}

// w packed ahead. If oneDNN has no layout of its own for it (without AVX-512), matmul is sgemm with
// overhead; then w gets rows whose distance is not a large power of two.
static bool open_packed(onednn_job *j, const onednn_layout *x, const onednn_layout *w,
                        const onednn_layout *y) {
    const onednn *lib = j->lib;
    const peer_case *c = &j->c;
    const int64_t dims[] = {c->k, c->n};
    onednn_layout best;
    if (lib->layout_tagged(&best, 2, dims, ONEDNN_F32, ANY) ||
        !onednn_matmul(lib, x, &best, y, 1.0f, &j->call)) {
        return false;
    }
    if (strstr(j->call.kernel, "gemm:jit")) {
        j->sgemm = true;
        j->ld = round_up(c->n, 16) + 16;
        return onednn_strided(lib, &(onednn_shape){0, c->k, c->n, 0, j->ld, 1}, &best) &&
               pack(j, w, &best);
    }
    return pack(j, w, &best) && onednn_attach(lib, &j->call, c->x, j->packed, c->y);
}

static bool open_matmul(onednn_job *j) {
    const onednn *lib = j->lib;
    const peer_case *c = &j->c;
    onednn_layout x, w, y;
    int64_t groups = c->op == PEER_BATCH ? c->count : 0;
    j->ld = c->n;
    return onednn_strided(lib, &(onednn_shape){groups, c->m, c->k, c->m * c->k, c->k, 1}, &x) &&
           onednn_strided(lib, &(onednn_shape){groups, c->k, c->n, c->k * c->n, c->n, 1}, &w) &&
           onednn_strided(lib, &(onednn_shape){groups, c->m, c->n, c->m * c->n, c->n, 1}, &y) &&
           (c->op == PEER_BATCH          ? open_unpacked(j, &x, &w, &y)
            : c->op == PEER_MATMUL_PLAIN ? open_plain(j, &x, &w, &y)
                                         : open_packed(j, &x, &w, &y));
}

static bool open_softmax(onednn_job *j) {
    const peer_case *c = &j->c;
    onednn_layout data;
    return onednn_strided(j->lib, &(onednn_shape){0, c->m, c->n, 0, c->n, 1}, &data) &&
           onednn_softmax(j->lib, &data, 1, &j->call) &&
           onednn_attach(j->lib, &j->call, c->x, NULL, c->y);
}

static void close_onednn(void *data) {
    onednn_job *j = data;
    if (j) {
        onednn_free(j->lib, &j->call);
        onednn_attention_close(j->attention);
        free(j->packed);
        free(j);
    }
}

static void *open_onednn(void *data, const peer_case *c, char *why, size_t size) {
    onednn_job *j = calloc(1, sizeof *j);
    *why = '\0';
    bool opened = false;
    if (j) {
        j->lib = data;
        j->c = *c;
        j->lib->set_threads(c->threads); // primitives are made for a number of threads
        j->attention = c->op == PEER_ATTENTION ? onednn_attention_open(j->lib, c) : NULL;
        opened = c->op == PEER_ATTENTION ? j->attention != NULL
                 : c->op == PEER_SOFTMAX ? open_softmax(j)
                                         : open_matmul(j);
    }
    if (!opened) {
        snprintf(why, size, "it cannot create the primitive");
        close_onednn(j);
        return NULL;
    }
    return j;
}

static bool run_onednn(void *data) {
    onednn_job *j = data;
    j->lib->set_threads(j->c.threads);
    return j->attention ? onednn_attention_run(j->attention) : run_matmul(j);
}

static const char calls[] =
    "matmul with packed weights, dnnl_sgemm where that has the same kernels; softmax; attention: a "
    "loop of matmul (one query: dnnl_sgemm) and softmax over heads and blocks of queries";

const peer peer_onednn = {.name = "onednn",
                          .words = calls,
                          .load = load_onednn,
                          .open = open_onednn,
                          .run = run_onednn,
                          .close = close_onednn,
                          .avx2 = avx2};
const peer peer_onednn_old = {.name = "onednn-debian",
                              .words = calls,
                              .load = load_old,
                              .open = open_onednn,
                              .run = run_onednn,
                              .close = close_onednn,
                              .only_named = true,
                              .avx2 = avx2};
