// SPDX-License-Identifier: BSD-2-Clause
// Shows a host what each step of a session's recipes wrote.
#include "trace.h"

#include "session.h"

void dct_trace_step(const dct_pass *p, const dct_step *step, int64_t index) {
    const dct_columns *to = &p->stage->places[step->to];
    if (step->to == DCT_NOWHERE) {
        return;
    }
    decoct_trace_step wrote = {.struct_size = sizeof wrote,
                               .index = index,
                               .layer = p->watch.layer,
                               .name = step->name,
                               .first = p->first,
                               .rows = p->rows,
                               .cols = to->count,
                               .stride = p->stage->stride[to->of],
                               .values = p->registers[to->of] + to->first};
    dct_host_call before = dct_host_begin();
    p->watch.trace(p->watch.user, &wrote);
    dct_host_end(before);
}

decoct_status decoct_session_trace(decoct_context *ctx, decoct_session *session, decoct_trace_fn fn,
                                   void *user) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    if (session) {
        session->trace = fn;
        session->trace_user = user;
    } else {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "session trace: session is NULL");
    }
    return dct_leave(ctx, status);
}
