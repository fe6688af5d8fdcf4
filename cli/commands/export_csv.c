// SPDX-License-Identifier: BSD-2-Clause
// A result file as CSV (RFC 4180): every field of rows.def, in its order.
#include "export.h"

#include "bench/rows/row_fields.h"

#include <stdbool.h>
#include <string.h>

enum {
#define ROW_ANY(id, ...) FIELD_##id,
#include "bench/rows/rows.def"
    FIELDS
};

static const char *const keys[FIELDS] = {
#define ROW_ANY(id, key, ...) key,
#include "bench/rows/rows.def"
};

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

static void put_field(const json_t *value, FILE *to) {
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

static void put_csv_row(const json_t *row, FILE *to) {
    bool old = !json_is_string(json_object_get(row, keys[FIELD_DTYPE])) &&
               !json_is_true(json_object_get(row, keys[FIELD_ERROR_OCCURRED]));
    for (int i = 0; i < FIELDS; i++) {
        fputs(i ? "," : "", to);
        if (old && i == FIELD_DTYPE) {
            fputs("\"" ROW_DTYPE_OLD "\"", to);
        } else {
            put_field(json_object_get(row, keys[i]), to);
        }
    }
    fputs("\r\n", to);
}

void export_csv(const export_input *in, FILE *to) {
    size_t i = 0;
    json_t *row = NULL;
    for (int c = 0; c < FIELDS; c++) {
        fprintf(to, "%s%s", c ? "," : "", keys[c]);
    }
    fputs("\r\n", to);
    json_array_foreach(json_object_get(in->all, "benchmarks"), i, row) {
        put_csv_row(row, to);
    }
}
