// SPDX-License-Identifier: BSD-2-Clause
#include "ours.h"

#include "cases/operands.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct job {
    decoct_context *ctx;
    decoct_weights *weights;
    peer_case c;
} job;

decoct_status ours_open(const char *backend, int32_t threads, ours *out, char *error, size_t size) {
    decoct_options o = {.struct_size = sizeof o,
                        .threads = threads,
                        .backend = backend,
                        .error = error,
                        .error_size = size};
    return decoct_context_open(&o, &out->ctx);
}

void ours_close(ours *library) {
    decoct_context_close(library->ctx);
    library->ctx = NULL;
}

static void close_case(void *data) {
    job *j = data;
    if (j) {
        decoct_weights_destroy(j->weights);
        free(j);
    }
}

static void *open_case(void *library, const peer_case *c, char *why, size_t size) {
    job *j = calloc(1, sizeof *j);
    if (!j) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    j->ctx = ((ours *)library)->ctx;
    j->c = *c;
    if (c->op == PEER_MATMUL &&
        decoct_weights_create(j->ctx, c->k, c->n, c->w, 0, 0, &j->weights)) {
        snprintf(why, size, "%s", decoct_last_error(j->ctx));
        close_case(j);
        return NULL;
    }
    return j;
}

static decoct_status attend(const job *j) {
    const peer_case *c = &j->c;
    decoct_attention_args a =
        operand_attention(c->heads, c->head_dim, c->q_len, c->kv_len, c->q, c->key, c->value, c->y);
    return decoct_attention(j->ctx, &a);
}

static bool run(void *data) {
    const job *j = data;
    const peer_case *c = &j->c;
    if (c->op == PEER_SOFTMAX) {
        return !decoct_softmax(j->ctx, c->m, c->n, 0.0f, c->x, 0, c->y, 0);
    }
    if (c->op == PEER_ATTENTION) {
        return !attend(j);
    }
    decoct_matmul_args a = {.struct_size = sizeof a,
                            .m = c->m,
                            .n = c->n,
                            .k = c->k,
                            .x = c->x,
                            .b = j->weights ? NULL : c->w,
                            .weights = j->weights,
                            .y = c->y};
    return !decoct_matmul(j->ctx, &a);
}

const peer peer_ours = {
    "decoct",  "decoct_matmul, decoct_softmax, decoct_attention", NULL, open_case, run, NULL,
    close_case};
