// SPDX-License-Identifier: BSD-2-Clause
// OpenBLAS: sgemm, which packs both operands in each call. One row goes through sgemv, as its
// users would.
#include "library.h"
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

typedef struct library {
    void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                  const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
    void (*sgemv)(int order, int trans, int m, int n, float alpha, const float *a, int lda,
                  const float *x, int incx, float beta, float *y, int incy);
    void (*set_threads)(int threads);
    const char *(*core)(void);
    const char *(*config)(void);
} library;

typedef struct job {
    const library *lib;
    peer_case c;
} job;

static void *load(const char *folder, char *note, size_t size) {
    static const char *const names[] = {"libopenblas.so.0", NULL};
    (void)folder;
    unsetenv("OPENBLAS_CORETYPE"); // with these two it would play an older CPU
    unsetenv("OPENBLAS_L2_SIZE");
    void *handle = library_open(names, note, size);
    library *lib = calloc(1, sizeof *lib);
    const library_symbol symbols[] = {
        {"cblas_sgemm", &lib->sgemm},
        {"cblas_sgemv", &lib->sgemv},
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

static void *open_case(void *data, const peer_case *c, char *why, size_t size) {
    *why = '\0';
    if (c->op != PEER_MATMUL && c->op != PEER_MATMUL_PLAIN) {
        return NULL;
    }
    job *j = malloc(sizeof *j);
    if (!j) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    *j = (job){data, *c};
    return j;
}

static bool run(void *data) {
    const job *j = data;
    const peer_case *c = &j->c;
    int m = (int)c->m, n = (int)c->n, k = (int)c->k;
    j->lib->set_threads(c->threads);
    if (m == 1) {
        j->lib->sgemv(ROW_MAJOR, TRANS, k, n, 1.0f, c->w, n, c->x, 1, 0.0f, c->y, 1);
    } else {
        j->lib->sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, m, n, k, 1.0f, c->x, k, c->w, n, 0.0f, c->y,
                      n);
    }
    return true;
}

const peer peer_openblas = {
    "openblas", "cblas_sgemm; cblas_sgemv for one row", load, open_case, run, NULL, free};
