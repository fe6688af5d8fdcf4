// SPDX-License-Identifier: BSD-2-Clause
// Opens, runs and closes a case of any operation; only the public header.
#include "work_inside.h"

#include "operands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const work_op *const ops[] = {
    &work_matmul, &work_softmax, &work_attention, &work_block, &work_prefill,
    &work_decode, &work_barrier, &work_fma,       &work_read,  &work_copy,
};
enum { OPS = sizeof ops / sizeof *ops };

static const work_op *find(const char *name) {
    for (int i = 0; i < OPS; i++) {
        if (strcmp(ops[i]->name, name) == 0) {
            return ops[i];
        }
    }
    return NULL;
}

const char *work_op_name(int index) {
    return index >= 0 && index < OPS ? ops[index]->name : NULL;
}

const char *work_op_words(int index) {
    return index >= 0 && index < OPS ? ops[index]->words : NULL;
}

bool work_is_ceiling(const char *op) {
    const work_op *found = find(op);
    return found == &work_fma || found == &work_read || found == &work_copy;
}

bool work_has_head_dim(const char *op) {
    return find(op) != &work_softmax;
}

bool work_has_layers(const char *op) {
    const work_op *found = find(op);
    return found == &work_prefill || found == &work_decode;
}

float *work_fill(work *w, int slot, int64_t count, float scale) {
    free(w->buffer[slot]);
    w->buffer[slot] = operand_new(count, scale, w->c.seed * WORK_BUFFERS + (uint64_t)slot);
    return w->buffer[slot];
}

double work_need(const work_case *c) {
    double s = (double)c->seq, d = (double)work_d_model(c), f = sizeof(float);
    double layers = c->layers > 0 ? (double)c->layers : 1.0;
    const work_op *op = find(c->op);
    if (work_is_ceiling(c->op)) {
        return (double)c->bytes * c->threads;
    }
    if (c->model || !op || op == &work_barrier) {
        return 0.0;
    }
    if (op == &work_softmax) {
        return f * 2.0 * s * s * (double)c->heads;
    }
    if (op == &work_matmul) {
        return f * (6.0 * d * d + 4.0 * s * d); // w unpacked and packed, x, y
    }
    if (op == &work_attention) {
        return f * 4.0 * s * d;
    }
    // Weights as they lie, once, and packed; caches; x, y, and the workings of a block.
    return f * (12.0 * d * d * (layers + 1.0) + 2.0 * s * d * layers + 10.0 * s * d);
}

static decoct_status open_parts(work *w, char *error, uint64_t error_size) {
    decoct_options options = {.struct_size = sizeof options,
                              .threads = w->c.threads,
                              .backend = w->c.backend,
                              .pin = w->c.pin,
                              .strict_backend = !w->c.allow_fallback,
                              .error = error,
                              .error_size = error_size};
    decoct_status status = decoct_context_open(&options, &w->ctx);
    if (!status && w->c.opened) {
        w->c.opened(w->c.opened_data);
    }
    if (!status && w->op->open) {
        status = w->op->open(w);
        if (status) {
            const char *words = decoct_last_error(w->ctx);
            snprintf(error, error_size, "%s", *words ? words : decoct_status_string(status));
        }
    }
    return status;
}

decoct_status work_open(const work_case *c, work **out, char *error, uint64_t error_size) {
    const work_op *op = find(c->op);
    work *w = op ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        snprintf(error, error_size, op ? "out of memory" : "there is no such operation");
        return op ? DECOCT_E_MEMORY : DECOCT_E_ARGUMENT;
    }
    w->c = *c;
    w->op = op;
    decoct_status status = open_parts(w, error, error_size);
    if (status) {
        work_close(w);
        return status;
    }
    *out = w;
    return DECOCT_OK;
}

void work_close(work *w) {
    if (!w) {
        return;
    }
    decoct_session_destroy(w->session);
    decoct_model_close(w->model);
    free(w->ids);
    decoct_weights_destroy(w->weights);
    work_close_blocks(w);
    decoct_context_close(w->ctx);
    for (int i = 0; i < WORK_BUFFERS; i++) {
        free(w->buffer[i]);
    }
    free(w);
}

decoct_status work_run(work *w) {
    return w->op->run(w);
}

work_cost work_costs(const work *w) {
    return w->op->cost(w);
}

work_cost work_expect(const work_case *c) {
    const work *like = &(work){.c = *c, .op = find(c->op)};
    return like->op && !c->model ? like->op->cost(like) : (work_cost){0};
}

double work_effort(const work *w) {
    work_cost cost = work_costs(w);
    double filled = w->op == &work_decode ? (double)w->c.seq : 0.0; // the positions before
    return cost.arithmetic * (1.0 + filled);
}

const float *work_output(const work *w, int64_t *count) {
    if (w->op->output < 0) {
        return NULL;
    }
    *count = w->model ? w->vocabulary : w->op->output_count(&w->c);
    return w->buffer[w->model ? 0 : w->op->output];
}

int64_t work_rows_count(const work *w) {
    return w->op->rows && !w->model ? w->op->output_count(&w->c) / work_row_width(w) : 0;
}

int64_t work_row_width(const work *w) {
    return w->op->row_width(&w->c);
}

bool work_rows_from_first(const work *w) {
    return w->blocks;
}

decoct_status work_rows(work *w, const int64_t *rows, int64_t count, float *out) {
    return w->op->rows(w, rows, count, out);
}

const work_case *work_what(const work *w) {
    return &w->c;
}

const char *work_kernels(const work *w) {
    return w->model ? "embedding " WORK_BLOCK_KERNELS : w->op->kernels;
}

decoct_context *work_context(work *w) {
    return w->ctx;
}

const char *work_error(const work *w) {
    return decoct_last_error(w->ctx);
}
