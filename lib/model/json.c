// SPDX-License-Identifier: BSD-2-Clause
// JSON from outside: what jansson leaves to its caller (depth, memory that runs out).
#include "json.h"

#include "json_scan.h"

#include <inttypes.h>
#include <string.h>

// ---- What is known of a text before it is parsed ----

decoct_status dct_json_step(dct_json_scan *s, char c, const char *name, uint64_t at,
                            dct_error *error) {
    bool inside = s->string;
    if (inside) {
        s->string = s->escaped || c != '"';
        s->escaped = !s->escaped && c == '\\';
    } else {
        s->string = c == '"';
        s->depth += (c == '[' || c == '{') - (c == ']' || c == '}');
    }
    bool apart = !inside && !s->string && strchr(" \t\r\n,:[]{}", c);
    s->run = apart ? 0 : s->run + 1;
    s->blank = s->blank && strchr(" \t\r\n", c) && c;
    s->longest = s->run > s->longest ? s->run : s->longest;
    if (s->depth > DCT_JSON_DEPTH) {
        return dct_fail(error, DECOCT_E_FORMAT,
                        "%s: byte %" PRIu64 ": nested more than %d levels deep", name, at,
                        DCT_JSON_DEPTH);
    }
    if (s->depth < 0) { // it would end what is put around the text
        return dct_fail(error, DECOCT_E_FORMAT,
                        "%s: byte %" PRIu64 ": '%c' closes what was never opened", name, at, c);
    }
    return DECOCT_OK;
}

// ---- Parsing ----

// jansson (2.14) keeps the token under way in a buffer that starts with 16 bytes. When that cannot
// grow it drops the byte and continues, with another key or past the end of the buffer. So what it
// reads is [ "aaa...", TEXT ] with a first string longer than any token: there a byte may be lost,
// and afterwards the buffer need not grow.
typedef struct feed {
    const char *text, *before, *after; // before and after: around the text, "{" and "}" or ""
    uint64_t length, filler, at;       // filler: bytes of the first string, its quotes included
} feed;

static char feed_byte(const feed *f, uint64_t at) {
    uint64_t b = strlen(f->before);
    if (at < f->filler + 2) { // [ "aaa" ,
        return at == 0 ? '[' : at == f->filler + 1 ? ',' : at == 1 || at == f->filler ? '"' : 'a';
    }
    at -= f->filler + 2;
    return at < b               ? f->before[at]
           : at - b < f->length ? f->text[at - b]
                                : f->after[at - b - f->length];
}

static size_t feed_some(void *buffer, size_t size, void *data) {
    feed *f = data;
    uint64_t start = f->filler + 2 + strlen(f->before), last = start + f->length, end;
    end = last + strlen(f->after);
    size_t n = 0;
    while (n < size && f->at < end) {
        if (f->at >= start && f->at < last) {
            uint64_t left = last - f->at;
            size_t some = left < size - n ? (size_t)left : size - n;
            memcpy((char *)buffer + n, f->text + (f->at - start), some);
            n += some;
            f->at += some;
        } else {
            ((char *)buffer)[n++] = feed_byte(f, f->at++);
        }
    }
    return n;
}

// The length of the first string: its closing quote must not fall on a size of the buffer (a power
// of two), where it could be the byte that is lost.
static uint64_t filler_length(uint64_t longest) {
    uint64_t half = 16;
    while (half + half / 2 < longest + 8) {
        half *= 2;
    }
    return half + half / 2;
}

// jansson's lexer has no token for "no memory": a string that was read to its closing quote and is
// called wrong was not copied. Elsewhere a failed allocation has its code or no text.
static bool is_memory(const feed *f, const json_error_t *where) {
    uint64_t at = where->position > 0 ? (uint64_t)where->position : 0;
    uint64_t end = f->filler + 2 + strlen(f->before) + f->length;
    bool lexer = strncmp(where->text, "invalid token", 13) == 0 ||
                 strncmp(where->text, "string or '}' expected", 22) == 0;
    return json_error_code(where) == json_error_out_of_memory || !where->text[0] ||
           (lexer && at > 0 && at <= end && feed_byte(f, at - 1) == '"');
}

decoct_status dct_json_around(const char *text, uint64_t length, const char *around,
                              uint64_t longest, const char *name, uint64_t base, json_t **out,
                              dct_error *error) {
    bool braces = around[0] == '{', brackets = around[0] == '[';
    feed f = {.text = text,
              .length = length,
              .before = braces     ? "{"
                        : brackets ? "["
                                   : "",
              .after = braces     ? "}]"
                       : brackets ? "]]"
                                  : "]",
              .filler = filler_length(longest)};
    json_error_t where;
    // A repeated key would let two readers see two files.
    json_t *list = json_load_callback(feed_some, &f, JSON_REJECT_DUPLICATES, &where);
    bool lost = list && json_string_length(json_array_get(list, 0)) != f.filler - 2;
    if (lost || (!list && is_memory(&f, &where))) {
        json_decref(list);
        return dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", name);
    }
    if (!list) {
        uint64_t skip = f.filler + 2 + strlen(f.before);
        uint64_t at = where.position > 0 ? (uint64_t)where.position : 0;
        at = at > skip ? at - skip : 0;
        return dct_fail(error, DECOCT_E_FORMAT, "%s: byte %" PRIu64 ": %s", name,
                        base + (at < length ? at : length), where.text);
    }
    if (json_array_size(list) != 2) {
        json_decref(list);
        return dct_fail(error, DECOCT_E_FORMAT,
                        "%s: byte %" PRIu64 ": more than one value in a JSON text", name, base);
    }
    *out = json_incref(json_array_get(list, 1));
    json_decref(list);
    return DECOCT_OK;
}

decoct_status dct_json_parse(const char *text, uint64_t length, const char *name, uint64_t base,
                             json_t **out, dct_error *error) {
    dct_json_scan s = {.blank = true};
    decoct_status status = DECOCT_OK;
    for (uint64_t i = 0; i < length && !status; i++) {
        status = dct_json_step(&s, text[i], name, base + i, error);
    }
    // Of these jansson would say what is put around the text.
    const char *wrong = s.depth > 0 || s.string ? "the JSON text does not end"
                        : s.blank               ? "the JSON text is empty"
                                                : NULL;
    if (!status && wrong) {
        status = dct_fail(error, DECOCT_E_FORMAT, "%s: byte %" PRIu64 ": %s", name, base + length,
                          wrong);
    }
    return status ? status : dct_json_around(text, length, "", s.longest, name, base, out, error);
}

decoct_status dct_json_read(const dct_folder *folder, const char *path, uint64_t cap, json_t **out,
                            dct_error *error) {
    char *text;
    uint64_t length;
    decoct_status status = dct_file_read(folder, path, cap, &text, &length, error);
    if (!status) {
        uint64_t mark = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
        status = dct_json_parse(text + mark, length - mark, path, mark, out, error);
        dct_free(text);
    }
    return status;
}
