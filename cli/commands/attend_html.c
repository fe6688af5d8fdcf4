// SPDX-License-Identifier: BSD-2-Clause
// The page of `decoct attend -o map.html`: cli/pages/attend.html with the words, weights and answer
// as JSON.
#include "attend.h"
#include "base64.h"
#include "text.h"

#include "page.h" // composed of cli/pages/ by embed.py

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

// The lower triangles of all heads, 16 bits a weight, little-endian, as base64.
static char *pack_weights(const cli_map *map) {
    int64_t n = map->count, all = map->layers * map->heads, at = 0;
    int64_t size = all * n * (n + 1);
    unsigned char *bytes = cli_alloc(size, 1);
    for (int64_t h = 0; h < all; h++) {
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; j <= i; j++) {
                float p = map->single[(h * n + i) * n + j];
                unsigned value = p > 0 ? (unsigned)((p < 1 ? p : 1) * 65535.0f + 0.5f) : 0;
                bytes[at++] = (unsigned char)(value & 0xff);
                bytes[at++] = (unsigned char)(value >> 8);
            }
        }
    }
    char *text = cli_base64(bytes, size);
    free(bytes);
    return text;
}

static json_t *pack_outcome(const cli_candidate *c, double p, double before) {
    bool clean;
    char *label = cli_utf8_clean(c->label, strlen(c->label), &clean);
    json_t *item = json_pack("{s:s, s:i, s:f, s:f}", "text", label, "id", (int)c->id, "p", p,
                             "before", before);
    free(label);
    return item;
}

// [{word, effect, answer, listed}], an entry for each word but the last, which cannot be hidden:
// the best without it (before: with it), and, without it, the probabilities of what `shown` lists.
static json_t *pack_influence(const cli_scene *s, const json_t *shown) {
    json_t *list = json_array();
    for (int64_t i = 0; i < s->influence->count; i++) {
        const cli_hidden *hidden = &s->influence->words[i];
        json_t *answer = json_array(), *listed = json_array();
        for (int64_t k = 0; k < hidden->answer.count; k++) {
            const cli_candidate *c = &hidden->answer.top[k];
            json_array_append_new(answer,
                                  pack_outcome(c, (double)c->p, (double)s->map->answer.p[c->id]));
        }
        for (size_t k = 0; k < json_array_size(shown); k++) {
            json_int_t id = json_integer_value(json_object_get(json_array_get(shown, k), "id"));
            json_array_append_new(listed, json_real((double)hidden->answer.p[id]));
        }
        json_array_append_new(list,
                              json_pack("{s:I, s:f, s:o, s:o}", "word", (json_int_t)i, "effect",
                                        hidden->effect, "answer", answer, "listed", listed));
    }
    return list;
}

// What the answer depends on: head by head, in percent, and how that is computed. `found`: the page
// opens with the largest.
static json_t *pack_heads(const cli_scene *s) {
    json_t *effects = json_array();
    for (int64_t i = 0; i < s->map->layers * s->map->heads; i++) {
        json_array_append_new(effects, json_real(100 * (double)s->heads->effect[i]));
    }
    return json_pack("{s:o, s:I, s:I, s:b, s:s}", "effects", effects, "layer",
                     (json_int_t)s->heads->largest.layer, "head",
                     (json_int_t)s->heads->largest.head, "found", (int)s->found, "how",
                     CLI_HEAD_EFFECT_METHOD);
}

static json_t *pack_answer(const cli_scene *s) {
    json_t *list = json_array();
    const cli_answer *now = &s->map->answer;
    // The best before the cut, then those that the cut raised.
    const cli_answer *parts[2] = {s->before ? s->before : now, s->before ? now : NULL};
    for (int part = 0; part < 2 && parts[part]; part++) {
        for (int64_t i = 0; i < parts[part]->count; i++) {
            const cli_candidate *c = &parts[part]->top[i];
            bool there = false;
            for (int64_t k = 0; part == 1 && k < parts[0]->count; k++) {
                there = there || parts[0]->top[k].id == c->id;
            }
            if (there || (part == 1 && c->p < 0.01f)) {
                continue;
            }
            double before = s->before ? (double)s->before->p[c->id] : 0;
            json_array_append_new(list, pack_outcome(c, (double)now->p[c->id], before));
        }
    }
    return list;
}

static json_t *pack_scene(const cli_scene *s) {
    json_t *words = json_array(), *cuts = json_array();
    for (int64_t i = 0; i < s->words->count; i++) {
        json_array_append_new(words, json_string(s->words->list[i].text));
    }
    for (int64_t i = 0; i < s->cuts->count; i++) {
        json_array_append_new(cuts, json_pack("[I, I]", (json_int_t)s->cuts->list[i].from,
                                              (json_int_t)s->cuts->list[i].to));
    }
    char *weights = pack_weights(s->map);
    json_t *answer = pack_answer(s), *influence = pack_influence(s, answer);
    json_t *all = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:s}", "type",
                            s->desk->info.type, "backend", decoct_context_backend(s->desk->ctx),
                            "layers", (json_int_t)s->map->layers, "heads",
                            (json_int_t)s->map->heads, "layer", (json_int_t)s->choice.layer, "head",
                            (json_int_t)s->choice.head, "words", words, "cuts", cuts, "answer",
                            answer, "notes", cli_notes_pack(s->notes), "weights", weights);
    free(weights);
    json_object_set_new(all, "influence", influence);
    json_object_set_new(all, "influence_how", json_string(INFLUENCE_METHOD));
    json_object_set_new(all, "head_effects", pack_heads(s));
    return all;
}

int cli_attend_html(const cli_scene *scene, FILE *to) {
    json_t *all = pack_scene(scene);
    char *text =
        all ? json_dumps(all, JSON_ENSURE_ASCII | JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(all);
    if (!text) {
        return cli_fail(CLI_INTERNAL, "the page: out of memory");
    }
    fwrite(page_head, 1, sizeof page_head, to);
    cli_put_json(to, text, strlen(text));
    fwrite(page_tail, 1, sizeof page_tail, to);
    free(text);
    return CLI_OK;
}
