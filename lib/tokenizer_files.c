// SPDX-License-Identifier: BSD-2-Clause
// Reads the vocabulary and the merges of a model folder.
#include "tokenizer_files.h"

#include "json.h"
#include "memory.h"
#include "unicode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 4096, FILE_CAP = 256 << 20 };

typedef struct reader {
    dct_bpe *bpe;
    bool bytes; // GPT-2: characters stand for bytes
    const char *path;
    dct_error *error;
    int16_t byte_of[512]; // by code point, -1: none
    char *room[2];        // for the bytes of two texts
    int64_t size[2];
} reader;

// GPT-2 writes each byte as a printable character: itself where it is one in Latin-1, else 256,
// 257, ...
static void fill_byte_of(reader *r) {
    int16_t spare = 256;
    memset(r->byte_of, 0xFF, sizeof r->byte_of);
    for (int16_t b = 0; b < 256; b++) {
        bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        r->byte_of[printable ? b : spare++] = b;
    }
}

// The text as it is stored: bytes for GPT-2, unless a character stands for none (special tokens).
static bool stored(reader *r, int which, const char *text, uint64_t length, const char **out,
                   uint64_t *out_length) {
    *out = text;
    *out_length = length;
    if (!r->bytes) {
        return true;
    }
    if (length > INT32_MAX ||
        !dct_grow((void **)&r->room[which], &r->size[which], (int64_t)length + 1, 1)) {
        return false;
    }
    uint64_t count = 0;
    for (uint64_t i = 0; i < length;) {
        uint32_t cp;
        i += (uint64_t)dct_utf8_decode(text + i, length - i, &cp);
        if (cp >= 512 || r->byte_of[cp] < 0) {
            return true;
        }
        r->room[which][count++] = (char)r->byte_of[cp];
    }
    *out = r->room[which];
    *out_length = count;
    return true;
}

static decoct_status explain(const reader *r, dct_bpe_result result, const char *place,
                             const char *what, uint64_t length) {
    static const char *const words[] = {"", "out of memory", "the id is out of range",
                                        "it is there twice", "it or one of its parts is no token"};
    return dct_fail(r->error, result == DCT_BPE_MEMORY ? DECOCT_E_MEMORY : DECOCT_E_FORMAT,
                    "%s: %s\"%.*s\": %s", r->path, place, (int)(length < 80 ? length : 80), what,
                    words[result]);
}

static decoct_status add_token(reader *r, const char *text, uint64_t length, const json_t *id) {
    const char *as;
    uint64_t as_length;
    dct_bpe_result result = !stored(r, 0, text, length, &as, &as_length) ? DCT_BPE_MEMORY
                            : !json_is_integer(id)
                                ? DCT_BPE_RANGE
                                : dct_bpe_add_token(r->bpe, as, as_length, json_integer_value(id));
    return result ? explain(r, result, "token ", text, length) : DECOCT_OK;
}

static decoct_status add_vocabulary(reader *r, const json_t *object) {
    if (!json_is_object(object)) {
        return dct_fail(r->error, DECOCT_E_FORMAT, "%s: the vocabulary is not a JSON object",
                        r->path);
    }
    const char *text;
    json_t *id;
    decoct_status status = DECOCT_OK;
    json_object_foreach((json_t *)object, text, id) {
        status = status ? status : add_token(r, text, strlen(text), id);
    }
    return status;
}

// "left right". `place` says where it stands.
static decoct_status add_merge(reader *r, const char *line, uint64_t length, const char *place) {
    const char *space = memchr(line, ' ', length), *left, *right;
    uint64_t left_length, right_length;
    uint64_t at = space ? (uint64_t)(space - line) : 0;
    if (!space || at == 0 || at + 1 >= length || memchr(space + 1, ' ', length - at - 1)) {
        return dct_fail(r->error, DECOCT_E_FORMAT,
                        "%s: %s\"%.*s\": a merge is two texts with a space "
                        "between them",
                        r->path, place, (int)(length < 80 ? length : 80), line);
    }
    dct_bpe_result result = DCT_BPE_MEMORY;
    if (stored(r, 0, line, at, &left, &left_length) &&
        stored(r, 1, space + 1, length - at - 1, &right, &right_length)) {
        result = dct_bpe_add_merge(r->bpe, left, left_length, right, right_length);
    }
    return result ? explain(r, result, place, line, length) : DECOCT_OK;
}

// ---- vocab.json + merges.txt ----

static decoct_status read_merges(reader *r) {
    char *text;
    uint64_t length, line = 1;
    decoct_status status = dct_file_read(r->path, FILE_CAP, &text, &length, r->error);
    if (status) {
        return status;
    }
    for (uint64_t i = 0; i < length && !status; line++) {
        const char *end = memchr(text + i, '\n', length - i);
        uint64_t whole = end ? (uint64_t)(end - text) - i : length - i, used = whole;
        used -= used > 0 && text[i + used - 1] == '\r';
        bool comment = line == 1 && used >= 8 && memcmp(text + i, "#version", 8) == 0;
        if (used > 0 && !comment) {
            char place[64];
            snprintf(place, sizeof place, "line %" PRIu64 " (byte %" PRIu64 "): ", line, i);
            status = add_merge(r, text + i, used, place);
        }
        i += whole + 1;
    }
    dct_free(text);
    return status;
}

static decoct_status read_pair(reader *r, const char *vocabulary, const char *merges) {
    json_t *root;
    r->path = vocabulary;
    decoct_status status = dct_json_read(vocabulary, FILE_CAP, &root, r->error);
    if (status) {
        return status;
    }
    status = add_vocabulary(r, root);
    json_decref(root);
    r->path = merges;
    return status ? status : read_merges(r);
}

// ---- tokenizer.json ----

static decoct_status add_merges(reader *r, const json_t *merges) {
    decoct_status status = DECOCT_OK;
    for (size_t i = 0; i < json_array_size(merges) && !status; i++) {
        const json_t *m = json_array_get(merges, i);
        const char *left = json_string_value(json_array_get(m, 0));
        const char *right = json_string_value(json_array_get(m, 1));
        char place[64];
        snprintf(place, sizeof place, "merge %zu: ", i);
        if (json_is_string(m)) {
            status = add_merge(r, json_string_value(m), json_string_length(m), place);
        } else if (left && right && json_array_size(m) == 2) {
            const char *a, *b;
            uint64_t al, bl;
            dct_bpe_result result = DCT_BPE_MEMORY;
            if (stored(r, 0, left, strlen(left), &a, &al) &&
                stored(r, 1, right, strlen(right), &b, &bl)) {
                result = dct_bpe_add_merge(r->bpe, a, al, b, bl);
            }
            status = result ? explain(r, result, place, left, strlen(left)) : DECOCT_OK;
        } else {
            status = dct_fail(r->error, DECOCT_E_FORMAT, "%s: %sneither \"a b\" nor [\"a\", \"b\"]",
                              r->path, place);
        }
    }
    return status;
}

// True if the vocabulary has this text under this id; another text there is left to add_token to
// refuse.
static bool same_token(reader *r, const char *text, const json_t *id) {
    json_int_t value = json_integer_value(id);
    uint64_t length, wanted_length;
    const char *wanted, *there = value >= 0 && value < DCT_BPE_ID_MAX
                                     ? dct_bpe_text(r->bpe, (int32_t)value, &length)
                                     : NULL;
    return there && stored(r, 0, text, strlen(text), &wanted, &wanted_length) &&
           length == wanted_length && memcmp(there, wanted, length) == 0;
}

// Tokens that stand outside the model's vocabulary; most are in it as well.
static decoct_status add_added(reader *r, const json_t *added) {
    decoct_status status = DECOCT_OK;
    for (size_t i = 0; i < json_array_size(added) && !status; i++) {
        const json_t *entry = json_array_get(added, i);
        const json_t *id = json_object_get(entry, "id");
        const char *text = json_string_value(json_object_get(entry, "content"));
        if (!text || !json_is_integer(id)) {
            status = dct_fail(r->error, DECOCT_E_FORMAT, "%s: added token %zu has no id or content",
                              r->path, i);
        } else if (!same_token(r, text, id)) {
            status = add_token(r, text, strlen(text), id);
        }
    }
    return status;
}

// A part of the pipeline that this library runs in one form only. Most writers name all parts; one
// that is missing or null is as the model has it.
static decoct_status only_type(const reader *r, const json_t *root, const char *key,
                               const char *known) {
    const json_t *part = json_object_get(root, key);
    const char *type = json_string_value(json_object_get(part, "type"));
    if (!part || json_is_null(part) || (type && known && strcmp(type, known) == 0)) {
        return DECOCT_OK;
    }
    return dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                    "%s: %s.type is \"%.64s\"; this library runs %s for such a model", r->path, key,
                    type ? type : "", known ? known : "none");
}

// A switch of a part that this library knows only one setting of.
static decoct_status only_flag(const reader *r, const json_t *part, const char *key, bool known) {
    const json_t *flag = json_object_get(part, key);
    return !flag || json_is_null(flag) || (known ? json_is_true(flag) : json_is_false(flag))
               ? DECOCT_OK
               : dct_fail(r->error, DECOCT_E_UNSUPPORTED, "%s: %s is not %s", r->path, key,
                          known ? "true" : "false");
}

// tokenizer.json can describe many tokenizers; another one must not pass as ours.
static decoct_status check_pipeline(const reader *r, const json_t *root) {
    const json_t *model = json_object_get(root, "model");
    const json_t *split = json_object_get(root, "pre_tokenizer");
    const char *type = json_string_value(json_object_get(model, "type"));
    decoct_status status =
        type && strcmp(type, "BPE") != 0 ? only_type(r, root, "model", "BPE") : DECOCT_OK;
    status = status ? status : only_flag(r, model, "byte_fallback", false);
    status = status ? status : only_flag(r, model, "ignore_merges", false);
    status = status ? status : only_type(r, root, "normalizer", r->bytes ? NULL : "BertNormalizer");
    status = status
                 ? status
                 : only_type(r, root, "pre_tokenizer", r->bytes ? "ByteLevel" : "BertPreTokenizer");
    status = status ? status : only_flag(r, split, "add_prefix_space", false);
    return status ? status : only_flag(r, split, "use_regex", true);
}

static decoct_status read_one(reader *r, const char *path) {
    json_t *root;
    r->path = path;
    decoct_status status = dct_json_read(path, FILE_CAP, &root, r->error);
    if (status) {
        return status;
    }
    const json_t *model = json_object_get(root, "model");
    status = check_pipeline(r, root);
    status = status ? status : add_vocabulary(r, json_object_get(model, "vocab"));
    status = status ? status : add_added(r, json_object_get(root, "added_tokens"));
    status = status ? status : add_merges(r, json_object_get(model, "merges"));
    json_decref(root);
    return status;
}

decoct_status dct_tokenizer_read(const char *folder, dct_tokenizer_kind kind, dct_bpe *bpe,
                                 dct_error *error) {
    char vocabulary[PATH_ROOM], merges[PATH_ROOM], one[PATH_ROOM];
    int length = snprintf(vocabulary, sizeof vocabulary, "%s/vocab.json", folder);
    snprintf(merges, sizeof merges, "%s/merges.txt", folder);
    snprintf(one, sizeof one, "%s/tokenizer.json", folder);
    if (length < 0 || length + 8 >= PATH_ROOM) {
        return dct_fail(error, DECOCT_E_ARGUMENT, "the name of the model folder is too long");
    }
    reader r = {.bpe = bpe, .bytes = kind == DCT_TOKENIZER_GPT2, .error = error};
    fill_byte_of(&r);
    bool pair = access(vocabulary, F_OK) == 0;
    decoct_status status =
        pair || access(one, F_OK) != 0 ? read_pair(&r, vocabulary, merges) : read_one(&r, one);
    dct_free(r.room[0]);
    dct_free(r.room[1]);
    return status;
}
