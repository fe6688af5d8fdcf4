// SPDX-License-Identifier: BSD-2-Clause
// Splits text into words, and has each one merged. Special tokens such as
// <|endoftext|> are not looked for in the text: it is only text.
#include "tokenizer.h"

#include "tokenizer_files.h"
#include "unicode.h"

#include <stdbool.h>
#include <string.h>

struct dct_tokenizer {
    dct_bpe *bpe;
    dct_tokenizer_kind kind;
    int32_t byte_id[256]; // DCT_TOKENIZER_BYTES: the token of each byte, -1: missing
    int32_t unknown;      // DCT_TOKENIZER_WORDS: <unk>
    char note[DCT_TOKENIZER_NOTE];
};

// One call of encode.
typedef struct encoder {
    const dct_tokenizer *t;
    dct_memory *memory;
    int32_t *ids;
    int64_t room, count; // count: how many there are, also without room for them
    int32_t *symbols;
    int64_t symbols_room;
    dct_bpe_work work;
} encoder;

// ---- Opening ----

decoct_status dct_tokenizer_open(const dct_folder *folder, dct_tokenizer_kind kind,
                                 dct_tokenizer **out, dct_error *error) {
    dct_tokenizer *t = dct_zalloc(folder->memory, 1, sizeof *t);
    if (t) {
        t->kind = kind;
        t->bpe = dct_bpe_create(folder->memory);
    }
    if (!t || !t->bpe) {
        dct_free(t);
        return dct_fail(error, DECOCT_E_MEMORY, "tokenizer: out of memory");
    }
    decoct_status status = dct_tokenizer_read(folder, kind, t->bpe, t->note, error);
    if (status) {
        dct_tokenizer_close(t);
        return status;
    }
    for (int b = 0; b < 256; b++) {
        char byte = (char)b;
        t->byte_id[b] = dct_bpe_find(t->bpe, &byte, 1);
    }
    t->unknown = dct_bpe_find(t->bpe, "<unk>", 5);
    if (kind == DCT_TOKENIZER_WORDS && t->unknown < 0) {
        dct_tokenizer_close(t);
        return dct_fail(error, DECOCT_E_FORMAT, "%s: the vocabulary has no token <unk>",
                        folder->name);
    }
    *out = t;
    return DECOCT_OK;
}

void dct_tokenizer_close(dct_tokenizer *tokenizer) {
    if (tokenizer) {
        dct_bpe_destroy(tokenizer->bpe);
        dct_free(tokenizer);
    }
}

int64_t dct_tokenizer_size(const dct_tokenizer *tokenizer) {
    return dct_bpe_size(tokenizer->bpe);
}

const char *dct_tokenizer_note(const dct_tokenizer *tokenizer) {
    return tokenizer->note;
}

int32_t dct_tokenizer_find(const dct_tokenizer *tokenizer, const char *text) {
    return dct_bpe_find(tokenizer->bpe, text, strlen(text));
}

// ---- Encoding ----

// Merges the e->symbols of one word and appends what is left.
static bool finish_word(encoder *e, int64_t symbols) {
    int64_t left = dct_bpe_merge(e->t->bpe, e->symbols, symbols, &e->work);
    for (int64_t i = 0; i < left; i++, e->count++) {
        if (e->count < e->room) {
            e->ids[e->count] = e->symbols[i] < 0 ? e->t->unknown : e->symbols[i];
        }
    }
    return left >= 0;
}

static bool symbols_room(encoder *e, int64_t count) {
    return dct_grow(e->memory, (void **)&e->symbols, &e->symbols_room, count, sizeof *e->symbols);
}

// ---- Bytes ----

// The pattern of byte-level BPE (Radford et al. 2019):
// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// Returns where the word that starts at text[0] ends.
static uint64_t contraction(const char *text, uint64_t length) {
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t n = strlen(endings[i]);
        if (n <= length && memcmp(text, endings[i], n) == 0) {
            return n;
        }
    }
    return 0;
}

// Letters, numbers and space are classes of their own; all the rest is one.
static dct_unicode_class class_at(const char *text, uint64_t length, uint64_t *bytes) {
    uint32_t cp;
    *bytes = (uint64_t)dct_utf8_decode(text, length, &cp);
    dct_unicode_class c = dct_unicode_classify(cp);
    bool own = c == DCT_UNICODE_LETTER || c == DCT_UNICODE_NUMBER || c == DCT_UNICODE_SPACE;
    return own ? c : DCT_UNICODE_OTHER;
}

static uint64_t word_end(const char *text, uint64_t length) {
    uint64_t end = contraction(text, length), bytes, last = 0;
    if (end > 0) {
        return end;
    }
    dct_unicode_class run = class_at(text, length, &bytes);
    if (text[0] == ' ' && length > 1) {
        dct_unicode_class next = class_at(text + 1, length - 1, &bytes);
        if (next != DCT_UNICODE_SPACE) {
            run = next;
            end = 1; // the one space before a word belongs to it
        }
    }
    while (end < length && class_at(text + end, length - end, &bytes) == run) {
        last = end;
        end += bytes;
    }
    // Of spaces before a word, the last one is left for it.
    return run == DCT_UNICODE_SPACE && end < length && last > 0 ? last : end;
}

static decoct_status encode_bytes(encoder *e, const char *text, uint64_t length, dct_error *error) {
    for (uint64_t i = 0; i < length; i++) { // before anything is written
        if (e->t->byte_id[(unsigned char)text[i]] < 0) {
            return dct_fail(error, DECOCT_E_ARGUMENT,
                            "encode: byte %llu (0x%02x): the vocabulary has no token for it",
                            (unsigned long long)i, (unsigned char)text[i]);
        }
    }
    for (uint64_t i = 0; i < length;) {
        uint64_t bytes = word_end(text + i, length - i);
        if (!symbols_room(e, (int64_t)bytes)) {
            return dct_fail(error, DECOCT_E_MEMORY, "encode: out of memory");
        }
        for (uint64_t j = 0; j < bytes; j++) {
            e->symbols[j] = e->t->byte_id[(unsigned char)text[i + j]];
        }
        if (!finish_word(e, (int64_t)bytes)) {
            return dct_fail(error, DECOCT_E_MEMORY, "encode: out of memory");
        }
        i += bytes;
    }
    return DECOCT_OK;
}

// ---- Words: BERT's basic tokenizer, then BPE over characters with </w> on the last ----

// One difference: BERT drops characters that its version of Unicode does not know; here they are
// <unk>.

static bool is_cjk(uint32_t cp) {
    return (cp >= 0x4E00 && cp <= 0x9FFF) || (cp >= 0x3400 && cp <= 0x4DBF) ||
           (cp >= 0x20000 && cp <= 0x2CEAF) || (cp >= 0xF900 && cp <= 0xFAFF) ||
           (cp >= 0x2F800 && cp <= 0x2FA1F);
}

static bool is_punctuation(uint32_t cp) {
    bool ascii = (cp >= 33 && cp <= 47) || (cp >= 58 && cp <= 64) || (cp >= 91 && cp <= 96) ||
                 (cp >= 123 && cp <= 126);
    return ascii || dct_unicode_classify(cp) == DCT_UNICODE_PUNCTUATION;
}

// A word of folded characters under way.
typedef struct word {
    uint32_t *chars;
    int64_t count, room;
} word;

static bool end_word(encoder *e, word *w) {
    if (w->count == 0) {
        return true;
    }
    if (!symbols_room(e, w->count)) {
        return false;
    }
    for (int64_t i = 0; i < w->count; i++) {
        char text[4 + 4];
        int bytes = dct_utf8_encode(w->chars[i], text);
        if (i + 1 == w->count) {
            memcpy(text + bytes, "</w>", 4);
            bytes += 4;
        }
        e->symbols[i] = dct_bpe_find(e->t->bpe, text, (uint64_t)bytes);
    }
    int64_t count = w->count;
    w->count = 0;
    return finish_word(e, count);
}

static bool add_char(encoder *e, word *w, uint32_t cp) {
    if (!dct_grow(e->memory, (void **)&w->chars, &w->room, w->count + 1, sizeof *w->chars)) {
        return false;
    }
    w->chars[w->count++] = cp;
    return true;
}

static bool add_folded(encoder *e, word *w, uint32_t cp) {
    uint32_t folded[3];
    int count = dct_unicode_fold(cp, folded);
    for (int i = 0; i < count; i++) {
        bool alone = is_punctuation(folded[i]);
        if ((alone && !end_word(e, w)) || !add_char(e, w, folded[i]) ||
            (alone && !end_word(e, w))) {
            return false;
        }
    }
    return true;
}

static decoct_status encode_words(encoder *e, const char *text, uint64_t length, dct_error *error) {
    word w = {0};
    bool fine = true;
    for (uint64_t i = 0; i < length && fine;) {
        uint32_t cp;
        i += (uint64_t)dct_utf8_decode(text + i, length - i, &cp);
        dct_unicode_class c = dct_unicode_classify(cp);
        if (cp == '\v' || cp == '\f' || cp == 0x85) {
            continue; // space in Unicode, control characters to BERT
        } else if (c == DCT_UNICODE_SPACE) {
            fine = end_word(e, &w);
        } else if (cp == 0 || cp == 0xFFFD || cp == DCT_UNICODE_INVALID ||
                   c == DCT_UNICODE_CONTROL) {
            continue; // dropped
        } else if (is_cjk(cp)) {
            fine = end_word(e, &w) && add_char(e, &w, cp) && end_word(e, &w);
        } else {
            fine = add_folded(e, &w, cp);
        }
    }
    fine = fine && end_word(e, &w);
    dct_free(w.chars);
    return fine ? DECOCT_OK : dct_fail(error, DECOCT_E_MEMORY, "encode: out of memory");
}

decoct_status dct_tokenizer_encode(dct_memory *memory, const dct_tokenizer *tokenizer,
                                   const char *text, uint64_t length, int32_t *ids, int64_t room,
                                   int64_t *count, dct_error *error) {
    encoder e = {.t = tokenizer, .memory = memory, .ids = ids, .room = room, .work.memory = memory};
    decoct_status status =
        length > INT64_MAX / 64 ? dct_fail(error, DECOCT_E_ARGUMENT, "encode: the text is too long")
        : tokenizer->kind == DCT_TOKENIZER_BYTES ? encode_bytes(&e, text, length, error)
                                                 : encode_words(&e, text, length, error);
    dct_free(e.symbols);
    dct_bpe_work_free(&e.work);
    if (status) {
        return status;
    }
    *count = e.count;
    return e.count > room ? dct_fail(error, DECOCT_E_FULL, "encode: %lld tokens, room for %lld",
                                     (long long)e.count, (long long)room)
                          : DECOCT_OK;
}

// ---- Decoding ----

decoct_status dct_tokenizer_decode(const dct_tokenizer *tokenizer, const int32_t *ids,
                                   int64_t count, char *text, uint64_t room, uint64_t *length,
                                   dct_error *error) {
    uint64_t used = 0, bytes;
    for (int64_t i = 0; i < count; i++) { // before anything is written
        if (!dct_bpe_text(tokenizer->bpe, ids[i], &bytes)) {
            return dct_fail(error, DECOCT_E_ARGUMENT, "decode: id %d at %lld is not a token",
                            ids[i], (long long)i);
        }
    }
    for (int64_t i = 0; i < count; i++) {
        const char *token = dct_bpe_text(tokenizer->bpe, ids[i], &bytes);
        // The end of a word becomes a space, the last one too, so that pieces can be joined.
        bool ends_word = tokenizer->kind == DCT_TOKENIZER_WORDS && bytes >= 4 &&
                         memcmp(token + bytes - 4, "</w>", 4) == 0;
        bytes -= ends_word ? 4 : 0;
        for (uint64_t j = 0; j < bytes + ends_word; j++, used++) {
            if (used < room) {
                text[used] = j < bytes ? token[j] : ' ';
            }
        }
    }
    *length = used;
    return used > room ? dct_fail(error, DECOCT_E_FULL, "decode: %llu bytes, room for %llu",
                                  (unsigned long long)used, (unsigned long long)room)
                       : DECOCT_OK;
}
