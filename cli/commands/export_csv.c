// SPDX-License-Identifier: BSD-2-Clause
// A result file as CSV (RFC 4180): every field of rows.def, in its order, then what a history needs
// of the context. New columns come last within both, and readers go by the names of the heading.
#include "export.h"

#include <stdbool.h>
#include <string.h>

// Where the value is: "row", or the part of the context; "made": export_put_key.
static const struct column {
    const char *name, *part, *key;
} columns[] = {
#define ROW_ANY(id, key, ...) {key, "row", key},
#include "bench/rows/rows.def"
    {"time", "", "date"},
    {"commit", "decoct", "commit"},
    {"version", "decoct", "version"},
    {"build_type", "decoct", "build_type"},
    {"compiler", "decoct", "compiler"},
    {"flags", "decoct", "flags"},
    {"host_name", "", "host_name"},
    {"kernel", "machine", "kernel"},
    {"hypervisor", "machine", "hypervisor"},
    {"cpu", "machine", "cpu"},
    {"cpu_family", "machine", "cpu_family"},
    {"cpu_model", "machine", "model"},
    {"stepping", "machine", "stepping"},
    {"microcode", "machine", "microcode"},
    {"key", "made", NULL},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

// The inside of a quoted field.
static void put_quoted(const char *s, FILE *to) {
    for (; *s; s++) {
        fputs(*s == '"' ? "\"\"" : (char[]){*s, '\0'}, to);
    }
}

static void put_scalar(const json_t *value, FILE *to) {
    if (json_is_number(value)) {
        export_put_number(value, to);
    } else if (json_is_boolean(value)) {
        fputs(json_is_true(value) ? "true" : "false", to);
    } else if (json_is_string(value)) {
        put_quoted(json_string_value(value), to);
    } else {
        fputs("null", to); // inside a list
    }
}

// "0 1 null" for CPUs; "a; b" for texts, which have blanks of their own.
static void put_list(const json_t *list, FILE *to) {
    size_t i = 0;
    json_t *one = NULL;
    json_array_foreach(list, i, one) {
        fputs(i == 0 ? "" : json_is_string(one) ? "; " : " ", to);
        put_scalar(one, to);
    }
}

// "matmul: avx512; add: mine": what is in an object.
static void put_object(const json_t *object, FILE *to) {
    const char *key = NULL, *between = "";
    json_t *value = NULL;
    json_object_foreach((json_t *)object, key, value) {
        fputs(between, to);
        put_quoted(key, to);
        fputs(": ", to);
        if (json_is_array(value)) {
            put_list(value, to);
        } else {
            put_scalar(value, to);
        }
        between = "; ";
    }
}

// A spreadsheet would read such a text as a formula; an apostrophe makes it a text.
static bool is_formula(const json_t *value) {
    const json_t *first = json_is_array(value) ? json_array_get(value, 0) : value;
    const char *s = json_is_object(value) ? json_object_iter_key(json_object_iter((json_t *)value))
                                          : json_string_value(first);
    return s && *s && strchr("=+-@\t\r\n", *s);
}

void export_put_csv(const json_t *value, FILE *to) {
    bool quoted = json_is_string(value) || json_is_array(value) || json_is_object(value);
    if (!value || json_is_null(value)) {
        return;
    }
    fputs(quoted ? "\"" : "", to);
    fputs(is_formula(value) ? "'" : "", to);
    if (json_is_array(value)) {
        put_list(value, to);
    } else if (json_is_object(value)) {
        put_object(value, to);
    } else {
        put_scalar(value, to);
    }
    fputs(quoted ? "\"" : "", to);
}

static void put_cell(const export_input *in, const json_t *row, const struct column *c, FILE *to) {
    const char *dtype = strcmp(c->name, "dtype") == 0 ? export_dtype(row) : NULL;
    if (dtype) {
        fputc('"', to);
        put_quoted(dtype, to);
        fputc('"', to);
    } else if (strcmp(c->part, "row") == 0) {
        export_put_csv(json_object_get(row, c->key), to);
    } else if (strcmp(c->part, "made") != 0) {
        export_put_csv(export_fact(in, c->part, c->key), to);
    } else if (!json_is_true(json_object_get(row, "error_occurred"))) {
        fputc('"', to);
        export_put_key(in, row, to);
        fputc('"', to);
    }
}

static bool is_of_run(const struct column *c) {
    return strcmp(c->part, "row") != 0 && strcmp(c->part, "made") != 0;
}

void export_put_run_heading(FILE *to) {
    const char *between = "";
    for (int i = 0; i < COLUMNS; i++) {
        if (is_of_run(&columns[i])) {
            fprintf(to, "%s%s", between, columns[i].name);
            between = ",";
        }
    }
}

void export_put_run(const export_input *in, FILE *to) {
    const char *between = "";
    for (int i = 0; i < COLUMNS; i++) {
        if (is_of_run(&columns[i])) {
            fputs(between, to);
            export_put_csv(export_fact(in, columns[i].part, columns[i].key), to);
            between = ",";
        }
    }
}

// ---- The columns of a heading: of this program, or of an older text ----

typedef struct heading {
    const struct column *all[COLUMNS];
    int count;
} heading;

static const struct column *find_column(const char *name, size_t length) {
    for (int i = 0; i < COLUMNS; i++) {
        if (strlen(columns[i].name) == length && memcmp(columns[i].name, name, length) == 0) {
            return &columns[i];
        }
    }
    return NULL;
}

static bool has_column(const heading *h, const struct column *c) {
    for (int i = 0; i < h->count; i++) {
        if (h->all[i] == c) {
            return true;
        }
    }
    return false;
}

static heading whole_heading(void) {
    heading h = {.count = COLUMNS};
    for (int i = 0; i < COLUMNS; i++) {
        h.all[i] = &columns[i];
    }
    return h;
}

// None of the names needs quotes. False: a message.
static bool read_heading(const char *text, heading *h, char *words, size_t size) {
    const char *end = text + strcspn(text, "\r\n");
    h->count = 0;
    for (const char *at = text; at <= end; at++) {
        size_t length = strcspn(at, ",\r\n");
        const struct column *c = find_column(at, length);
        if (!c || has_column(h, c)) {
            snprintf(words, size, "its first line %s \"%.*s\": give a new file",
                     c ? "repeats the column" : "has an unknown column",
                     (int)(length < 40 ? length : 40), at);
            return false;
        }
        h->all[h->count++] = c;
        at += length;
    }
    return true;
}

bool export_csv_fits(const char *old, char *words, size_t size) {
    heading h;
    if (!read_heading(old, &h, words, size)) {
        return false;
    }
    if (old[strlen(old) - 1] != '\n') {
        snprintf(words, size, "its last line has no end: part of a row may be missing");
        return false;
    }
    for (int i = 0; i < COLUMNS; i++) {
        if (!has_column(&h, &columns[i])) {
            fprintf(stderr, "note: left out, since the first line does not have it: %s\n",
                    columns[i].name);
        }
    }
    return true;
}

static void put_csv_heading(const heading *h, FILE *to) {
    for (int c = 0; c < h->count; c++) {
        fprintf(to, "%s%s", c ? "," : "", h->all[c]->name);
    }
    fputs("\r\n", to);
}

void export_csv(const export_input *in, FILE *to) {
    size_t i = 0;
    json_t *row = NULL;
    char words[128];
    heading h = whole_heading();
    if (in->old && read_heading(in->old, &h, words, sizeof words)) {
        fputs(in->old, to);
    } else {
        put_csv_heading(&h, to);
    }
    json_array_foreach(json_object_get(in->all, "benchmarks"), i, row) {
        for (int c = 0; c < h.count; c++) {
            fputs(c ? "," : "", to);
            put_cell(in, row, h.all[c], to);
        }
        fputs("\r\n", to);
    }
}
