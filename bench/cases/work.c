// SPDX-License-Identifier: BSD-2-Clause
// Opens, runs and closes a case of any operation; only the public header.
#include "work.h"

#include "op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The case, its operation and its dims; false: there is no such operation.
static bool describe(const work_case *c, bench_work *w) {
    *w = (bench_work){.c = *c, .result = ROLE_Y};
    if (!op_find(c->op, &w->op) || !(c->dims || w->op.shape)) {
        return false;
    }
    if (c->dims) {
        memcpy(w->dims, c->dims, sizeof w->dims);
    } else {
        w->op.shape(c, w->dims);
    }
    if (w->op.describe) {
        w->op.describe(w);
    }
    return true;
}

double work_need(const work_case *c) {
    bench_work w;
    bool known = describe(c, &w) && !c->model && w.op.need;
    return known ? w.op.need(&w) : 0.0;
}

static decoct_status open_context(bench_work *w, char *error, uint64_t error_size) {
    decoct_options options = {.struct_size = sizeof options,
                              .threads = w->c.threads,
                              .backend = w->c.backend,
                              .pin = w->c.pin,
                              .strict_backend = !w->c.allow_fallback,
                              .error = error,
                              .error_size = error_size};
    w->owns_context = true;
    decoct_status status = decoct_context_open(&options, &w->ctx);
    if (!status && w->c.opened) {
        w->c.opened(w->c.opened_data);
    }
    return status;
}

static decoct_status open_operands(bench_work *w, char *error, uint64_t error_size) {
    decoct_status status = w->op.open ? w->op.open(w) : DECOCT_OK;
    if (status) {
        const char *message = decoct_last_error(w->ctx);
        snprintf(error, error_size, "%s", *message ? message : decoct_status_string(status));
    }
    return status;
}

decoct_status work_open_on(decoct_context *ctx, const decoct_model *model, const work_case *c,
                           bench_work **out, char *error, uint64_t error_size) {
    bench_work *w = malloc(sizeof *w);
    bool known = w && describe(c, w);
    if (!known) {
        snprintf(error, error_size, w ? "there is no such operation" : "out of memory");
        decoct_status status = w ? DECOCT_E_ARGUMENT : DECOCT_E_MEMORY;
        free(w);
        return status;
    }
    w->ctx = ctx;
    w->model = w->op.needs_model ? model : NULL;
    decoct_status status = ctx ? DECOCT_OK : open_context(w, error, error_size);
    status = status ? status : open_operands(w, error, error_size);
    if (status) {
        work_close(w);
        return status;
    }
    *out = w;
    return DECOCT_OK;
}

decoct_status work_open(const work_case *c, bench_work **out, char *error, uint64_t error_size) {
    return work_open_on(NULL, NULL, c, out, error, error_size);
}

void work_close(bench_work *w) {
    if (!w) {
        return;
    }
    decoct_session_destroy(w->session);
    decoct_model_close(w->own_model);
    free(w->ids);
    free(w->stored);
    decoct_weights_destroy(w->weights);
    op_close_blocks(w);
    if (w->owns_context) {
        decoct_context_close(w->ctx);
    }
    for (int role = 0; role < ROLES; role++) {
        op_drop(w, role);
    }
    free(w);
}

int32_t work_first_cpu(const work_case *c) {
    decoct_options o = {
        .struct_size = sizeof o, .threads = c->threads, .backend = c->backend, .pin = c->pin};
    decoct_context *ctx = NULL;
    double amount;
    int32_t cpu = -1;
    if (strcmp(c->pin, "none") != 0 && decoct_context_open(&o, &ctx) == DECOCT_OK) {
        decoct_probe(ctx, DECOCT_PROBE_FMA, 1, NULL, NULL, &amount);
        cpu = decoct_worker_bound(ctx, 0);
    }
    decoct_context_close(ctx);
    return cpu;
}

decoct_status work_run(bench_work *w) {
    return w->status = w->op.run(w);
}

work_cost work_costs(const bench_work *w) {
    return w->op.cost ? w->op.cost(w) : (work_cost){0};
}

work_cost work_expect(const work_case *c) {
    bench_work w;
    return describe(c, &w) && !c->model ? work_costs(&w) : (work_cost){0};
}

double work_effort(const bench_work *w) {
    work_cost cost = work_costs(w);
    double filled = w->op.is_decode ? (double)w->c.seq : 0.0; // the positions before
    double each = cost.arithmetic > 0.0 ? cost.arithmetic : cost.bytes;
    return each * (1.0 + filled);
}

// What each run adds to y is removed again.
static bool run_once(bench_work *w, int64_t count) {
    if (!w->op.adds) {
        return true;
    }
    memcpy(w->operand[ROLE_Y], w->operand[ROLE_BEFORE], (size_t)count * sizeof(float));
    return work_run(w) == DECOCT_OK;
}

const float *work_output(bench_work *w, int64_t *count) {
    if (!w->op.count) {
        return NULL;
    }
    *count = w->op.count(w);
    return run_once(w, *count) ? w->operand[w->result] : NULL;
}

float *work_operand(const bench_work *w, int role) {
    return w->operand[role];
}

int64_t work_rows_count(const bench_work *w) {
    int64_t rows = w->blocks ? w->rows : w->op.rows ? w->op.count(w) / w->op.width(w) : 0;
    return w->op.rows && !w->model ? rows : 0;
}

int64_t work_row_width(const bench_work *w) {
    return w->op.width(w);
}

bool work_rows_from_first(const bench_work *w) {
    return w->blocks;
}

decoct_status work_rows(bench_work *w, const int64_t *rows, int64_t count, float *out) {
    return w->op.rows(w, rows, count, out);
}

const work_case *work_what(const bench_work *w) {
    return &w->c;
}

const char *work_kernels(const bench_work *w) {
    return w->kernels[0] ? w->kernels : w->model ? OP_MODEL_KERNELS : w->op.kernels;
}

decoct_context *work_context(bench_work *w) {
    return w->ctx;
}

const char *work_error(const bench_work *w) {
    const char *message = decoct_last_error(w->ctx);
    return *message ? message : decoct_status_string(w->status);
}
