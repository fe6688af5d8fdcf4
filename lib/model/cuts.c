// SPDX-License-Identifier: BSD-2-Clause
// Cut edges: a list, and for the tokens of a chunk an additive mask where some of it applies.
#include "cuts.h"

#include "machine/memory.h"

#include <math.h>
#include <string.h>

// ---- The list ----

static decoct_status check_cut(dct_error *error, const decoct_session *s, const dct_cut *c) {
    if (!s) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "cut: session is NULL");
    }
    const dct_config *m = &s->model->config;
    if (c->layer < -1 || c->layer >= m->layers || c->head < -1 || c->head >= m->size.heads) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "cut: there is no layer %lld, head %lld: the model has %lld layers of %lld "
                        "heads, and -1 means all",
                        (long long)c->layer, (long long)c->head, (long long)m->layers,
                        (long long)m->size.heads);
    }
    int64_t last = c->query > c->key ? c->query : c->key;
    if (c->key < 0 || c->query < 0 || last >= s->max_len || (last > c->query && !s->sees_all)) {
        return dct_fail(error, DECOCT_E_ARGUMENT,
                        "cut: no edge from position %lld to %lld: a word sees itself and those "
                        "before it",
                        (long long)c->query, (long long)c->key);
    }
    return DECOCT_OK;
}

static decoct_status add_cut(decoct_context *ctx, decoct_session *s, dct_cut cut) {
    decoct_status status = check_cut(&ctx->error, s, &cut);
    if (status) {
        return status;
    }
    if (!dct_grow(ctx->memory, (void **)&s->cuts, &s->cut_room, s->cut_count + 1,
                  sizeof *s->cuts)) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "cut: out of memory");
    }
    s->cuts[s->cut_count++] = cut;
    return DECOCT_OK;
}

decoct_status decoct_session_cut_in(decoct_context *ctx, decoct_session *session, int64_t layer,
                                    int64_t head, int64_t query, int64_t key) {
    decoct_status status = dct_enter(ctx);
    dct_cut cut = {.layer = layer, .head = head, .query = query, .key = key};
    return status ? status : dct_leave(ctx, add_cut(ctx, session, cut));
}

decoct_status decoct_session_cut(decoct_context *ctx, decoct_session *session, int64_t query,
                                 int64_t key) {
    return decoct_session_cut_in(ctx, session, -1, -1, query, key);
}

decoct_status decoct_session_uncut(decoct_context *ctx, decoct_session *session) {
    decoct_status status = dct_enter(ctx);
    if (status) {
        return status;
    }
    int64_t kept = 0;
    for (int64_t i = 0; session && i < session->cut_count; i++) {
        if (session->cuts[i].used) { // decoct_session_attention needs it
            session->cuts[kept] = session->cuts[i];
            session->cuts[kept++].forgotten = true;
        }
    }
    if (session) {
        session->cut_count = kept;
    } else {
        status = dct_fail(&ctx->error, DECOCT_E_ARGUMENT, "uncut: session is NULL");
    }
    return dct_leave(ctx, status);
}

bool dct_cuts_use(decoct_session *s, int64_t first, int64_t rows) {
    bool by_layer = false;
    for (int64_t i = 0; i < s->cut_count; i++) {
        dct_cut *c = &s->cuts[i];
        if (c->query >= first && c->query < first + rows) {
            c->used = true;
            by_layer = by_layer || c->layer >= 0;
        }
    }
    return by_layer;
}

void dct_cuts_truncate(decoct_session *s, int64_t length) {
    int64_t kept = 0;
    for (int64_t i = 0; i < s->cut_count; i++) {
        dct_cut c = s->cuts[i];
        c.used = c.used && c.query < length;
        if (c.used || !c.forgotten) {
            s->cuts[kept++] = c;
        }
    }
    s->cut_count = kept;
}

// ---- The masks ----

static bool applies(const dct_cut *c, const dct_cut_scores *to) {
    return c->used && c->query >= to->first && c->query < to->first + to->rows &&
           c->key < to->keys && (c->layer < 0 || c->layer == to->layer) &&
           (c->head < 0 || to->head < 0 || c->head == to->head);
}

decoct_status dct_cuts_mask(decoct_context *ctx, const decoct_session *s,
                            const dct_cut_scores *scores, const float **mask,
                            int64_t *head_stride) {
    bool any = false, by_head = false;
    for (int64_t i = 0; i < s->cut_count; i++) {
        bool here = applies(&s->cuts[i], scores);
        any = any || here;
        by_head = by_head || (here && scores->head < 0 && s->cuts[i].head >= 0);
    }
    *mask = NULL;
    *head_stride = 0;
    if (!any) {
        return DECOCT_OK;
    }
    int64_t heads = by_head ? s->model->config.size.heads : 1, one, count;
    float *all = dct_mul(scores->rows, scores->keys, &one) && dct_mul(one, heads, &count)
                     ? dct_scratch(ctx, DCT_SCRATCH_MASK, count)
                     : NULL;
    if (!all) {
        return dct_fail(&ctx->error, DECOCT_E_MEMORY, "session: no memory for the mask");
    }
    memset(all, 0, (size_t)count * sizeof(float));
    for (int64_t i = 0; i < s->cut_count; i++) {
        const dct_cut *c = &s->cuts[i];
        float *edge = all + (c->query - scores->first) * scores->keys + c->key;
        for (int64_t h = 0; h < heads && applies(c, scores); h++) {
            if (!by_head || c->head < 0 || c->head == h) {
                edge[h * one] = -INFINITY;
            }
        }
    }
    *mask = all;
    *head_stride = by_head ? one : 0;
    return DECOCT_OK;
}
