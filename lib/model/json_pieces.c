// SPDX-License-Identifier: BSD-2-Clause
// JSON too long to be parsed as a whole: an object or a list, some members at a time.
#include "core/hash.h"
#include "json.h"
#include "json_scan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// Bytes that are parsed at once; commas within one member, each of which costs some 100 bytes.
enum { PIECE = 1 << 16, PARTS_MOST = 1 << 14 };

typedef struct object {
    const char *text, *name;
    uint64_t length, base;
    bool list;
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
    decoct_status status = dct_json_around(o->text + from, to - from, o->list ? "[]" : "{}",
                                           longest, o->name, o->base + from, &members, o->error);
    if (status) {
        return status;
    }
    if (from > 0 && o->text[from - 1] == ',' && json_object_size(members) == 0 &&
        json_array_size(members) == 0) {
        status = wrong(o, from, "a member is missing after a comma");
    }
    json_object_foreach(members, key, value) {
        status = status ? status : o->take(o->data, key, value, o->error);
    }
    for (size_t i = 0; i < json_array_size(members) && !status; i++) {
        status = o->take(o->data, NULL, json_array_get(members, i), o->error);
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
    dct_json_scan s = {0};
    int64_t parts = 0;
    char close = o->list ? ']' : '}';
    if (piece > o->length || o->text[piece - 1] != (o->list ? '[' : '{')) {
        bool empty = piece > o->length;
        return wrong(o, piece - 1,
                     empty     ? "the JSON text is empty"
                     : o->list ? "not a JSON list"
                               : "not a JSON object");
    }
    for (; i < o->length && (s.string || s.depth > 0 || o->text[i] != close); i++) {
        bool between = !s.string && s.depth == 0 && o->text[i] == ',';
        parts = between ? 0 : parts + (!s.string && o->text[i] == ',');
        if (parts > PARTS_MOST) {
            return wrong(o, member, "a member of more than 16384 parts");
        }
        if (between && i - piece >= PIECE) {
            decoct_status status = take_piece(o, piece, i, s.longest);
            if (status) {
                return status;
            }
            piece = i + 1;
            s.longest = 0;
        }
        member = between ? i + 1 : member;
        decoct_status status = dct_json_step(&s, o->text[i], o->name, o->base + i, o->error);
        if (status) {
            return status;
        }
    }
    if (i >= o->length) {
        return wrong(o, o->length, "the JSON text does not end");
    }
    uint64_t rest = skip_blanks(o, i + 1);
    return rest < o->length ? wrong(o, rest, "more text after the JSON text")
                            : take_piece(o, piece, i, s.longest);
}

// Keys that were handed on, to find those that are there twice in different pieces.
typedef struct keys {
    dct_memory *memory;
    uint64_t *hashes;
    int64_t count, room, seen;
    uint64_t twice;
    dct_json_take take;
    void *data;
    const char *name;
} keys;

static decoct_status note_key(void *data, const char *key, const json_t *value, dct_error *error) {
    keys *k = data;
    if (!dct_grow(k->memory, (void **)&k->hashes, &k->room, k->count + 1, sizeof *k->hashes)) {
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

decoct_status dct_json_members(dct_memory *memory, const char *text, uint64_t length,
                               const char *name, uint64_t base, dct_json_take take, void *data,
                               dct_error *error) {
    keys k = {.memory = memory, .take = take, .data = data, .name = name};
    object o = {text, name, length, base, false, note_key, &k, error};
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

decoct_status dct_json_elements(const char *text, uint64_t length, const char *name, uint64_t base,
                                dct_json_take take, void *data, dct_error *error) {
    object o = {text, name, length, base, true, take, data, error};
    return walk(&o);
}

// ---- Parts of a text ----

dct_json_slice dct_json_find(const char *text, uint64_t length, const char *key) {
    dct_json_scan s = {0};
    uint64_t n = strlen(key), begin = 0;
    bool mine = false; // inside the value of the key
    for (uint64_t i = 0; i < length; i++) {
        int64_t before = s.depth;
        if (!s.string && before == 1 && text[i] == '"' && length - i > n + 2 && !mine &&
            memcmp(text + i + 1, key, n) == 0 && text[i + 1 + n] == '"') {
            object o = {.text = text, .length = length};
            uint64_t colon = skip_blanks(&o, i + n + 2);
            begin = colon < length && text[colon] == ':' ? skip_blanks(&o, colon + 1) : length;
            mine = begin < length && (text[begin] == '{' || text[begin] == '[');
        }
        if (dct_json_step(&s, text[i], "", 0, NULL)) {
            break;
        }
        if (mine && i > begin && s.depth == 1 && before == 2) {
            return (dct_json_slice){begin, i + 1 - begin};
        }
    }
    return (dct_json_slice){0};
}

void dct_json_cut(char *text, dct_json_slice value) {
    if (value.length >= 4) {
        memset(text + value.at, ' ', value.length);
        memcpy(text + value.at, "null", 4);
    }
}
