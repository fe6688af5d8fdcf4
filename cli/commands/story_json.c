// SPDX-License-Identifier: BSD-2-Clause
// The data of the page of `decoct story`. Arrays are {"shape": [...], "f32": base64 of
// little-endian floats}. Nothing in it depends on the time, so that the same text gives the same
// bytes.
#include "story.h"

#include "base64.h"
#include "json_out.h"
#include "text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const array_names[STORY_ARRAYS] = {
    [STORY_TOKEN_VECTORS] = "token_vectors",
    [STORY_POSITION_VECTORS] = "position_vectors",
    [STORY_POSITIONS_SUM] = "positions_sum",
    [STORY_Q] = "q",
    [STORY_K] = "k",
    [STORY_V] = "v",
    [STORY_SCORES] = "scores",
    [STORY_WEIGHTS] = "weights",
    [STORY_MIX] = "mix",
    [STORY_PROJECTED] = "projected",
    [STORY_AFTER_ATTENTION] = "after_attention",
    [STORY_AFTER_FFN] = "after_ffn",
    [STORY_FINAL] = "final",
    [STORY_HEAD_EFFECTS] = "heads_tell",
};

// NULL becomes NULL, which json_pack refuses.
static json_t *pack_owned(char *text) {
    json_t *string = text ? cli_json_text(text, strlen(text)) : NULL;
    free(text);
    return string;
}

static json_t *pack_array(const story_array *a) {
    int64_t size = story_array_size(a);
    unsigned char *bytes = cli_alloc(size * 4, 1);
    for (int64_t i = 0; i < size; i++) {
        uint32_t bits;
        memcpy(&bits, &a->values[i], sizeof bits);
        for (int b = 0; b < 4; b++) {
            bytes[4 * i + b] = (unsigned char)(bits >> 8 * b);
        }
    }
    char *text = cli_base64(bytes, size * 4);
    json_t *shape = json_array();
    for (int i = 0; i < a->rank; i++) {
        json_array_append_new(shape, json_integer((json_int_t)a->shape[i]));
    }
    json_t *packed = json_pack("{s:o, s:s}", "shape", shape, "f32", text);
    free(text);
    free(bytes);
    return packed;
}

// ---- Tokens ----

// Does the token end with a letter, so that a piece of a word may follow?
static bool ends_in_word(const story *s, int64_t token) {
    size_t length = 0;
    char *text = cli_token_text(s->desk, s->prompt->ids[token], &length);
    bool ends = length > 0 && cli_is_word_byte(text[length - 1]);
    free(text);
    return ends;
}

static json_t *pack_label(const story *s, int32_t id, int64_t after) {
    return pack_owned(cli_answer_label(s->desk, id, ends_in_word(s, after)));
}

// What could follow the token `after`.
static json_t *pack_top(const story *s, const story_top *top, int64_t after, bool scores) {
    json_t *list = json_array();
    for (int64_t i = 0; i < top->count; i++) {
        json_t *item = json_pack("{s:i, s:o, s:f}", "id", (int)top->id[i], "text",
                                 pack_label(s, top->id[i], after), "p", top->p[i]);
        if (scores) {
            json_object_set_new(item, "score", json_real((double)top->score[i]));
        }
        json_array_append_new(list, item);
    }
    return list;
}

// (stages, n) lists of tokens.
static json_t *pack_stages(const story *s, const story_top *tops, int64_t stages) {
    json_t *all = json_array();
    for (int64_t l = 0; l < stages; l++) {
        json_t *stage = json_array();
        for (int64_t i = 0; i < s->prompt->count; i++) {
            json_array_append_new(stage, pack_top(s, &tops[l * s->prompt->count + i], i, false));
        }
        json_array_append_new(all, stage);
    }
    return all;
}

static json_t *pack_tokens(const story *s) {
    json_t *list = json_array();
    for (int64_t word = 0; word < s->words->count; word++) {
        const cli_word *w = &s->words->list[word];
        for (int64_t i = w->first; i < w->first + w->count; i++) {
            size_t length = 0;
            char *text = cli_token_text(s->desk, s->prompt->ids[i], &length);
            json_t *item =
                json_pack("{s:i, s:o?, s:I}", "id", (int)s->prompt->ids[i], "text",
                          text ? cli_json_text(text, length) : NULL, "word", (json_int_t)word);
            free(text);
            json_array_append_new(list, item);
        }
    }
    return list;
}

static json_t *pack_words(const story *s) {
    json_t *list = json_array();
    for (int64_t i = 0; i < s->words->count; i++) {
        const cli_word *w = &s->words->list[i];
        json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "text", w->text, "first",
                                              (json_int_t)w->first, "count", (json_int_t)w->count));
    }
    return list;
}

// ---- The runs ----

static json_t *pack_shuffled(const story *s) {
    int64_t last = s->prompt->count - 1;
    json_t *order = json_array();
    for (int64_t i = 0; i <= last; i++) {
        json_array_append_new(order, json_integer((json_int_t)s->order[i]));
    }
    char *text = cli_alloc((int64_t)strlen(s->prompt->text) + 2 * s->prompt->count + 1, 4);
    char *end = text;
    for (int64_t i = 0, token = 0; i < s->words->count; i++) {
        int64_t word = 0;
        while (s->words->list[word].first != s->order[token]) {
            word++;
        }
        const char *next = s->words->list[word].text; // a comma follows without a blank
        end = stpcpy(stpcpy(end, i > 0 && cli_is_word_byte(*next) ? " " : ""), next);
        token += s->words->list[word].count;
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "order", order, "text",
                     pack_owned(text), "with_positions",
                     pack_top(s, &s->runs[STORY_SHUFFLED], last, false),
                     "straight_without_positions",
                     pack_top(s, &s->runs[STORY_STRAIGHT_NO_POSITIONS], last, false),
                     "shuffled_without_positions",
                     pack_top(s, &s->runs[STORY_SHUFFLED_NO_POSITIONS], last, false),
                     "shuffled_without_positions_and_mask",
                     pack_top(s, &s->runs[STORY_SHUFFLED_NO_POSITIONS_NO_MASK], last, false),
                     "straight_without_positions_and_mask",
                     pack_top(s, &s->runs[STORY_STRAIGHT_NO_POSITIONS_NO_MASK], last, false));
}

static json_t *pack_rise(const story *s) {
    json_t *tokens = json_array();
    for (int64_t i = 0; i < s->rise_count; i++) {
        json_array_append_new(tokens, json_pack("{s:i, s:o}", "id", (int)s->rise[i], "text",
                                                pack_label(s, s->rise[i], s->prompt->count - 1)));
    }
    return json_pack("{s:o, s:o}", "tokens", tokens, "p", pack_array(&s->arrays[STORY_RISE]));
}

static json_t *pack_hidden_words(const story *s) {
    json_t *list = json_array();
    for (int64_t word = 0; word < s->influence.count; word++) {
        const cli_hidden *h = &s->influence.words[word];
        json_t *answer = json_array();
        for (int64_t i = 0; i < h->answer.count; i++) {
            const cli_candidate *c = &h->answer.top[i];
            json_array_append_new(answer, json_pack("{s:i, s:o, s:f}", "id", (int)c->id, "text",
                                                    cli_json_text(c->label, strlen(c->label)), "p",
                                                    (double)c->p));
        }
        json_array_append_new(list, json_pack("{s:I, s:f, s:o}", "word", (json_int_t)word, "effect",
                                              h->effect, "answer", answer));
    }
    return list;
}

// ---- What it is ----

static json_t *pack_model(const story *s) {
    const decoct_model_info *info = &s->desk->info;
    const char *folder = s->desk->folder;
    size_t end = strlen(folder), start;
    while (end > 1 && folder[end - 1] == '/') {
        end--;
    }
    for (start = end; start > 0 && folder[start - 1] != '/';) {
        start--;
    }
    return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "type", info->type,
                     "name", cli_json_text(folder + start, end - start), "layers",
                     (json_int_t)info->layers, "heads", (json_int_t)info->heads, "head_dim",
                     (json_int_t)(info->d_model / info->heads), "d_model",
                     (json_int_t)info->d_model, "d_ffn", (json_int_t)info->d_ffn, "vocabulary",
                     (json_int_t)info->vocabulary, "context", (json_int_t)info->context,
                     "parameters", (json_int_t)info->parameters, "norm_order",
                     info->norm_order == DECOCT_PRE_NORM ? "pre" : "post");
}

// The command that makes this page; the file's name is always the same. The text is last: it may
// need a "--" before it, behind which no option can be.
static json_t *pack_command(const story *s) {
    char *model = s->model ? cli_shell_word(s->model) : NULL;
    char *text = cli_shell_text(s->prompt->text);
    size_t length = strlen(text) + (model ? strlen(model) : 0);
    char *command = cli_alloc((int64_t)length + 96, 1), *end = stpcpy(command, "decoct story");
    if (model) {
        end = stpcpy(stpcpy(end, " --model "), model);
    }
    if (s->chosen) {
        end +=
            sprintf(end, " --layer %d --head %d", (int)s->opens.layer + 1, (int)s->opens.head + 1);
    }
    strcpy(stpcpy(end, " -o story.html "), text);
    free(model);
    free(text);
    return pack_owned(command);
}

static json_t *pack_opens(const story *s) {
    const char *how = s->chosen              ? "chosen with --layer or --head"
                      : s->prompt->count > 1 ? CLI_HEAD_EFFECT_METHOD
                                             : "the first one: a text of one token has no other";
    return json_pack("{s:I, s:I, s:s}", "layer", (json_int_t)s->opens.layer, "head",
                     (json_int_t)s->opens.head, "how", how);
}

// What a reader should know about the model's files, the prompt and the answer.
static json_t *pack_notes(const story *s) {
    json_t *list = cli_notes_pack(&s->notes);
    for (const char *note = s->desk->info.notes; *note;) {
        size_t length = strcspn(note, "\n");
        json_array_append_new(list, cli_json_text(note, length));
        note += length + (note[length] == '\n');
    }
    return list;
}

static json_t *pack_all(const story *s) {
    int64_t layers = s->desk->info.layers, last = s->prompt->count - 1;
    json_t *all = json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:{s:f, s:f}}", "model", pack_model(s),
        "command", pack_command(s), "backend", decoct_context_backend(s->desk->ctx), "notes",
        pack_notes(s), "text", cli_json_text(s->prompt->text, strlen(s->prompt->text)), "tokens",
        pack_tokens(s), "words", pack_words(s), "focus", (json_int_t)last, "opens", pack_opens(s),
        "answer", pack_top(s, &s->answer, last, true), "answer_rest", "max", s->answer.shares.max,
        "log_sum", s->answer.shares.log_sum);
    json_t *rest = json_pack(
        "{s:o, s:o, s:o, s:o, s:{s:o, s:o}, s:o}", "lens", pack_stages(s, s->lens, layers + 1),
        "lens_before_ffn", pack_stages(s, s->lens_before_ffn, layers), "rise", pack_rise(s),
        "shuffled", pack_shuffled(s), "lifted", "answer",
        pack_top(s, &s->runs[STORY_NO_MASK], last, false), "weights",
        pack_array(&s->arrays[STORY_LIFTED]), "influence", pack_hidden_words(s));
    bool well = all && rest && json_object_update(all, rest) == 0;
    json_decref(rest);
    for (int i = 0; i < STORY_ARRAYS && well; i++) {
        if (array_names[i] && s->arrays[i].rank > 0) {
            well = json_object_set_new(all, array_names[i], pack_array(&s->arrays[i])) == 0;
        }
    }
    if (!well) {
        json_decref(all);
    }
    return well ? all : NULL;
}

char *story_pack(const story *s) {
    json_t *all = pack_all(s);
    char *text =
        all ? json_dumps(all, JSON_ENSURE_ASCII | JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(all);
    if (!text) {
        cli_fail(CLI_INTERNAL, "the page: out of memory");
    }
    return text;
}
