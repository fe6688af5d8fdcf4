// SPDX-License-Identifier: BSD-2-Clause
// What mattered, as one JSON object.
#include "answer_json.h"
#include "json_out.h"
#include "why.h"

#include <string.h>

static json_t *pack_word(const cli_reasons *why, int64_t i) {
    const cli_hidden *hidden = &why->influence->words[i];
    return json_pack("{s:I, s:s, s:f, s:f, s:o}", "number", (json_int_t)i + 1, "word",
                     why->words->list[i].text, "effect", hidden->effect, "attention",
                     cli_why_attention(why, i), "answer", cli_answer_pack(&hidden->answer));
}

static json_t *pack_pair(const cli_reasons *why, const cli_hidden_pair *pair) {
    const cli_word *list = why->words->list;
    return json_pack("{s:[I, I], s:[s, s], s:f, s:f, s:o}", "numbers", (json_int_t)pair->first + 1,
                     (json_int_t)pair->second + 1, "words", list[pair->first].text,
                     list[pair->second].text, "effect", pair->effect, "extra", pair->extra,
                     "answer", cli_answer_pack(&pair->answer));
}

static json_t *pack_why(const cli_reasons *why) {
    const cli_influence *influence = why->influence;
    json_t *words = json_array(), *pairs = json_array();
    int bad = 0; // jansson packs no number that is not finite
    for (int64_t i = 0; i < influence->count && i < why->top; i++) {
        bad |= json_array_append_new(words, pack_word(why, influence->order[i]));
    }
    for (int64_t i = 0; i < influence->pair_count && i < why->top; i++) {
        bad |= json_array_append_new(pairs, pack_pair(why, &influence->pairs[i]));
    }
    json_t *text = cli_json_text(why->prompt->text, strlen(why->prompt->text));
    json_t *all = json_pack("{s:o, s:s, s:s, s:o, s:s, s:o, s:o}", "prompt", text, "backend",
                            decoct_context_backend(why->desk->ctx), "method", INFLUENCE_METHOD,
                            "answer", cli_answer_pack(&influence->answer), "last",
                            why->words->list[why->words->count - 1].text, "words", words, "notes",
                            cli_notes_pack(why->notes));
    if (why->pairs) {
        json_object_set_new(all, "extra", json_string(INFLUENCE_EXTRA));
        json_object_set_new(all, "pairs", pairs);
    } else {
        json_decref(pairs);
    }
    if (bad) {
        json_decref(all);
        return NULL;
    }
    return all;
}

int cli_why_json(const cli_reasons *why) {
    return cli_json_print(pack_why(why));
}
