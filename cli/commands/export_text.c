// SPDX-License-Identifier: BSD-2-Clause
// A result file as CSV (RFC 4180) and as a table in GitHub's Markdown.
#include "export.h"

#include "against.h"

#include <stdbool.h>
#include <string.h>

static const char *const csv_columns[] = {
    "name",
    "run_name",
    "op",
    "model",
    "seq",
    "heads",
    "head_dim",
    "layers",
    "level",
    "bytes",
    "backend",
    "workers",
    "pin",
    "bound",
    "seen",
    "pin_error",
    "run_type",
    "repetitions",
    "repetition_index",
    "threads",
    "iterations",
    "time_unit",
    "real_time",
    "real_time_low",
    "real_time_high",
    "cpu_time",
    "GFLOP/s",
    "GB/s",
    "tokens/s",
    "roof",
    "roof_rate",
    "intensity",
    "pct_of_roof",
    "pct_of_roof_low",
    "pct_of_roof_high",
    "clock_mhz",
    "line_ns",
    "hash",
    "expected",
    "reference",
    "correct",
    "disturbed",
    "invalid",
    "waited_ms",
    "steal_ms",
    "involuntary_switches",
    "migrations",
    "page_faults",
    "throttled_periods",
    "error_occurred",
    "error_message",
};
enum { CSV_COLUMNS = sizeof csv_columns / sizeof *csv_columns };

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

// A spreadsheet would take such a text for a formula; an apostrophe makes it a text.
static bool is_formula(const json_t *value) {
    const json_t *first = json_is_array(value) ? json_array_get(value, 0) : value;
    const char *s = json_string_value(first);
    return s && *s && strchr("=+-@\t\r\n", *s);
}

static void put_field(const json_t *value, FILE *to) {
    bool quoted = json_is_string(value) || json_is_array(value);
    if (!value || json_is_null(value) || json_is_object(value)) {
        return;
    }
    fputs(quoted ? "\"" : "", to);
    fputs(is_formula(value) ? "'" : "", to);
    if (json_is_array(value)) {
        put_list(value, to);
    } else {
        put_scalar(value, to);
    }
    fputs(quoted ? "\"" : "", to);
}

void export_csv(const export_input *in, FILE *to) {
    size_t i = 0;
    json_t *row = NULL;
    for (int c = 0; c < CSV_COLUMNS; c++) {
        fprintf(to, "%s%s", c ? "," : "", csv_columns[c]);
    }
    fputs("\r\n", to);
    json_array_foreach(json_object_get(in->all, "benchmarks"), i, row) {
        for (int c = 0; c < CSV_COLUMNS; c++) {
            fputs(c ? "," : "", to);
            put_field(json_object_get(row, csv_columns[c]), to);
        }
        fputs("\r\n", to);
    }
}

// Text in a cell of a table: nothing in it may end the cell or be an element.
static void put_cell(const char *s, FILE *to) {
    for (; *s; s++) {
        if (*s == '<' || *s == '>' || *s == '&') {
            fputs(*s == '<' ? "&lt;" : *s == '>' ? "&gt;" : "&amp;", to);
        } else if (strchr("\\|`*[]~!#_", *s)) {
            fprintf(to, "\\%c", *s);
        } else {
            fputc((unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s, to);
        }
    }
}

static const char *text_of(const json_t *row, const char *key) {
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

// "12.3 [12.1, 12.9]", "12.3" without an interval, nothing without a number.
static void put_interval(const json_t *row, const char *key, FILE *to) {
    char low[64], high[64];
    snprintf(low, sizeof low, "%s_low", key);
    snprintf(high, sizeof high, "%s_high", key);
    const json_t *value = json_object_get(row, key), *from = json_object_get(row, low),
                 *until = json_object_get(row, high);
    if (json_is_number(value)) {
        fprintf(to, "%.4g", json_number_value(value));
        if (json_is_number(from) && json_is_number(until)) {
            fprintf(to, " [%.4g, %.4g]", json_number_value(from), json_number_value(until));
        }
    }
}

static void put_rate(const json_t *row, FILE *to) {
    static const char *const rates[] = {"GFLOP/s", "GB/s", "tokens/s"};
    for (int i = 0; i < 3; i++) {
        const json_t *value = json_object_get(row, rates[i]);
        if (json_is_number(value)) {
            fprintf(to, "%.4g %s", json_number_value(value), rates[i]);
            return;
        }
    }
}

static void put_notes(const json_t *row, FILE *to) {
    size_t i = 0;
    json_t *word = NULL;
    const char *between = "";
    if (json_is_false(json_object_get(row, "correct"))) {
        fputs("**wrong result**", to);
        between = "; ";
    }
    static const char *const lists[] = {"invalid", "disturbed"};
    for (int l = 0; l < 2; l++) {
        json_array_foreach(json_object_get(row, lists[l]), i, word) {
            fputs(between, to);
            fputs(l == 0 ? "invalid: " : "", to);
            put_cell(json_string_value(word), to);
            between = "; ";
        }
    }
    if (*text_of(row, "pin_error")) {
        fputs(between, to);
        put_cell(text_of(row, "pin_error"), to);
    }
}

static void put_sentence(const char *sentence, void *to) {
    put_cell(sentence, to);
    fputs("\n\n", to); // a paragraph
}

void export_md(const export_input *in, FILE *to) {
    size_t i = 0;
    json_t *row = NULL;
    against_put(&in->fleet, put_sentence, to);
    fputs("| benchmark | time, µs | rate | % of roof | notes |\n"
          "|---|--:|--:|--:|---|\n",
          to);
    json_array_foreach(json_object_get(in->all, "benchmarks"), i, row) {
        fputs("| ", to);
        put_cell(text_of(row, "name"), to);
        fputs(" | ", to);
        put_interval(row, "real_time", to);
        fputs(" | ", to);
        put_rate(row, to);
        fputs(" | ", to);
        put_interval(row, "pct_of_roof", to);
        fputs(" | ", to);
        put_notes(row, to);
        fputs(" |\n", to);
    }
}
