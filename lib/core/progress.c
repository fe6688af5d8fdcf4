// SPDX-License-Identifier: BSD-2-Clause
// Calls the host's progress function between rounds of work. It is called on the thread of the call
// with any pool of threads, and no worker has to know of it. Cutting work into rounds changes no
// bit.
#include "progress.h"

#include <math.h>

// Between two calls, if the host does not say: some 10 ms with scalar kernels, 1 ms with vectors.
static const double UNIT = 1 << 24;
// A piece of work may be this many units: smaller ones would reuse less of what they packed.
static const double UNITS_OF_PIECE = 4.0;

static double unit_of(const decoct_context *ctx) {
    return ctx->progress.work > 0 ? (double)ctx->progress.work : UNIT;
}

void dct_progress_begin(decoct_context *ctx, int64_t total) {
    ctx->progress.total = total;
    ctx->progress.done = 0;
}

void dct_progress_add(decoct_context *ctx, int64_t done) {
    ctx->progress.done += done;
}

// Asks the host; false if it cancels.
static bool ask(decoct_context *ctx, int64_t done, int64_t total) {
    dct_host_call before = dct_host_begin();
    int32_t answer = ctx->progress.call(ctx->progress.host, done, total);
    dct_host_end(before);
    if (answer) {
        ctx->ran = DECOCT_E_CANCELLED;
    }
    return !answer;
}

// Counts the work of a round, after which `done` of `total` pieces are done.
static bool pass(decoct_context *ctx, double work, int64_t done, int64_t total) {
    dct_progress *p = &ctx->progress;
    p->pending += work;
    if (ctx->ran || !p->call || p->pending < unit_of(ctx)) {
        return !ctx->ran;
    }
    p->pending = 0.0;
    return p->total > 0 ? ask(ctx, p->done < p->total ? p->done : p->total, p->total)
                        : ask(ctx, done, total);
}

bool dct_progress_work(decoct_context *ctx, double work) {
    return pass(ctx, work, ctx->progress.total > 0 ? 0 : 1, 1);
}

bool dct_progress_wanted(const decoct_context *ctx, double work) {
    return work > dct_progress_piece(ctx);
}

double dct_progress_piece(const decoct_context *ctx) {
    return ctx->progress.call ? UNITS_OF_PIECE * unit_of(ctx) : (double)INFINITY;
}

// A round: pieces from `first` on.
typedef struct round {
    dct_task task;
    void *data;
    int64_t first;
} round_job;

static void run_shifted(void *data, int64_t index, int32_t worker) {
    const round_job *r = data;
    r->task(r->data, r->first + index, worker);
}

void dct_progress_run(decoct_context *ctx, int32_t threads, int64_t count, dct_task task,
                      void *data) {
    round_job r = {.task = task, .data = data};
    double each = ctx->work / (double)count, left = unit_of(ctx) / (each > 1.0 ? each : 1.0);
    int64_t most = left < 1.0 ? threads : left < (double)count ? (int64_t)left * threads : count;
    for (int64_t i = 0; i < count && !ctx->ran; i += most) {
        int64_t some = count - i < most ? count - i : most;
        r.first = i;
        if (threads > 1 && some > 1) {
            dct_run_all(ctx, some, run_shifted, &r);
        } else {
            for (int64_t j = 0; j < some; j++) {
                task(data, i + j, 0);
            }
        }
        pass(ctx, each * (double)some / threads, i + some, count);
    }
}
