// SPDX-License-Identifier: BSD-2-Clause
#include "call_trace.h"

#include "machine/now.h"

double dct_call_begin_traced(decoct_context *ctx) {
    if (ctx->calls.inside) {
        return 0.0;
    }
    ctx->calls.inside = true;
    ctx->calls.served = NULL;
    return dct_now();
}

void dct_call_end(decoct_context *ctx, double begun, const dct_backends *backends,
                  const void *kernel, decoct_trace_call call) {
    double seconds = dct_now() - begun;
    const void *served = ctx->calls.served;
    call.struct_size = sizeof call;
    call.status = call.status ? call.status : ctx->ran;
    call.nanoseconds = (int64_t)(seconds * 1e9);
    call.backend = dct_backends_having(served ? ctx->backends : backends, served ? served : kernel);
    dct_host_call before = dct_host_begin();
    ctx->calls.fn(ctx->calls.user, &call);
    dct_host_end(before);
    ctx->calls.inside = false;
}

decoct_status decoct_context_trace(decoct_context *ctx, decoct_trace_call_fn fn, void *user) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    ctx->calls = (dct_calls){.fn = fn, .user = user};
    return dct_leave(ctx, DECOCT_OK);
}
