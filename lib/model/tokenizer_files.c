// SPDX-License-Identifier: BSD-2-Clause
// Reads the vocabulary and the merges of a model folder, and checks that they fit each other.
#include "tokenizer_files.h"

#include "tokenizer_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef dct_tokenizer_reader reader;

// ---- vocab.json + merges.txt ----

static uint64_t mark_length(const char *text, uint64_t length) {
    return length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

// Members of an object of tokens and ids.
static decoct_status read_tokens(reader *r, const char *path, dct_json_take take) {
    char *text;
    uint64_t length;
    r->path = path;
    decoct_status status =
        dct_file_read(r->folder, path, DCT_TOKENIZER_CAP, &text, &length, r->error);
    if (status) {
        return status;
    }
    uint64_t mark = mark_length(text, length);
    dct_reader_limit(r, length);
    status = dct_json_members(r->folder->memory, text + mark, length - mark, path, mark, take, r,
                              r->error);
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
           dct_reader_split(line, length, begin, end) != 2 ||
           dct_bpe_find(r->bpe, line, end[0]) < 0;
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
        for (used = end; used > i && dct_is_blank(text[used - 1]);) {
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
    decoct_status status =
        dct_file_read(r->folder, path, DCT_TOKENIZER_CAP, &text, &length, r->error);
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
    if (!dct_file_exists(r->folder, path)) {
        return DECOCT_OK;
    }
    decoct_status status = dct_json_read(r->folder, path, DCT_TOKENIZER_CAP, &root, r->error);
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
static decoct_status missing(const reader *r, const dct_folder *folder) {
    static const char *const others[][2] = {{"vocab.txt", "WordPiece"},
                                            {"spiece.model", "SentencePiece"},
                                            {"sentencepiece.bpe.model", "SentencePiece"},
                                            {"tokenizer.model", "SentencePiece"}};
    decoct_status status = DECOCT_E_IO;
    for (size_t i = 0; i < sizeof others / sizeof *others && status == DECOCT_E_IO; i++) {
        char *path = dct_path(folder, others[i][0]);
        if (!path) {
            return dct_fail(r->error, DECOCT_E_MEMORY, "%s: out of memory", folder->name);
        }
        if (dct_file_exists(r->folder, path)) {
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
                          folder->name);
}

static decoct_status read_folder(reader *r, const dct_folder *folder, const paths *p) {
    bool vocabulary = dct_file_exists(r->folder, p->vocabulary),
         merges = dct_file_exists(r->folder, p->merges);
    decoct_status status = check_settings(r, p->settings);
    if (status) {
        return status;
    }
    if (!(vocabulary && merges) && dct_file_exists(r->folder, p->one)) {
        return dct_reader_one_file(r, p->one);
    }
    if (!vocabulary && !merges) {
        return missing(r, folder);
    }
    status = read_tokens(r, p->vocabulary, dct_reader_token);
    if (!status && dct_file_exists(r->folder, p->added)) {
        status = read_tokens(r, p->added, take_added);
    }
    return status ? status : read_merges(r, p->merges);
}

decoct_status dct_tokenizer_read(const dct_folder *folder, dct_tokenizer_kind kind, dct_bpe *bpe,
                                 char *note, dct_error *error) {
    reader r = {.folder = folder,
                .bpe = bpe,
                .bytes = kind == DCT_TOKENIZER_BYTES,
                .note = note,
                .error = error};
    paths p = {dct_path(folder, "vocab.json"), dct_path(folder, "merges.txt"),
               dct_path(folder, "added_tokens.json"), dct_path(folder, "tokenizer.json"),
               dct_path(folder, "tokenizer_config.json")};
    bool fine = p.vocabulary && p.merges && p.added && p.one && p.settings;
    dct_reader_bytes(&r);
    decoct_status status =
        fine ? read_folder(&r, folder, &p)
             : dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", folder->name);
    dct_free(p.vocabulary);
    dct_free(p.merges);
    dct_free(p.added);
    dct_free(p.one);
    dct_free(p.settings);
    dct_free(r.room[0]);
    dct_free(r.room[1]);
    return status;
}
