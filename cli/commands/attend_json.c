// SPDX-License-Identifier: BSD-2-Clause
// What `decoct attend` shows, as one JSON object.
#include "answer_json.h"
#include "attend.h"
#include "json_out.h"

#include <string.h>

static json_t *pack_attend_words(const cli_words *words) {
    json_t *list = json_array();
    for (int64_t i = 0; i < words->count; i++) {
        json_array_append_new(list, json_string(words->list[i].text));
    }
    return list;
}

// (words, words), row: the reader. What comes after the reader is 0.
static json_t *pack_mean(const cli_map *map) {
    json_t *rows = json_array();
    for (int64_t i = 0; i < map->count; i++) {
        json_t *row = json_array();
        for (int64_t j = 0; j < map->count; j++) {
            json_array_append_new(row, json_real((double)map->mean[i * map->count + j]));
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

// The effect of each word but the last, in percent.
static json_t *pack_effects(const cli_influence *influence) {
    json_t *list = json_array();
    for (int64_t i = 0; i < influence->count; i++) {
        json_array_append_new(list, json_real(influence->words[i].effect));
    }
    return list;
}

// [[from, to], ...], from 1 as in --cut.
static json_t *pack_cuts(const cli_cuts *cuts) {
    json_t *list = json_array();
    for (int64_t i = 0; i < cuts->count; i++) {
        json_array_append_new(list, json_pack("[I, I]", (json_int_t)cuts->list[i].from + 1,
                                              (json_int_t)cuts->list[i].to + 1));
    }
    return list;
}

int cli_attend_json(const cli_scene *s) {
    char shown[128];
    cli_scene_name(s, shown, sizeof shown);
    json_t *text = cli_json_text(s->prompt->text, strlen(s->prompt->text));
    json_t *all =
        json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "prompt", text, "backend",
                  decoct_context_backend(s->desk->ctx), "shown", shown, "words",
                  pack_attend_words(s->words), "weights", pack_mean(s->map), "cuts",
                  pack_cuts(s->cuts), "answer", cli_answer_pack(&s->map->answer), "influence",
                  pack_effects(s->influence), "notes", cli_notes_pack(s->notes));
    if (all && s->before) {
        json_object_set_new(all, "before", cli_answer_pack(s->before));
    }
    return cli_json_print(all);
}
