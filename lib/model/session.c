// SPDX-License-Identifier: BSD-2-Clause
// A running text on a model: a cache for each block, cut edges, stored queries; tokens in, logits
// out.
#include "session.h"
#include "core/border.h"
#include "core/overlap.h"
#include "core/progress.h"
#include "cuts.h"
#include "machine/memory.h"

#include <string.h>

// ---- Beginning and end ----

static decoct_status create(decoct_context *ctx, const decoct_model *model, int64_t max_tokens,
                            decoct_session *s) {
    const dct_config *c = &model->config;
    s->model = dct_model_share(model);
    s->max_len = max_tokens ? max_tokens : c->size.context;
    s->caches = dct_zalloc(ctx->memory, c->layers, sizeof *s->caches);
    if (!s->caches) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "session: out of memory");
    }
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < c->layers && !status; i++) {
        status = dct_block_cache(ctx, model->blocks[i], s->max_len, &s->caches[i]);
    }
    return status;
}

decoct_status decoct_session_create(decoct_context *ctx, const decoct_model *model,
                                    int64_t max_tokens, decoct_session **out) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    decoct_session *s = NULL;
    if (!model || !out) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "session: %s is NULL",
                          model ? "out" : "model");
    } else if (max_tokens < 0 || max_tokens > model->config.size.context) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT,
                          "session: max_tokens %lld is not in [0, %lld], the model's context",
                          (long long)max_tokens, (long long)model->config.size.context);
    } else {
        s = dct_zalloc(ctx->memory, 1, sizeof *s);
        status = s ? create(ctx, model, max_tokens, s)
                   : dct_fail(&ctx->error, DECOCT_E_MEMORY, "session: out of memory");
    }
    if (status) {
        decoct_session_destroy(s);
    } else {
        *out = s;
    }
    return dct_leave(ctx, status);
}

void decoct_session_destroy(decoct_session *session) {
    if (!session) {
        return;
    }
    int32_t cancel = dct_cancel_off();
    for (int64_t i = 0; session->caches && i < session->model->config.layers; i++) {
        decoct_cache_destroy(session->caches[i]);
    }
    dct_free(session->caches);
    dct_free(session->queries);
    dct_free(session->cuts);
    dct_free(session->tallies);
    dct_free(session->idle);
    decoct_model_close(session->model);
    dct_free(session);
    dct_cancel_restore(cancel);
}

int64_t decoct_session_length(const decoct_session *session) {
    return session ? session->length : 0;
}

static void truncate_to(decoct_session *s, int64_t length) {
    for (int64_t i = 0; i < s->model->config.layers; i++) {
        dct_cache_truncate(s->caches[i], length);
    }
    s->length = length;
    dct_cuts_truncate(s, length);
}

decoct_status decoct_session_truncate(decoct_context *ctx, decoct_session *session,
                                      int64_t length) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    if (!session || length < 0 || length > session->length) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "session: cannot be cut to %lld of %lld",
                          (long long)length, (long long)decoct_session_length(session));
    } else if (session->sees_all && length > 0 && length < session->length) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT,
                          "session: cannot be cut to %lld of %lld: without the causal mask its "
                          "tokens depend on each other, so only 0 is possible",
                          (long long)length, (long long)session->length);
    } else {
        truncate_to(session, length);
    }
    return dct_leave(ctx, status);
}

// ---- Tokens in, logits out ----

// Logits of the last `rows` positions with activations x, which change.
static decoct_status score(decoct_context *ctx, const decoct_session *s, int64_t rows, float *x,
                           float *logits) {
    dct_pass pass = {.ctx = ctx,
                     .stage = &s->model->exit,
                     .rows = rows,
                     .first = s->length - rows,
                     .x = x,
                     .logits = logits,
                     .watch = dct_session_watch(s, s->model->config.layers)};
    return dct_stage_run(&pass);
}

static int64_t query_width(const decoct_session *s) {
    return s->model->config.size.heads * s->model->config.size.head_dim;
}

// Memory for the queries of `length` positions; what is stored moves there.
static bool reserve_queries(decoct_context *ctx, decoct_session *s, int64_t length) {
    const dct_config *c = &s->model->config;
    int64_t count, wide = query_width(s);
    int64_t room = s->queries_room > s->max_len / 2 ? s->max_len : 2 * s->queries_room;
    if (!s->keeps_queries || length <= s->queries_room) {
        return true;
    }
    room = room < length ? length : room;
    float *queries = dct_mul(c->layers, room, &count) && dct_mul(count, wide, &count)
                         ? dct_alloc(ctx->memory, count, sizeof *queries)
                         : NULL;
    for (int64_t i = 0; queries && i < c->layers && s->length > 0; i++) {
        memcpy(queries + i * room * wide, s->queries + i * s->queries_room * wide,
               (size_t)(s->length * wide) * sizeof *queries);
    }
    if (queries) {
        dct_free(s->queries);
        s->queries = queries;
        s->queries_room = room;
    }
    return queries != NULL;
}

// Feeds the tokens of one piece; leaves their activations in *x.
static decoct_status feed(decoct_context *ctx, decoct_session *s, const int32_t *ids, int64_t rows,
                          float **x) {
    const decoct_model *m = s->model;
    int64_t first = s->length;
    bool by_layer = dct_cuts_use(s, first, rows);
    *x = dct_scratch(ctx, DCT_SCRATCH_TOKENS, rows * m->config.size.d_model);
    if (!*x || !reserve_queries(ctx, s, first + rows)) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "session: no memory for %lld tokens",
                        (long long)rows);
    }
    dct_pass pass = {.ctx = ctx,
                     .stage = &m->entry,
                     .rows = rows,
                     .first = first,
                     .x = *x,
                     .ids = ids,
                     .no_positions = s->no_positions,
                     .watch = dct_session_watch(s, -1)};
    dct_block_extra extra = {.sees_all = s->sees_all, .no_positions = s->no_positions};
    decoct_status status = dct_stage_run(&pass);
    status = status ? status : dct_block_angles(ctx, &m->config.size, first, rows, &extra);
    for (int64_t i = 0; i < m->config.layers && !status; i++) {
        if (i == 0 || by_layer) {
            dct_cut_scores scores = {
                .layer = i, .head = -1, .first = first, .rows = rows, .keys = first + rows};
            status = dct_cuts_mask(ctx, s, &scores, &extra.mask, &extra.mask_head_stride);
        }
        extra.watch = dct_session_watch(s, i);
        if (s->keeps_queries) {
            extra.queries = s->queries + (i * s->queries_room + first) * query_width(s);
        }
        status = status ? status : dct_block_run(ctx, m->blocks[i], s->caches[i], rows, *x, &extra);
    }
    s->length += rows;
    return status;
}

static decoct_status check_ids(dct_error *error, const decoct_session *s, const int32_t *ids,
                               int64_t count) {
    decoct_status status = dct_check_given(error, "session", "session", s, 1);
    status = status ? status : dct_check_size(error, "session", "count", count);
    status = status ? status : dct_check_given(error, "session", "ids", ids, (uint64_t)count);
    if (status) {
        return status;
    }
    if (count > s->max_len - s->length) {
        return dct_fail(error, DECOCT_E_FULL,
                        "session: %lld tokens do not fit, %lld of %lld are used", (long long)count,
                        (long long)s->length, (long long)s->max_len);
    }
    if (s->sees_all && s->length > 0 && count > 0) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "session: without the causal mask all tokens come in one call, but %lld "
                        "were fed before: call decoct_session_truncate with length 0 first",
                        (long long)s->length);
    }
    for (int64_t i = 0; i < count; i++) {
        if (ids[i] < 0 || ids[i] >= s->model->config.size.vocabulary) {
            return dct_fail(error, DECOCT_E_ARGUMENT, "session: id %d at %lld is not in [0, %lld)",
                            ids[i], (long long)i, (long long)s->model->config.size.vocabulary);
        }
    }
    return DECOCT_OK;
}

static decoct_status eval(decoct_context *ctx, decoct_session *s, const int32_t *ids, int64_t count,
                          bool all, float *logits) {
    decoct_status status = check_ids(&ctx->error, s, ids, count);
    if (status) {
        return status;
    }
    // The scores of one piece are written before the ids of the next are read.
    dct_view list = dct_view_of_rows(ids, 1, count, count);
    int64_t rows_out = all ? count : count > 0, wide = s->model->config.size.vocabulary;
    dct_view scores = dct_view_of_rows(logits, rows_out, wide, wide);
    status = dct_check_apart(&ctx->error, "session", "logits", &scores, "ids", &list);
    if (status) {
        return status;
    }
    const decoct_model *m = s->model;
    int64_t steps = m->entry.recipe->count + m->config.layers * m->config.family->block.count;
    dct_progress_begin(ctx, count * steps + (logits ? rows_out * m->exit.recipe->count : 0));
    int64_t start = s->length, d = s->model->config.size.d_model;
    int64_t piece = s->sees_all || count < DCT_CHUNK_ROWS ? count : DCT_CHUNK_ROWS;
    for (int64_t i = 0; i < count && !status; i += piece) {
        int64_t rows = count - i < piece ? count - i : piece;
        float *x;
        status = feed(ctx, s, ids + i, rows, &x);
        if (!status && logits && all) {
            status = score(ctx, s, rows, x, logits + i * wide);
        } else if (!status && logits && i + rows == count) {
            status = score(ctx, s, 1, x + (rows - 1) * d, logits);
        }
    }
    status = status ? status : ctx->ran;
    if (status) {
        truncate_to(s, start);
    }
    return status;
}

decoct_status decoct_session_eval(decoct_context *ctx, decoct_session *session, const int32_t *ids,
                                  int64_t count, int32_t all, float *logits) {
    decoct_status status = dct_enter(ctx);
    return status ? status : dct_leave(ctx, eval(ctx, session, ids, count, all != 0, logits));
}

// ---- Looking inside ----

decoct_status decoct_session_keep_queries(decoct_context *ctx, decoct_session *session) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    if (!session || session->length > 0) {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT,
                          "keep_queries: only for a session without tokens");
    } else {
        session->keeps_queries = true;
    }
    return dct_leave(ctx, status);
}

static decoct_status head_weights(decoct_context *ctx, const decoct_session *s, int64_t layer,
                                  int64_t head, float *weights) {
    if (!s || !weights || !s->keeps_queries) {
        return dct_fail(
            &ctx->error, DECOCT_E_ARGUMENT, "session attention: %s",
            !s ? "session is NULL"
            : !weights
                ? "weights is NULL"
                : "the session does not keep its queries: call decoct_session_keep_queries first");
    }
    const dct_config *c = &s->model->config;
    if (layer < 0 || layer >= c->layers || head < 0 || head >= c->size.heads) {
        return dct_fail(&ctx->error, DECOCT_E_ARGUMENT,
                        "session attention: there is no layer %lld, head %lld", (long long)layer,
                        (long long)head);
    }
    if (s->length == 0) {
        return DECOCT_OK;
    }
    const float *mask;
    int64_t head_stride;
    dct_cut_scores scores = {.layer = layer, .head = head, .rows = s->length, .keys = s->length};
    decoct_status status = dct_cuts_mask(ctx, s, &scores, &mask, &head_stride);
    if (status) {
        return status;
    }
    dct_block_look look = {.head = head,
                           .queries = s->queries + layer * s->queries_room * query_width(s),
                           .mask = mask,
                           .sees_all = s->sees_all,
                           .weights = weights};
    return dct_block_weights(ctx, s->model->blocks[layer], s->caches[layer], &look);
}

decoct_status decoct_session_attention(decoct_context *ctx, decoct_session *session, int64_t layer,
                                       int64_t head, float *weights) {
    decoct_status status = dct_enter(ctx);
    return status ? status : dct_leave(ctx, head_weights(ctx, session, layer, head, weights));
}
