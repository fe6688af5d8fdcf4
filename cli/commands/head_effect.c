// SPDX-License-Identifier: BSD-2-Clause
#include "head_effect.h"

#include "shares.h"
#include "text.h"

#include "bench/measure/ticker.h"

#include <stdlib.h>

// The scores after the last token, which is fed again behind the earlier ones; in this head it sees
// only itself (layer -1: nothing is cut).
static decoct_status feed_last(const cli_desk *desk, decoct_session *session,
                               const cli_prompt *prompt, cli_choice cut, float *scores) {
    int64_t last = prompt->count - 1;
    decoct_status status = decoct_session_truncate(desk->ctx, session, last);
    if (status == DECOCT_OK) {
        status = decoct_session_uncut(desk->ctx, session);
    }
    for (int64_t key = 0; key < last && cut.layer >= 0 && status == DECOCT_OK; key++) {
        status = decoct_session_cut_in(desk->ctx, session, cut.layer, cut.head, last, key);
    }
    return status == DECOCT_OK
               ? decoct_session_eval(desk->ctx, session, prompt->ids + last, 1, 0, scores)
               : status;
}

// scores: room for two answers.
static decoct_status try_heads(const cli_desk *desk, decoct_session *session,
                               const cli_prompt *prompt, float *scores, cli_head_effects *out) {
    int64_t vocabulary = desk->info.vocabulary, heads = desk->info.heads;
    float *cut_scores = scores + vocabulary, most = 0;
    decoct_status status = feed_last(desk, session, prompt, (cli_choice){-1, -1}, scores);
    ticker_begin("trying each head", (int)(desk->info.layers * heads));
    for (int64_t i = 0; i < desk->info.layers * heads && status == DECOCT_OK; i++) {
        cli_choice cut = {i / heads, i % heads};
        ticker_set((int)i);
        status = feed_last(desk, session, prompt, cut, cut_scores);
        if (status == DECOCT_OK) {
            out->effect[i] = (float)cli_shares_distance(scores, cut_scores, vocabulary);
        }
        if (out->effect[i] > most) {
            most = out->effect[i];
            out->largest = cut;
        }
    }
    ticker_end();
    return status;
}

int cli_head_effects_make(const cli_desk *desk, const cli_prompt *prompt, cli_head_effects *out) {
    *out = (cli_head_effects){.largest = {0, 0}};
    out->effect = cli_alloc(desk->info.layers * desk->info.heads, sizeof *out->effect);
    if (prompt->count == 1) { // it sees only itself anyway
        return CLI_OK;
    }
    float *scores = cli_alloc(2 * desk->info.vocabulary, sizeof *scores);
    decoct_session *session = NULL;
    decoct_status status = decoct_session_create(desk->ctx, desk->model, prompt->count, &session);
    if (status == DECOCT_OK) {
        status = decoct_session_eval(desk->ctx, session, prompt->ids, prompt->count - 1, 0, NULL);
    }
    if (status == DECOCT_OK) {
        status = try_heads(desk, session, prompt, scores, out);
    }
    decoct_session_destroy(session);
    free(scores);
    return status == DECOCT_OK ? CLI_OK : cli_fail_status(desk->ctx, status, "the model");
}

void cli_head_effects_free(cli_head_effects *effects) {
    free(effects->effect);
    *effects = (cli_head_effects){0};
}
