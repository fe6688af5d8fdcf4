// SPDX-License-Identifier: BSD-2-Clause
// Our own libdecoct-blas, as a program sees it that uses BLAS: what its interface costs beside the
// library's own functions.
#include "cblas.h"
#include "library.h"
#include "ours.h"

#include "cases/served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct library {
    cblas blas;
    void (*set_threads)(int32_t threads);
} library;

static const char avx2[] = "DECOCT_BACKEND=avx2";

// The backend of this process, which libdecoct-blas takes, too.
static bool is_limited(char *note, size_t size) {
    char name[SERVED_NAME] = "", error[256] = "";
    ours us = {NULL};
    if (!ours_open(NULL, 1, &us, error, sizeof error)) {
        served_strongest(us.ctx, name);
        ours_close(&us);
    }
    return library_limited(strcmp(name, "avx2") == 0, avx2, error[0] ? error : name, note, size);
}

static void *load_decoct_blas(const peer_request *request, char *note, size_t size) {
    static const char *const names[] = {"libdecoct-blas.so.0", NULL};
    if (request->avx2) {
        setenv("DECOCT_BACKEND", "avx2", 1);
    }
    void *handle = library_open(names, note, size);
    library *lib = calloc(1, sizeof *lib);
    const library_symbol symbols[] = {
        {"cblas_sgemm", &lib->blas.sgemm},
        {"cblas_sgemv", &lib->blas.sgemv},
        {"decoct_blas_set_threads", &lib->set_threads},
    };
    if (!handle || !lib || !library_find(handle, symbols, 3, note, size) ||
        (request->avx2 && !is_limited(note, size))) {
        free(lib);
        return NULL;
    }
    library_find_optional(handle,
                          &(library_symbol){"cblas_sgemm_batch_strided", &lib->blas.sgemm_batch});
    snprintf(note, size, "ours, through the interface of BLAS");
    return lib;
}

static void *open_decoct_blas(void *data, const peer_case *c, char *why, size_t size) {
    const library *lib = data;
    lib->set_threads(c->threads); // all jobs that are open at once have the same number
    return cblas_open(lib, &lib->blas, c, why, size);
}

static bool run_decoct_blas(void *data) {
    cblas_run(data);
    return true;
}

const peer peer_decoct_blas = {
    .name = "decoct-blas",
    .words = "cblas_sgemm; cblas_sgemv for one row; cblas_sgemm_batch_strided",
    .load = load_decoct_blas,
    .open = open_decoct_blas,
    .run = run_decoct_blas,
    .close = free,
    .avx2 = avx2};
