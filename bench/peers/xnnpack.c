// SPDX-License-Identifier: BSD-2-Clause
// XNNPACK: the fully connected operator, which packs its weights when it is created, and softmax.
// It has neither a product of two unpacked matrices nor attention.
#include "library.h"
#include "peer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WEIGHTS_BY_INPUT = 1, POOLS_MAX = 256 };

// The functions return 0 when they succeed. An operator is set up for its data once and may then
// run many times.
typedef struct library {
    int (*initialize)(const void *allocator);
    int (*fully_connected)(size_t inputs, size_t outputs, size_t input_stride, size_t output_stride,
                           const float *weights, const float *bias, float min, float max,
                           uint32_t flags, void **operation);
    int (*fully_connected_setup)(void *operation, size_t rows, const float *x, float *y,
                                 void *pool);
    int (*softmax)(size_t cols, size_t input_stride, size_t output_stride, uint32_t flags,
                   void **operation);
    int (*softmax_setup)(void *operation, size_t rows, const float *x, float *y, void *pool);
    int (*run)(void *operation, void *pool);
    int (*destroy)(void *operation);
    void *(*pool_create)(size_t threads);
    void *pools[POOLS_MAX]; // by their number of threads; they stay for all jobs
} library;

typedef struct xnnpack_job {
    const library *lib;
    void *operation, *pool;
} xnnpack_job;

static void *load_xnnpack(const peer_request *request, char *note, size_t size) {
    static const char *const names[] = {"libXNNPACK.so.0", NULL};
    static const char *const pool_names[] = {"libpthreadpool.so.0", NULL};
    (void)request;
    void *handle = library_open(names, note, size);
    void *pool_handle = handle ? library_open(pool_names, note, size) : NULL;
    library *lib = calloc(1, sizeof *lib);
    const library_symbol symbols[] = {
        {"xnn_initialize", &lib->initialize},
        {"xnn_create_fully_connected_nc_f32", &lib->fully_connected},
        {"xnn_setup_fully_connected_nc_f32", &lib->fully_connected_setup},
        {"xnn_create_softmax_nc_f32", &lib->softmax},
        {"xnn_setup_softmax_nc_f32", &lib->softmax_setup},
        {"xnn_run_operator", &lib->run},
        {"xnn_delete_operator", &lib->destroy},
    };
    const library_symbol pool_symbols[] = {{"pthreadpool_create", &lib->pool_create}};
    if (!pool_handle || !lib || !library_find(handle, symbols, 7, note, size) ||
        !library_find(pool_handle, pool_symbols, 1, note, size)) {
        free(lib);
        return NULL;
    }
    if (lib->initialize(NULL)) {
        snprintf(note, size, "it does not run on this CPU");
        free(lib);
        return NULL;
    }
    snprintf(note, size, "XNNPACK; it reports neither its version nor its kernels");
    return lib;
}

// One thread needs no pool.
static bool find_pool(library *lib, int32_t threads, void **pool) {
    *pool = NULL;
    if (threads == 1) {
        return true;
    }
    if (threads < 1 || threads >= POOLS_MAX) {
        return false;
    }
    if (!lib->pools[threads]) {
        lib->pools[threads] = lib->pool_create((size_t)threads);
    }
    *pool = lib->pools[threads];
    return *pool != NULL;
}

static bool prepare(xnnpack_job *j, const peer_case *c) {
    const library *lib = j->lib;
    size_t m = (size_t)c->m, n = (size_t)c->n, k = (size_t)c->k;
    if (c->op == PEER_SOFTMAX) {
        return !lib->softmax(n, n, n, 0, &j->operation) &&
               !lib->softmax_setup(j->operation, m, c->x, c->y, j->pool);
    }
    return !lib->fully_connected(k, n, k, n, c->w, NULL, -INFINITY, INFINITY, WEIGHTS_BY_INPUT,
                                 &j->operation) &&
           !lib->fully_connected_setup(j->operation, m, c->x, c->y, j->pool);
}

static void close_xnnpack(void *data) {
    xnnpack_job *j = data;
    if (j) {
        if (j->operation) {
            j->lib->destroy(j->operation);
        }
        free(j);
    }
}

static void *open_xnnpack(void *data, const peer_case *c, char *why, size_t size) {
    library *lib = data;
    *why = '\0';
    if (c->op != PEER_MATMUL && c->op != PEER_SOFTMAX) {
        return NULL;
    }
    xnnpack_job *j = calloc(1, sizeof *j);
    if (j) {
        j->lib = lib;
    }
    if (!j || !find_pool(lib, c->threads, &j->pool) || !prepare(j, c)) {
        snprintf(why, size, "it cannot create the operator");
        close_xnnpack(j);
        return NULL;
    }
    return j;
}

static bool run_xnnpack(void *data) {
    const xnnpack_job *j = data;
    return !j->lib->run(j->operation, j->pool);
}

const peer peer_xnnpack = {.name = "xnnpack",
                           .words = "fully_connected_nc_f32, its weights packed; softmax_nc_f32",
                           .load = load_xnnpack,
                           .open = open_xnnpack,
                           .run = run_xnnpack,
                           .close = close_xnnpack};
