// SPDX-License-Identifier: BSD-2-Clause
#include "answer_json.h"

#include "text.h"

#include <stdlib.h>

static json_t *pack_candidate(const cli_candidate *c) {
    bool clean;
    char *shown = cli_utf8_clean(c->text, c->length, &clean);
    json_t *item = json_pack("{s:s, s:i, s:f}", "text", shown, "id", (int)c->id, "p", (double)c->p);
    if (!clean) { // part of a character: the bytes say which
        json_t *bytes = json_array();
        for (size_t b = 0; b < c->length; b++) {
            json_array_append_new(bytes, json_integer((unsigned char)c->text[b]));
        }
        json_object_set_new(item, "bytes", bytes);
    }
    free(shown);
    return item;
}

json_t *cli_answer_pack(const cli_answer *answer) {
    json_t *list = json_array();
    int bad = 0;
    for (int64_t i = 0; i < answer->count; i++) {
        bad |= json_array_append_new(list, pack_candidate(&answer->top[i]));
    }
    if (bad) {
        json_decref(list);
        return NULL;
    }
    return list;
}
