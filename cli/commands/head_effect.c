// SPDX-License-Identifier: BSD-2-Clause
#include "head_effect.h"

#include "shares.h"
#include "text.h"

#include "bench/measure/ticker.h"

#include <stdlib.h>

typedef struct trial {
    const cli_desk *desk;
    const cli_prompt *prompt;
    const cli_words *words;
    const cli_cuts *cuts; // of the caller
    decoct_session *session;
} trial;

// The scores after the last token, which is fed again behind the earlier ones; in this head it sees
// only itself (layer -1: in none).
static decoct_status feed_last(const trial *t, cli_choice cut, float *scores) {
    decoct_context *ctx = t->desk->ctx;
    int64_t last = t->prompt->count - 1;
    decoct_status status = decoct_session_truncate(ctx, t->session, last);
    status = status ? status : decoct_session_uncut(ctx, t->session);
    status = status ? status : cli_cuts_apply(t->desk, t->session, t->words, t->cuts);
    for (int64_t key = 0; key < last && cut.layer >= 0 && status == DECOCT_OK; key++) {
        status = decoct_session_cut_in(ctx, t->session, cut.layer, cut.head, last, key);
    }
    return status ? status
                  : decoct_session_eval(ctx, t->session, t->prompt->ids + last, 1, 0, scores);
}

// scores: room for two answers.
static decoct_status try_heads(const trial *t, float *scores, cli_head_effects *out) {
    const cli_desk *desk = t->desk;
    int64_t vocabulary = desk->info.vocabulary, heads = desk->info.heads;
    float *cut_scores = scores + vocabulary, most = 0;
    decoct_status status = feed_last(t, (cli_choice){-1, -1}, scores);
    ticker_begin("trying each head", (int)(desk->info.layers * heads));
    for (int64_t i = 0; i < desk->info.layers * heads && status == DECOCT_OK; i++) {
        cli_choice cut = {i / heads, i % heads};
        ticker_set((int)i);
        status = feed_last(t, cut, cut_scores);
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

int cli_head_effects_make(const cli_desk *desk, const cli_prompt *prompt, const cli_words *words,
                          const cli_cuts *cuts, cli_head_effects *out) {
    *out = (cli_head_effects){.largest = {0, 0}};
    out->effect = cli_alloc(desk->info.layers * desk->info.heads, sizeof *out->effect);
    if (prompt->count == 1) { // it sees only itself anyway
        return CLI_OK;
    }
    float *scores = cli_alloc(2 * desk->info.vocabulary, sizeof *scores);
    trial t = {desk, prompt, words, cuts, NULL};
    decoct_status status = decoct_session_create(desk->ctx, desk->model, prompt->count, &t.session);
    status = status ? status : cli_cuts_apply(desk, t.session, words, cuts);
    status =
        status ? status
               : decoct_session_eval(desk->ctx, t.session, prompt->ids, prompt->count - 1, 0, NULL);
    status = status ? status : try_heads(&t, scores, out);
    decoct_session_destroy(t.session);
    free(scores);
    return status == DECOCT_OK ? CLI_OK : cli_fail_status(desk->ctx, status, "the model");
}

void cli_head_effects_free(cli_head_effects *effects) {
    free(effects->effect);
    *effects = (cli_head_effects){0};
}
