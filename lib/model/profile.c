// SPDX-License-Identifier: BSD-2-Clause
// What each step of a recipe did. Operations and bytes follow from the shapes of a call: they are
// what its definition asks for, not what a kernel does.
#include "profile.h"

#include "core/border.h"
#include "machine/memory.h"
#include "machine/now.h"
#include "session.h"

#include <string.h>

// ---- What a step costs ----

typedef struct cost {
    double flops, bytes;
} cost;

static double columns(const dct_pass *p, dct_place place) {
    return (double)p->stage->places[place].count;
}

// A product reads its matrix once, whatever the number of rows.
static cost linear_cost(const dct_pass *p, const dct_step *s) {
    const dct_parameters *given = &p->stage->parts[s->part];
    double rows = (double)p->rows, k = columns(p, s->from), n = columns(p, s->to);
    double matrix = k * n * (double)dct_dtype_bytes(given->dtype);
    return (cost){.flops = rows * n * (2.0 * k + (given->bias ? 1.0 : 0.0)),
                  .bytes = matrix + 4.0 * (rows * (k + n) + (given->bias ? n : 0.0))};
}

// Over the pairs of a query and a key that it sees: a score and a part of the output. The keys and
// values of the cache are read once.
static cost attention_cost(const dct_pass *p, const dct_step *s) {
    const dct_sizes *z = &p->stage->sizes;
    double rows = (double)p->rows, keys = (double)p->first + rows;
    double behind = p->sees_all ? 0.0 : rows * (rows - 1.0) / 2.0; // not seen
    double pairs = rows * keys - behind;
    double cached = keys * (columns(p, DCT_K) + columns(p, DCT_V));
    double masks = !p->mask ? 0.0 : p->mask_head_stride ? (double)z->heads : 1.0;
    return (cost){.flops = 4.0 * (double)z->heads * (double)z->head_dim * pairs,
                  .bytes = 4.0 * (rows * (columns(p, DCT_Q) + columns(p, s->to)) + cached +
                                  masks * rows * keys)};
}

// What goes in and out, element by element.
static cost rows_cost(const dct_pass *p, const dct_step *s) {
    const dct_parameters *given = &p->stage->parts[s->part];
    double rows = (double)p->rows, cols = columns(p, s->to);
    bool norm = s->kind == DCT_NORM || s->kind == DCT_HEAD_NORM;
    double gains = s->kind == DCT_HEAD_NORM ? (double)p->stage->sizes.head_dim : cols;
    double vectors = norm ? (given->table != NULL) + (given->bias != NULL) : 0.0;
    bool sum = s->kind == DCT_ADD || s->kind == DCT_POSITIONS;
    double results = rows * cols, inputs = (sum || s->up ? 2.0 : 1.0) * results;
    if (s->kind == DCT_EMBED) { // with the ids
        return (cost){.bytes =
                          inputs * (double)dct_dtype_bytes(given->dtype) + 4.0 * (results + rows)};
    }
    double angles = s->kind == DCT_ROTARY ? rows * (double)p->stage->sizes.rotary_dim : 0.0;
    return (cost){.bytes = 4.0 * (inputs + results + vectors * gains + angles)};
}

static cost cost_of(const dct_pass *p, const dct_step *s) {
    switch (s->kind) {
    case DCT_LINEAR:
        return linear_cost(p, s);
    case DCT_ATTEND:
        return attention_cost(p, s);
    case DCT_CACHE: // read and written
        return (cost){.bytes = 8.0 * (double)p->rows * (columns(p, DCT_K) + columns(p, DCT_V))};
    default:
        return rows_cost(p, s);
    }
}

static void add_idle(const dct_pass *p, double seconds) {
    for (int32_t i = 0; i < p->watch.workers && i < dct_pool_threads(p->ctx->pool); i++) {
        double idle = seconds - dct_pool_busy(p->ctx->pool, i, seconds);
        p->watch.idle[i] += idle > 0.0 ? idle : 0.0;
    }
}

decoct_status dct_profile_step(dct_pass *pass, const dct_step *step, dct_run_step *run,
                               dct_tally *tally) {
    cost c = cost_of(pass, step);
    dct_pool_measure(pass->ctx->pool, true);
    double start = dct_now();
    decoct_status status = run(pass, step);
    double seconds = dct_now() - start;
    add_idle(pass, seconds);
    dct_pool_measure(pass->ctx->pool, false);
    tally->seconds += seconds;
    tally->calls++;
    tally->flops += c.flops;
    tally->bytes += c.bytes;
    return status;
}

// ---- The steps of a session ----

int64_t dct_session_steps(const decoct_session *s) {
    const decoct_model *m = s->model;
    return m->entry.recipe->count + m->config.layers * m->config.family->block.count +
           m->exit.recipe->count;
}

static int64_t first_step(const decoct_session *s, int64_t layer) {
    const decoct_model *m = s->model;
    return layer < 0 ? 0 : m->entry.recipe->count + layer * m->config.family->block.count;
}

dct_watch dct_session_watch(const decoct_session *s, int64_t layer) {
    int64_t index = first_step(s, layer);
    return (dct_watch){.tallies = s->measures ? s->tallies + index : NULL,
                       .idle = s->idle,
                       .workers = s->workers,
                       .trace = s->trace,
                       .user = s->trace_user,
                       .layer = layer < s->model->config.layers ? layer : -1,
                       .index = index};
}

static decoct_status start(decoct_context *ctx, decoct_session *s) {
    int64_t steps = dct_session_steps(s);
    s->tallies = s->tallies ? s->tallies : dct_alloc(ctx->memory, steps, sizeof *s->tallies);
    int32_t threads = dct_pool_threads(ctx->pool);
    if (threads > s->workers) {
        double *idle = dct_alloc(ctx->memory, threads, sizeof *idle);
        if (idle) {
            dct_free(s->idle);
            s->idle = idle;
            s->workers = threads;
        }
    }
    if (!s->tallies || threads > s->workers) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "session profile: out of memory");
    }
    memset(s->tallies, 0, (size_t)steps * sizeof *s->tallies);
    memset(s->idle, 0, (size_t)s->workers * sizeof *s->idle);
    s->measures = true;
    return DECOCT_OK;
}

decoct_status decoct_session_profile(decoct_context *ctx, decoct_session *session, int32_t on) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    if (!session || (on != 0 && on != 1)) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "session profile: %s",
                          session ? "on is not 0 or 1" : "session is NULL");
    } else if (on) {
        status = start(ctx, session);
    } else {
        session->measures = false;
    }
    return dct_leave(ctx, status);
}

int64_t decoct_session_step_count(const decoct_session *session) {
    return session ? dct_session_steps(session) : 0;
}

// The step of a number that is in range.
static const dct_step *find_step(const decoct_session *s, int64_t index, int64_t *layer) {
    const decoct_model *m = s->model;
    const dct_recipe *block = &m->config.family->block;
    int64_t inner = index - m->entry.recipe->count, all = m->config.layers * block->count;
    *layer = -1;
    if (inner < 0) {
        return &m->entry.recipe->steps[index];
    }
    if (inner >= all) {
        return &m->exit.recipe->steps[inner - all];
    }
    *layer = inner / block->count;
    return &block->steps[inner % block->count];
}

decoct_status decoct_session_step(decoct_context *ctx, const decoct_session *session, int64_t index,
                                  decoct_step_info *info) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    if (!session || index < 0 || index >= dct_session_steps(session)) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "session step %lld: there are %lld",
                          (long long)index, (long long)decoct_session_step_count(session));
    } else {
        decoct_step_info mine = {0};
        mine.name = find_step(session, index, &mine.layer)->name;
        if (session->tallies) {
            const dct_tally *t = &session->tallies[index];
            mine.calls = t->calls;
            mine.seconds = t->seconds;
            mine.flops = t->flops;
            mine.bytes = t->bytes;
        }
        status = dct_give_struct(&ctx->error, "step info", info, DCT_FIRST_STEP_INFO, &mine,
                                 sizeof mine);
    }
    return dct_leave(ctx, status);
}

decoct_status decoct_session_idle(decoct_context *ctx, const decoct_session *session,
                                  int32_t worker, double *seconds) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    if (!session || !seconds) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "session idle: %s is NULL",
                          session ? "seconds" : "session");
    } else if (worker < 0 || worker >= dct_pool_threads(ctx->pool)) {
        status =
            dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "session idle: worker %d is not in [0, %d)",
                     worker, dct_pool_threads(ctx->pool));
    } else {
        *seconds = worker < session->workers ? session->idle[worker] : 0.0;
    }
    return dct_leave(ctx, status);
}
