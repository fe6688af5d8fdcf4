// SPDX-License-Identifier: BSD-2-Clause
// Runs the model over a prompt and collects who looked at whom, word by word.
#include "map.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

decoct_status cli_cuts_apply(const cli_desk *desk, decoct_session *session, const cli_words *words,
                             const cli_cuts *cuts) {
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; cuts && i < cuts->count; i++) {
        const cli_word *from = &words->list[cuts->list[i].from];
        const cli_word *to = &words->list[cuts->list[i].to];
        for (int64_t q = from->first; q < from->first + from->count; q++) {
            for (int64_t k = to->first; k < to->first + to->count; k++) {
                if (k <= q && status == DECOCT_OK) {
                    status = decoct_session_cut(desk->ctx, session, q, k);
                }
            }
        }
    }
    return status;
}

// From weights between tokens (token_count, token_count) to those between words (count, count).
static void join_tokens(const cli_words *words, const float *tokens, int64_t token_count,
                        float *out) {
    for (int64_t a = 0; a < words->count; a++) {
        const cli_word *reader = &words->list[a];
        for (int64_t b = 0; b <= a; b++) {
            const cli_word *read = &words->list[b];
            float sum = 0;
            for (int64_t q = reader->first; q < reader->first + reader->count; q++) {
                for (int64_t k = read->first; k < read->first + read->count; k++) {
                    sum += tokens[q * token_count + k];
                }
            }
            out[a * words->count + b] = sum / (float)reader->count;
        }
    }
}

// Adds the weights of one head, which are those between words (count, count).
static void take_head(cli_map *map, int64_t layer, int64_t head, bool wanted,
                      const float *weights) {
    int64_t n = map->count;
    if (map->single) {
        memcpy(map->single + (layer * map->heads + head) * n * n, weights,
               (size_t)(n * n) * sizeof *weights);
    }
    for (int64_t i = 0; i < n * n && wanted; i++) {
        map->mean[i] += weights[i];
    }
    for (int64_t j = 0; j < n && wanted; j++) {
        float p = weights[(n - 1) * n + j];
        if (p > map->peak[j].p) {
            map->peak[j].p = p;
            map->peak[j].layer = layer;
            map->peak[j].head = head;
        }
    }
}

static decoct_status collect_weights(const cli_desk *desk, decoct_session *session,
                                     int64_t token_count, const cli_words *words, cli_choice choice,
                                     cli_map *map) {
    int64_t square = map->count * map->count, taken = 0;
    float *tokens = cli_alloc(token_count * token_count, sizeof *tokens);
    float *joined = cli_alloc(square, sizeof *joined);
    decoct_status status = DECOCT_OK;
    for (int64_t i = 0; i < map->layers * map->heads && status == DECOCT_OK; i++) {
        int64_t layer = i / map->heads, head = i % map->heads;
        bool wanted =
            (choice.layer < 0 || choice.layer == layer) && (choice.head < 0 || choice.head == head);
        if (!wanted && !map->single) {
            continue;
        }
        status = decoct_session_attention(desk->ctx, session, layer, head, tokens);
        if (status == DECOCT_OK) {
            join_tokens(words, tokens, token_count, joined);
            take_head(map, layer, head, wanted, joined);
            taken += wanted;
        }
    }
    for (int64_t i = 0; i < square && taken > 0; i++) {
        map->mean[i] /= (float)taken;
    }
    free(joined);
    free(tokens);
    return status;
}

static decoct_status run_prompt(const cli_desk *desk, const cli_prompt *prompt,
                                const cli_words *words, const cli_cuts *cuts,
                                decoct_session **session, float *logits) {
    decoct_status status = decoct_session_create(desk->ctx, desk->model, prompt->count, session);
    if (status == DECOCT_OK) {
        status = decoct_session_keep_queries(desk->ctx, *session);
    }
    if (status == DECOCT_OK) {
        status = cli_cuts_apply(desk, *session, words, cuts);
    }
    if (status == DECOCT_OK) {
        status = decoct_session_eval(desk->ctx, *session, prompt->ids, prompt->count, 0, logits);
    }
    return status;
}

int cli_map_make(const cli_desk *desk, const cli_prompt *prompt, const cli_words *words,
                 const cli_cuts *cuts, cli_choice choice, bool all, int64_t top, cli_map *out) {
    *out = (cli_map){.layers = desk->info.layers, .heads = desk->info.heads, .count = words->count};
    int64_t square = words->count * words->count;
    out->mean = cli_alloc(square, sizeof *out->mean);
    out->peak = cli_alloc(words->count, sizeof *out->peak);
    if (all) {
        out->single = cli_alloc(out->layers * out->heads * square, sizeof *out->single);
    }
    decoct_session *session = NULL;
    float *logits = cli_alloc(desk->info.vocabulary, sizeof *logits);
    decoct_status status = run_prompt(desk, prompt, words, cuts, &session, logits);
    if (status == DECOCT_OK) {
        status = collect_weights(desk, session, prompt->count, words, choice, out);
    }
    int code = status == DECOCT_OK ? cli_answer_make(desk, prompt, logits, top, &out->answer)
                                   : cli_fail_status(desk->ctx, status, "the model");
    decoct_session_destroy(session);
    free(logits);
    return code;
}

void cli_map_free(cli_map *map) {
    free(map->mean);
    free(map->single);
    free(map->peak);
    cli_answer_free(&map->answer);
    *map = (cli_map){0};
}
