// SPDX-License-Identifier: BSD-2-Clause
// Reads the vocabulary and the merges of a model folder, and checks that they fit each other.
#include "tokenizer_files.h"

#include "machine/memory.h"
#include "tokenizer_reader.h"
#include "unicode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ID_LIMIT_LEAST = 1 << 16, BYTES_OF_TOKEN = 5 };

typedef dct_tokenizer_reader reader;

// Byte-level BPE writes each byte as a printable character: itself where it is one in Latin-1, else
// 256, 257, ...
static void fill_byte_of(reader *r) {
    int16_t spare = 256;
    memset(r->byte_of, 0xFF, sizeof r->byte_of);
    for (int16_t b = 0; b < 256; b++) {
        bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        r->byte_of[printable ? b : spare++] = b;
    }
}

// The text as it is stored: bytes for byte-level BPE, unless a character represents no byte
// (special tokens).
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
                                        "it is there twice",
                                        "it or one of its parts is not a token"};
    return dct_fail(r->error, result == DCT_BPE_MEMORY ? DECOCT_E_MEMORY : DECOCT_E_FORMAT,
                    "%s: %s\"%.*s\": %s", r->path, place, (int)(length < 80 ? length : 80), what,
                    words[result]);
}

// ---- Tokens ----

void dct_reader_limit(reader *r, uint64_t length) {
    int64_t limit = (int64_t)(length / BYTES_OF_TOKEN);
    r->id_limit = limit > ID_LIMIT_LEAST ? limit : ID_LIMIT_LEAST;
}

decoct_status dct_reader_token(void *data, const char *text, const json_t *id, dct_error *error) {
    reader *r = data;
    const char *as;
    uint64_t length = strlen(text), as_length;
    json_int_t number = json_integer_value(id);
    (void)error; // the reader has it
    dct_bpe_result result = !stored(r, 0, text, length, &as, &as_length) ? DCT_BPE_MEMORY
                            : !json_is_integer(id) || number >= r->id_limit
                                ? DCT_BPE_RANGE
                                : dct_bpe_add_token(r->bpe, as, as_length, number);
    return result ? explain(r, result, "token ", text, length) : DECOCT_OK;
}

// True if the vocabulary has this text under this id; another text there is left to
// dct_reader_token to refuse.
static bool same_token(reader *r, const char *text, const json_t *id) {
    json_int_t value = json_integer_value(id);
    uint64_t length, wanted_length;
    const char *wanted, *there = value >= 0 && value < DCT_BPE_ID_MAX
                                     ? dct_bpe_text(r->bpe, (int32_t)value, &length)
                                     : NULL;
    return there && stored(r, 0, text, strlen(text), &wanted, &wanted_length) &&
           length == wanted_length && memcmp(there, wanted, length) == 0;
}

decoct_status dct_reader_added(reader *r, const char *text, const json_t *id) {
    return same_token(r, text, id) ? DECOCT_OK : dct_reader_token(r, text, id, r->error);
}

// ---- Merges ----

decoct_status dct_reader_merge(reader *r, const char *left, uint64_t left_length, const char *right,
                               uint64_t right_length, const char *place) {
    const char *a, *b;
    uint64_t a_length, b_length;
    dct_bpe_result result = DCT_BPE_MEMORY;
    if (stored(r, 0, left, left_length, &a, &a_length) &&
        stored(r, 1, right, right_length, &b, &b_length)) {
        result = dct_bpe_add_merge(r->bpe, a, a_length, b, b_length);
    }
    if (result == DCT_BPE_OK || result == DCT_BPE_MEMORY) {
        return result ? explain(r, result, place, left, left_length) : DECOCT_OK;
    }
    char both[80];
    snprintf(both, sizeof both, "%.*s %.*s", (int)(left_length < 36 ? left_length : 36), left,
             (int)(right_length < 36 ? right_length : 36), right);
    return explain(r, result, place, both, strlen(both));
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

// The parts of a line between its blanks; how many, at most 3.
static int split_line(const char *line, uint64_t length, uint64_t begin[3], uint64_t end[3]) {
    int parts = 0;
    for (uint64_t i = 0; i < length && parts < 3; i++) {
        if (!is_blank(line[i])) {
            begin[parts] = i;
            while (i < length && !is_blank(line[i])) {
                i++;
            }
            end[parts++] = i;
        }
    }
    return parts;
}

decoct_status dct_reader_merge_line(reader *r, const char *line, uint64_t length,
                                    const char *place) {
    uint64_t begin[3], end[3];
    if (split_line(line, length, begin, end) != 2) {
        return dct_fail(r->error, DECOCT_E_FORMAT,
                        "%s: %s\"%.*s\": a merge is two texts with a space "
                        "between them",
                        r->path, place, (int)(length < 80 ? length : 80), line);
    }
    return dct_reader_merge(r, line + begin[0], end[0] - begin[0], line + begin[1],
                            end[1] - begin[1], place);
}

// ---- Tokens that no merge makes ----

// How many symbols a text starts as, before any merge; 2 for "two or more".
static int symbols(const reader *r, const char *text, uint64_t length) {
    if (!r->bytes) { // characters, </w> being a part of the last one
        uint32_t cp;
        length -= length > 4 && memcmp(text + length - 4, "</w>", 4) == 0 ? 4 : 0;
        return length > 0 && (uint64_t)dct_utf8_decode(text, length, &cp) < length ? 2 : 1;
    }
    return length > 1 ? 2 : 1;
}

// "<|endoftext|>", "[PAD]": tokens that are not meant to come out of a text.
static bool is_special(const char *text, uint64_t length) {
    return length > 2 && ((text[0] == '<' && text[length - 1] == '>') ||
                          (text[0] == '[' && text[length - 1] == ']'));
}

decoct_status dct_reader_check(reader *r, bool none_is_meant) {
    int64_t lost = 0;
    uint64_t length, first_length = 0;
    const char *first = NULL;
    for (int32_t id = 0; id < dct_bpe_size(r->bpe); id++) {
        const char *text = dct_bpe_text(r->bpe, id, &length);
        if (text && !dct_bpe_is_made(r->bpe, id) && symbols(r, text, length) > 1 &&
            !is_special(text, length)) {
            first = lost++ ? first : text;
            first_length = first == text ? length : first_length;
        }
    }
    int shown = (int)(first_length < 40 ? first_length : 40);
    if (lost > 0 && dct_bpe_merges(r->bpe) == 0 && !none_is_meant) {
        return dct_fail(r->error, DECOCT_E_FORMAT,
                        "%s: there are no merges, but %lld tokens that only merges make, such as "
                        "\"%.*s\"",
                        r->path, (long long)lost, shown, first);
    }
    if (lost > 0) {
        snprintf(r->note, DCT_TOKENIZER_NOTE,
                 "%lld token(s) of the vocabulary are made by no merge and never come out of a "
                 "text: \"%.*s\"%s",
                 (long long)lost, shown, first, lost > 1 ? ", ..." : "");
    }
    return DECOCT_OK;
}

// ---- vocab.json + merges.txt ----

static uint64_t mark_length(const char *text, uint64_t length) {
    return length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

// Members of an object of tokens and ids.
static decoct_status read_tokens(reader *r, const char *path, dct_json_take take) {
    char *text;
    uint64_t length;
    r->path = path;
    decoct_status status = dct_file_read(path, DCT_TOKENIZER_CAP, &text, &length, r->error);
    if (status) {
        return status;
    }
    uint64_t mark = mark_length(text, length);
    dct_reader_limit(r, length);
    status = dct_json_members(text + mark, length - mark, path, mark, take, r, r->error);
    dct_free(text);
    return status;
}

static decoct_status take_added(void *data, const char *text, const json_t *id, dct_error *error) {
    (void)error;
    return dct_reader_added(data, text, id);
}

// The first line is a comment if it says so, or if it begins like one and is not a merge of
// tokens: readers of this format drop it whatever it holds.
static bool is_comment(const reader *r, const char *line, uint64_t length) {
    uint64_t begin[3], end[3];
    if (length == 0 || line[0] != '#') {
        return false;
    }
    return (length >= 8 && memcmp(line, "#version", 8) == 0) ||
           split_line(line, length, begin, end) != 2 || dct_bpe_find(r->bpe, line, end[0]) < 0;
}

// Lines end with LF, CR LF or CR.
static decoct_status read_lines(reader *r, const char *text, uint64_t length) {
    uint64_t line = 1, i = mark_length(text, length);
    bool begun = false;  // a line that is not empty
    bool headed = false; // the first of them is a whole comment: a cut file may end within it
    decoct_status status = DECOCT_OK;
    for (; i < length && !status; line++) {
        uint64_t end = i, used;
        while (end < length && text[end] != '\n' && text[end] != '\r') {
            end++;
        }
        for (used = end; used > i && is_blank(text[used - 1]);) {
            used--;
        }
        if (used > i && !begun && is_comment(r, text + i, used - i)) {
            headed = end < length;
        } else if (used > i) {
            char place[64];
            snprintf(place, sizeof place, "line %" PRIu64 " (byte %" PRIu64 "): ", line, i);
            status = dct_reader_merge_line(r, text + i, used - i, place);
        }
        begun = begun || used > i;
        i = end + 1 + (end + 1 < length && text[end] == '\r' && text[end + 1] == '\n');
    }
    return status ? status : dct_reader_check(r, headed);
}

static decoct_status read_merges(reader *r, const char *path) {
    char *text;
    uint64_t length;
    r->path = path;
    decoct_status status = dct_file_read(path, DCT_TOKENIZER_CAP, &text, &length, r->error);
    if (!status) {
        status = read_lines(r, text, length);
        dct_free(text);
    }
    return status;
}

// ---- The folder ----

typedef struct paths {
    char *vocabulary, *merges, *added, *one, *settings;
} paths;

// Settings of the tokenizer beside its files; what changes the tokens of a text is refused.
static decoct_status check_settings(reader *r, const char *path) {
    static const char *const keys[] = {"add_prefix_space", "add_bos_token", "add_eos_token"};
    json_t *root;
    if (!dct_file_exists(path)) {
        return DECOCT_OK;
    }
    decoct_status status = dct_json_read(path, DCT_TOKENIZER_CAP, &root, r->error);
    if (status) {
        return status;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !status; i++) {
        const json_t *flag = json_object_get(root, keys[i]);
        if (flag && !json_is_false(flag) && !json_is_null(flag)) {
            status = dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                              "%s: %s is not false; this library does not do that", path, keys[i]);
        }
    }
    json_decref(root);
    return status;
}

// Nothing of what is read here is in the folder. Other tokenizers have other files.
static decoct_status missing(const reader *r, const char *folder) {
    static const char *const others[][2] = {{"vocab.txt", "WordPiece"},
                                            {"spiece.model", "SentencePiece"},
                                            {"sentencepiece.bpe.model", "SentencePiece"},
                                            {"tokenizer.model", "SentencePiece"}};
    decoct_status status = DECOCT_E_IO;
    for (size_t i = 0; i < sizeof others / sizeof *others && status == DECOCT_E_IO; i++) {
        char *path = dct_path(folder, others[i][0]);
        if (!path) {
            return dct_fail(r->error, DECOCT_E_MEMORY, "%s: out of memory", folder);
        }
        if (dct_file_exists(path)) {
            status = dct_fail(r->error, DECOCT_E_UNSUPPORTED,
                              "%s: a tokenizer of the kind %s, which this library does not run",
                              path, others[i][1]);
        }
        dct_free(path);
    }
    return status != DECOCT_E_IO
               ? status
               : dct_fail(r->error, DECOCT_E_IO,
                          "%s: there is no tokenizer here: neither vocab.json with merges.txt nor "
                          "tokenizer.json",
                          folder);
}

static decoct_status read_folder(reader *r, const char *folder, const paths *p) {
    bool vocabulary = dct_file_exists(p->vocabulary), merges = dct_file_exists(p->merges);
    decoct_status status = check_settings(r, p->settings);
    if (status) {
        return status;
    }
    if (!(vocabulary && merges) && dct_file_exists(p->one)) {
        return dct_reader_one_file(r, p->one);
    }
    if (!vocabulary && !merges) {
        return missing(r, folder);
    }
    status = read_tokens(r, p->vocabulary, dct_reader_token);
    if (!status && dct_file_exists(p->added)) {
        status = read_tokens(r, p->added, take_added);
    }
    return status ? status : read_merges(r, p->merges);
}

decoct_status dct_tokenizer_read(const char *folder, dct_tokenizer_kind kind, dct_bpe *bpe,
                                 char *note, dct_error *error) {
    reader r = {.bpe = bpe, .bytes = kind == DCT_TOKENIZER_BYTES, .note = note, .error = error};
    paths p = {dct_path(folder, "vocab.json"), dct_path(folder, "merges.txt"),
               dct_path(folder, "added_tokens.json"), dct_path(folder, "tokenizer.json"),
               dct_path(folder, "tokenizer_config.json")};
    bool fine = p.vocabulary && p.merges && p.added && p.one && p.settings;
    fill_byte_of(&r);
    decoct_status status = fine ? read_folder(&r, folder, &p)
                                : dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", folder);
    dct_free(p.vocabulary);
    dct_free(p.merges);
    dct_free(p.added);
    dct_free(p.one);
    dct_free(p.settings);
    dct_free(r.room[0]);
    dct_free(r.room[1]);
    return status;
}
