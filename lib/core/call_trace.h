// SPDX-License-Identifier: BSD-2-Clause
// Reports operations to the host's function (decoct_context_trace). An operation inside another one
// is a part of it and not reported.
#ifndef DCT_CALL_TRACE_H
#define DCT_CALL_TRACE_H

#include "context.h"

// dct_call_begin when there is a function.
double dct_call_begin_traced(decoct_context *ctx);
// The time at which an operation begins that dct_call_end must report; 0: not to be reported.
static inline double dct_call_begin(decoct_context *ctx) {
    return ctx->calls.fn ? dct_call_begin_traced(ctx) : 0.0;
}
// Reports `call` (its operation, type, sizes and status are set) that began at `begun`. `kernel`
// did it, one of `backends`, unless dct_call_served has named another one: that of the calling
// thread (dct_choice_here), also if workers have another vector length.
void dct_call_end(decoct_context *ctx, double begun, const dct_backends *backends,
                  const void *kernel, decoct_trace_call call);
// This kernel of the context does the operation in place of the one that was chosen.
static inline void dct_call_served(decoct_context *ctx, const void *kernel) {
    ctx->calls.served = kernel;
}

#endif
