// SPDX-License-Identifier: BSD-2-Clause
// OpenBLAS: sgemm, which packs both operands in each call. One row uses sgemv, as its
// users would.
#include "cblas.h"
#include "library.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct library {
    cblas blas;
    void (*set_threads)(int threads);
    const char *(*core)(void);
    const char *(*config)(void);
} library;

static void *load_openblas(const char *folder, char *note, size_t size) {
    static const char *const names[] = {"libopenblas.so.0", NULL};
    (void)folder;
    unsetenv("OPENBLAS_CORETYPE"); // these two would make it act as an older CPU
    unsetenv("OPENBLAS_L2_SIZE");
    void *handle = library_open(names, note, size);
    library *lib = calloc(1, sizeof *lib);
    const library_symbol symbols[] = {
        {"cblas_sgemm", &lib->blas.sgemm},
        {"cblas_sgemv", &lib->blas.sgemv},
        {"openblas_set_num_threads", &lib->set_threads},
        {"openblas_get_corename", &lib->core},
        {"openblas_get_config", &lib->config},
    };
    if (!handle || !lib || !library_find(handle, symbols, 5, note, size)) {
        free(lib);
        return NULL;
    }
    snprintf(note, size, "%s; core %s", lib->config(), lib->core());
    return lib;
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

const peer peer_openblas = {"openblas",    "cblas_sgemm; cblas_sgemv for one row",
                            load_openblas, open_openblas,
                            run_openblas,  NULL,
                            free};
