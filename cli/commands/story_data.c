// SPDX-License-Identifier: BSD-2-Clause
// Collects what the page shows: the answer, what the layers would answer, and the runs with other
// switches.
#include "story.h"

#include "text.h"

#include "bench/measure/ticker.h"

#include <stdlib.h>

story_top story_top_of(const story *s, const float *scores, int64_t most) {
    int64_t vocabulary = s->desk->info.vocabulary;
    story_top top = {.shares = cli_shares_of(scores, vocabulary)};
    top.count = cli_shares_best(scores, vocabulary, most, top.id);
    for (int64_t i = 0; i < top.count; i++) {
        top.score[i] = scores[top.id[i]];
        top.p[i] = cli_share(top.shares, top.score[i]);
    }
    return top;
}

// ---- What the layers would answer ----

// The answers of all positions of one residual stream (n, d_model); `scores` receives (n,
// vocabulary).
static int look_at_stream(const story *s, const float *stream, float *scores, story_top *out) {
    const cli_desk *desk = s->desk;
    int64_t n = s->prompt->count, vocabulary = desk->info.vocabulary;
    decoct_status status = decoct_model_logits(desk->ctx, desk->model, n, stream,
                                               desk->info.d_model, scores, vocabulary);
    if (status != DECOCT_OK) {
        return cli_fail_status(desk->ctx, status, "the model");
    }
    if (!cli_all_finite(scores, n * vocabulary)) {
        return cli_fail(CLI_USAGE, "a layer of the model gives scores that are not finite numbers");
    }
    for (int64_t i = 0; i < n; i++) {
        out[i] = story_top_of(s, scores + i * vocabulary, STORY_TOP);
    }
    return CLI_OK;
}

static bool rises(const story *s, int32_t id) {
    for (int64_t i = 0; i < s->rise_count; i++) {
        if (s->rise[i] == id) {
            return true;
        }
    }
    return false;
}

// The best tokens of the answer, and those that a layer names first with the highest probability.
static void choose_rise(story *s) {
    int64_t n = s->prompt->count, layers = s->desk->info.layers;
    for (int64_t i = 0; i < s->answer.count && i < STORY_RISE_BEST; i++) {
        s->rise[s->rise_count++] = s->answer.id[i];
    }
    while (s->rise_count < STORY_RISE_MOST) {
        const story_top *most = NULL;
        for (int64_t l = 0; l <= layers; l++) {
            const story_top *top = &s->lens[l * n + n - 1];
            if (!rises(s, top->id[0]) && (!most || top->p[0] > most->p[0])) {
                most = top;
            }
        }
        if (!most) {
            return;
        }
        s->rise[s->rise_count++] = most->id[0];
    }
}

// last: the scores at the last token, of each layer.
static void follow_rise(story *s, const float *last) {
    choose_rise(s);
    story_array_begin(s, STORY_RISE);
    int64_t n = s->prompt->count, vocabulary = s->desk->info.vocabulary, at = 0;
    for (int64_t l = 0; l <= s->desk->info.layers; l++) {
        for (int64_t i = 0; i < s->rise_count; i++) {
            s->arrays[STORY_RISE].values[at++] =
                (float)cli_share(s->lens[l * n + n - 1].shares, last[l * vocabulary + s->rise[i]]);
        }
    }
}

int story_look_through(story *s) {
    int64_t n = s->prompt->count, layers = s->desk->info.layers, d = s->desk->info.d_model;
    int64_t vocabulary = s->desk->info.vocabulary;
    s->lens = cli_alloc((layers + 1) * n, sizeof *s->lens);
    s->lens_before_ffn = cli_alloc(layers * n, sizeof *s->lens_before_ffn);
    float *scores = cli_alloc(n * vocabulary, sizeof *scores);
    float *last = cli_alloc((layers + 1) * vocabulary, sizeof *last);
    int code = CLI_OK;
    ticker_begin("looking into the layers", (int)(2 * layers + 1));
    for (int64_t l = 0; l <= layers && code == CLI_OK; l++) {
        const float *stream = l == 0 ? s->arrays[STORY_POSITIONS_SUM].values
                                     : s->arrays[STORY_AFTER_FFN].values + (l - 1) * n * d;
        ticker_set((int)l);
        code = look_at_stream(s, stream, scores, s->lens + l * n);
        for (int64_t i = 0; i < vocabulary; i++) {
            last[l * vocabulary + i] = scores[(n - 1) * vocabulary + i];
        }
    }
    for (int64_t l = 0; l < layers && code == CLI_OK; l++) {
        ticker_set((int)(layers + 1 + l));
        code = look_at_stream(s, s->arrays[STORY_AFTER_ATTENTION].values + l * n * d, scores,
                              s->lens_before_ffn + l * n);
    }
    if (code == CLI_OK) {
        follow_rise(s, last);
    }
    free(last);
    free(scores);
    return code;
}

// ---- Other switches ----

static int64_t add_word(const story *s, int64_t word, int64_t at) {
    const cli_word *w = &s->words->list[word];
    for (int64_t i = 0; i < w->count; i++) {
        s->order[at++] = w->first + i;
    }
    return at;
}

// The second word, the fourth, ..., then the first, the third, ...; the last one stays.
static void shuffle_words(story *s) {
    int64_t last = s->words->count - 1, at = 0;
    s->order = cli_alloc(s->prompt->count, sizeof *s->order);
    for (int64_t start = 1; start >= 0; start--) {
        for (int64_t i = start; i < last; i += 2) {
            at = add_word(s, i, at);
        }
    }
    add_word(s, last, at);
}

int story_switch(story *s) {
    static const struct {
        bool shuffled, no_positions, no_mask;
    } runs[STORY_RUNS] = {[STORY_SHUFFLED] = {true, false, false},
                          [STORY_STRAIGHT_NO_POSITIONS] = {false, true, false},
                          [STORY_SHUFFLED_NO_POSITIONS] = {true, true, false},
                          [STORY_SHUFFLED_NO_POSITIONS_NO_MASK] = {true, true, true},
                          [STORY_STRAIGHT_NO_POSITIONS_NO_MASK] = {false, true, true},
                          [STORY_NO_MASK] = {false, false, true}};
    shuffle_words(s);
    story_array_begin(s, STORY_LIFTED);
    int32_t *shuffled = cli_alloc(s->prompt->count, sizeof *shuffled);
    for (int64_t i = 0; i < s->prompt->count; i++) {
        shuffled[i] = s->prompt->ids[s->order[i]];
    }
    float *scores = cli_alloc(s->desk->info.vocabulary, sizeof *scores);
    int code = CLI_OK;
    for (int i = 0; i < STORY_RUNS && code == CLI_OK; i++) {
        story_switches switches = {.no_positions = runs[i].no_positions,
                                   .no_mask = runs[i].no_mask};
        switches.weights = i == STORY_NO_MASK ? s->arrays[STORY_LIFTED].values : NULL;
        code = story_run(s, runs[i].shuffled ? shuffled : s->prompt->ids, &switches, scores);
        s->runs[i] = code == CLI_OK ? story_top_of(s, scores, STORY_TOP) : (story_top){0};
    }
    free(scores);
    free(shuffled);
    return code;
}

// ---- All of it ----

static int64_t largest_of_layer(const cli_head_effects *effects, int64_t layer, int64_t heads) {
    const float *effect = effects->effect + layer * heads;
    int64_t largest = 0;
    for (int64_t i = 1; i < heads; i++) {
        largest = effect[i] > effect[largest] ? i : largest;
    }
    return largest;
}

static int find_opening(story *s) {
    cli_head_effects effects;
    int code = cli_head_effects_make(s->desk, s->prompt, NULL, NULL, &effects);
    if (code == CLI_OK && s->opens.layer < 0) {
        s->opens = effects.largest;
    } else if (code == CLI_OK && s->opens.head < 0) {
        s->opens.head = largest_of_layer(&effects, s->opens.layer, s->desk->info.heads);
    }
    story_array_begin(s, STORY_HEAD_EFFECTS);
    for (int64_t i = 0; i < story_array_size(&s->arrays[STORY_HEAD_EFFECTS]); i++) {
        s->arrays[STORY_HEAD_EFFECTS].values[i] = effects.effect[i];
    }
    cli_head_effects_free(&effects);
    return code;
}

static int read_answer(story *s) {
    int64_t n = s->prompt->count, vocabulary = s->desk->info.vocabulary;
    float *scores = cli_alloc(n * vocabulary, sizeof *scores);
    int code = story_trace(s, scores);
    if (code == CLI_OK) {
        s->answer = story_top_of(s, scores + (n - 1) * vocabulary, STORY_ANSWER);
    }
    free(scores);
    return code;
}

int story_make(const cli_desk *desk, const cli_prompt *prompt, const cli_words *words, story *out) {
    out->desk = desk;
    out->prompt = prompt;
    out->words = words;
    ticker_begin("computing the answer", 0);
    int code = read_answer(out);
    code = code == CLI_OK ? story_look_through(out) : code;
    ticker_begin("shuffling the words", 0);
    code = code == CLI_OK ? story_switch(out) : code;
    code = code == CLI_OK ? find_opening(out) : code;
    ticker_begin("hiding words", 0);
    if (code == CLI_OK) {
        code = cli_influence_make(desk, prompt, words, NULL, false, STORY_WITHOUT, &out->influence);
    }
    ticker_end();
    if (code == CLI_OK) {
        const cli_candidate *best = &out->influence.answer.top[0];
        cli_notes_make(desk->folder, prompt->text, best->text, (double)best->p, &out->notes);
        cli_notes_print(&out->notes);
    }
    return code;
}

void story_free(story *s) {
    for (int i = 0; i < STORY_ARRAYS; i++) {
        free(s->arrays[i].values);
    }
    free(s->lens);
    free(s->lens_before_ffn);
    free(s->order);
    cli_influence_free(&s->influence);
    cli_notes_free(&s->notes);
    *s = (story){0};
}
