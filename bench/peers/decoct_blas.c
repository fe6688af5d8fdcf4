// SPDX-License-Identifier: BSD-2-Clause
// Our own libdecoct-blas, as a program sees it that uses BLAS: what its interface costs beside the
// library's own functions.
#include "cblas.h"
#include "library.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct library {
    cblas blas;
    void (*set_threads)(int32_t threads);
} library;

static void *load_decoct_blas(const char *folder, char *note, size_t size) {
    static const char *const names[] = {"libdecoct-blas.so.0", NULL};
    (void)folder;
    void *handle = library_open(names, note, size);
    library *lib = calloc(1, sizeof *lib);
    const library_symbol symbols[] = {
        {"cblas_sgemm", &lib->blas.sgemm},
        {"cblas_sgemv", &lib->blas.sgemv},
        {"decoct_blas_set_threads", &lib->set_threads},
    };
    if (!handle || !lib || !library_find(handle, symbols, 3, note, size)) {
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
    .close = free};
