// SPDX-License-Identifier: BSD-2-Clause
// Runs a backend's ceilings on all threads of a context: what benchmarks measure against.
#include "core/context.h"

#include "core/border.h"
#include "core/overlap.h"
#include "machine/memory.h"

// Pieces for each thread, so that a late worker does not delay the others.
// Memory is divided in multiples of PIECE_ALIGN floats: then no kernel has a tail.
enum { PIECES = 8, PIECE_ALIGN = 1024 };

typedef struct probe_job {
    const dct_choice *kernels;
    int32_t kind;
    int64_t pieces, count, passes;
    const float *from;
    float *to;
} probe_job;

// Where piece `index` of a buffer begins.
static int64_t piece_start(const probe_job *job, int64_t index) {
    int64_t whole = job->count / PIECE_ALIGN;
    return (whole / job->pieces * index + whole % job->pieces * index / job->pieces) * PIECE_ALIGN;
}

static void run_piece(void *data, int64_t index, int32_t worker) {
    const probe_job *job = data;
    const decoct_probe_kernel *kernel = dct_choice_here(job->kernels)->probe;
    int64_t first = piece_start(job, index), count = piece_start(job, index + 1) - first;
    _Alignas(DCT_ALIGN) float sink[DECOCT_LANES] = {0.0f};
    (void)worker;
    switch (job->kind) {
    case DECOCT_PROBE_FMA:
        kernel->fma(job->count, sink);
        break;
    case DECOCT_PROBE_READ:
        for (int64_t pass = 0; pass < job->passes; pass++) {
            kernel->read(count, job->from + first, sink);
        }
        break;
    default:
        for (int64_t pass = 0; pass < job->passes; pass++) {
            kernel->copy(count, job->from + first, job->to + first);
        }
        break;
    }
    // The compiler must not see that the result is unused.
    __asm__ volatile("" : : "r"(sink) : "memory");
}

static decoct_status check(dct_error *error, const probe_job *job, const double *amount) {
    bool fma = job->kind == DECOCT_PROBE_FMA, copy = job->kind == DECOCT_PROBE_COPY;
    uint64_t count = (uint64_t)job->count;
    if (!fma && !copy && job->kind != DECOCT_PROBE_READ) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "probe: there is no kind %d", job->kind);
    }
    decoct_status status = dct_check_size(error, "probe", "count", job->count);
    status = status ? status : dct_check_size(error, "probe", "passes", job->passes);
    status = status ? status : dct_check_given(error, "probe", "amount", amount, 1);
    status = status ? status : dct_check_given(error, "probe", "from", job->from, fma ? 0 : count);
    status = status ? status : dct_check_given(error, "probe", "to", job->to, copy ? count : 0);
    if (!status && copy && !dct_is_apart(job->to, job->count, job->from, job->count)) {
        status = dct_fail(error, DECOCT_E_ARGUMENT, "probe: to overlaps from");
    }
    return status;
}

static decoct_status probe(decoct_context *ctx, probe_job *job, double *amount) {
    bool fma = job->kind == DECOCT_PROBE_FMA, copy = job->kind == DECOCT_PROBE_COPY;
    decoct_status status = check(&ctx->error, job, amount);
    if (status) {
        return status;
    }
    job->kernels = ctx->kernels;
    job->count -= fma ? 0 : job->count % PIECE_ALIGN;
    dct_run_all(ctx, job->pieces, run_piece, job);
    double flops = (double)dct_choice_here(ctx->kernels)->probe->fma_flops;
    *amount = fma ? (double)job->pieces * (double)job->count * flops
                  : (double)job->count * (double)job->passes * (copy ? 2.0 : 1.0) * sizeof(float);
    return DECOCT_OK;
}

decoct_status decoct_probe(decoct_context *ctx, int32_t kind, int64_t count, const float *from,
                           float *to, double *amount) {
    decoct_status status = dct_enter(ctx);
    if (!status) {
        int32_t threads = dct_pool_threads(ctx->pool);
        probe_job job = {.kind = kind, .count = count, .passes = 1, .from = from, .to = to};
        job.pieces = threads == 1 ? 1 : (int64_t)threads * PIECES;
        status = dct_leave(ctx, probe(ctx, &job, amount));
    }
    return status;
}

decoct_status decoct_probe_cache(decoct_context *ctx, int32_t kind, int64_t count, int64_t passes,
                                 const float *from, float *to, double *amount) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    probe_job job = {.kind = kind, .passes = passes, .from = from, .to = to};
    job.pieces = dct_pool_threads(ctx->pool);
    if (kind == DECOCT_PROBE_FMA || count < 0 || count > INT64_MAX / job.pieces) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "probe of a cache: kind %d, count %lld",
                          kind, (long long)count);
    } else {
        job.count = (count - count % PIECE_ALIGN) * job.pieces;
        status = probe(ctx, &job, amount);
    }
    return dct_leave(ctx, status);
}
