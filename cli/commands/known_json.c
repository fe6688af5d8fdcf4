// SPDX-License-Identifier: BSD-2-Clause
// `decoct words --json`.
#include "json_out.h"
#include "known.h"
#include "text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

// Text of files and of the command line may hold any bytes.
static json_t *pack_any(const char *text) {
    return cli_json_text(text, strlen(text));
}

static json_t *pack_known_words(char *const *words, int64_t count) {
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++) {
        json_array_append_new(list, pack_any(words[i]));
    }
    return list;
}

static json_t *pack_overview(const cli_knowledge *k) {
    json_t *groups = json_object(), *pairs = json_array();
    for (int64_t i = 0; i < k->tryout.group_count; i++) {
        const cli_group *group = &k->tryout.groups[i];
        bool clean;
        char *name = cli_utf8_clean(group->name, strlen(group->name), &clean);
        json_object_set_new(groups, name, pack_known_words(group->words, group->count));
        free(name);
    }
    for (int64_t i = 0; i < k->tryout.pair_count; i++) {
        json_array_append_new(pairs, pack_known_words(k->tryout.pairs[i], 2));
    }
    bool list = k->vocabulary.count > 0; // null: this model has no list
    return json_pack(
        "{s:I, s:o, s:o, s:o}", "vocabulary", (json_int_t)k->desk->info.vocabulary, "words",
        list ? pack_known_words(k->vocabulary.words, k->vocabulary.count) : json_null(), "groups",
        groups, "try", pairs);
}

static json_t *pack_known(const cli_knowledge *k, int64_t word) {
    const cli_vocabulary *v = &k->vocabulary;
    json_t *with = v->pairs ? json_array() : json_null();
    for (int64_t i = 0; i < v->count && v->pairs; i++) {
        if (i != word && cli_vocabulary_together(v, word, i)) {
            json_array_append_new(with, pack_any(v->words[i]));
        }
    }
    json_t *common = v->pairs ? json_boolean(cli_known_is_common(k, word)) : json_null();
    return json_pack("{s:o, s:o, s:o}", "word", pack_any(v->words[word]), "common", common, "with",
                     with);
}

static json_t *pack_asked(const cli_knowledge *k) {
    json_t *list = json_array();
    for (int i = 0; i < k->count; i++) {
        int64_t count = 0;
        int64_t *found = cli_known_match(k, k->asked[i], &count);
        json_t *words = json_array();
        for (int64_t w = 0; w < count; w++) {
            json_array_append_new(words, pack_known(k, found[w]));
        }
        free(found);
        json_array_append_new(
            list, json_pack("{s:o, s:o}", "asked", pack_any(k->asked[i]), "known", words));
    }
    return json_pack("{s:I, s:o}", "vocabulary", (json_int_t)k->desk->info.vocabulary, "asked",
                     list);
}

int cli_known_json(const cli_knowledge *k) {
    return cli_json_print(k->count > 0 ? pack_asked(k) : pack_overview(k));
}
