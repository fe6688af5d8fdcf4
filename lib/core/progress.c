// SPDX-License-Identifier: BSD-2-Clause
// Calls the host's progress function between rounds of work (run.c). It is called on the thread of
// the call with any pool of threads, and no worker has to know of it.
#include "progress.h"

#include <math.h>

// Between two calls, if the host does not say: some 10 ms with scalar kernels, 1 ms with vectors.
static const double UNIT = 1 << 24;
// A piece of work may be this many units: smaller ones would reuse less of what they packed.
static const double UNITS_OF_PIECE = 4.0;

double dct_progress_unit(const decoct_context *ctx) {
    return ctx->progress.work > 0 ? (double)ctx->progress.work : UNIT;
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

bool dct_progress_pass(decoct_context *ctx, double work, int64_t done, int64_t total) {
    dct_progress *p = &ctx->progress;
    p->pending += work;
    if (ctx->ran || !p->call || p->pending < dct_progress_unit(ctx)) {
        return !ctx->ran;
    }
    p->pending = 0.0;
    return p->total > 0 ? ask(ctx, p->done < p->total ? p->done : p->total, p->total)
                        : ask(ctx, done, total);
}

bool dct_progress_work(decoct_context *ctx, double work) {
    return dct_progress_pass(ctx, work, ctx->progress.total > 0 ? 0 : 1, 1);
}

bool dct_progress_wanted(const decoct_context *ctx, double work) {
    return work > dct_progress_piece(ctx);
}

double dct_progress_piece(const decoct_context *ctx) {
    return ctx->progress.call ? UNITS_OF_PIECE * dct_progress_unit(ctx) : (double)INFINITY;
}
