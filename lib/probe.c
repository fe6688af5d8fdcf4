// SPDX-License-Identifier: BSD-2-Clause
// Runs a backend's ceilings on all threads of a context: what benchmarks measure against.
#include "context.h"

#include "memory.h"

// Pieces for each thread, so that one who wakes late does not hold up the others.
// Memory is divided in multiples of PIECE_ALIGN floats: then no kernel has a tail.
enum { PIECES = 8, PIECE_ALIGN = 1024 };

typedef struct probe_job {
    const decoct_probe_kernel *kernel;
    int32_t kind;
    int64_t pieces, count;
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
    int64_t first = piece_start(job, index), count = piece_start(job, index + 1) - first;
    _Alignas(DCT_ALIGN) float sink[DECOCT_LANES] = {0.0f};
    (void)worker;
    switch (job->kind) {
    case DECOCT_PROBE_FMA:
        job->kernel->fma(job->count, sink);
        break;
    case DECOCT_PROBE_READ:
        job->kernel->read(count, job->from + first, sink);
        break;
    default:
        job->kernel->copy(count, job->from + first, job->to + first);
        break;
    }
    // The compiler must not see that nobody looks at the result.
    __asm__ volatile("" : : "r"(sink) : "memory");
}

static decoct_status probe(decoct_context *ctx, int32_t kind, int64_t count, const float *from,
                           float *to, double *amount) {
    const decoct_probe_kernel *kernel = &ctx->kernels->probe;
    probe_job job = {.kernel = kernel, .kind = kind, .count = count, .from = from, .to = to};
    bool fma = kind == DECOCT_PROBE_FMA, copy = kind == DECOCT_PROBE_COPY;
    if (!amount || count < 0 || (!fma && !copy && kind != DECOCT_PROBE_READ)) {
        return dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "probe: kind %d, count %lld", kind,
                        (long long)count);
    }
    if (count > 0 && ((!fma && !from) || (copy && !to))) {
        return dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "probe: a buffer is NULL");
    }
    job.count = fma ? count : count - count % PIECE_ALIGN;
    int32_t threads = dct_pool_threads(ctx->pool);
    job.pieces = threads == 1 ? 1 : (int64_t)threads * PIECES;
    dct_pool_run(ctx->pool, job.pieces, run_piece, &job);
    *amount = fma ? (double)job.pieces * (double)count * (double)kernel->fma_flops
                  : (double)job.count * (copy ? 2.0 : 1.0) * sizeof(float);
    return DECOCT_OK;
}

decoct_status decoct_probe(decoct_context *ctx, int32_t kind, int64_t count, const float *from,
                           float *to, double *amount) {
    decoct_status status = dct_enter(ctx);
    if (!status) {
        status = probe(ctx, kind, count, from, to, amount);
        dct_leave(ctx);
    }
    return status;
}
