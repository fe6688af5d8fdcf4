// SPDX-License-Identifier: BSD-2-Clause
// Parts of a model that a session without tokens can leave out: the causal mask, the positions.
#include "session.h"

static decoct_status check_switch(dct_error *error, const char *name, const decoct_session *s,
                                  int32_t on) {
    if (!s || (on != 0 && on != 1)) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "session %s: %s", name,
                        s ? "on is not 0 or 1" : "session is NULL");
    }
    if (s->length > 0) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "session %s: only for a session without tokens, and it has %lld: call "
                        "decoct_session_truncate with length 0 first",
                        name, (long long)s->length);
    }
    return DECOCT_OK;
}

decoct_status decoct_session_causal(decoct_context *ctx, decoct_session *session, int32_t on) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    status = check_switch(&ctx->error, "causal", session, on);
    if (!status) {
        session->sees_all = !on;
    }
    return dct_leave(ctx, status);
}

decoct_status decoct_session_positions(decoct_context *ctx, decoct_session *session, int32_t on) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    status = check_switch(&ctx->error, "positions", session, on);
    if (!status) {
        session->no_positions = !on;
    }
    return dct_leave(ctx, status);
}
