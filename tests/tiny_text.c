// SPDX-License-Identifier: BSD-2-Clause
// One short text on a tiny model.
#include "tiny_text.h"

#include <stdlib.h>
#include <string.h>

tiny_text *text_begin(const char *backend, bool gpt1) {
    decoct_context *ctx = check_open(backend, 2);
    if (!ctx) {
        skip();
    }
    tiny_text *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->ctx = ctx;
    tiny_begin(&t->files, gpt1);
    tiny_all(&t->files, gpt1);
    assert_int_equal(decoct_model_open(ctx, t->files.folder, &t->model), DECOCT_OK);
    assert_int_equal(decoct_session_create(ctx, t->model, 0, &t->session), DECOCT_OK);
    assert_int_equal(decoct_session_keep_queries(ctx, t->session), DECOCT_OK);
    for (int i = 0; i < TEXT_TOKENS; i++) {
        t->ids[i] = (i * 37 + 5) % TINY_VOCABULARY;
    }
    return t;
}

void text_end(tiny_text *t) {
    decoct_session_destroy(t->session);
    decoct_model_close(t->model);
    decoct_context_close(t->ctx);
    tiny_end(&t->files);
    free(t);
}

void text_feed(const tiny_text *t, int64_t first, int64_t piece, float *logits) {
    assert_int_equal(decoct_session_truncate(t->ctx, t->session, first), DECOCT_OK);
    for (int64_t i = first; i < TEXT_TOKENS; i += piece) {
        int64_t n = TEXT_TOKENS - i < piece ? TEXT_TOKENS - i : piece;
        assert_int_equal(
            decoct_session_eval(t->ctx, t->session, t->ids + i, n, 1, logits + i * TINY_VOCABULARY),
            DECOCT_OK);
    }
}

void text_expect(const tiny_text *t, decoct_status status, const char *message) {
    assert_int_equal(status, DECOCT_E_ARGUMENT);
    if (!strstr(decoct_last_error(t->ctx), message)) {
        fail_msg("\"%s\", expected \"%s\"", decoct_last_error(t->ctx), message);
    }
}
