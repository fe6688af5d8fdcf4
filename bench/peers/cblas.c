// SPDX-License-Identifier: BSD-2-Clause
#include "cblas.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

void *cblas_open(const void *library, const cblas *blas, const peer_case *c, char *why,
                 size_t size) {
    *why = '\0';
    if (c->op != PEER_MATMUL && c->op != PEER_MATMUL_PLAIN) {
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

void cblas_run(const cblas_job *j) {
    const peer_case *c = &j->c;
    int m = (int)c->m, n = (int)c->n, k = (int)c->k;
    if (m == 1) {
        j->blas->sgemv(ROW_MAJOR, TRANS, k, n, 1.0f, c->w, n, c->x, 1, 0.0f, c->y, 1);
    } else {
        j->blas->sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, m, n, k, 1.0f, c->x, k, c->w, n, 0.0f, c->y,
                       n);
    }
}
