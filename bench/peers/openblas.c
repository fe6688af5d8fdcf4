// SPDX-License-Identifier: BSD-2-Clause
// OpenBLAS: sgemm, which packs both operands in each call. One row uses sgemv, as its
// users would.
#include "cblas.h"
#include "library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct library {
    cblas blas;
    void (*set_threads)(int threads);
    const char *(*core)(void);
    const char *(*config)(void);
} library;

static const char avx2[] = "OPENBLAS_CORETYPE=Haswell";

// `prefix`: of the names of all functions.
static library *load_from(void *handle, const char *prefix, char *note, size_t size) {
    static const char *const names[] = {
        "cblas_sgemm",           "cblas_sgemv",         "openblas_set_num_threads",
        "openblas_get_corename", "openblas_get_config", "cblas_sgemm_batch_strided"};
    enum { COUNT = sizeof names / sizeof *names };
    char whole[COUNT][64];
    library *lib = calloc(1, sizeof *lib);
    void *to[COUNT] = {&lib->blas.sgemm, &lib->blas.sgemv, &lib->set_threads,
                       &lib->core,       &lib->config,     &lib->blas.sgemm_batch};
    library_symbol symbols[COUNT];
    for (int i = 0; i < COUNT; i++) {
        snprintf(whole[i], sizeof whole[i], "%s%s", prefix, names[i]);
        symbols[i] = (library_symbol){whole[i], to[i]};
    }
    if (!lib || !library_find(handle, symbols, COUNT - 1, note, size)) {
        free(lib);
        return NULL;
    }
    library_find_optional(handle, &symbols[COUNT - 1]); // since 0.3.28
    snprintf(note, size, "%s; core %s", lib->config(), lib->core());
    return lib;
}

// These two make it act as an older CPU.
static void set_variables(const peer_request *request) {
    unsetenv("OPENBLAS_CORETYPE");
    unsetenv("OPENBLAS_L2_SIZE");
    if (request->avx2) {
        setenv("OPENBLAS_CORETYPE", "Haswell", 1);
    }
}

static void *check_limit(library *lib, const peer_request *request, char *note, size_t size) {
    if (lib && request->avx2 &&
        !library_limited(strcmp(lib->core(), "Haswell") == 0, avx2, lib->core(), note, size)) {
        free(lib);
        return NULL;
    }
    return lib;
}

static void *load_old(const peer_request *request, char *note, size_t size) {
    static const char *const names[] = {"libopenblas.so.0", NULL};
    set_variables(request);
    void *handle = library_open(names, note, size);
    library *lib = handle ? load_from(handle, "", note, size) : NULL;
    return check_limit(lib, request, note, size);
}

static void *load_openblas(const peer_request *request, char *note, size_t size) {
    static const char file[] = "pypi/openblas/libscipy_openblas.so";
    set_variables(request);
    void *handle = library_open_in(request->folder, file, note, size);
    return handle ? check_limit(load_from(handle, "scipy_", note, size), request, note, size)
                  : load_old(request, note, size);
}

static void *open_openblas(void *data, const peer_case *c, char *why, size_t size) {
    const library *lib = data;
    return cblas_open(lib, &lib->blas, c, why, size);
}

static bool run_openblas(void *data) {
    const cblas_job *j = data;
    const library *lib = j->library;
    lib->set_threads(j->c.threads);
    cblas_run(j);
    return true;
}

#define CALLS "cblas_sgemm; cblas_sgemv for one row; cblas_sgemm_batch_strided where it is there"

const peer peer_openblas = {.name = "openblas",
                            .words = CALLS,
                            .load = load_openblas,
                            .open = open_openblas,
                            .run = run_openblas,
                            .close = free,
                            .avx2 = avx2};
const peer peer_openblas_old = {.name = "openblas-debian",
                                .words = CALLS,
                                .load = load_old,
                                .open = open_openblas,
                                .run = run_openblas,
                                .close = free,
                                .only_named = true,
                                .avx2 = avx2};
