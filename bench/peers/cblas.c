// SPDX-License-Identifier: BSD-2-Clause
#include "cblas.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

void *cblas_open(const void *library, const cblas *blas, const peer_case *c, char *why,
                 size_t size) {
    *why = '\0';
    if (c->op != PEER_MATMUL && c->op != PEER_MATMUL_PLAIN && c->op != PEER_BATCH) {
        return NULL;
    }
    cblas_job *j = malloc(sizeof *j);
    if (!j) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    *j = (cblas_job){library, blas, *c};
    return j;
}

// In one call where the library has such a function.
static void run_batch(const cblas_job *j) {
    const peer_case *c = &j->c;
    int m = (int)c->m, n = (int)c->n, k = (int)c->k;
    if (j->blas->sgemm_batch) {
        j->blas->sgemm_batch(ROW_MAJOR, NO_TRANS, NO_TRANS, m, n, k, 1.0f, c->x, k, m * k, c->w, n,
                             k * n, 0.0f, c->y, n, m * n, (int)c->count);
        return;
    }
    for (int64_t i = 0; i < c->count; i++) {
        j->blas->sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, m, n, k, 1.0f, c->x + i * m * k, k,
                       c->w + i * k * n, n, 0.0f, c->y + i * m * n, n);
    }
}

void cblas_run(const cblas_job *j) {
    const peer_case *c = &j->c;
    int m = (int)c->m, n = (int)c->n, k = (int)c->k;
    if (c->op == PEER_BATCH) {
        run_batch(j);
    } else if (m == 1) {
        j->blas->sgemv(ROW_MAJOR, TRANS, k, n, 1.0f, c->w, n, c->x, 1, 0.0f, c->y, 1);
    } else {
        j->blas->sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, m, n, k, 1.0f, c->x, k, c->w, n, 0.0f, c->y,
                       n);
    }
}
