// SPDX-License-Identifier: BSD-2-Clause
// JSON from outside: what jansson leaves to its caller (depth, memory that runs out), and one
// object in pieces.
#include "json.h"

#include "hash.h"
#include "memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 16 };

// ---- What is known of a text before it is parsed ----

typedef struct scanner {
    int64_t depth;
    uint64_t run, longest; // bytes of the token under way; of the longest token
    bool string, escaped;
} scanner;

// One more byte; false when it nests too deeply. Wrong syntax is jansson's to find.
static bool scan(scanner *s, char c) {
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
    s->longest = s->run > s->longest ? s->run : s->longest;
    return s->depth <= DCT_JSON_DEPTH;
}

static decoct_status too_deep(const char *name, uint64_t at, dct_error *error) {
    return dct_fail(error, DECOCT_E_FORMAT, "%s: byte %" PRIu64 ": nested more than %d levels deep",
                    name, at, DCT_JSON_DEPTH);
}

// ---- Parsing ----

// jansson (2.14) keeps the token under way in a buffer that starts with 16 bytes. When that cannot
// grow it drops the byte and goes on, with another key or past the end of the buffer. So what it
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

// The text, with `around` ("{}" or "") put around it. `longest`: of its tokens.
static decoct_status parse(const char *text, uint64_t length, const char *around, uint64_t longest,
                           const char *name, uint64_t base, json_t **out, dct_error *error) {
    feed f = {.text = text,
              .length = length,
              .before = around[0] ? "{" : "",
              .after = around[0] ? "}]" : "]",
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
    scanner s = {0};
    for (uint64_t i = 0; i < length; i++) {
        if (!scan(&s, text[i])) {
            return too_deep(name, base + i, error);
        }
        if (s.depth < 0) { // it would end the list around the text
            return dct_fail(error, DECOCT_E_FORMAT,
                            "%s: byte %" PRIu64 ": '%c' closes what was never opened", name,
                            base + i, text[i]);
        }
    }
    return parse(text, length, "", s.longest, name, base, out, error);
}

decoct_status dct_json_read(const char *path, uint64_t cap, json_t **out, dct_error *error) {
    char *text;
    uint64_t length;
    decoct_status status = dct_file_read(path, cap, &text, &length, error);
    if (!status) {
        uint64_t mark = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
        status = dct_json_parse(text + mark, length - mark, path, mark, out, error);
        dct_free(text);
    }
    return status;
}

// ---- One object, some members at a time ----

typedef struct object {
    const char *text, *name;
    uint64_t length, base;
    dct_json_take take;
    void *data;
    dct_error *error;
} object;

static decoct_status wrong(const object *o, uint64_t at, const char *what) {
    return dct_fail(o->error, DECOCT_E_FORMAT, "%s: byte %" PRIu64 ": %s", o->name, o->base + at,
                    what);
}

// Parses the members in [from, to) and hands them on.
static decoct_status take_piece(const object *o, uint64_t from, uint64_t to, uint64_t longest) {
    json_t *members, *value;
    const char *key;
    decoct_status status = parse(o->text + from, to - from, "{}", longest, o->name, o->base + from,
                                 &members, o->error);
    if (status) {
        return status;
    }
    if (from > 0 && o->text[from - 1] == ',' && json_object_size(members) == 0) {
        status = wrong(o, from, "a member is missing after a comma");
    }
    json_object_foreach(members, key, value) {
        status = status ? status : o->take(o->data, key, value, o->error);
    }
    json_decref(members);
    return status;
}

static uint64_t skip_blanks(const object *o, uint64_t at) {
    while (at < o->length && strchr(" \t\r\n", o->text[at]) && o->text[at]) {
        at++;
    }
    return at;
}

static decoct_status walk(const object *o) {
    uint64_t piece = skip_blanks(o, 0) + 1, member = piece, i = piece;
    scanner s = {0};
    if (piece > o->length || o->text[piece - 1] != '{') {
        return wrong(o, piece - 1, "not a JSON object");
    }
    for (; i < o->length && (s.string || s.depth > 0 || o->text[i] != '}'); i++) {
        bool between = !s.string && s.depth == 0 && o->text[i] == ',';
        if (i - member > PIECE) {
            return wrong(o, member, "a member of more than 65536 bytes");
        }
        if (between && i - piece >= PIECE) {
            decoct_status status = take_piece(o, piece, i, s.longest);
            if (status) {
                return status;
            }
            piece = i + 1;
        }
        member = between ? i + 1 : member;
        if (!scan(&s, o->text[i])) {
            return too_deep(o->name, o->base + i, o->error);
        }
        if (s.depth < 0) {
            return wrong(o, i, "']' closes what was never opened");
        }
    }
    if (i >= o->length) {
        return wrong(o, o->length, "the object does not end");
    }
    uint64_t rest = skip_blanks(o, i + 1);
    return rest < o->length ? wrong(o, rest, "more text after the object")
                            : take_piece(o, piece, i, s.longest);
}

// Keys that were handed on, to find those that are there twice in different pieces.
typedef struct keys {
    uint64_t *hashes;
    int64_t count, room, seen;
    uint64_t twice;
    dct_json_take take;
    void *data;
    const char *name;
} keys;

static decoct_status note_key(void *data, const char *key, const json_t *value, dct_error *error) {
    keys *k = data;
    if (!dct_grow((void **)&k->hashes, &k->room, k->count + 1, sizeof *k->hashes)) {
        return dct_fail(error, DECOCT_E_MEMORY, "%s: out of memory", k->name);
    }
    k->hashes[k->count++] = dct_hash(key, strlen(key));
    return k->take(k->data, key, value, error);
}

static decoct_status name_key(void *data, const char *key, const json_t *value, dct_error *error) {
    keys *k = data;
    (void)value;
    k->seen += dct_hash(key, strlen(key)) == k->twice;
    return k->seen < 2 ? DECOCT_OK
                       : dct_fail(error, DECOCT_E_FORMAT, "%s: the key \"%.80s\" is there twice",
                                  k->name, key);
}

static int compare_hashes(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

decoct_status dct_json_members(const char *text, uint64_t length, const char *name, uint64_t base,
                               dct_json_take take, void *data, dct_error *error) {
    keys k = {.take = take, .data = data, .name = name};
    object o = {text, name, length, base, note_key, &k, error};
    decoct_status status = walk(&o);
    if (!status && k.count > 0) {
        qsort(k.hashes, (size_t)k.count, sizeof *k.hashes, compare_hashes);
    }
    for (int64_t i = 1; i < k.count && !status; i++) {
        if (k.hashes[i] == k.hashes[i - 1]) {
            k.twice = k.hashes[i];
            o.take = name_key;
            status = walk(&o);
        }
    }
    dct_free(k.hashes);
    return status;
}
