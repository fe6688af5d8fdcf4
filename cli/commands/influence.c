// SPDX-License-Identifier: BSD-2-Clause
// Hides words and compares the answers. Words are hidden from the last one to the first: what the
// session holds of the text before the hidden word is the same in all runs.
#include "influence.h"

#include "text.h"

#include "bench/measure/ticker.h"

#include <math.h>
#include <stdlib.h>

typedef struct hiding {
    const cli_desk *desk;
    const cli_prompt *prompt;
    const cli_words *words;
    const cli_cuts *cuts;
    decoct_session *session;
    float *logits; // (vocabulary)
    int64_t top;
    cli_influence *out;
    int runs; // so far
} hiding;

static int64_t end_of(const hiding *h, int64_t word) {
    return h->words->list[word].first + h->words->list[word].count;
}

// The session has then seen the tokens before `length`, and has no cuts but the caller's.
static decoct_status go_back(const hiding *h, int64_t length) {
    decoct_context *ctx = h->desk->ctx;
    decoct_status status = decoct_session_truncate(ctx, h->session, length);
    status = status ? status : decoct_session_uncut(ctx, h->session);
    return status ? status : cli_cuts_apply(h->desk, h->session, h->words, h->cuts);
}

static decoct_status hide_word(const hiding *h, int64_t word) {
    decoct_status status = DECOCT_OK;
    int64_t end = end_of(h, word);
    for (int64_t key = h->words->list[word].first; key < end; key++) {
        for (int64_t query = end; query < h->prompt->count && !status; query++) {
            status = decoct_session_cut(h->desk->ctx, h->session, query, key);
        }
    }
    return status;
}

// Feeds the rest of the text. 0 or an exit code, also for a status of what came before.
static int answer_rest(hiding *h, decoct_status status, cli_answer *answer) {
    const cli_desk *desk = h->desk;
    int64_t seen = decoct_session_length(h->session);
    if (status == DECOCT_OK) {
        status = decoct_session_eval(desk->ctx, h->session, h->prompt->ids + seen,
                                     h->prompt->count - seen, 0, h->logits);
    }
    if (status != DECOCT_OK) {
        ticker_end();
        return cli_fail_status(desk->ctx, status, "the model");
    }
    ticker_set(++h->runs);
    int code = cli_answer_make(desk, h->prompt, h->logits, h->top, answer);
    if (code != CLI_OK) {
        ticker_end();
    }
    return code;
}

static double distance(const cli_answer *a, const cli_answer *b) {
    double sum = 0;
    for (int64_t i = 0; i < a->vocabulary; i++) {
        sum += fabs((double)a->p[i] - (double)b->p[i]);
    }
    return sum < 2 ? 50 * sum : 100; // rounding
}

static int hide_one(hiding *h, int64_t word) {
    cli_hidden *w = &h->out->words[word];
    decoct_status status = go_back(h, end_of(h, word));
    status = status ? status : hide_word(h, word);
    int code = answer_rest(h, status, &w->answer);
    if (code == CLI_OK) {
        w->effect = distance(&h->out->answer, &w->answer);
    }
    return code;
}

// After hide_one(first); what the session has seen before the end of `second` had `first` hidden.
static int hide_two(hiding *h, int64_t first, int64_t second) {
    const cli_hidden *words = h->out->words;
    cli_hidden_pair *pair = &h->out->pairs[h->out->pair_count];
    decoct_status status = go_back(h, end_of(h, second));
    status = status ? status : hide_word(h, first);
    status = status ? status : hide_word(h, second);
    *pair = (cli_hidden_pair){.first = first, .second = second};
    h->out->pair_count++;
    int code = answer_rest(h, status, &pair->answer);
    if (code == CLI_OK) {
        pair->effect = distance(&h->out->answer, &pair->answer);
        pair->extra = pair->effect - words[first].effect - words[second].effect;
        free(pair->answer.p); // of each pair would be much memory
        pair->answer.p = NULL;
    }
    return code;
}

static int hide_all(hiding *h, bool pairs) {
    const cli_desk *desk = h->desk;
    int64_t count = h->out->count;
    decoct_status status =
        decoct_session_create(desk->ctx, desk->model, h->prompt->count, &h->session);
    status = status ? status : go_back(h, 0);
    int code = answer_rest(h, status, &h->out->answer);
    for (int64_t first = count - 1; first >= 0 && code == CLI_OK; first--) {
        code = hide_one(h, first);
        for (int64_t second = count - 1; pairs && second > first && code == CLI_OK; second--) {
            code = hide_two(h, first, second);
        }
    }
    return code;
}

static int compare_effects(const void *a, const void *b, void *words) {
    const cli_hidden *list = words;
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    if (list[left].effect != list[right].effect) {
        return list[left].effect > list[right].effect ? -1 : 1;
    }
    return left < right ? -1 : 1;
}

static int compare_pairs(const void *a, const void *b) {
    const cli_hidden_pair *left = a, *right = b;
    if (left->extra != right->extra) {
        return left->extra > right->extra ? -1 : 1;
    }
    if (left->first != right->first) {
        return left->first < right->first ? -1 : 1;
    }
    return left->second < right->second ? -1 : 1;
}

static void sort_results(cli_influence *out) {
    for (int64_t i = 0; i < out->count; i++) {
        out->order[i] = i;
    }
    qsort_r(out->order, (size_t)out->count, sizeof *out->order, compare_effects, out->words);
    qsort(out->pairs, (size_t)out->pair_count, sizeof *out->pairs, compare_pairs);
}

int cli_influence_make(const cli_desk *desk, const cli_prompt *prompt, const cli_words *words,
                       const cli_cuts *cuts, bool pairs, int64_t top, cli_influence *out) {
    int64_t count = words->count - 1,
            most = pairs ? INFLUENCE_PAIR_WORDS_MOST : INFLUENCE_WORDS_MOST;
    *out = (cli_influence){.count = count};
    if (words->count > most) {
        return cli_fail(CLI_USAGE,
                        "%s: at most %lld words, and this text has %lld: leave the beginning out",
                        pairs ? "pairs of words are hidden" : "each word is hidden in turn",
                        (long long)most, (long long)words->count);
    }
    out->words = cli_alloc(count, sizeof *out->words);
    out->order = cli_alloc(count, sizeof *out->order);
    int64_t pair_count = pairs ? count * (count - 1) / 2 : 0;
    out->pairs = cli_alloc(pair_count, sizeof *out->pairs);
    hiding h = {desk, prompt, words, cuts, NULL, NULL, top, out, 0};
    h.logits = cli_alloc(desk->info.vocabulary, sizeof *h.logits);
    ticker_begin("hiding words", (int)(1 + count + pair_count));
    int code = hide_all(&h, pairs);
    ticker_end();
    sort_results(out);
    decoct_session_destroy(h.session);
    free(h.logits);
    return code;
}

void cli_influence_free(cli_influence *influence) {
    for (int64_t i = 0; influence->words && i < influence->count; i++) {
        cli_answer_free(&influence->words[i].answer);
    }
    for (int64_t i = 0; i < influence->pair_count; i++) {
        cli_answer_free(&influence->pairs[i].answer);
    }
    free(influence->words);
    free(influence->order);
    free(influence->pairs);
    cli_answer_free(&influence->answer);
    *influence = (cli_influence){0};
}
