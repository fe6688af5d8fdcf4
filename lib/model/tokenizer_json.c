// SPDX-License-Identifier: BSD-2-Clause
// Reads tokenizer.json. It can describe many tokenizers; another one must not pass as one of
// the two kinds that are run here.
#include "tokenizer_reader.h"

#include <stdio.h>
#include <string.h>

typedef dct_tokenizer_reader reader;

// ---- The pipeline ----

// The parts of a sequence, NULL if it is not a sequence.
static const json_t *sequence(const json_t *part) {
    static const char *const lists[] = {"normalizers", "pretokenizers", "processors", "decoders"};
    const char *type = json_string_value(json_object_get(part, "type"));
    const json_t *list = NULL;
    for (size_t i = 0; type && strcmp(type, "Sequence") == 0 && i < 4 && !list; i++) {
        list = json_object_get(part, lists[i]);
    }
    return json_is_array(list) ? list : NULL;
}

// A part of the pipeline without the sequences around it and without empty ones, which do nothing:
// *found is false if nothing is left. A sequence of several is returned as it is. The parser limits
// how deep they nest.
static const json_t *unwrap(const json_t *part, bool *found) {
    const json_t *list = sequence(part), *only = part;
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        bool here;
        const json_t *inner = unwrap(json_array_get(list, i), &here);
        only = here ? inner : only;
        count += here;
    }
    *found = list ? count > 0 : part && !json_is_null(part);
    return count > 1 ? part : *found ? only : NULL;
}

// A part that this library runs in one form only, `known`, or not at all if that is NULL. Most
// writers name all parts; one that is missing is as the model has it.
static decoct_status only_type(const reader *r, const json_t *root, const char *key,
                               const char *known) {
    bool found;
    const json_t *named = json_object_get(root, key), *part = unwrap(named, &found);
    const char *type = json_string_value(json_object_get(part, "type"));
    if (!named || (!found && !known) || (found && type && known && strcmp(type, known) == 0)) {
        return DECOCT_OK;
    }
    return dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                    "%s: %s is \"%.64s\"; this library runs %s for such a model", r->path, key,
                    !found ? "null"
                    : type ? type
                           : "",
                    known ? known : "none");
}

// A switch of a part that this library knows only one setting of.
static decoct_status only_flag(const reader *r, const json_t *part, const char *key, bool known) {
    const json_t *flag = json_object_get(part, key);
    return !flag || json_is_null(flag) || (known ? json_is_true(flag) : json_is_false(flag))
               ? DECOCT_OK
               : dct_fail(r->error, DECOCT_E_UNSUPPORTED, "%s: %s is not %s", r->path, key,
                          known ? "true" : "false");
}

static decoct_status only_text(const reader *r, const json_t *part, const char *key,
                               const char *known) {
    const json_t *value = json_object_get(part, key);
    const char *text = json_string_value(value);
    bool none = json_is_null(value) && !*known; // null says that there is no such text
    return !value || none || (text && strcmp(text, known) == 0)
               ? DECOCT_OK
               : dct_fail(r->error, DECOCT_E_UNSUPPORTED, "%s: %s is \"%.64s\", not \"%s\"",
                          r->path, key, text ? text : "", known);
}

// What is put around the tokens of a text: nothing.
static decoct_status check_template(const reader *r, const json_t *part) {
    const json_t *single = json_object_get(part, "single");
    return json_array_size(single) == 1 && json_object_get(json_array_get(single, 0), "Sequence")
               ? DECOCT_OK
               : dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                          "%s: post_processor adds tokens to a text, which this library does "
                          "not do",
                          r->path);
}

// A post_processor, or each of a sequence of them; sequences nest no deeper than the parser allows.
static decoct_status check_after(const reader *r, const json_t *part) {
    const char *type = json_string_value(json_object_get(part, "type"));
    const json_t *list = json_object_get(part, "processors");
    if (!part || json_is_null(part) || (type && strcmp(type, "ByteLevel") == 0)) {
        return DECOCT_OK; // ByteLevel changes offsets only
    }
    if (type && strcmp(type, "TemplateProcessing") == 0) {
        return check_template(r, part);
    }
    if (!type || strcmp(type, "Sequence") != 0) {
        return dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                        "%s: post_processor is \"%.64s\", which this library does not run", r->path,
                        type ? type : "");
    }
    decoct_status status = DECOCT_OK;
    for (size_t i = 0; i < json_array_size(list) && !status; i++) {
        status = check_after(r, json_array_get(list, i));
    }
    return status;
}

static decoct_status check_model(const reader *r, const json_t *root) {
    const json_t *model = json_object_get(root, "model");
    const char *type = json_string_value(json_object_get(model, "type"));
    decoct_status status =
        type && strcmp(type, "BPE") != 0 ? only_type(r, root, "model", "BPE") : DECOCT_OK;
    status = status ? status : only_flag(r, model, "byte_fallback", false);
    status = status ? status : only_flag(r, model, "ignore_merges", false);
    status = status ? status : only_text(r, model, "continuing_subword_prefix", "");
    status = status ? status : only_text(r, model, "end_of_word_suffix", r->bytes ? "" : "</w>");
    if (!status && !r->bytes) { // bytes have no unknown ones
        status = only_text(r, model, "unk_token", "<unk>");
        status = status ? status : only_flag(r, model, "fuse_unk", false);
    }
    if (!status && json_number_value(json_object_get(model, "dropout")) != 0) {
        status = dct_fail(r->error, DECOCT_E_UNSUPPORTED, "%s: dropout is not 0", r->path);
    }
    return status;
}

static decoct_status check_pipeline(const reader *r, const json_t *root) {
    bool found;
    const json_t *before = unwrap(json_object_get(root, "normalizer"), &found);
    const json_t *split = unwrap(json_object_get(root, "pre_tokenizer"), &found);
    decoct_status status = check_model(r, root);
    status = status ? status : only_type(r, root, "normalizer", r->bytes ? NULL : "BertNormalizer");
    status = status
                 ? status
                 : only_type(r, root, "pre_tokenizer", r->bytes ? "ByteLevel" : "BertPreTokenizer");
    status = status ? status : only_flag(r, split, "add_prefix_space", false);
    status = status ? status : only_flag(r, split, "use_regex", true);
    status = status ? status : only_flag(r, before, "lowercase", true);
    status = status ? status : only_flag(r, before, "strip_accents", true);
    status = status ? status : only_flag(r, before, "clean_text", true);
    status = status ? status : only_flag(r, before, "handle_chinese_chars", true);
    status = status ? status : check_after(r, json_object_get(root, "post_processor"));
    bool decodes = json_is_object(json_object_get(root, "decoder"));
    return status || !decodes
               ? status
               : only_type(r, root, "decoder", r->bytes ? "ByteLevel" : "BPEDecoder");
}

// ---- Tokens and merges ----

// Tokens that are outside the model's vocabulary; most are in it as well.
static decoct_status add_added(reader *r, const json_t *added) {
    decoct_status status = DECOCT_OK;
    for (size_t i = 0; i < json_array_size(added) && !status; i++) {
        const json_t *entry = json_array_get(added, i);
        const json_t *id = json_object_get(entry, "id");
        const char *text = json_string_value(json_object_get(entry, "content"));
        status = text && json_is_integer(id)
                     ? dct_reader_added(r, text, id)
                     : dct_fail(r->error, DECOCT_E_FORMAT,
                                "%s: added token %zu has no id or content", r->path, i);
    }
    return status;
}

typedef struct merges {
    reader *r;
    int64_t count;
} merges;

static decoct_status take_merge(void *data, const char *key, const json_t *m, dct_error *error) {
    merges *all = data;
    const char *left = json_string_value(json_array_get(m, 0));
    const char *right = json_string_value(json_array_get(m, 1));
    char place[64];
    (void)key;
    snprintf(place, sizeof place, "merge %lld: ", (long long)all->count++);
    if (json_is_string(m)) {
        return dct_reader_merge_line(all->r, json_string_value(m), json_string_length(m), place);
    }
    if (left && right && json_array_size(m) == 2) {
        return dct_reader_merge(all->r, left, strlen(left), right, strlen(right), place);
    }
    return dct_fail(error, DECOCT_E_FORMAT, "%s: %sneither \"a b\" nor [\"a\", \"b\"]",
                    all->r->path, place);
}

// ---- The file ----

// The two long parts are cut out of the text and read in pieces; the rest is parsed as a whole.
typedef struct file {
    char *text;
    uint64_t length;
    dct_json_slice vocabulary, merges;
} file;

static decoct_status read_parts(reader *r, const file *f, const json_t *root) {
    decoct_status status = check_pipeline(r, root);
    if (!status && !f->vocabulary.length) {
        status = dct_fail(r->error, DECOCT_E_FORMAT, "%s: there is no vocabulary", r->path);
    }
    if (!status) {
        status =
            dct_json_members(r->folder->memory, f->text + f->vocabulary.at, f->vocabulary.length,
                             r->path, f->vocabulary.at, dct_reader_token, r, r->error);
    }
    status = status ? status : add_added(r, json_object_get(root, "added_tokens"));
    merges all = {.r = r};
    if (!status && f->merges.length) {
        status = dct_json_elements(f->text + f->merges.at, f->merges.length, r->path, f->merges.at,
                                   take_merge, &all, r->error);
    }
    return status ? status : dct_reader_check(r, false);
}

// `rest` is a copy of the text in which the long parts are null.
static decoct_status read_file(reader *r, file *f, char *rest) {
    dct_json_slice model = dct_json_find(f->text, f->length, "model"), part;
    const char *inner = f->text + model.at;
    memcpy(rest, f->text, f->length);
    part = dct_json_find(inner, model.length, "vocab");
    f->vocabulary = (dct_json_slice){model.at + part.at, part.length};
    part = dct_json_find(inner, model.length, "merges");
    f->merges = (dct_json_slice){model.at + part.at, part.length};
    dct_json_cut(rest, f->vocabulary);
    dct_json_cut(rest, f->merges);
    json_t *root;
    decoct_status status = dct_json_parse(rest, f->length, r->path, 0, &root, r->error);
    if (!status) {
        status = read_parts(r, f, root);
        json_decref(root);
    }
    return status;
}

decoct_status dct_reader_one_file(reader *r, const char *path) {
    file f = {0};
    r->path = path;
    decoct_status status =
        dct_file_read(r->folder, path, DCT_TOKENIZER_CAP, &f.text, &f.length, r->error);
    if (status) {
        return status;
    }
    if (f.length >= 3 && memcmp(f.text, "\xEF\xBB\xBF", 3) == 0) {
        memset(f.text, ' ', 3); // a byte order mark
    }
    dct_reader_limit(r, f.length);
    char *rest = dct_alloc(r->folder->memory, (int64_t)f.length, 1);
    status = rest ? read_file(r, &f, rest)
                  : dct_fail(r->error, DECOCT_E_MEMORY, "%s: out of memory", path);
    dct_free(rest);
    dct_free(f.text);
    return status;
}
