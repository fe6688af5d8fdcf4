// SPDX-License-Identifier: BSD-2-Clause
#include "tokenizer_reader.h"

#include "machine/memory.h"
#include "tokenizer_files.h"
#include "unicode.h"

#include <stdio.h>
#include <string.h>

enum { ID_LIMIT_LEAST = 1 << 16, BYTES_OF_TOKEN = 5 };

typedef dct_tokenizer_reader reader;

// Byte-level BPE writes each byte as a printable character: itself where it is one in Latin-1, else
// 256, 257, ...
void dct_reader_bytes(reader *r) {
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
    if (length > INT32_MAX || !dct_grow(r->folder->memory, (void **)&r->room[which],
                                        &r->size[which], (int64_t)length + 1, 1)) {
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

int dct_reader_split(const char *line, uint64_t length, uint64_t begin[3], uint64_t end[3]) {
    int parts = 0;
    for (uint64_t i = 0; i < length && parts < 3; i++) {
        if (!dct_is_blank(line[i])) {
            begin[parts] = i;
            while (i < length && !dct_is_blank(line[i])) {
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
    if (dct_reader_split(line, length, begin, end) != 2) {
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
