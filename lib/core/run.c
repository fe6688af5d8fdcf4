// SPDX-License-Identifier: BSD-2-Clause
// Runs the pieces of a call: on how many threads, and in rounds if the host is to be asked between
// them. Rounds change no bit.
#include "context.h"

#include "machine/now.h"
#include "progress.h"

// When work is worth sharing, in multiply-adds: from DCT_WORTH_SHARING on with workers that are
// awake, from this mark on with workers that must be woken. A single piece of work below the second
// mark is done here; but when one follows another, as in a decoding step, the workers are woken for
// the next ones. Measured: docs/tuning.md.
static const double WORTH_WAKING = 8e6;
static const double SOON = 200e-6; // seconds

int32_t dct_share(decoct_context *ctx, double work) {
    int32_t threads = dct_pool_threads(ctx->pool);
    ctx->work = work;
    if (threads == 1 || work < DCT_WORTH_SHARING) {
        return 1;
    }
    if (work >= WORTH_WAKING || dct_pool_awake(ctx->pool)) {
        return threads;
    }
    double before = ctx->last_alone;
    ctx->last_alone = dct_now();
    return ctx->last_alone - before < SOON ? threads : 1;
}

void dct_run_all(decoct_context *ctx, int64_t count, dct_task task, void *data) {
    int32_t cancel = dct_cancel_off(); // waiting for others is a cancellation point
    decoct_status status = dct_pool_run(ctx->pool, count, task, data, &ctx->error);
    dct_cancel_restore(cancel);
    ctx->ran = ctx->ran ? ctx->ran : status;
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

static void run_rounds(decoct_context *ctx, int32_t threads, int64_t count, dct_task task,
                       void *data) {
    round_job r = {.task = task, .data = data};
    double each = ctx->work / (double)count,
           left = dct_progress_unit(ctx) / (each > 1.0 ? each : 1.0);
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
        dct_progress_pass(ctx, each * (double)some / threads, i + some, count);
    }
}

void dct_run_on(decoct_context *ctx, int32_t threads, int64_t count, dct_task task, void *data) {
    if (ctx->progress.call || ctx->ran) {
        run_rounds(ctx, threads, count, task, data);
        return;
    }
    if (count > 1 && threads > 1) {
        dct_run_all(ctx, count, task, data);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        task(data, i, 0);
    }
}

void dct_run(decoct_context *ctx, int64_t count, double work, dct_task task, void *data) {
    ctx->work = work;
    dct_run_on(ctx, count > 1 ? dct_share(ctx, work) : 1, count, task, data);
}
