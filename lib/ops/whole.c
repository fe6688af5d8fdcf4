// SPDX-License-Identifier: BSD-2-Clause
#include "whole.h"

#include "core/call_trace.h"
#include "machine/cpu.h"

static void run_for_whole(void *context, int64_t count,
                          void (*task)(void *data, int64_t index, int32_t worker), void *data) {
    dct_run_all(context, count, task, data);
}

static decoct_host host_of(decoct_context *ctx) {
    return (decoct_host){.struct_size = sizeof(decoct_host),
                         .threads = dct_pool_threads(ctx->pool),
                         .context = ctx,
                         .run = run_for_whole};
}

// Other libraries may change the floating-point mode.
static void restore_mode(void) {
    if (!dct_fp_is_default()) {
        dct_fp_enter();
    }
}

bool dct_whole_matmul(decoct_context *ctx, const decoct_whole_matmul *call) {
    const decoct_whole_kernels *whole = ctx->kernels->whole;
    if (!whole || !(whole->dtypes >> call->b.dtype & 1)) {
        return false;
    }
    decoct_host host = host_of(ctx);
    bool done = whole->matmul(&host, call) == 0;
    if (done) {
        dct_call_served(ctx, whole);
    }
    restore_mode();
    return done;
}

bool dct_whole_rows(decoct_context *ctx, decoct_op op, const decoct_rows_piece *call) {
    const decoct_whole_kernels *whole = ctx->kernels->whole_rows;
    if (!whole || !(whole->rows_ops >> op & 1) || call->x.dtype != DECOCT_F32) {
        return false;
    }
    decoct_host host = host_of(ctx);
    bool done = whole->rows(&host, op, call) == 0;
    if (done) {
        dct_call_served(ctx, whole);
    }
    restore_mode();
    return done;
}

void *dct_whole_pack(decoct_context *ctx, const decoct_whole_weights *weights) {
    const decoct_whole_kernels *whole = ctx->kernels->whole;
    void *packed = NULL;
    if (!whole || !whole->pack || !(whole->dtypes >> weights->b.dtype & 1)) {
        return NULL;
    }
    decoct_host host = host_of(ctx);
    bool made = whole->pack(&host, weights, &packed) == 0;
    restore_mode();
    return made ? packed : NULL;
}
