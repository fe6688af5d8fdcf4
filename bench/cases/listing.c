// SPDX-License-Identifier: BSD-2-Clause
#include "listing.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// The rows found so far, each with the number of its group.
typedef struct walk {
    json_t *rows;
} walk;

static int count_children(const struct argp *argp) {
    int count = 0;
    while (argp->children && argp->children[count].argp) {
        count++;
    }
    return count;
}

// Text as --help shows it. NULL: none.
static json_t *text_of(const struct argp *argp, int key, const char *text, void *input) {
    char *shown =
        text && argp->help_filter ? argp->help_filter(key, text, input) : (char *)(uintptr_t)text;
    json_t *value = shown ? json_string(shown) : json_null();
    if (shown != text) {
        free(shown);
    }
    return value;
}

// "ci|cpu" as a list; null for "FILE".
static json_t *values_of(const char *argument) {
    if (!argument || !strchr(argument, '|')) {
        return json_null();
    }
    json_t *list = json_array();
    for (const char *at = argument; *at; at += *at == '|') {
        size_t length = strcspn(at, "|");
        json_array_append_new(list, json_stringn(at, length));
        at += length;
    }
    return list;
}

static void add_row(walk *w, const struct argp *argp, const struct argp_option *row, int group,
                    const char *heading, void *input) {
    bool letter = row->key > 0 && row->key <= UCHAR_MAX && isprint(row->key);
    char one[2] = {letter ? (char)row->key : '\0', '\0'};
    json_t *object = json_pack(
        "{s:i, s:s?, s:s?, s:s?, s:o, s:b, s:b, s:b, s:b, s:s?, s:o}", "group", group, "long",
        row->name, "short", letter && !(row->flags & OPTION_DOC) ? one : NULL, "argument", row->arg,
        "values", values_of(row->arg), "argument_optional",
        row->flags & OPTION_ARG_OPTIONAL ? 1 : 0, "hidden", row->flags & OPTION_HIDDEN ? 1 : 0,
        "alias", row->flags & OPTION_ALIAS ? 1 : 0, "note", row->flags & OPTION_DOC ? 1 : 0,
        "heading", heading, "help", text_of(argp, row->key, row->doc, input));
    json_array_append_new(w->rows, object);
}

static bool is_end(const struct argp_option *row) {
    return !row->key && !row->name && !row->doc && !row->group;
}

static void add_rows(walk *w, const struct argp *argp, void *input) {
    const char *heading = NULL;
    const struct argp_option *first = argp->options; // the row whose other names follow
    int group = 0;
    for (const struct argp_option *row = argp->options; row && !is_end(row); row++) {
        bool is_heading = !row->name && !row->key;
        int own = row->group ? row->group : is_heading ? group + 1 : group;
        heading = is_heading ? row->doc : own == group ? heading : NULL;
        group = own;
        first = row->flags & OPTION_ALIAS ? first : row;
        if (!is_heading) {
            struct argp_option whole = *row;
            whole.arg = first->arg;
            whole.flags |= first->flags & OPTION_ARG_OPTIONAL;
            add_row(w, argp, &whole, group, heading, input);
        }
    }
}

// As argp_parse begins: a parser sets the inputs of its children at ARGP_KEY_INIT.
static void add_table(walk *w, const struct argp *argp, void *input) {
    int count = count_children(argp);
    void **inputs = calloc((size_t)count + 1, sizeof *inputs);
    struct argp_state state = {.root_argp = argp, .input = input, .child_inputs = inputs};
    if (inputs && argp->parser) {
        argp->parser(ARGP_KEY_INIT, NULL, &state);
    }
    add_rows(w, argp, input);
    for (int i = 0; inputs && i < count; i++) {
        add_table(w, argp->children[i].argp, inputs[i]);
    }
    free(inputs);
}

// The order of --help: 0, the numbers above it, those below it.
static long order(const json_t *row) {
    long group = (long)json_integer_value(json_object_get(row, "group"));
    return group < 0 ? LONG_MAX + group : group;
}

static json_t *sort_rows(const json_t *rows) {
    json_t *sorted = json_array();
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        size_t at = json_array_size(sorted);
        while (at > 0 && order(json_array_get(sorted, at - 1)) > order(row)) {
            at--;
        }
        json_array_insert(sorted, at, row);
    }
    json_array_foreach(sorted, i, row) {
        json_object_del(row, "group");
    }
    return sorted;
}

// "A B\nBUILD --pin X": what may follow the options, one way a line.
static json_t *usages(const char *args) {
    json_t *list = json_array();
    while (args) {
        size_t length = strcspn(args, "\n");
        json_array_append_new(list, json_stringn(args, length));
        args = args[length] ? args + length + 1 : NULL;
    }
    return list;
}

json_t *listing_make(const struct argp *argp, void *input) {
    walk w = {.rows = json_array()};
    const char *doc = argp->doc ? argp->doc : "";
    size_t length = strcspn(doc, "\v");
    add_table(&w, argp, input);
    json_t *all = json_pack("{s:o, s:o, s:s, s:o}", "usage", usages(argp->args_doc), "doc",
                            json_stringn(doc, length), "more", doc[length] ? doc + length + 1 : "",
                            "options", sort_rows(w.rows));
    json_decref(w.rows);
    return all;
}
